"""The empirical bootstrap: which values of a parameter do good networks have?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, overload

import numpy as np
import numpy.typing as npt

from netwright.errors import StatsError
from netwright.stats.checks import FloatArray, check_choice, check_confidence, check_sample, check_simulation
from netwright.stats.plots import draw_range, to_svg

if TYPE_CHECKING:
    import altair as alt

__all__ = ["GoodRange", "bootstrap"]

_CHUNK = 4_000_000  # draws in memory at once


@dataclass(frozen=True, slots=True)
class GoodRange:
    """The values of a parameter that the best networks have.

    Attributes:
        low, high: Ends of the interval.
        best: The median.
    """

    low: float
    best: float
    high: float

    def plot(self, x: npt.ArrayLike | None = None, errors: npt.ArrayLike | None = None) -> alt.LayerChart:
        """The range as an Altair chart, over the networks where they are given. x, errors: (n,) as for `bootstrap`.

        Raises:
            StatsError: Text, NaN or infinity, different lengths, or only one of the two.
        """
        if x is None and errors is None:
            return draw_range(self.low, self.best, self.high)
        e = check_sample(() if errors is None else errors)
        values = check_sample(() if x is None else x, "x", length=e.size)
        return draw_range(self.low, self.best, self.high, values, e)

    def _repr_html_(self) -> str:
        return to_svg(self.plot())


@overload
def bootstrap(
    x: Mapping[str, npt.ArrayLike],
    errors: npt.ArrayLike,
    fraction: float = ...,
    repeats: int = ...,
    confidence: float = ...,
    seed: int = ...,
    method: str = ...,
) -> dict[str, GoodRange]: ...


@overload
def bootstrap(
    x: npt.ArrayLike,
    errors: npt.ArrayLike,
    fraction: float = ...,
    repeats: int = ...,
    confidence: float = ...,
    seed: int = ...,
    method: str = ...,
) -> GoodRange: ...


def bootstrap(
    x: Mapping[str, npt.ArrayLike] | npt.ArrayLike,
    errors: npt.ArrayLike,
    fraction: float = 0.25,
    repeats: int = 10_000,
    confidence: float = 0.95,
    seed: int = 0,
    method: str = "exact",
) -> dict[str, GoodRange] | GoodRange:
    """The good range and the best value of a parameter, by the empirical bootstrap (DDS, arXiv 2003.13678).

    Draw `fraction` of the (x, error) pairs with replacement, keep the x of the lowest error, and repeat: the central
    `confidence` interval of the kept x is the good range, their median the best value. All three are values of networks
    in the sample.

    Args:
        x: (n,) numbers, or a mapping of name to (n,) numbers, for which the same draws are used.
        errors: (n,).
        fraction: Of the networks that are drawn each time; the paper uses a quarter.
        repeats: Number of draws, of "draws" only.
        confidence: Of the good range.
        seed: Of the draws, of "draws" only.
        method: "exact" is the limit for infinitely many repeats: the k-th best pair is kept with probability
            ((n - k + 1) / n)^m - ((n - k) / n)^m for m draws, shared between equal errors. It has no seed, and the
            order of rows does not matter. "draws" is the paper's simulation: its ends differ a little with the seed,
            and with the order of rows.

    Returns:
        The range, or name -> range for a mapping.

    Raises:
        StatsError: Text (encode an ordered category as numbers), NaN or infinity, or different lengths.
    """
    e = check_sample(errors)
    check_confidence(confidence)
    check_simulation(repeats, seed)
    check_choice(method, ["draws", "exact"], "method")
    if not 0 < fraction <= 1:
        raise StatsError(f"fraction must lie above 0 and at most at 1, not {fraction}: the paper's is 0.25.")
    named = {str(name): check_sample(values, f"'{name}'", length=e.size) for name, values in _items(x)}
    if not named:
        raise StatsError("bootstrap needs a parameter: the mapping is empty. Pass {'depth': depths}.")
    draws = max(1, round(fraction * e.size))
    kept = _exact(e, draws) if method == "exact" else _simulated(e, draws, repeats, seed)
    ranges = {name: _range(values, kept, confidence) for name, values in named.items()}
    return ranges if isinstance(x, Mapping) else ranges["x"]


def _items(x: Mapping[str, npt.ArrayLike] | npt.ArrayLike) -> Iterator[tuple[str, npt.ArrayLike]]:
    if isinstance(x, Mapping):
        yield from x.items()
    else:
        yield "x", x


def _simulated(errors: FloatArray, draws: int, repeats: int, seed: int) -> FloatArray:
    """The share of repeats in which each pair was kept, (n,)."""
    rng = np.random.default_rng(seed)
    kept = np.zeros(errors.size)
    rows = max(1, _CHUNK // draws)
    for start in range(0, repeats, rows):
        pairs = rng.integers(errors.size, size=(min(rows, repeats - start), draws))
        winners = pairs[np.arange(len(pairs)), errors[pairs].argmin(axis=1)]  # of ties, the first that was drawn
        kept += np.bincount(winners, minlength=errors.size)
    return kept / repeats


def _exact(errors: FloatArray, draws: int) -> FloatArray:
    """The probability that each pair is kept, (n,)."""
    _, place, ties = np.unique(errors, return_inverse=True, return_counts=True)
    better = np.concatenate([[0], np.cumsum(ties)])
    above = ((errors.size - better) / errors.size) ** draws
    return ((above[:-1] - above[1:]) / ties)[place]


def _range(values: FloatArray, kept: FloatArray, confidence: float) -> GoodRange:
    order = np.argsort(values, kind="stable")
    total = np.cumsum(kept[order])
    alpha = 1 - confidence
    levels = np.array([alpha / 2, 0.5, 1 - alpha / 2])
    # the smallest value that reaches the level; the margin is for one that reaches it exactly, but for rounding
    places = np.minimum(np.searchsorted(total, levels - 1e-12), values.size - 1)
    low, best, high = values[order[places]]
    return GoodRange(float(low), float(best), float(high))
