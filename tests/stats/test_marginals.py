import itertools

import numpy as np
import pytest
from sklearn.ensemble import RandomForestRegressor

from netwright.stats.marginals import boxes_of, total_variance, variances

SIZES = (3, 4, 2, 5)


def forest(trees=7, n=80, leaf=1, seed=0):
    """Fitted to noise and an interaction; and the share of networks with each code."""
    rng = np.random.default_rng(seed)
    codes = np.column_stack([rng.integers(0, size, n) for size in SIZES])
    y = rng.standard_normal(n) + codes[:, 0] * codes[:, 1]
    fitted = RandomForestRegressor(trees, min_samples_leaf=leaf, random_state=seed).fit(codes, y)
    weights = [np.bincount(column, minlength=size) / n for column, size in zip(codes.T, SIZES, strict=True)]
    return fitted, weights


def by_all_combinations(fitted, weights):
    """The same by predicting every combination."""
    grid = np.array(list(itertools.product(*map(range, SIZES))))
    table = fitted.predict(grid).reshape(SIZES)
    w = np.ones(())
    for each in weights:
        w = np.multiply.outer(w, each)
    mean = (table * w).sum()

    def marginal(kept):
        value = table
        for axis in reversed(range(len(SIZES))):
            if axis not in kept:
                value = np.tensordot(value, weights[axis], (axis, 0))
        return value - mean

    single = [marginal((j,)) for j in range(len(SIZES))]
    mains = [weights[j] @ single[j] ** 2 for j in range(len(SIZES))]
    pairs = []
    for j, k in itertools.combinations(range(len(SIZES)), 2):
        both = marginal((j, k)) - single[j][:, np.newaxis] - single[k]
        pairs.append(weights[j] @ both**2 @ weights[k])
    return mains, pairs, (w * (table - mean) ** 2).sum()


@pytest.mark.parametrize("leaf", [1, 5])
def test_the_decomposition_is_exact(leaf):
    fitted, weights = forest(leaf=leaf)
    boxes = boxes_of([tree.tree_ for tree in fitted.estimators_], np.array(SIZES))
    mains, pairs, total = by_all_combinations(fitted, weights)
    found = variances(boxes, weights)
    np.testing.assert_allclose(found[0], mains, atol=1e-12)
    np.testing.assert_allclose(found[1], pairs, atol=1e-12)
    assert total_variance(boxes, weights) == pytest.approx(total)


def test_a_tree_without_a_split_is_one_box():
    fitted = RandomForestRegressor(3, bootstrap=False).fit(np.zeros((5, 2)), np.full(5, 2.0))
    boxes = boxes_of([tree.tree_ for tree in fitted.estimators_], np.array([1, 1]))
    weights = [np.ones(1), np.ones(1)]
    assert boxes.values.sum() == pytest.approx(2.0)
    assert total_variance(boxes, weights) == pytest.approx(0.0, abs=1e-12)
    np.testing.assert_allclose(np.concatenate(variances(boxes, weights)), 0, atol=1e-12)
