"""A network over every image of a split, each counted once."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, closing, nullcontext
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn

from netwright.data.source import listed
from netwright.errors import DataError, WeightsError
from netwright.evaluation.measured import Measured, most_wrong
from netwright.evaluation.records import IntArray, Records
from netwright.loader import EvalLoader
from netwright.nn import AnyNet, fuse
from netwright.training.distributed import Group
from netwright.training.precision import autocast

if TYPE_CHECKING:
    from netwright.data.classes import ClassMap
    from netwright.loader import Split
    from netwright.weights import LoadedModel

__all__ = ["judge", "measure", "validate"]

Batches = Iterable[tuple[Tensor, Tensor, IntArray]]


def validate(
    model: LoadedModel,
    split: Split,
    classes: ClassMap,
    *,
    group: Group,
    batch_size: int = 128,
    workers: int = 0,
    precision: str = "fp32",
    fold: bool = False,
    most: int = 48,
    on_batch: Callable[[int], None] | None = None,
) -> Measured:
    """Measure a model on a split; with several ranks, rank 0 gets what all of them did.

    classes: from the labels of the split to the outputs of the network. precision: resolved. fold: batch norm into the
    convolutions of a copy, where `is_foldable`. most: wrong images that are named. on_batch: called with the images
    done on this rank. Raises DataError where no image could be read, WeightsError where the network gives numbers that
    are not finite.
    """
    started = time.perf_counter()
    loader = EvalLoader(
        split,
        model.preprocessing,
        batch_size=batch_size,
        workers=workers,
        device=group.device,
        rank=group.rank,
        world=group.world,
    )
    module: nn.Module = model.module.to(group.device).to(memory_format=torch.channels_last)
    if fold:
        assert isinstance(module, AnyNet), "is_foldable says which"
        module = fuse(module)

    def after(images: int) -> None:
        group.beat()
        if on_batch is not None:
            on_batch(images)

    with closing(loader):
        own = measure(module, loader, classes.outputs, partial(autocast, precision, group.device), after)
    records = Records.from_dense(group.add_up(own.to_dense(len(split.index))))
    skipped = [bad for part in group.gather(loader.skipped) for bad in part]
    if not len(records):
        reasons = listed([f"{bad.name}: {bad.reason}" for bad in skipped], 3)
        raise DataError(
            f"none of the {len(split.index):,} images of {split.name} could be read ({reasons}). Repair them, or give "
            "another --data_dir."
        )
    _refuse_infinite(records, split)
    return Measured(
        records,
        classes.names,
        total=len(split.index),
        seconds=time.perf_counter() - started,
        wrong=most_wrong(records, split.index, split.source.item_name, most),
        skipped=tuple(sorted(skipped, key=lambda bad: bad.name)),
    )


@torch.inference_mode()
def measure(
    module: nn.Module,
    batches: Batches,
    outputs: IntArray,
    autocast: Callable[[], AbstractContextManager[object]] = nullcontext,
    after_batch: Callable[[int], None] | None = None,
) -> Records:
    """The records of some batches of x, target, position. outputs: the network's output of each label.

    Leaves the module in evaluation mode. after_batch: called with the images done so far.
    """
    module.eval()
    to_output = torch.from_numpy(outputs)
    parts, done = [], 0
    for x, target, position in batches:
        with autocast():
            logits = module(x)
        parts.append(judge(logits, to_output[target.cpu()], position))
        done += len(position)
        if after_batch is not None:
            after_batch(done)
    return Records.join(parts)


def judge(logits: Tensor, target: Tensor, position: IntArray) -> Records:
    """One record an image. logits: (N, C) of any type on any device; target: (N,) int64; position: (N,).

    Waits for the device. An output that is NaN comes before all others, and makes the loss NaN.
    """
    logits, target = logits.detach().cpu().double(), target.cpu()  # not every device has float64
    own = logits.gather(1, target[:, None])
    # of equal outputs the first comes first, as argmax has it: a network that says nothing is not always right
    is_before = torch.arange(logits.shape[1]) < target[:, None]
    comes_first = torch.where(is_before, ~(logits < own), ~(logits <= own))
    comes_first.scatter_(1, target[:, None], False)
    log_probability = logits.log_softmax(1)
    predicted = logits.argmax(1)
    columns = (
        target,
        predicted,
        log_probability.gather(1, predicted[:, None])[:, 0].exp(),
        -log_probability.gather(1, target[:, None])[:, 0],
        comes_first.sum(1),
    )
    return Records.join([Records(np.asarray(position), *(column.numpy() for column in columns))])


def _refuse_infinite(records: Records, split: Split) -> None:
    bad = np.flatnonzero(~np.isfinite(records.loss))
    if len(bad):
        name = split.source.item_name(int(split.index[records.position[bad[0]]]))
        raise WeightsError(
            f"a network's outputs are finite numbers, and for {len(bad):,} of {len(records):,} images these are not "
            f"({name!r} first). The weights are damaged, or overflow in half precision: try --val_precision fp32."
        )
