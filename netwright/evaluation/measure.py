"""Run a network over every image of a split, each counted once."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from contextlib import closing
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from netwright.data.source import listed
from netwright.errors import DataError, WeightsError
from netwright.evaluation.metrics import ValidationMetrics, most_wrong
from netwright.evaluation.records import ImageRecords, IntArray
from netwright.loader import EvalLoader
from netwright.runtime.prediction import softmax
from netwright.runtime.runtime import FloatArray
from netwright.training.distributed import Group

if TYPE_CHECKING:
    from netwright.data.classes import ClassMap
    from netwright.data.images import Skipped
    from netwright.loader import Split
    from netwright.runtime import Runtime

__all__ = ["measure", "measure_split", "records_of"]

Batches = Iterable[tuple[Tensor, Tensor, IntArray]]


def measure_split(
    runtime: Runtime,
    split: Split,
    classes: ClassMap,
    *,
    group: Group,
    batch_size: int = 128,
    workers: int = 0,
    most: int = 48,
    on_batch: Callable[[int], None] | None = None,
) -> ValidationMetrics:
    """Measure a network on a split. Every rank gets the metrics of all images.

    Args:
        runtime: The network; computes on the group's device, or takes inputs from there.
        split: The images.
        classes: From the labels of the split to the outputs of the network.
        group: The ranks that share the images.
        batch_size: Images per step and rank.
        workers: Processes that decode images.
        most: Wrong images that are named.
        on_batch: Called with the number of images that this rank has done.

    Raises:
        DataError: If no image can be read.
        WeightsError: If the network's outputs are not finite.
    """
    started = time.perf_counter()
    loader = EvalLoader(
        split,
        runtime.info.preprocessing,
        batch_size=batch_size,
        workers=workers,
        device=group.device,
        rank=group.rank,
        world=group.world,
    )

    def after(images: int) -> None:
        group.heartbeat()
        if on_batch is not None:
            on_batch(images)

    with closing(loader):
        own = measure(runtime.logits, loader, classes.outputs, after)
    records = ImageRecords.from_dense(group.all_reduce_sum(own.to_dense(len(split.index))))
    skipped = _skipped(loader, group)
    if not len(records):
        reasons = listed([f"{bad.name}: {bad.reason}" for bad in skipped], 3)
        raise DataError(
            f"none of the {len(split.index):,} images of {split.name} could be read ({reasons}). Repair them, or give "
            "another --data_dir."
        )
    _refuse_infinite(records, split)
    return ValidationMetrics(
        records,
        classes.names,
        total=len(split.index),
        seconds=time.perf_counter() - started,
        wrong=most_wrong(records, split.index, split.source.item_name, most),
        skipped=skipped,
    )


def _skipped(loader: EvalLoader, group: Group) -> tuple[Skipped, ...]:
    """The unreadable images of all ranks, on each rank."""
    gathered = [bad for part in group.gather(loader.skipped) for bad in part]
    skipped: tuple[Skipped, ...] = group.broadcast(tuple(sorted(gathered, key=lambda bad: bad.name)))
    return skipped


def measure(
    compute: Callable[[Tensor], FloatArray],
    batches: Batches,
    outputs: IntArray,
    after_batch: Callable[[int], None] | None = None,
) -> ImageRecords:
    """Compute the records of some batches.

    Args:
        compute: Inputs (N, C, H, W) -> logits (N, classes).
        batches: Of inputs, labels (N,) and positions (N,).
        outputs: The network's output of each label.
        after_batch: Called with the number of images that are done.
    """
    to_output = torch.from_numpy(outputs)
    parts, done = [], 0
    for x, label, position in batches:
        parts.append(records_of(compute(x), to_output[label.cpu()], position))
        done += len(position)
        if after_batch is not None:
            after_batch(done)
    return ImageRecords.join(parts)


def records_of(logits: Any, target: Tensor, position: IntArray) -> ImageRecords:
    """A record per image.

    Args:
        logits: (N, C), an array or a tensor of any type on any device. NaN comes before all others, and makes the loss
            NaN.
        target: (N,) int64.
        position: (N,) int64, of the images in their split.
    """
    logits, target = torch.as_tensor(logits).detach().cpu().double(), target.cpu()  # not every device has float64
    own = logits.gather(1, target[:, None])
    # of equal outputs the first comes first, as in argmax: a network whose outputs are all equal is not always right
    is_before = torch.arange(logits.shape[1]) < target[:, None]
    comes_first = torch.where(is_before, ~(logits < own), ~(logits <= own))
    comes_first.scatter_(1, target[:, None], False)
    predicted = logits.argmax(1)
    # as in prediction, to the last bit
    probability = np.take_along_axis(softmax(logits.numpy()), predicted.numpy()[:, None], 1)[:, 0]
    loss = -logits.log_softmax(1).gather(1, target[:, None])[:, 0]
    columns = (np.asarray(position), target.numpy(), predicted.numpy(), probability, loss.numpy())
    return ImageRecords.join([ImageRecords(*columns, comes_first.sum(1).numpy())])


def _refuse_infinite(records: ImageRecords, split: Split) -> None:
    bad = np.flatnonzero(~np.isfinite(records.loss))
    if len(bad):
        name = split.source.item_name(int(split.index[records.position[bad[0]]]))
        raise WeightsError(
            f"a network's outputs are finite numbers, and for {len(bad):,} of {len(records):,} images these are not "
            f"({name!r} first). The weights are damaged, or overflow in half precision: try --val_precision fp32, or "
            "export the network in fp32."
        )
