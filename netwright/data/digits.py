"""scikit-learn's bundled handwritten digits: 1,797 gray images of 8x8 pixels, available without a download."""

from __future__ import annotations

import hashlib

import numpy as np

from netwright.data.array import ArraySource

__all__ = ["open_digits"]


def open_digits() -> ArraySource:
    """The digits as a source with the single split 'all'; images are (1797, 8, 8, 1) uint8."""
    from sklearn.datasets import load_digits

    bunch = load_digits()
    # the pixels are counts 0..16
    images = np.rint(bunch.images * (255 / 16)).astype(np.uint8)[..., np.newaxis]
    labels = bunch.target.astype(np.int64)
    return ArraySource(
        name="digits",
        class_names=tuple(str(digit) for digit in range(10)),
        labels=labels,
        splits={"all": np.arange(len(labels), dtype=np.int64)},
        signature=hashlib.sha256(images.tobytes() + labels.tobytes()).hexdigest(),
        images=images,
        item_format="digit-{number:04d}",
    )
