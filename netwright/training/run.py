"""`netwright train`: a whole training in a folder, which the same command goes on with wherever it was interrupted."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from netwright.errors import Diverged, OutputError
from netwright.recipe import LoadedRecipe, TrainConfig, load_training
from netwright.system.lock import Lock
from netwright.training.distributed import Group, is_first, join
from netwright.training.engine import Evaluation, Tally, evaluate_batches, refuse_divergence, train_epoch
from netwright.training.identity import identity_of, refuse_other
from netwright.training.interrupt import stopped_by_signals
from netwright.training.monitor import Monitor, NullMonitor
from netwright.training.outputs import Outputs
from netwright.training.precise_bn import precise_bn
from netwright.training.records import EpochRecord, Score
from netwright.training.setup import Setup, set_up
from netwright.training.snapshot import restore, snapshot
from netwright.training.state import State, latest_state, save_state
from netwright.version import __version__
from netwright.weights import LoadedModel, load_model

__all__ = ["Trained", "train", "train_recipe"]

_LOG = logging.getLogger(__name__)

_ASKED_EVERY = 32  # batches between questions to rank 0 whether to save


@dataclass(frozen=True, slots=True)
class Trained:
    """A finished training.

    Attributes:
        folder: Where everything is.
        records: What each epoch measured, in order.
        best: The file of the best weights; None without validation.
    """

    folder: Path
    records: tuple[EpochRecord, ...]
    best: Path | None

    def load_model(self) -> LoadedModel:
        """The network with its best weights, or its last ones without validation."""
        return load_model(self.best or self.folder)


def train(config: str | Path | TrainConfig | None = None, /, *, command: str = "", **overrides: Any) -> Trained:
    """Train a network: what `netwright train` runs. Returns when all epochs are done.

    Called again with the same arguments, it continues from the state in the folder `out`.

        trained = netwright.train("recipe.yaml", model="regnet_x_200mf", data_dir="photos", epochs=20, out="runs/x")
        trained.load_model()

    Args:
        config: The path of a YAML recipe, a training to start from, or None for the defaults.
        command: What was typed, for the record.
        **overrides: Keys of a training, by the names of the flags; they win over `config`.

    Raises:
        RecipeError, DataError, WeightsError, DistributedError, OutputError: What a user can correct.
        Diverged: The loss is not finite; the last good state is in the folder.
    """
    keys = {key: str(value) if isinstance(value, Path) else value for key, value in overrides.items()}
    loaded = load_training(config, keys)
    if is_first():
        for notice in loaded.notices:
            _LOG.warning(notice)
    return train_recipe(loaded, command=command)


def train_recipe(loaded: LoadedRecipe, *, command: str = "") -> Trained:
    """`train` of a recipe that was loaded; its notices are the caller's to show."""
    training, recipe_classes = loaded.training, None
    if "num_classes" in loaded.from_file:
        # a recipe says how many it was made for; the images decide, and a flag must agree with them
        recipe_classes, training = training.network.num_classes, training.with_(num_classes=None)
    machine = training.machine
    with join(machine.device, distribute=machine.distribute, timeout=machine.timeout) as group:
        return _train_in(group, training, command, recipe_classes)


def _train_in(group: Group, training: TrainConfig, command: str, recipe_classes: int | None) -> Trained:
    """What it makes is gone when it returns, so that the group can end."""
    setup = set_up(training, group, recipe_classes)
    try:
        return _Run(setup, group, Path(training.checkpoints.out), command).go()
    finally:
        setup.train.close()
        if setup.validation is not None:
            setup.validation.close()


@dataclass(slots=True, eq=False)
class _Run:
    setup: Setup
    group: Group
    out: Path
    command: str
    records: list[EpochRecord] = field(default_factory=list)
    monitor: NullMonitor = field(default_factory=NullMonitor)
    outputs: Outputs = field(init=False)
    stop: threading.Event = field(default_factory=threading.Event)
    saved_at: float = 0.0
    seconds_before: float = 0.0

    def __post_init__(self) -> None:
        self.outputs = Outputs(self.setup, self.out, self.command)

    @property
    def epochs(self) -> int:
        return self.setup.training.optimization.epochs

    def go(self) -> Trained:
        setup, group, training = self.setup, self.group, self.setup.training
        with ExitStack() as stack:
            if group.is_first:
                self.outputs.refuse_unwritable()
                stack.enter_context(Lock(self.out))
            group.wait()
            state = self._found()
            if group.is_first:
                # a starter of several processes makes a terminal of its own, which nobody watches live
                steps, interval = setup.train.steps, training.checkpoints.log_interval
                self.monitor = stack.enter_context(Monitor(self.epochs, steps, interval, live=group.world == 1))
                for notice in setup.notices:
                    self.monitor.say(notice)
            tally = self._resumed(state)
            if group.is_first:
                self.outputs.open(self.monitor.say, tally.epoch)
                stack.callback(self.outputs.close)
            stack.enter_context(stopped_by_signals(self.stop) if group.world == 1 else nullcontext())
            self.saved_at = time.monotonic()
            while tally.epoch <= self.epochs:
                self._epoch(tally)
                tally = Tally.begin(tally.epoch + 1, group.device)
                self.seconds_before = 0.0
                self.save(tally, 0.0)
                if group.is_first:
                    self.outputs.write_records(self.records)
            return self._finished()

    def _found(self) -> State | None:
        """The state in the folder, the same on every rank; RecipeError when it is of another training."""
        state: State | None = None
        if self.group.is_first and self.setup.training.checkpoints.resume:
            state = latest_state(self.out / "state")
        state = self.group.agree(state)
        if state is not None:
            refuse_other(state.plain["identity"], identity_of(self.setup, self.group), self.out)
        elif self.group.is_first and not self.setup.training.checkpoints.resume:
            self.outputs.refuse_overwriting()
        return state

    def _resumed(self, state: State | None) -> Tally:
        if state is None:
            return Tally.begin(1, self.group.device)
        setup = self.setup
        tally = restore(state, setup.engine, setup.average, setup.scaler, self.group)
        self.records = [EpochRecord.from_dict(plain) for plain in state.plain["records"]]
        self.seconds_before = state.plain["seconds"]
        if tally.epoch > self.epochs:
            self.monitor.say(f"{self.out} holds this training, finished.")
        else:
            self.monitor.say(f"going on from epoch {tally.epoch}, batch {tally.batches} of {setup.train.steps}")
        return tally

    def _epoch(self, tally: Tally) -> None:
        """Train what is left of an epoch, validate, write weights."""
        setup, engine, group = self.setup, self.setup.engine, self.group
        started = time.perf_counter()
        first = tally.batches
        self.monitor.begin(tally.epoch, first, setup.train.batch_size * group.world)

        def after_step(loss: Tensor) -> None:
            group.beat()
            self.monitor.step(tally.batches, loss, engine.lr)
            if self._is_due(tally):
                self.save(tally, self.seconds_before + time.perf_counter() - started)
            if self.stop.is_set():
                self.save(tally, self.seconds_before + time.perf_counter() - started)
                raise KeyboardInterrupt

        train_epoch(engine, setup.train.epoch(tally.epoch, tally.batches), tally, setup.train.steps, after_step)
        spent = time.perf_counter() - started
        images = (tally.batches - first) * setup.train.batch_size * group.world
        sums = group.add_up(
            np.array([float(tally.loss), tally.counted, int(tally.wrong), tally.seen, len(setup.train.skipped)])
        )
        modules = [engine.module, *([] if setup.average is None else [setup.average.module])]
        group.average([value for each in modules for value in each.buffers() if value.is_floating_point()])
        evaluated = time.perf_counter()
        validation, ema = self._validate(tally)
        record = EpochRecord(
            epoch=tally.epoch,
            loss=float(sums[0] / max(1.0, sums[1])),
            train_error=float(100 * sums[2] / max(1.0, sums[3])),
            lr=engine.lr,
            validation=validation,
            ema=ema,
            train_seconds=self.seconds_before + spent,
            eval_seconds=time.perf_counter() - evaluated,
            images_per_second=images / max(spent, 1e-9),
            skipped=tally.skipped,
            bad_images=int(sums[4]),
        )
        self.records.append(record)
        if group.is_first:
            self._refuse_broken(tally)
            self.outputs.write_weights(self.records)
            self.monitor.end(record)

    def _validate(self, tally: Tally) -> tuple[Score | None, Score | None]:
        checkpoints, setup = self.setup.training.checkpoints, self.setup
        due = (tally.epoch - 1) % checkpoints.val_interval == 0 or tally.epoch == self.epochs
        if setup.validation is None or not due:
            return None, None
        if batches := setup.training.network.precise_bn:
            images = (x for x, _ in _first(setup.train.epoch(tally.epoch), batches))
            precise_bn(setup.engine.module, images, average=self.group.average)
        own = Score.of(self._evaluate(setup.engine.module))
        return own, None if setup.average is None else Score.of(self._evaluate(setup.average.module))

    def _evaluate(self, module: nn.Module) -> Evaluation:
        assert self.setup.validation is not None

        def batches() -> Iterator[tuple[Tensor, Tensor]]:
            assert self.setup.validation is not None
            for x, target, _ in self.setup.validation:
                self.group.beat()
                yield x, target

        part = evaluate_batches(module, batches(), self.setup.val_autocast)
        # a rank without images does not know of a top-5
        five = -1 if part.correct5 is None else part.correct5
        sums = self.group.add_up(np.array([part.images, part.correct, max(0, five), part.loss_sum]))
        has_five = self.setup.arch.num_classes >= 5
        return Evaluation(int(sums[0]), int(sums[1]), int(sums[2]) if has_five else None, float(sums[3]))

    def _is_due(self, tally: Tally) -> bool:
        interval = self.setup.training.checkpoints.state_interval
        due = time.monotonic() - self.saved_at >= interval
        if self.group.world == 1:
            return due
        asked = tally.batches % _ASKED_EVERY == 0
        return asked and bool(self.group.agree(due))

    def save(self, tally: Tally, seconds: float) -> None:
        """The state at this moment. A full disk is said, and survived while an older state is there."""
        setup = self.setup
        self._refuse_broken(tally)
        plain = {
            "identity": identity_of(self.setup, self.group),
            "records": [record.to_dict() for record in self.records],
            "seconds": seconds,
            "netwright": __version__,
        }
        state = snapshot(setup.engine, setup.average, setup.scaler, tally, self.group, plain)
        self.saved_at = time.monotonic()
        if state is None:
            return
        try:
            save_state(self.out / "state", f"{tally.epoch:06d}-{tally.batches:08d}", state)
        except OutputError as error:
            if tally.epoch > self.epochs:
                raise
            self.monitor.say(f"the state is not saved, and training goes on: {error}")

    def _refuse_broken(self, tally: Tally) -> None:
        """A state with NaN in it would replace a good one."""
        engine = self.setup.engine
        refuse_divergence(float(tally.loss), tally, engine.lr)
        if not bool(torch.isfinite(nn.utils.get_total_norm(engine.parameters))):
            raise Diverged(
                f"diverged: weights are not finite in epoch {tally.epoch}, after step {tally.batches}, at lr "
                f"{engine.lr:.3g}. The last good state is in {self.out / 'state'}. Lower lr, clip gradients "
                "(--clip_norm 1) or skip such steps (--on_nan skip), in another --out."
            )

    def _finished(self) -> Trained:
        best = self.outputs.best if any(record.best is not None for record in self.records) else None
        if self.group.is_first:
            total = sum(record.train_seconds + record.eval_seconds for record in self.records)
            top = max(
                (record for record in self.records if record.best is not None),
                key=lambda record: record.best.top1 if record.best is not None else 0.0,
                default=None,
            )
            if top is not None and top.best is not None:
                self.monitor.say(f"best: top-1 {top.best.top1:.2f}% after epoch {top.epoch} ({self.outputs.best})")
            self.monitor.say(f"{self.epochs} epochs in {total:.0f} s; everything is in {self.out}")
        return Trained(self.out, tuple(self.records), best)


def _first(batches: Iterator[tuple[Tensor, Tensor]], count: int) -> Iterator[tuple[Tensor, Tensor]]:
    for _, batch in zip(range(count), batches, strict=False):
        yield batch
