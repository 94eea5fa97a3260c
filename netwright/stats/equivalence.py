"""Whether two populations are alike enough: is the difference of their means smaller than a margin?

That no difference is shown does not say that there is none. Equivalence is a result of its own, with its own error: at
most 5% of pairs that are a margin or more apart are called equivalent.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy.typing as npt

from netwright.stats.checks import check_confidence, check_sample
from netwright.stats.compare import permutation_test
from netwright.stats.sequential import check_margin

__all__ = ["Equivalence", "equivalence_test"]


@dataclass(frozen=True, slots=True)
class Equivalence:
    """Two one-sided tests (TOST, Schuirmann 1987) of mean a against mean b.

    Attributes:
        n_a, n_b: Sizes of both.
        margin: The difference that does not matter, in points.
        difference: Mean a - mean b; below 0 where a is better.
        interval: Its bootstrap-t interval at 2 * confidence - 1 (90% for 95%), which belongs to the two tests; None for
            fewer than five networks of a side.
        p_value: The larger of both tests' p-values: of a difference of the margin or more.
        confidence: 1 - the level of `is_equivalent`.
    """

    n_a: int
    n_b: int
    margin: float
    difference: float
    interval: tuple[float, float] | None
    p_value: float
    confidence: float

    @property
    def is_equivalent(self) -> bool:
        """Whether the difference is shown to be smaller than the margin."""
        return self.p_value <= 1 - self.confidence + 1e-12

    @property
    def is_beyond(self) -> bool:
        """Whether the interval shows a difference larger than the margin."""
        return self.interval is not None and (self.interval[0] > self.margin or self.interval[1] < -self.margin)


def equivalence_test(
    a: npt.ArrayLike, b: npt.ArrayLike, margin: float, confidence: float = 0.95, repeats: int = 9999, seed: int = 0
) -> Equivalence:
    """Whether the mean errors of two populations are closer than a margin.

    Both one-sided tests are those of `permutation_test` of the mean, studentized, with one population moved by the
    margin.

    Args:
        a: (n,) errors.
        b: (m,) errors.
        margin: The difference that does not matter, in the unit of the errors. It is chosen before looking.
        confidence: 1 - the probability that populations a margin or more apart are called equivalent.
        repeats: Shuffles of each test.
        seed: Of both.

    Raises:
        StatsError: An empty sample, NaN or infinity, or a margin of 0 or less.
    """
    first, second = check_sample(a, "a"), check_sample(b, "b")
    check_margin(margin)
    check_confidence(confidence)
    two_sided = max(2 * confidence - 1, 0.01)
    below = permutation_test(first, second + margin, repeats=repeats, seed=seed, alternative="less")
    above = permutation_test(first, second - margin, repeats=repeats, seed=seed, alternative="greater")
    plain = permutation_test(first, second, repeats=repeats, seed=seed, confidence=two_sided)
    return Equivalence(
        n_a=first.size,
        n_b=second.size,
        margin=margin,
        difference=plain.difference,
        interval=plain.interval,
        p_value=max(below.p_value, above.p_value),
        confidence=confidence,
    )
