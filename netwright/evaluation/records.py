"""The answer to each image, as arrays of a row per image. All numbers of a validation are computed from these, so that
they do not depend on how the images were divided into batches and among ranks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["FloatArray", "ImageRecords", "IntArray"]

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class ImageRecords:
    """Columns of N rows, by ascending position, no position twice.

    Attributes:
        position: Of the image in its split.
        target: Its class, an output of the network.
        predicted: The likeliest output.
        probability: Softmax of the predicted output.
        loss: Cross-entropy.
        rank: How many outputs come before the target when they are sorted: an image counts in the top k if rank < k.
    """

    position: IntArray
    target: IntArray
    predicted: IntArray
    probability: FloatArray
    loss: FloatArray
    rank: IntArray

    def __len__(self) -> int:
        return len(self.position)

    @classmethod
    def join(cls, parts: Sequence[ImageRecords]) -> ImageRecords:
        """All rows, sorted by position. A position may be in one part only."""
        columns: dict[str, Any] = {
            item.name: np.concatenate([getattr(part, item.name) for part in parts]) if parts else np.empty(0)
            for item in fields(cls)
        }
        order = np.argsort(columns["position"], kind="stable")
        position = columns["position"][order]
        assert (np.diff(position) > 0).all(), "an image was counted twice"
        return cls(
            **{
                name: values[order].astype(np.float64 if name in ("probability", "loss") else np.int64)
                for name, values in columns.items()
            }
        )

    def to_dense(self, images: int) -> FloatArray:
        """(images, 6) float64: 1 and the columns in the row of each position, 0 elsewhere.

        The sum over ranks has the rows of all, exactly: each row is written by one rank only.
        """
        dense = np.zeros((images, 6))
        columns = (self.target, self.predicted, self.probability, self.loss, self.rank)
        dense[self.position] = np.stack([np.ones(len(self)), *columns], axis=1)
        return dense

    @classmethod
    def from_dense(cls, dense: FloatArray) -> ImageRecords:
        """The inverse of `to_dense`, of one rank or of the sum over all."""
        seen = dense[:, 0]
        assert (seen <= 1).all(), "an image was counted twice"
        position = np.flatnonzero(seen).astype(np.int64)
        target, predicted, probability, loss, rank = dense[position, 1:].T
        return cls(
            position,
            target.astype(np.int64),
            predicted.astype(np.int64),
            probability.copy(),
            loss.copy(),
            rank.astype(np.int64),
        )
