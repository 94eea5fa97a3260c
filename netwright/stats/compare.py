"""Are two populations different, and by how much? Every test comes with an effect size."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from netwright.errors import StatsError
from netwright.stats.checks import FloatArray, check_choice, check_confidence, check_sample, check_simulation
from netwright.stats.distribution import edf
from netwright.stats.plots import draw_difference, draw_gap, to_svg
from netwright.stats.shuffles import (
    MANY,
    bootstrap_t,
    moments_of_gap,
    percentile,
    permutation_p,
    t_interval,
    tail_p,
    welch,
    welch_t,
)
from netwright.system.html import paragraph, table

if TYPE_CHECKING:
    import altair as alt

__all__ = ["Effect", "KsTest", "PermutationTest", "ks", "permutation_test"]


@dataclass(frozen=True, slots=True)
class Effect:
    """How far populations a and b are apart, independent of their sizes.

    Attributes:
        superiority: Probability that a network of a has a lower error than one of b, where ties count half; above 0.5
            a is better.
        cliffs_delta: P(a > b) - P(a < b) = 1 - 2 * superiority, from -1 to 1; below 0 a is better.
        standardized: Cohen's d: (mean a - mean b) / pooled standard deviation; below 0 a is better, 0 where neither
            varies and the means are equal.
    """

    superiority: float
    cliffs_delta: float
    standardized: float


@dataclass(frozen=True, slots=True)
class KsTest:
    """A two-sample Kolmogorov-Smirnov test of a against b.

    Attributes:
        n_a, n_b: Sizes of both.
        statistic: The largest |F_a - F_b|, 0 to 1.
        p_value: Probability of a statistic at least as large where both are samples of one distribution.
        gap_at: The error just above which the largest gap opens.
        gap: F_a - F_b there; positive where a has more networks below that error, so where a is better.
        effect: How far they are apart.
    """

    n_a: int
    n_b: int
    statistic: float
    p_value: float
    gap_at: float
    gap: float
    effect: Effect

    def plot(self, a: npt.ArrayLike, b: npt.ArrayLike) -> alt.LayerChart:
        """Both distributions and the gap between them as an Altair chart. a: (n,) and b: (m,) errors, as for `ks`."""
        curves = {"a": edf(a), "b": edf(b)}
        just_above = np.nextafter(self.gap_at, np.inf)
        first, second = (float(curve.at(just_above)) for curve in curves.values())
        corners = {f"{name} {curve.legend()}": curve.steps() for name, curve in curves.items()}
        return draw_gap(corners, self.gap_at, (first, second))

    def _repr_html_(self) -> str:
        rows = [
            (f"{self.statistic:.3f}", f"{self.gap_at:.4g}", f"{self.p_value:.2g}", f"{self.effect.superiority:.0%}")
        ]
        heads = ("largest gap", "at error", "p-value", "a beats b")
        return table(heads, rows, f"Kolmogorov-Smirnov test of a ({self.n_a}) against b ({self.n_b})")


@dataclass(frozen=True, slots=True)
class PermutationTest:
    """A permutation test of a against b.

    Attributes:
        n_a, n_b: Sizes of both.
        statistic: "mean", "median", "min" or "quartile".
        alternative: "two-sided", "less" or "greater".
        difference: Statistic of a - statistic of b, in the unit of the errors; below 0 where a is better.
        interval: Its bootstrap confidence interval; None for "min", for which the bootstrap is known to fail, for fewer
            than five networks of a side, and where (nearly) all are equal.
        p_value: Probability of a difference at least as extreme where the labels a and b mean nothing.
        effect: How far they are apart.
        studentized: Whether the difference was measured in its standard errors.
    """

    n_a: int
    n_b: int
    statistic: str
    alternative: str
    difference: float
    interval: tuple[float, float] | None
    p_value: float
    effect: Effect
    studentized: bool = False

    def plot(self) -> alt.LayerChart:
        """The difference and its interval as an Altair chart."""
        return draw_difference(self.difference, self.interval, f"{self.statistic} of a - {self.statistic} of b")

    def _repr_html_(self) -> str:
        between = "" if self.interval is None else f", interval {self.interval[0]:+.3g} to {self.interval[1]:+.3g}"
        text = (
            f"Permutation test of a ({self.n_a}) against b ({self.n_b}), {self.alternative}: "
            f"difference {self.difference:+.3g}{between}, p = {self.p_value:.2g}; "
            f"a beats b in {self.effect.superiority:.0%} of pairs."
        )
        return paragraph(text) + to_svg(self.plot())


def ks(a: npt.ArrayLike, b: npt.ArrayLike) -> KsTest:
    """The two-sample Kolmogorov-Smirnov test, two-sided (NDS, arXiv 1905.13214).

    The p-value is exact up to 10,000 networks and asymptotic above. Equal errors make it larger than necessary.

    Args:
        a: (n,) errors.
        b: (m,) errors.

    Raises:
        StatsError: An empty sample, NaN or infinity.
    """
    from scipy.stats import ks_2samp  # takes longer to import than all the rest of this package

    first, second = check_sample(a, "a"), check_sample(b, "b")
    with warnings.catch_warnings():
        # an exact p-value that overflows is replaced by the asymptotic one
        warnings.simplefilter("ignore", RuntimeWarning)
        result = ks_2samp(first, second)
    return KsTest(
        n_a=first.size,
        n_b=second.size,
        statistic=float(result.statistic),
        p_value=float(result.pvalue),
        gap_at=float(result.statistic_location),
        gap=float(result.statistic * result.statistic_sign),
        effect=_effect(first, second),
    )


def permutation_test(
    a: npt.ArrayLike,
    b: npt.ArrayLike,
    statistic: str = "mean",
    repeats: int = 9999,
    seed: int = 0,
    alternative: str = "two-sided",
    confidence: float = 0.95,
    studentized: bool | None = None,
) -> PermutationTest:
    """Whether a statistic of a differs from that of b, by shuffling the labels.

    Means are studentized: what is shuffled is Welch's t (Janssen 1997; Chung and Romano 2013). That is exact where the
    labels mean nothing. Where only the means are equal (a small population with a wide spread against a large narrow
    one, or one with failures against one without), shuffles alone still find too many differences, so p is the larger
    of theirs and that of the bootstrap-t, whose interval is given; so where p is at most 1 - confidence, a two-sided
    test's interval does not hold 0. Of populations of 10 with failures or long tails, up to 12% are called different
    for 5%: those samples miss the tail.

    Without, and for the other statistics, the hypothesis is that the labels do not matter at all: a difference in
    spread can be what is found. Their interval is the percentile bootstrap.

    p = (1 + shuffles at least as extreme) / (1 + repeats), so never 0; two-sided: twice the smaller side. Where there
    are no more splits than repeats (up to 7 against 8) each is taken once: p is exact, at least 2 / splits. The minimum
    falls with the size of a population: compare it at equal sizes only (a warning of NDS).

    Args:
        a: (n,) errors.
        b: (m,) errors.
        statistic: "mean", "median", "min" or "quartile" (the 25% quantile).
        repeats: Number of shuffles, and of bootstrap samples; of more than 10,000 networks fewer, and
            where both sides have more than 5,000 none: then means are compared by Welch's t-test.
        seed: Of both.
        alternative: "two-sided"; "less": is a lower, so better? "greater": is it higher?
        confidence: Of the interval.
        studentized: By default means are, where both sides hold two networks or more. False: never.

    Raises:
        StatsError: An empty sample, NaN or infinity, an unknown statistic or alternative, or `studentized` for what is
            no mean of two networks or more.
    """
    # sorted, so that the order of rows changes nothing
    first, second = np.sort(check_sample(a, "a")), np.sort(check_sample(b, "b"))
    check_choice(statistic, list(_STATISTICS), "statistic")
    check_choice(alternative, ["two-sided", "less", "greater"], "alternative")
    check_simulation(repeats, seed)
    check_confidence(confidence)
    in_errors = _is_studentized(studentized, statistic, min(first.size, second.size))
    shuffling, resampling = (np.random.default_rng(s) for s in np.random.SeedSequence(seed).spawn(2))
    measure = _STATISTICS[statistic]

    def gap(x: FloatArray, y: FloatArray) -> FloatArray:
        return measure(x) - measure(y)

    interval: tuple[float, float] | None = None
    if in_errors:
        p_value, interval = _studentized(first, second, repeats, alternative, confidence, shuffling, resampling)
    else:
        p_value = permutation_p(first, second, gap, repeats, alternative, shuffling)
        if statistic != "min":
            interval = percentile(first, second, gap, repeats, confidence, resampling)
    return PermutationTest(
        n_a=first.size,
        n_b=second.size,
        statistic=statistic,
        alternative=alternative,
        difference=float(gap(first, second)),
        interval=interval,
        p_value=p_value,
        effect=_effect(first, second),
        studentized=in_errors,
    )


def _is_studentized(asked: bool | None, statistic: str, least: int) -> bool:
    possible = statistic == "mean" and least > 1
    if asked and not possible:
        raise StatsError(
            f"studentized needs a mean of two networks or more on each side, not the {statistic} of {least}: "
            "leave it out."
        )
    return possible if asked is None else asked


def _studentized(
    a: FloatArray,
    b: FloatArray,
    repeats: int,
    alternative: str,
    confidence: float,
    shuffling: np.random.Generator,
    resampling: np.random.Generator,
) -> tuple[float, tuple[float, float] | None]:
    """The p-value and the interval of a difference of means."""
    if min(a.size, b.size) > MANY:
        return welch(*moments_of_gap(a, b), confidence, alternative)
    scale = float(max(np.abs(a).max(), np.abs(b).max()))

    def t(x: FloatArray, y: FloatArray) -> FloatArray:
        return welch_t(x, y, scale)

    shuffled = permutation_p(a, b, t, repeats, alternative, shuffling)
    drawn = bootstrap_t(a, b, repeats, resampling)
    observed = float(t(a[np.newaxis], b[np.newaxis])[0])
    return max(shuffled, tail_p(observed, [drawn], alternative, 1.0)), t_interval(a, b, drawn, confidence)


def _quartile(x: FloatArray) -> FloatArray:
    return np.asarray(np.quantile(x, 0.25, axis=-1))


# each reduces the last axis
_STATISTICS: dict[str, Callable[[FloatArray], FloatArray]] = {
    "mean": lambda x: np.asarray(np.mean(x, axis=-1)),
    "median": lambda x: np.asarray(np.median(x, axis=-1)),
    "min": lambda x: np.asarray(np.min(x, axis=-1)),
    "quartile": _quartile,
}


def _effect(a: FloatArray, b: FloatArray) -> Effect:
    ordered = np.sort(b)
    above = b.size - np.searchsorted(ordered, a, side="right")
    below = np.searchsorted(ordered, a, side="left")
    delta = float((below.sum() - above.sum()) / (a.size * b.size))
    gap = float(a.mean() - b.mean())
    squares = float(np.sum((a - a.mean()) ** 2) + np.sum((b - b.mean()) ** 2))
    pooled = np.sqrt(squares / max(a.size + b.size - 2, 1))
    if pooled > 0:
        standardized = gap / pooled
    else:
        standardized = 0.0 if gap == 0 else float(np.copysign(np.inf, gap))
    return Effect((1 - delta) / 2, delta, float(standardized))
