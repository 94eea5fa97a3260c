from typing import Any

import pytest

from netwright.errors import RecipeError
from netwright.recipe import Augmentation, Schedule, TrainConfig, training_options


def test_keys_are_unique_over_the_groups_and_each_is_explained():
    options = [item for group in training_options().values() for item in group]
    names = [item.name for item in options]
    assert len(set(names)) == len(names)
    assert [item.name for item in options if len(item.help) < 4] == []
    assert list(TrainConfig().to_flat()) == names


def test_with_changes_flat_keys_and_leaves_the_rest():
    training = TrainConfig().with_(lr=0.5, model="regnet_x_200mf", scale=[0.5, 1.0])
    assert training.schedule.lr == 0.5
    assert training.network.model == "regnet_x_200mf"
    assert training.augmentation.scale == (0.5, 1.0)
    assert training.images is not None
    assert training.images == TrainConfig().images
    assert TrainConfig().with_(**training.to_flat()) == training


@pytest.mark.parametrize(("key", "hint"), [("epoch", "did you mean 'epochs'?"), ("zzz", "--help")])
def test_with_refuses_a_key_that_is_none(key, hint):
    with pytest.raises(RecipeError, match=f"unknown key '{key}'") as caught:
        TrainConfig().with_(**{key: 1})
    assert hint in str(caught.value)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"scale": (1.0, 0.5)}, "scale is a low and a high end"),
        ({"ratio": (2.0, 0.5)}, "ratio is a low and a high end"),
        ({"aug_splits": 1}, "aug_splits is 0, 2 or 3"),
        ({"aug_splits": 3, "cutmix": 1.0}, "exclude each other"),
        ({"mean": (1.0,)}, "a number a channel each"),
        ({"auto_augment": "strong"}, "auto_augment is like randaug-m9-mstd0.5-inc1"),
        ({"re_value": "black"}, "re_value is a number, or random, not 'black'"),
    ],
)
def test_constraints_of_augmentation(change: dict[str, Any], message: str):
    with pytest.raises(RecipeError, match=message):
        Augmentation(**change)


def test_groups_are_values():
    assert Schedule() == Schedule()
    assert hash(TrainConfig()) == hash(TrainConfig())
    assert TrainConfig() != TrainConfig().with_(seed=1)
