import pytest

from netwright.errors import RecipeError
from netwright.recipe import DRAWABLE, Recipe, drawn_recipe


def test_values_take_the_place_of_the_options() -> None:
    made = drawn_recipe(Recipe(epochs=10), {"lr": 0.3, "weight_decay": 0.0, "batch_size": 64.0})
    assert (made.lr, made.weight_decay, made.batch_size, made.epochs) == (0.3, 0.0, 64, 10)
    assert isinstance(made.batch_size, int)
    assert drawn_recipe(made, {}) == made


def test_the_warm_up_keeps_its_share_of_drawn_epochs() -> None:
    recipe = Recipe(epochs=10, warmup_epochs=2.0)
    assert drawn_recipe(recipe, {"epochs": 5.0}).warmup_epochs == 1.0
    assert drawn_recipe(recipe, {"epochs": 5.0, "warmup_epochs": 2.0}).warmup_epochs == 2.0
    assert drawn_recipe(Recipe(epochs=10), {"epochs": 5.0}).warmup_epochs == "auto"


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ({"flip": 1.0}, "unknown option 'flip' of a recipe that is drawn"),
        ({"learning_rate": 1.0}, "did you mean 'lr'|these are known"),
        ({"epochs": 2.5}, "epochs is a whole number, not 2.5"),
        ({"lr": -1.0}, "lr"),
    ],
)
def test_what_cannot_be_drawn_is_refused(values: dict[str, float], text: str) -> None:
    with pytest.raises(RecipeError, match=text):
        drawn_recipe(Recipe(), values)


def test_every_option_that_can_be_drawn_is_one_of_a_recipe() -> None:
    assert set(DRAWABLE) <= set(Recipe().with_(crop_scale=0.5, crop_size=0.9, color_jitter=0.1, mixup=0.1).to_dict())
