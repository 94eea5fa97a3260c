"""When an answer of a network is not believed: it knows only its classes, and answers one of them for any picture."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from netwright.errors import DataError
from netwright.runtime.runtime import FloatArray

__all__ = ["Rejection"]


@dataclass(frozen=True, slots=True)
class Rejection:
    """When an answer is not believed: where its score is below a threshold.

    Attributes:
        threshold: The lowest score that is believed.
        by: "probability", the highest of the classes (Hendrycks and Gimpel, arXiv 1610.02136), or "energy", the
            log-sum-exp of the logits (Liu et al., arXiv 2010.03759: the energy's negative, so that high is known).

    Raises:
        DataError: For a probability that cannot be, a threshold that is no number, or another score.
    """

    threshold: float
    by: str = "probability"

    def __post_init__(self) -> None:
        if self.by not in ("probability", "energy"):
            raise DataError(f"images are rejected by probability or energy, not {self.by!r}. Correct reject_by.")
        if not math.isfinite(self.threshold) or (self.by == "probability" and not 0 <= self.threshold <= 1):
            numbers = "0 to 1" if self.by == "probability" else "a number"
            raise DataError(f"the threshold of {self.by} is {numbers}, not {self.threshold:g}. Correct --threshold.")

    def scores(self, logits: FloatArray, probabilities: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """(N,) of (N, classes)."""
        if self.by == "probability":
            best: npt.NDArray[np.float64] = probabilities.max(axis=1)
            return best
        most = logits.astype(np.float64).max(axis=1, keepdims=True)
        total: npt.NDArray[np.float64] = np.log(np.exp(logits - most).sum(axis=1)) + most[:, 0]
        return total

    def __str__(self) -> str:
        what = "highest probability" if self.by == "probability" else "log-sum-exp of the logits"
        return f"their {what} is below {self.threshold:g}"
