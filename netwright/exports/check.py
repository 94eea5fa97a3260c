"""Whether an export computes what its network computes, and how close it must be in each precision."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from netwright.errors import ExportError
from netwright.runtime.runtime import FloatArray

__all__ = ["LIMITS", "Agreement", "Limit", "compare", "refuse_other"]


@dataclass(frozen=True, slots=True)
class Limit:
    """How far an export may be from its network.

    Attributes:
        difference: The largest Agreement.difference.
        agreement: The smallest Agreement.agreement.
    """

    difference: float
    agreement: float


# fp32 differs only in the order of sums; bf16 has 8 bits of mantissa, fp16 11, and both round in every layer; int8 is
# judged by its classes more than by its logits. Networks trained here stay below a third of these
LIMITS = {
    "fp32": Limit(1e-3, 0.99),
    "fp16": Limit(2e-2, 0.97),
    "bf16": Limit(1.5e-1, 0.9),
    "int8": Limit(5e-1, 0.8),
}


_TIE = 0.15  # of the spread: classes further apart are not equally likely in any precision


@dataclass(frozen=True, slots=True)
class Agreement:
    """How far the logits of an export are from those of its network.

    Attributes:
        images: On so many images.
        difference: Root mean square of the differences, in standard deviations of the network's logits.
        largest: The largest difference, in the same unit.
        agreement: Share of the images with the same top-1, or with one whose logit in the network is lower by at most
            the difference that the precision may have, and by at most 0.15 standard deviations.
    """

    images: int
    difference: float
    largest: float
    agreement: float

    def __str__(self) -> str:
        return (
            f"logits of {self.images:,} images differ by {self.difference:.2g} of their spread (at most "
            f"{self.largest:.2g}), the same class is first in {self.agreement:.1%}"
        )


def compare(source: FloatArray, other: FloatArray, precision: str) -> Agreement:
    """Compare the logits of the same images, each (N, classes)."""
    assert source.shape == other.shape, "logits of the same images"
    spread = max(float(source.std()), 1e-12)
    apart = np.abs(source.astype(np.float64) - other) / spread
    rows = np.arange(len(source))
    # a network that finds two classes equally likely names either
    short = source.max(axis=1) - source[rows, other.argmax(axis=1)]
    same = short <= min(LIMITS[precision].difference, _TIE) * spread
    if not np.isfinite(apart).all():
        return Agreement(len(source), float("inf"), float("inf"), float(np.mean(same)))
    return Agreement(len(source), float(np.sqrt((apart**2).mean())), float(apart.max()), float(np.mean(same)))


def refuse_other(found: Agreement, precision: str, what: str) -> None:
    """Raise ExportError if an export disagrees with its network. what: the file that would be written."""
    limit = LIMITS[precision]
    if found.difference <= limit.difference and found.agreement >= limit.agreement:
        return
    cure = {
        "int8": "Give more calibration images, of the kind that it will see, or use fp32 or bf16",
        "fp16": "Its values may be out of fp16's range: use bf16 or fp32",
        "bf16": "Use fp32",
    }.get(precision, "Report it: this is a bug")
    raise ExportError(
        f"an export in {precision} agrees with its network to {limit.difference:g} of the logits' spread and in "
        f"{limit.agreement:.0%} of the top-1 answers; here {found}. {what} was not written. {cure}."
    )
