import numpy as np
import pytest

from netwright.curation.wrong_labels import find_suspects
from netwright.data.source import IntArray


def drawn(n: int, classes: int, seed: int) -> tuple[np.ndarray, IntArray]:
    """Probabilities of a network that is mostly right, and the true classes."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, classes, n)
    logits = rng.normal(0, 1, (n, classes))
    logits[np.arange(n), truth] += 4
    values = np.exp(logits)
    return values / values.sum(axis=1, keepdims=True), truth


def test_labels_that_were_changed_are_found() -> None:
    probabilities, truth = drawn(2000, 5, seed=0)
    rng = np.random.default_rng(1)
    wrong = rng.choice(2000, 100, replace=False)
    labels = truth.copy()
    labels[wrong] = (labels[wrong] + rng.integers(1, 5, 100)) % 5
    suspects = find_suspects(probabilities, labels)
    hit = {each.position for each in suspects} & set(wrong.tolist())
    assert len(hit) >= 75  # of the others the network is not sure itself
    assert len(suspects) <= 130
    assert all(each.likely == truth[each.position] for each in suspects if each.position in hit and each.own < 0.01)
    # the surest come first
    assert {each.position for each in suspects[:50]} <= set(wrong.tolist())


def test_sound_labels_have_few_suspects() -> None:
    probabilities, truth = drawn(2000, 5, seed=2)
    assert len(find_suspects(probabilities, truth)) <= 20


@pytest.mark.parametrize("classes", [2, 3])
def test_a_hand_computed_joint(classes: int) -> None:
    """Thresholds are the means of each label's own probability: 0.7 and 0.6 here."""
    rows = [[0.9, 0.1], [0.8, 0.2], [0.4, 0.6], [0.3, 0.7], [0.5, 0.5]]
    labels = np.array([0, 0, 0, 1, 1])
    probabilities = np.array([[*row, *[0.0] * (classes - 2)] for row in rows])
    found = find_suspects(probabilities, labels)
    assert [(each.position, each.likely, each.own, each.other) for each in found] == [(2, 1, 0.4, 0.6)]
