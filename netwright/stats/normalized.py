"""Two populations at the same mix of complexity: tests that take the weights of NDS's normalized EDF."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from netwright.stats.checks import FloatArray, IntArray, check_confidence, check_sample, check_simulation
from netwright.stats.compare import ks
from netwright.stats.distribution import normalized_weights, shared_bins
from netwright.stats.plots import draw_difference, to_svg
from netwright.stats.shuffles import affordable, chunk_rows, in_errors, tail_p, welch
from netwright.system.html import paragraph

if TYPE_CHECKING:
    import altair as alt

__all__ = ["NormalizedTest", "normalized_test"]


@dataclass(frozen=True, slots=True)
class NormalizedTest:
    """A test of a against b, as if both had the same mix of complexity.

    Attributes:
        n_a, n_b: Networks that count: those in bins that hold networks of both populations.
        left_out_a, left_out_b: Networks in the other bins.
        bins: Number of bins that count; each has the same share of both populations.
        effective_a, effective_b: Effective sizes, 1 / sum of the squared weights: how many equally weighted networks
            would tell as much.
        mean_a, mean_b: Weighted means, those of the normalized EDFs.
        difference: mean_a - mean_b; below 0 where a is better.
        interval: Its confidence interval; None where no bin says how much errors vary.
        p_value: Of the difference.
        distance: The largest gap between the normalized EDFs, 0 to 1.
        distance_p: Its p-value.
        mix: The largest gap between the distributions of complexity, all networks included (Kolmogorov-Smirnov).
        mix_p: Its p-value: where it is small, the mixes differ and the weights are needed.
    """

    n_a: int
    n_b: int
    left_out_a: int
    left_out_b: int
    bins: int
    effective_a: float
    effective_b: float
    mean_a: float
    mean_b: float
    difference: float
    interval: tuple[float, float] | None
    p_value: float
    distance: float
    distance_p: float
    mix: float
    mix_p: float

    def plot(self) -> alt.LayerChart:
        """The difference and its interval as an Altair chart."""
        return draw_difference(self.difference, self.interval, "mean of a - mean of b, at one mix of complexity")

    def _repr_html_(self) -> str:
        between = "" if self.interval is None else f", interval {self.interval[0]:+.3g} to {self.interval[1]:+.3g}"
        text = (
            f"Normalized test of a ({self.n_a}) against b ({self.n_b}) in {self.bins} bins of complexity: difference "
            f"{self.difference:+.3g}{between}, p = {self.p_value:.2g}; {self.left_out_a} and {self.left_out_b} "
            f"networks have no counterpart. The mixes of complexity differ by {self.mix:.2f}, p = {self.mix_p:.2g}."
        )
        return paragraph(text) + to_svg(self.plot())


def normalized_test(
    a: npt.ArrayLike,
    b: npt.ArrayLike,
    complexity_a: npt.ArrayLike,
    complexity_b: npt.ArrayLike,
    bins: int | Sequence[float] = 10,
    repeats: int = 9999,
    seed: int = 0,
    confidence: float = 0.95,
) -> NormalizedTest:
    """Whether a and b differ beyond their mixes of complexity (the normalized EDF of NDS, arXiv 1905.13214).

    Labels are shuffled inside each bin of complexity only. The difference of the weighted means is studentized, each
    bin by its own spread; p is the larger of the shuffles' and of Welch's t-test for strata, whose interval is given.
    What complexity changes within a bin stays: use narrower bins where mixes differ much and networks are many.

    Args:
        a: (n,) errors.
        b: (m,) errors.
        complexity_a: (n,) flops, params or acts.
        complexity_b: (m,).
        bins: As for `normalized_weights`.
        repeats: Number of shuffles; of more than 10,000 networks fewer.
        seed: Of the shuffles.
        confidence: Of the interval.

    Raises:
        StatsError: An empty sample, NaN or infinity, different lengths, or no bin with networks of both.
    """
    first, second = check_sample(a, "a"), check_sample(b, "b")
    cost_a = check_sample(complexity_a, "complexity_a", length=first.size)
    cost_b = check_sample(complexity_b, "complexity_b", length=second.size)
    check_simulation(repeats, seed)
    check_confidence(confidence)
    weights = (normalized_weights(cost_a, bins, cost_b), normalized_weights(cost_b, bins, cost_a))
    strata = _strata((first, second), (cost_a, cost_b), bins)
    difference, variance, freedom = (float(x[0]) for x in strata.gap(strata.labels[np.newaxis]))
    distance = float(strata.distance(strata.labels[np.newaxis])[0])
    t, distances = strata.shuffled(repeats, np.random.default_rng(seed))
    observed = float(in_errors(np.array(difference), np.array(variance), strata.scale))
    welch_p, interval = welch(difference, variance, 0.0 if np.isinf(observed) else freedom, confidence)
    shape = ks(cost_a, cost_b)
    (used_a, used_b), mean = ((w > 0).sum() for w in weights), float(weights[0] @ first)
    return NormalizedTest(
        n_a=int(used_a),
        n_b=int(used_b),
        left_out_a=int(first.size - used_a),
        left_out_b=int(second.size - used_b),
        bins=len(strata.sizes),
        effective_a=float(1 / np.sum(weights[0] ** 2)),
        effective_b=float(1 / np.sum(weights[1] ** 2)),
        mean_a=mean,
        mean_b=float(weights[1] @ second),
        difference=mean - float(weights[1] @ second),
        interval=interval,
        p_value=max(welch_p, tail_p(observed, [t], "two-sided", 1.0)),
        distance=distance,
        distance_p=tail_p(distance, [distances], "greater", 1.0),
        mix=shape.statistic,
        mix_p=shape.p_value,
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Strata:
    """The networks that count, by bin and then by error, so that the order of rows changes nothing.

    Attributes:
        errors: (n,) around the mean of their bin.
        labels: (n,) 1 for a, 0 for b.
        starts: (bins,) where each bin starts.
        sizes: (bins, 2) how many of a and of b each holds.
        ranked: (n,) the order by error over all bins.
        ends: (distinct errors,) of that order, the last of each error.
        scale: Of the errors.
    """

    errors: FloatArray
    labels: FloatArray
    starts: IntArray
    sizes: FloatArray
    ranked: IntArray
    ends: IntArray
    scale: float

    def gap(self, labels: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Difference of the weighted means, its variance and the degrees of freedom of that, for labels (r, n)."""
        powers = np.column_stack([self.errors, self.errors**2])
        blocks = zip(*(np.split(x, self.starts[1:], axis=axis) for x, axis in ((labels, 1), (powers, 0))), strict=True)
        of_a = np.stack([label @ power for label, power in blocks], axis=1)  # (r, bins, 2)
        of_b = np.add.reduceat(powers, self.starts) - of_a
        sums, squares = np.moveaxis(np.stack([of_a, of_b], axis=3), 2, 0)
        means = sums / self.sizes  # (r, bins, 2)
        within = np.maximum(squares - means * sums, 0.0)
        free = self.sizes - 1
        # one network of a bin does not say how much errors vary there: those of its population's other bins do
        of_side, of_both = within.sum(axis=1), within.sum(axis=(1, 2))[:, np.newaxis]
        freedom = free.sum(axis=0)
        pooled = np.where(freedom > 0, of_side / np.maximum(freedom, 1.0), of_both / max(freedom.sum(), 1.0))
        known = np.where(free > 0, within / np.maximum(free, 1.0), pooled[:, np.newaxis])
        share = known / self.sizes / len(self.sizes) ** 2
        variance = share.sum(axis=(1, 2))
        borrowed = np.where(freedom > 0, freedom, max(freedom.sum(), 1.0))
        doubt = (share**2 / np.where(free > 0, free, borrowed)).sum(axis=(1, 2))
        known_to = np.divide(variance**2, doubt, out=np.zeros_like(doubt), where=doubt > 0)
        return (means[..., 0] - means[..., 1]).mean(axis=1), variance, known_to

    def distance(self, labels: FloatArray) -> FloatArray:
        """The largest gap between the weighted distribution functions, for labels (r, n)."""
        steps = np.repeat(1 / (self.sizes * len(self.sizes)), self.sizes.sum(axis=1).astype(np.int64), axis=0)
        signed = labels * steps.sum(axis=1) - steps[:, 1]
        return np.asarray(np.abs(np.cumsum(signed[:, self.ranked], axis=1)[:, self.ends]).max(axis=1))

    def shuffled(self, repeats: int, rng: np.random.Generator) -> tuple[FloatArray, FloatArray]:
        """The studentized difference and the distance of shuffles within the bins, (repeats,) each."""
        rngs = rng.spawn(len(self.starts))
        t, distances = [], []
        for rows in chunk_rows(affordable(repeats, self.labels.size), self.labels.size):
            blocks = [
                each.permuted(np.broadcast_to(block, (rows, block.size)), axis=1)
                for each, block in zip(rngs, np.split(self.labels, self.starts[1:]), strict=True)
            ]
            labels = np.concatenate(blocks, axis=1)
            difference, variance, _ = self.gap(labels)
            t.append(in_errors(difference, variance, self.scale))
            distances.append(self.distance(labels))
        return np.concatenate(t), np.concatenate(distances)


def _strata(
    errors: tuple[FloatArray, FloatArray], costs: tuple[FloatArray, FloatArray], bins: int | Sequence[float]
) -> _Strata:
    (place_a, count_a, used), (place_b, count_b, _) = shared_bins(*costs, bins), shared_bins(*costs[::-1], bins)
    place, e = np.concatenate([place_a, place_b]), np.concatenate(errors)
    labels = np.repeat([1.0, 0.0], [errors[0].size, errors[1].size])
    order = np.lexsort((labels, e, place))
    order = order[np.append(used, False)[place[order]]]  # place -1, outside all bins, reads the last
    sizes = np.column_stack([count_a, count_b])[used].astype(np.float64)
    totals = sizes.sum(axis=1).astype(np.int64)
    starts = np.concatenate([[0], np.cumsum(totals)[:-1]])
    kept = e[order]
    means = np.add.reduceat(kept, starts) / totals
    ranked = np.argsort(kept, kind="stable")
    ends = np.append(np.flatnonzero(np.diff(kept[ranked])), kept.size - 1)
    scale = float(np.abs(kept).max())
    return _Strata(kept - np.repeat(means, totals), labels[order], starts, sizes, ranked, ends, scale)
