"""Which parameters, and which pairs of them, explain the errors: functional ANOVA of a random forest.

Source: Hutter, Hoos and Leyton-Brown, "An Efficient Approach for Assessing Hyperparameter Importance", ICML 2014. A
share of a forest is no evidence: a forest of noise has shares too, and they add up to 100%. So each share comes with
what chance alone gives, and with a test.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
import numpy.typing as npt

from netwright.errors import StatsError
from netwright.stats.additive import additive_fit
from netwright.stats.checks import FloatArray, IntArray, check_confidence, check_sample, check_simulation
from netwright.stats.marginals import boxes_of, total_variance, variances

__all__ = ["FEWEST_NETWORKS", "Fanova", "FanovaEffect", "fanova"]

FEWEST_NETWORKS = 32  # a forest of fewer knows nothing of pairs

_CODES = 32  # values of a parameter that the forest tells apart; of more, groups of equal size
_TREES, _TREES_TESTED = 64, 16
_LEAF = 3  # networks of a leaf, at the least
_LEAVES = 150  # of a tree, about; so many pairs of leaves are still quick
_MOST_NETWORKS = 1000
_MOST_CELLS = 16_000  # networks x parameters of all repeats; of more there are fewer repeats
_FEWEST_REPEATS = 39
_GROUPS = 10  # of the jackknife
_POINTS = 4096  # at which the jackknife measures a forest's variance
_ENOUGH = 10  # shuffles with a larger share than the largest one: nothing can be shown any more


@dataclass(frozen=True, slots=True)
class FanovaEffect:
    """What one parameter explains, or two only together.

    Attributes:
        parameters: One name or two.
        share: Of the variance of the forest's prediction, 0 to 1.
        interval: Of the share, by the jackknife over networks: how far it depends on which networks were drawn.
        by_chance: The share that shuffled errors give, on the same scale: errors in any order for one parameter, any
            order of what single parameters leave unexplained for two.
        p_value: How often chance alone gives a share as large to any parameter (or to any pair).
    """

    parameters: tuple[str, ...]
    share: float
    interval: tuple[float, float]
    by_chance: float
    p_value: float


@dataclass(frozen=True, slots=True)
class Fanova:
    """The decomposition of a forest. All shares and `rest` add up to 1.

    Attributes:
        n: Networks that it was fitted to; of more than 1,000, so many at random.
        mains: An effect for each parameter, the largest first.
        pairs: An effect for each pair, likewise: what the two explain beyond what each explains alone.
        rest: The share of three parameters or more together.
        predicted: Of the variance of errors, the share that the forest predicts for networks that it has not seen (out
            of bag); at 0 or below it has learned nothing, and its shares say nothing.
        confidence: Of the intervals.
    """

    n: int
    mains: tuple[FanovaEffect, ...]
    pairs: tuple[FanovaEffect, ...]
    rest: float
    predicted: float
    confidence: float

    def shown(self, level: float = 0.05) -> tuple[FanovaEffect, ...]:
        """The effects that chance alone explains at most that rarely, parameters first."""
        return tuple(each for each in (*self.mains, *self.pairs) if each.p_value <= level)


def fanova(
    parameters: Mapping[str, npt.ArrayLike],
    errors: npt.ArrayLike,
    *,
    categories: Collection[str] = (),
    repeats: int = 99,
    confidence: float = 0.95,
    seed: int = 0,
) -> Fanova:
    """Decompose what a random forest predicts into the parts of parameters and of pairs.

    The decomposition is exact, over the product of the parameters' own distributions in the sample. Where limits allow
    few combinations of parameters, the forest guesses the others, as in every functional ANOVA.

    Args:
        parameters: Name -> (n,) numbers.
        errors: (n,). A few very large ones decide everything: set them to a limit first.
        categories: The parameters whose numbers stand for words in no order.
        repeats: Shuffles of each of the two tests. Testing stops early where nothing can be shown any more; of large
            tables there are fewer, and 39 at the least.
        confidence: Of the intervals.
        seed: Of the forests and the shuffles.

    Raises:
        StatsError: Fewer than 32 networks, no parameter that varies, text, NaN or infinity, or different lengths.
    """
    e = check_sample(errors, minimum=FEWEST_NETWORKS)
    check_simulation(repeats, seed)
    check_confidence(confidence)
    values = {str(name): check_sample(x, f"'{name}'", length=e.size) for name, x in parameters.items()}
    values = {name: x for name, x in values.items() if np.ptp(x) > 0}
    if not values or np.ptp(e) == 0:
        what = "parameter" if not values else "error"
        raise StatsError(f"fanova needs a parameter and errors that vary, and every {what} is constant: pass others.")
    rng = np.random.default_rng(seed)
    if e.size > _MOST_NETWORKS:
        kept = np.sort(rng.choice(e.size, _MOST_NETWORKS, replace=False))
        e, values = e[kept], {name: x[kept] for name, x in values.items()}
    scaled = (e - e.mean()) / e.std()
    table = _Table.of(list(values.values()))
    forest = _forest(table, scaled, _TREES, seed)
    boxes = boxes_of([tree.tree_ for tree in forest.estimators_], table.sizes)
    mains, pairs = variances(boxes, table.weights)
    total = max(total_variance(boxes, table.weights), 1e-12)
    spread = _jackknife(table, scaled, confidence, seed)
    many = min(repeats, max(_FEWEST_REPEATS, repeats * _MOST_CELLS // table.codes.size))
    fitted, left = additive_fit(list(values.values()), [name in categories for name in values], scaled)
    chance, p = _tested(table, scaled, _shuffles(0 * scaled, scaled, rng, many), 0, seed)
    chance_of_pairs, p_of_pairs = _tested(table, scaled, _shuffles(fitted, left, rng, many), 1, seed)
    names = [(name,) for name in values]
    both = list(combinations(values, 2))
    return Fanova(
        n=e.size,
        mains=_effects(names, mains / total, spread[: len(names)], chance / total, p),
        pairs=_effects(both, pairs / total, spread[len(names) :], chance_of_pairs / total, p_of_pairs),
        rest=max(0.0, 1 - float(mains.sum() + pairs.sum()) / total),
        predicted=float(forest.oob_score_),
        confidence=confidence,
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Table:
    """Parameters as codes 0, 1, ...: (n, d) codes, and for each the share of networks with each code."""

    codes: IntArray
    weights: list[FloatArray]

    @classmethod
    def of(cls, columns: list[FloatArray]) -> _Table:
        codes = [_codes(x) for x in columns]
        return cls(np.stack(codes, axis=1), [np.bincount(each) / each.size for each in codes])

    @property
    def sizes(self) -> IntArray:
        return np.array([each.size for each in self.weights])


def _codes(x: FloatArray) -> IntArray:
    distinct, place = np.unique(x, return_inverse=True)
    if distinct.size > _CODES:
        inner = np.quantile(x, np.arange(1, _CODES) / _CODES)
        place = np.unique(np.searchsorted(inner, x, side="left"), return_inverse=True)[1]
    return np.asarray(place, np.int64)


def _forest(table: _Table, errors: FloatArray, trees: int, seed: int) -> Any:
    from sklearn.ensemble import RandomForestRegressor  # takes a second to import

    leaf = max(_LEAF, -(-errors.size // _LEAVES))
    # out-of-bag predictions of few trees miss some networks, with a warning
    forest = RandomForestRegressor(trees, min_samples_leaf=leaf, oob_score=trees >= _TREES, random_state=seed)
    return forest.fit(table.codes, errors)


def _variances(table: _Table, errors: FloatArray, trees: int, seed: int) -> tuple[FloatArray, FloatArray]:
    forest = _forest(table, errors, trees, seed)
    return variances(boxes_of([tree.tree_ for tree in forest.estimators_], table.sizes), table.weights)


def _shuffles(fitted: FloatArray, left: FloatArray, rng: np.random.Generator, repeats: int) -> Iterator[FloatArray]:
    for _ in range(repeats):
        yield fitted + rng.permutation(left)


def _tested(
    table: _Table, errors: FloatArray, shuffled: Iterator[FloatArray], kind: int, seed: int
) -> tuple[FloatArray, FloatArray]:
    """What chance gives each effect, and its p-value against the largest of all effects (Westfall and Young's max T).

    Args:
        table: The parameters.
        errors: (n,) as they are.
        shuffled: The same as chance would have them.
        kind: 0 for parameters, 1 for pairs.
        seed: Of the forests.
    """
    observed = _variances(table, errors, _TREES_TESTED, seed)[kind]
    if not observed.size:
        return observed, observed
    total, as_large, times = np.zeros(observed.size), np.zeros(observed.size), 0
    for times, each in enumerate(shuffled, start=1):
        found = _variances(table, each, _TREES_TESTED, seed + times)[kind]
        total += found
        as_large += found.max() >= observed
        if as_large.min() >= _ENOUGH:
            break
    return total / times, (1 + as_large) / (1 + times)


def _jackknife(table: _Table, errors: FloatArray, confidence: float, seed: int) -> FloatArray:
    """How far the share of each effect reaches to both sides, when groups of networks are left out, (effects,)."""
    from scipy.stats import t

    rng = np.random.default_rng([seed, 1])
    group = rng.permutation(errors.size) % _GROUPS
    points = np.stack([rng.choice(each.size, _POINTS, p=each) for each in table.weights], axis=1)
    shares = []
    for out in range(_GROUPS):
        rows = group != out
        part = _Table(table.codes[rows], table.weights)
        forest = _forest(part, errors[rows], _TREES // 2, seed)
        boxes = boxes_of([tree.tree_ for tree in forest.estimators_], part.sizes)
        shares.append(np.concatenate(variances(boxes, part.weights)) / max(float(forest.predict(points).var()), 1e-12))
    off = np.array(shares) - np.mean(shares, axis=0)
    error = np.sqrt((_GROUPS - 1) / _GROUPS * np.sum(off**2, axis=0))
    return np.asarray(float(t.ppf((1 + confidence) / 2, _GROUPS - 1)) * error)


def _effects(
    names: list[Any], shares: FloatArray, reach: FloatArray, chance: FloatArray, p_values: FloatArray
) -> tuple[FanovaEffect, ...]:
    ends = np.clip([shares - reach, shares + reach], 0.0, 1.0)
    effects = [
        FanovaEffect(tuple(names[i]), float(shares[i]), (float(low), float(high)), float(chance[i]), float(p_values[i]))
        for i, (low, high) in enumerate(ends.T)
    ]
    return tuple(sorted(effects, key=lambda each: (each.p_value, -each.share)))
