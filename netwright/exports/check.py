"""Whether an export computes what the network computes, and how close it must come in each precision."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from netwright.errors import ExportError
from netwright.runtime.runtime import FloatArray

__all__ = ["LIMITS", "Agreement", "Limit", "compare", "refuse_other"]


@dataclass(frozen=True, slots=True)
class Limit:
    """difference: the most that logits may differ, as Agreement has it. agreement: the least of top-1."""

    difference: float
    agreement: float


# fp32 differs by the order of sums only; bf16 has 8 bits of mantissa, fp16 11, and both round at every layer; int8 is
# trusted by its answers more than by its logits. Networks trained here stay below a third of these
LIMITS = {
    "fp32": Limit(1e-3, 0.99),
    "fp16": Limit(2e-2, 0.97),
    "bf16": Limit(1.5e-1, 0.9),
    "int8": Limit(5e-1, 0.8),
}


_TIE = 0.15  # of the spread: classes further apart than this are not equally likely in any precision


@dataclass(frozen=True, slots=True)
class Agreement:
    """Of logits with those of the source network, on `images` images.

    difference: root mean square of the differences, in standard deviations of the source's logits; largest: the largest
    difference, in these. agreement: the part of the images with the same top-1, or with one that the source has as
    likely to within the difference that the precision is allowed, at most 0.15 of these deviations.
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
    """source, other: (N, classes) logits of the same images."""
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
    """ExportError where an export disagrees with its network. what: the file that would be written, for the message."""
    limit = LIMITS[precision]
    if found.difference <= limit.difference and found.agreement >= limit.agreement:
        return
    cure = {
        "int8": "Give more calibration images, of the kind that it will see, or take fp32 or bf16",
        "fp16": "Its values may be out of fp16's range: take bf16 or fp32",
        "bf16": "Take fp32",
    }.get(precision, "Report it: this is a bug")
    raise ExportError(
        f"an export in {precision} agrees with its network to {limit.difference:g} of the logits' spread and in "
        f"{limit.agreement:.0%} of the top-1 answers; here {found}. {what} was not written. {cure}."
    )
