from typing import Any

import pytest

from netwright.errors import RecipeError
from netwright.recipe import Recipe

PLACE = {"resolution": 32, "flip_suits": True, "bf16_helps": False}


@pytest.mark.parametrize(
    ("key", "hint"), [("epoch", "did you mean 'epochs'"), ("batchsize", "'batch_size'"), ("zzz", "these are known")]
)
def test_an_unknown_key_is_refused_with_the_nearest_name(key, hint):
    with pytest.raises(RecipeError, match=f"unknown key '{key}' of a recipe: .*{hint}"):
        Recipe().with_(**{key: 1})
    with pytest.raises(RecipeError, match=hint):
        Recipe.from_dict({key: 1})


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("epochs", 0),
        ("epochs", 2.5),
        ("epochs", True),
        ("batch_size", "64"),
        ("lr", -0.1),
        ("lr", float("nan")),
        ("lr", "0.1"),
        ("lr", True),
        ("warmup_epochs", 11),
        ("momentum", 1.5),
        ("momentum", "auto"),
        ("weight_decay", -1e-5),
        ("label_smoothing", 2),
        ("flip", 1),
        ("flip", "yes"),
        ("nesterov", "auto"),
        ("channels_last", 0),
        ("crop_padding", -1),
        ("crop_padding", 1.5),
        ("precision", "fp8"),
    ],
)
def test_an_impossible_value_is_refused_by_name_and_value(key, value):
    with pytest.raises(RecipeError) as caught:
        Recipe().with_(**{key: value})
    assert key in str(caught.value)
    assert repr(value) in str(caught.value)


@pytest.mark.parametrize("key", ["lr", "warmup_epochs", "flip", "crop_padding", "precision"])
def test_what_can_be_decided_may_be_auto(key):
    assert not Recipe().with_(**{key: "auto"}).is_resolved


def test_resolving_decides_everything_that_is_auto():
    recipe = Recipe(epochs=20, batch_size=256).resolve(**PLACE)
    assert recipe.is_resolved
    assert recipe.lr == pytest.approx(0.2)
    assert recipe.warmup_epochs == 2
    assert recipe.flip is True
    assert recipe.crop_padding == 4
    assert recipe.precision == "fp32"


@pytest.mark.parametrize(("batch_size", "lr"), [(1024, 0.8), (128, 0.1), (32, 0.05), (8, 0.025)])
def test_the_learning_rate_follows_the_batch_and_small_ones_by_its_root(batch_size, lr):
    assert Recipe(batch_size=batch_size).resolve(**PLACE).lr == pytest.approx(lr)


def test_muon_takes_other_learning_rates_than_sgd():
    assert Recipe(batch_size=128, optimizer="muon").resolve(**PLACE).lr == pytest.approx(0.006)
    assert Recipe(batch_size=32, optimizer="muon").resolve(**PLACE).lr == pytest.approx(0.003)


def test_resolving_leaves_what_was_given():
    given = Recipe(lr=0.3, warmup_epochs=0.0, flip=False, crop_padding=0, precision="bf16")
    assert given.resolve(**PLACE) == given
    assert Recipe().resolve(**PLACE).resolve(resolution=8, flip_suits=False, bf16_helps=True) == Recipe().resolve(
        **PLACE
    )


@pytest.mark.parametrize(
    ("resolution", "helps", "precision"), [(8, True, "fp32"), (32, True, "bf16"), (224, False, "fp32")]
)
def test_bf16_is_for_larger_images_on_a_device_that_is_faster_in_it(resolution, helps, precision):
    place: dict[str, Any] = PLACE | {"resolution": resolution, "bf16_helps": helps}
    assert Recipe().resolve(**place).precision == precision


def test_the_smallest_images_are_cropped_by_a_pixel_and_long_trainings_warm_up_for_five_epochs():
    recipe = Recipe(epochs=100).resolve(resolution=4, flip_suits=False, bf16_helps=False)
    assert (recipe.crop_padding, recipe.warmup_epochs, recipe.flip) == (1, 5.0, False)


def test_values_as_a_dict_and_back():
    recipe = Recipe(epochs=3, lr=0.05)
    assert Recipe.from_dict(recipe.to_dict()) == recipe
    assert Recipe.from_dict({"epochs": 3, "lr": 0.05}) == recipe


def test_the_published_weight_decay():
    assert Recipe().weight_decay == 5e-5


def test_options_that_came_later_are_stored_only_where_they_are_on() -> None:
    assert not {"optimizer", "crop_scale", "crop_size", "color_jitter", "mixup"} & set(Recipe().to_dict())
    recipe = Recipe(crop_scale=0.35, crop_size=0.75, optimizer="muon")
    assert recipe.to_dict()["crop_scale"] == 0.35
    assert Recipe.from_dict(recipe.to_dict()) == recipe
