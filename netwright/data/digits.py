"""scikit-learn's bundled handwritten digits: 1,797 images of 8x8 pixels, there without a download."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from netwright.data.source import IntArray, Item, Pixels

__all__ = ["DigitsSource", "open_digits"]


@dataclass(frozen=True, slots=True, eq=False)
class DigitsSource:
    """images: (1797, 8, 8, 1) uint8."""

    name: str
    class_names: tuple[str, ...]
    labels: IntArray
    splits: Mapping[str, IntArray]
    signature: str
    images: Pixels

    def item_name(self, index: int) -> str:
        return f"digit-{index:04d}"

    def read(self, index: int) -> Item:
        return Item(self.images[index], int(self.labels[index]), self.item_name(index))


def open_digits() -> DigitsSource:
    from sklearn.datasets import load_digits

    bunch = load_digits()
    # the pixels are counts 0..16
    images = np.rint(bunch.images * (255 / 16)).astype(np.uint8)[..., np.newaxis]
    labels = bunch.target.astype(np.int64)
    return DigitsSource(
        name="digits",
        class_names=tuple(str(digit) for digit in range(10)),
        labels=labels,
        splits={"all": np.arange(len(labels), dtype=np.int64)},
        signature=hashlib.sha256(images.tobytes() + labels.tobytes()).hexdigest(),
        images=images,
    )
