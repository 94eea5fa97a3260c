"""Make an ImageSet whose images stay where they are."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import cast

import numpy as np

from netwright.data.data_path import is_digits
from netwright.data.data_ref import absolute_ref
from netwright.data.direct import DirectImages
from netwright.data.images import ImageSet
from netwright.data.preparation import Preparation
from netwright.data.shape import ImageShape
from netwright.data.source import ImageSource, IntArray, Pixels
from netwright.data.splits import Splits
from netwright.system.atomic import free_bytes
from netwright.system.machine import total_memory

__all__ = ["direct_fingerprint", "direct_set", "is_too_large"]

_HEADROOM = 1.05
_SMALL = 1 << 30  # bytes that any machine has: without them its disk is full, which is an error
_SAMPLE_BYTES = 1 << 26
_LEAST_STD = 1 / 255


def is_too_large(images: int, shape: ImageShape, cache: Path) -> bool:
    """Whether decoded images are more than this machine's memory, or than the disk of the cache has room for."""
    needed = _HEADROOM * images * shape.resolution**2 * shape.channels
    folder = next(each for each in (cache, *cache.absolute().parents) if each.exists())
    return needed > max(_SMALL, min(total_memory() or needed, free_bytes(folder)))


def direct_fingerprint(fingerprint: str) -> str:
    """Of a set of the same images, whose mean and std are those of a sample."""
    return hashlib.sha256(f"direct {fingerprint}".encode()).hexdigest()


def direct_set(
    data_dir: str | Path,
    source: ImageSource,
    splits: Splits,
    shape: ImageShape,
    preparation: Preparation,
    fingerprint: str,
) -> ImageSet:
    """The set, of which only a sample is decoded: for mean and std.

    Args:
        data_dir: Of the source.
        source: The images.
        splits: Of them.
        shape: Of the decoded images.
        preparation: How they are decoded.
        fingerprint: Of `direct_fingerprint`.

    Raises:
        DataError: No image of a class of the sample can be read.
    """
    wanted = np.sort(np.concatenate([splits.train, splits.validation, splits.test]))
    where = str(data_dir) if is_digits(data_dir) else absolute_ref(data_dir)
    images = DirectImages(
        where, source, wanted, shape.resolution, shape.channels, preparation.resize, preparation.rules
    )
    train, validation, test = (np.searchsorted(wanted, part) for part in (splits.train, splits.validation, splits.test))
    mean, std = _mean_and_std(images, train)
    size = f"{images.nbytes / 1e9:,.1f} GB"
    notice = (
        f"decoded, the images would be {size}: more than memory or the disk holds. They are read where they are, each "
        "time they are used; `netwright data prepare` makes that quicker"
    )
    return ImageSet(
        name=source.name,
        images=cast(Pixels, images),  # what is asked of an array here, it does
        labels=source.labels[wanted],
        class_names=source.class_names,
        train=train,
        validation=validation,
        test=test,
        mean=mean,
        std=std,
        flip_suits=shape.flip_suits,
        resolution=shape.resolution,
        channels=shape.channels,
        skipped=(),
        fingerprint=fingerprint,
        provenance=splits.provenance,
        background=preparation.rules.background,
        resize=preparation.resize,
        full_scale=preparation.rules.full_scale,
        notices=tuple(filter(None, [preparation.notice, notice])),
    )


def _mean_and_std(images: DirectImages, train: IntArray) -> tuple[tuple[float, ...], tuple[float, ...]]:
    count = min(len(train), max(16, _SAMPLE_BYTES // (images.nbytes // len(images))))
    rows = train[np.unique(np.linspace(0, len(train) - 1, count).astype(np.int64))]
    total, squares, pixels = np.zeros(images.channels), np.zeros(images.channels), 0
    for start in range(0, len(rows), 64):
        values = images[rows[start : start + 64]].reshape(-1, images.channels).astype(np.float64)
        total += values.sum(axis=0)
        squares += np.einsum("pc,pc->c", values, values)
        pixels += len(values)
    mean = total / pixels
    std = np.maximum(np.sqrt(np.maximum(squares / pixels - mean**2, 0)), 255 * _LEAST_STD)
    return tuple(float(each) / 255 for each in mean), tuple(float(each) / 255 for each in std)
