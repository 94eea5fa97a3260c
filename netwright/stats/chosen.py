"""The error of a network that was chosen by its error: what choosing makes look better than it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from netwright.errors import StatsError
from netwright.stats.checks import check_confidence, check_simulation

__all__ = ["ChosenError", "chosen_error"]

_LEAST = 10  # images
_BLOCK = 100  # bootstrap samples in memory at once


@dataclass(frozen=True, slots=True)
class ChosenError:
    """What to expect of the best of several networks on new images.

    Attributes:
        chosen: Index of the network of the lowest error.
        apparent: Its error on the images that chose it, percent.
        expected: That of whatever network is chosen, on images that did not choose it, percent.
        interval: Of `expected`, by the quantiles of the bootstrap.
        images: By which it was chosen.
        networks: Of which it was chosen.
        confidence: Of the interval.
    """

    chosen: int
    apparent: float
    expected: float
    interval: tuple[float, float]
    images: int
    networks: int
    confidence: float

    @property
    def optimism(self) -> float:
        """How much lower the apparent error is, points."""
        return self.expected - self.apparent


def chosen_error(
    wrong: Sequence[npt.ArrayLike], *, repeats: int = 999, confidence: float = 0.95, seed: int = 0
) -> ChosenError:
    """The honest error of the best of several networks, by the nested bootstrap.

    Images are drawn with replacement; the network of the lowest error on these is chosen, and judged on the images that
    were not drawn (bootstrap bias corrected cross-validation: arXiv 1708.07180). What is left of the bias is that of
    choices before, whose networks are not among these.

    Args:
        wrong: For each network (seeds, images), or (images,) for one seed: 1 where its answer is wrong, 0 where it is
            right. All have the same images, in one order; of several seeds the mean counts.
        repeats: Bootstrap samples.
        confidence: Of the interval.
        seed: Of the bootstrap.

    Raises:
        StatsError: No network, fewer than 10 images, or networks of different images.
    """
    check_confidence(confidence)
    check_simulation(repeats, seed)
    rows = [np.atleast_2d(np.asarray(each, np.float64)).mean(axis=0) for each in wrong]
    if not rows or len({row.size for row in rows}) > 1:
        raise StatsError(
            f"every network answers the same images, and there are {sorted({row.size for row in rows})}. "
            "Give one row of answers for each network."
        )
    errors = np.stack(rows)  # (networks, images)
    if errors.shape[1] < _LEAST:
        raise StatsError(f"at least {_LEAST} images are needed, not {errors.shape[1]}: validate on more.")
    best, rng, n = int(errors.mean(axis=1).argmin()), np.random.default_rng(seed), errors.shape[1]
    found: list[npt.NDArray[np.float64]] = []
    for start in range(0, repeats, _BLOCK):
        drawn = rng.multinomial(n, np.full(n, 1 / n), size=min(_BLOCK, repeats - start)).astype(np.float64)
        out = (drawn == 0).astype(np.float64)
        chosen = (drawn @ errors.T).argmin(axis=1)  # (samples,)
        left = np.maximum(out.sum(axis=1), 1)
        found.append((out @ errors.T)[np.arange(len(drawn)), chosen] / left)
    values = 100 * np.concatenate(found)
    low, high = np.quantile(values, [(1 - confidence) / 2, (1 + confidence) / 2])
    return ChosenError(
        best,
        float(100 * errors[best].mean()),
        float(values.mean()),
        (float(low), float(high)),
        n,
        len(rows),
        confidence,
    )
