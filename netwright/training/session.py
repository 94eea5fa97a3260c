"""A training session: epochs, validation, weights, states, and what to do when it is interrupted or diverges."""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, nullcontext
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from netwright.errors import DataError, Diverged, OutputError
from netwright.system.lock import Lock
from netwright.training.bad_images import BadImages
from netwright.training.conclusion import log_result
from netwright.training.distributed import Group
from netwright.training.engine import (
    EpochMeter,
    Evaluation,
    check_divergence,
    evaluate_batches,
    refuse_no_step,
    train_epoch,
)
from netwright.training.identity import Changes, check_identity, training_identity
from netwright.training.interrupt import stop_on_signals
from netwright.training.monitor import NullMonitor
from netwright.training.outputs import Outputs
from netwright.training.precise_bn import precise_bn
from netwright.training.records import EpochRecord, Score, epochs_without_gain
from netwright.training.replan import replanned
from netwright.training.setup import Setup
from netwright.training.snapshot import restore_snapshot, take_snapshot
from netwright.training.state import State, latest_state, save_state
from netwright.version import __version__

__all__ = ["TrainingSession"]

_LOG = logging.getLogger(__name__)

_SYNC_INTERVAL = 32  # batches after which the ranks agree whether to save


@dataclass(slots=True, eq=False)
class TrainingSession:
    """A training in its folder, from the first epoch or the saved state to the last epoch.

    Attributes:
        setup: The network, images and optimizer.
        group: The ranks.
        out: The folder.
        command: That started it, for the record.
        monitor: Shows progress.
        records: Of the epochs so far.
    """

    setup: Setup
    group: Group
    out: Path
    command: str
    monitor: NullMonitor
    records: list[EpochRecord] = field(default_factory=list)
    outputs: Outputs = field(init=False)
    stop: threading.Event = field(default_factory=threading.Event)
    saved_at: float = 0.0
    seconds_before: float = 0.0
    changes: Changes = field(default_factory=Changes)
    bad_images: BadImages = field(default_factory=BadImages)

    def __post_init__(self) -> None:
        self.outputs = Outputs(self.setup, self.out, self.command)

    @property
    def epochs(self) -> int:
        return self.setup.training.optimization.epochs

    @property
    def is_done(self) -> bool:
        """Whether the last of the records ends it: the last epoch, or the last without a better validation."""
        if not self.records:
            return False
        patience = self.setup.training.checkpoints.early_stopping
        return self.records[-1].epoch >= self.setup.training.last_epoch or (
            patience is not None and epochs_without_gain(self.records) >= patience
        )

    @property
    def best(self) -> Path | None:
        """The file of the best weights; None without validation, and where it could not be kept."""
        is_there = any(record.best is not None for record in self.records) and self.outputs.best.is_file()
        return self.outputs.best if is_there else None

    def run(self) -> None:
        """Train until all epochs are done."""
        setup, group, training = self.setup, self.group, self.setup.training
        with ExitStack() as stack:
            if group.is_primary:
                self.outputs.check_writable()
                stack.enter_context(Lock(self.out))
            group.barrier()
            state = self._load_state()
            if group.is_primary:
                steps, interval = setup.train.steps, training.checkpoints.log_interval
                # a launcher of several processes gives them a terminal that nobody watches
                self.monitor.start(self.epochs, steps, interval, live=group.world == 1)
                stack.callback(self.monitor.close)
                for notice in setup.notices:
                    _LOG.info("%s", notice)
            meter = self._resume(state)
            if group.is_primary:
                self.outputs.open(meter.epoch)
                stack.callback(self.outputs.close)
            stack.enter_context(stop_on_signals(self.stop) if group.world == 1 else nullcontext())
            self.saved_at = time.monotonic()
            while not self.is_done:
                self._epoch(meter)
                meter = EpochMeter.start(meter.epoch + 1, group.device, meter.in_a_row)
                self.seconds_before = 0.0
                self.save(meter, 0.0)
                if group.is_primary:
                    self.outputs.write_records(self.records, is_last=self.is_done)
            if group.is_primary:
                log_result(self.setup, self.records, self.outputs.best, self.out, self.bad_images)

    def _load_state(self) -> State | None:
        """The state in the folder, the same on every rank; RecipeError where it belongs to another training."""
        state: State | None = None
        if self.group.is_primary and self.setup.training.checkpoints.resume:
            state = latest_state(self.out / "state")
        state = self.group.broadcast(state)
        if state is not None:
            strict = self.setup.training.checkpoints.strict_resume
            now = training_identity(self.setup, self.group)
            self.changes = check_identity(state.metadata["identity"], now, self.out, strict=strict)
        elif self.group.is_primary and not self.setup.training.checkpoints.resume:
            self.outputs.check_no_training()
        return state

    def _resume(self, state: State | None) -> EpochMeter:
        if state is None:
            return EpochMeter.start(1, self.group.device)
        setup = self.setup
        meter = restore_snapshot(state, setup.engine, setup.ema, setup.scaler, self.group)
        self.records = [EpochRecord.from_dict(metadata) for metadata in state.metadata["records"]]
        self.seconds_before = state.metadata["seconds"]
        if not self.group.is_primary:
            return meter
        for notice in (*self.changes.notices, *replanned(self.changes.epochs, setup, meter, self.out)):
            _LOG.info("%s", notice)
        if self.is_done:
            end = "finished" if meter.epoch > self.epochs else f"until epoch {meter.epoch - 1} of {self.epochs}"
            _LOG.info("%s holds this training, %s.", self.out, end)
        else:
            _LOG.info("resuming from epoch %d, batch %d of %d", meter.epoch, meter.batches, setup.train.steps)
        return meter

    def _epoch(self, meter: EpochMeter) -> None:
        """Train the rest of an epoch, validate, and write weights."""
        setup, engine, group = self.setup, self.setup.engine, self.group
        started = time.perf_counter()
        first = meter.batches
        self.monitor.start_epoch(meter.epoch, first, setup.train.batch_size * group.world)

        def after_step(loss: Tensor) -> None:
            group.heartbeat()
            self.monitor.step(meter.batches, loss, engine.lr)
            if self._is_due(meter):
                self.save(meter, self.seconds_before + time.perf_counter() - started)
            if self.stop.is_set():
                self.save(meter, self.seconds_before + time.perf_counter() - started)
                raise KeyboardInterrupt

        try:
            train_epoch(engine, setup.train.epoch(meter.epoch, meter.batches), meter, setup.train.steps, after_step)
        except DataError:
            if not self.stop.is_set():
                raise
            # the signal that asks for an end went to the processes that read images too
            self.save(meter, self.seconds_before + time.perf_counter() - started)
            raise KeyboardInterrupt from None
        spent = time.perf_counter() - started
        images = (meter.batches - first) * setup.train.batch_size * group.world
        sums = group.all_reduce_sum(
            np.array([float(meter.loss), meter.counted, int(meter.wrong), meter.seen, len(setup.train.skipped)])
        )
        self.bad_images.find_in_train(setup.train.skipped, group)
        modules = [engine.module, *([] if setup.ema is None else [setup.ema.module])]
        group.all_reduce_mean([value for each in modules for value in each.buffers() if value.is_floating_point()])
        evaluated = time.perf_counter()
        validation, ema = self._validate(meter)
        record = EpochRecord(
            epoch=meter.epoch,
            loss=float(sums[0] / sums[1]) if sums[1] else math.nan,
            train_error=float(100 * sums[2] / sums[3]) if sums[3] else math.nan,
            lr=engine.lr,
            validation=validation,
            ema=ema,
            train_seconds=self.seconds_before + spent,
            eval_seconds=time.perf_counter() - evaluated,
            images_per_second=images / max(spent, 1e-9),
            skipped=meter.skipped,
            bad_images=int(sums[4]),
        )
        self.records.append(record)
        if self.is_done:
            refuse_no_step(meter, engine.lr)
        if group.is_primary:
            self._check_finite(meter)
            self.outputs.write_weights(self.records)
            self.monitor.end_epoch(record)

    def _validate(self, meter: EpochMeter) -> tuple[Score | None, Score | None]:
        checkpoints, setup = self.setup.training.checkpoints, self.setup
        due = (meter.epoch - 1) % checkpoints.val_interval == 0 or meter.epoch == setup.training.last_epoch
        if setup.validation is None or not due:
            return None, None
        if batches := setup.training.network.precise_bn:
            images = (x for x, _ in _first(setup.train.epoch(meter.epoch), batches))
            precise_bn(setup.engine.module, images, all_reduce_mean=self.group.all_reduce_mean)
        own = self._evaluate(setup.engine.module)
        bad = int(self.group.all_reduce_sum(np.array([len(setup.validation.skipped)]))[0])
        self.bad_images.find_in_validation(setup.validation.skipped, self.group)
        classes = setup.arch.num_classes
        ema = None if setup.ema is None else Score.from_evaluation(self._evaluate(setup.ema.module), bad, classes)
        return Score.from_evaluation(own, bad, classes), ema

    def _evaluate(self, module: nn.Module) -> Evaluation:
        assert self.setup.validation is not None

        def batches() -> Iterator[tuple[Tensor, Tensor]]:
            assert self.setup.validation is not None
            for x, target, _ in self.setup.validation:
                self.group.heartbeat()
                yield x, target

        part = evaluate_batches(module, batches(), self.setup.val_autocast)
        # a rank without images does not know whether there is a top-5
        five = -1 if part.correct5 is None else part.correct5
        sums = self.group.all_reduce_sum(np.array([part.images, part.correct, max(0, five), part.loss_sum]))
        has_five = self.setup.arch.num_classes >= 5
        return Evaluation(int(sums[0]), int(sums[1]), int(sums[2]) if has_five else None, float(sums[3]))

    def _is_due(self, meter: EpochMeter) -> bool:
        interval = self.setup.training.checkpoints.state_interval
        due = time.monotonic() - self.saved_at >= interval
        if self.group.world == 1:
            return due
        asked = meter.batches % _SYNC_INTERVAL == 0
        return asked and bool(self.group.broadcast(due))

    def save(self, meter: EpochMeter, seconds: float) -> None:
        """Save the state now. A full disk is reported; the training continues while an older state is there."""
        setup = self.setup
        self._check_finite(meter)
        metadata = {
            "identity": training_identity(self.setup, self.group),
            "records": [record.to_dict() for record in self.records],
            "seconds": seconds,
            "netwright": __version__,
        }
        state = take_snapshot(setup.engine, setup.ema, setup.scaler, meter, self.group, metadata)
        self.saved_at = time.monotonic()
        if state is None:
            return
        try:
            save_state(self.out / "state", f"{meter.epoch:06d}-{meter.batches:08d}", state)
        except OutputError as error:
            if self.is_done:
                raise
            _LOG.warning("the state is not saved, and training continues: %s", error)

    def _check_finite(self, meter: EpochMeter) -> None:
        """Raise Diverged before a state with NaN would replace a good one."""
        engine = self.setup.engine
        check_divergence(float(meter.loss), meter, engine.lr)
        if not bool(torch.isfinite(nn.utils.get_total_norm(engine.parameters))):
            raise Diverged(
                f"diverged: weights are not finite in epoch {meter.epoch}, after step {meter.batches}, at lr "
                f"{engine.lr:.3g}. The last good state is in {self.out / 'state'}. Lower lr, clip gradients "
                "(--clip_norm 1) or skip such steps (--on_nan skip), in another --out."
            )


def _first(batches: Iterator[tuple[Tensor, Tensor]], count: int) -> Iterator[tuple[Tensor, Tensor]]:
    for _, batch in zip(range(count), batches, strict=False):
        yield batch
