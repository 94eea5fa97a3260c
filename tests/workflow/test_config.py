import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netwright.errors import RecipeError
from netwright.workflow import DesignConfig

WHOLE = ("trials", "confirm_trials", "epochs", "final_epochs", "final_seeds", "resolution", "train_images", "workers")


@pytest.mark.parametrize("name", [*WHOLE, "threads"])
@pytest.mark.parametrize("value", [0, -1, 1.5, True, "3"])
def test_a_number_that_cannot_be_is_refused_at_once(name: str, value: object) -> None:
    may_be_left_out = ", or none" if DesignConfig.__dataclass_fields__[name].default is None else ""
    with pytest.raises(RecipeError, match=f"^{name} is a whole number of at least 1{may_be_left_out}, not {value!r}"):
        DesignConfig(out=Path("x"), **{name: value})


@pytest.mark.parametrize("name", ["trials", "epochs", "final_seeds", "threads", "seed"])
def test_what_has_no_default_of_its_own_is_not_left_out(name: str) -> None:
    with pytest.raises(RecipeError, match=name):
        DesignConfig(out=Path("x"), **{name: None})


def test_a_seed_may_be_zero_and_not_negative() -> None:
    assert DesignConfig(out=Path("x"), seed=0).seed == 0
    with pytest.raises(RecipeError, match="seed is a whole number of at least 0, not -1"):
        DesignConfig(out=Path("x"), seed=-1)


@pytest.mark.parametrize(
    ("recipe", "says"),
    [
        ({"lrr": 1}, "did you mean 'lr'"),
        ({"lr": -1}, "lr is a number within 0 to 100, or auto, not -1"),
        ({"epochs": 3}, "Give them as 'epochs'"),
        ({"warmup_epochs": 4}, "warmup_epochs is at most the 3 epochs, not 4"),
    ],
)
def test_a_recipe_is_checked_before_anything_is_looked_at(recipe: dict[str, object], says: str) -> None:
    with pytest.raises(RecipeError, match=says):
        DesignConfig(out=Path("x"), epochs=3, recipe=recipe)


def test_a_recipe_must_suit_the_final_training_too() -> None:
    with pytest.raises(RecipeError, match="warmup_epochs is at most the 2 epochs, not 5"):
        DesignConfig(out=Path("x"), epochs=10, final_epochs=2, recipe={"warmup_epochs": 5})


def test_what_is_left_out_follows() -> None:
    config = DesignConfig(out="runs/x", trials=48, epochs=10)
    assert (config.out, config.confirming, config.final) == (Path("runs/x"), 24, 30)
    assert DesignConfig(out=Path("x"), trials=4).confirming == 8


def test_what_lasts_is_the_same_wherever_and_on_however_many_workers() -> None:
    here = DesignConfig(out=Path("a"), workers=1, command="netwright design", data_dir="photos", space="a.yaml")
    there = DesignConfig(
        out=Path("b"), workers=8, device="cpu", data_dir="../photos", space="../a.yaml", confirm_trials=24
    )
    assert here.lasting() == there.lasting()


@given(st.integers(1, 100), st.integers(1, 100), st.one_of(st.none(), st.tuples(st.just(0.0), st.floats(1, 1e9))))
def test_what_lasts_is_plain(trials: int, epochs: int, flops: tuple[float, float] | None) -> None:
    plain = DesignConfig(out=Path("x"), trials=trials, epochs=epochs, flops=flops, recipe={"lr": 0.1}).lasting()
    assert json.loads(json.dumps(plain))["trials"] == trials
    assert None not in (plain["confirm_trials"], plain["final_epochs"])
