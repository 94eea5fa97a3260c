"""What a network said about each image, as arrays of one row an image: everything that a validation tells is computed
from these, so that it is the same however the images were dealt out over batches and ranks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["FloatArray", "IntArray", "Records"]

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Records:
    """Columns of N rows, by ascending position, no position twice.

    position: int64, of the image in its split. target, predicted: int64, outputs of the network. probability: float64,
    the softmax of the predicted one. loss: float64, the cross-entropy. rank: int64, how many outputs come before the
    target when they are sorted, so that an image counts in the top k where rank < k.
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
    def join(cls, parts: Sequence[Records]) -> Records:
        """All rows, sorted by position. A position that is in two parts is a bug of the caller."""
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

        The sum of these over ranks is that of all their rows, exactly: each row is written by one rank only.
        """
        dense = np.zeros((images, 6))
        columns = (self.target, self.predicted, self.probability, self.loss, self.rank)
        dense[self.position] = np.stack([np.ones(len(self)), *columns], axis=1)
        return dense

    @classmethod
    def from_dense(cls, dense: FloatArray) -> Records:
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
