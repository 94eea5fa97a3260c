import itertools
import math

import pytest

from netwright.recipe import Recipe
from netwright.sweeps.trial import learning_rate


def rates(steps: int, **values: float) -> list[float]:
    recipe = Recipe(**values)
    return [learning_rate(recipe, step, steps) for step in range(recipe.epochs * steps)]


def test_warm_up_rises_in_equal_steps_and_never_starts_at_zero():
    lrs = rates(4, epochs=5, lr=1.0, warmup_epochs=1.0)
    assert lrs[:5] == pytest.approx([0.2, 0.4, 0.6, 0.8, 1.0])


def test_after_it_half_a_cosine():
    lrs = rates(4, epochs=5, lr=2.0, warmup_epochs=1.0)
    assert lrs[4:] == pytest.approx([1 + math.cos(math.pi * k / 16) for k in range(16)])
    assert lrs[12] == pytest.approx(1.0)  # half way down, half the rate
    assert 0 < lrs[-1] < 0.02


def test_without_warm_up_it_starts_at_the_top_and_only_falls():
    lrs = rates(10, epochs=3, lr=0.5, warmup_epochs=0.0)
    assert lrs[0] == 0.5
    assert all(later < earlier for earlier, later in itertools.pairwise(lrs))


@pytest.mark.parametrize("warmup", [0.1, 0.25, 1.0, 2.0])
def test_a_part_of_an_epoch_or_all_of_them_may_warm_up(warmup):
    lrs = rates(7, epochs=2, lr=1.0, warmup_epochs=warmup)
    top = lrs.index(max(lrs))
    assert lrs[: top + 1] == sorted(lrs[: top + 1])
    assert lrs[top:] == sorted(lrs[top:], reverse=True)
    assert all(0 < lr <= 1 for lr in lrs)


def test_one_step_is_a_training_too():
    assert rates(1, epochs=1, lr=1.0, warmup_epochs=1.0) == [0.5]
    assert rates(1, epochs=1, lr=1.0, warmup_epochs=0.0) == [1.0]
