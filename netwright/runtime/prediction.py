"""From logits to probabilities and the likeliest classes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from netwright.data.classes import Candidate

__all__ = ["Prediction", "softmax"]


@dataclass(frozen=True, slots=True, eq=False)
class Prediction:
    """The probabilities of some images.

    Attributes:
        probabilities: (N, classes) float32, a row per image.
        names: Of the classes.
        descriptions: Of the classes in words, or empty.
    """

    probabilities: npt.NDArray[np.floating[Any]]
    names: tuple[str, ...]
    descriptions: tuple[str, ...] = ()

    def top(self, k: int = 5) -> tuple[tuple[Candidate, ...], ...]:
        """The k likeliest classes of each image, the likeliest first; of equal ones, the first."""
        order = np.argsort(-self.probabilities, axis=1, kind="stable")[:, : max(1, k)]
        descriptions = self.descriptions or ("",) * len(self.names)
        return tuple(
            tuple(Candidate(int(i), self.names[i], float(row[i]), descriptions[i]) for i in indices)
            for row, indices in zip(self.probabilities, order, strict=True)
        )


def softmax(logits: npt.NDArray[np.floating[Any]]) -> npt.NDArray[np.float64]:
    """(N, classes) -> (N, classes) float64. A row with NaN or infinity becomes NaN."""
    shifted = logits.astype(np.float64)
    with np.errstate(invalid="ignore"):
        shifted -= shifted.max(axis=1, keepdims=True)
        np.exp(shifted, out=shifted)
        shifted /= shifted.sum(axis=1, keepdims=True)
    return shifted
