import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netwright.errors import RecipeError, SpaceError
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


def test_a_design_is_resumed_with_other_limits_of_time_and_with_what_failed_retried() -> None:
    more = DesignConfig(out=Path("x"), trial_timeout=60.0, retry_failed=True)
    assert more.lasting() == DesignConfig(out=Path("x")).lasting()


@pytest.mark.parametrize(("given", "retried"), [(False, ""), (True, "machine"), ("machine", "machine"), ("all", "all")])
def test_which_failed_trials_are_retried(given: bool | str, retried: str) -> None:
    assert DesignConfig(retry_failed=given).retried == retried


@given(st.integers(1, 100), st.integers(1, 100), st.one_of(st.none(), st.tuples(st.just(0.0), st.floats(1, 1e9))))
def test_what_lasts_is_json(trials: int, epochs: int, flops: tuple[float, float] | None) -> None:
    values = DesignConfig(out=Path("x"), trials=trials, epochs=epochs, flops=flops, recipe={"lr": 0.1}).lasting()
    assert json.loads(json.dumps(values))["trials"] == trials
    assert None not in (values["confirm_trials"], values["final_epochs"])


def test_options_by_name_as_the_flags_have_them() -> None:
    config = DesignConfig.from_options(
        data_dir=Path("photos"), max_flops=4e6, params=[1, 2], trials=5, lr=0.2, flip=False, recipe={"momentum": 0.8}
    )
    assert config == DesignConfig(
        data_dir="photos",
        flops=(0.0, 4e6),
        params=(1, 2),
        trials=5,
        recipe={"momentum": 0.8, "lr": 0.2, "flip": False},
    )
    assert DesignConfig.from_options() == DesignConfig()


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"trails": 5}, RecipeError, "unknown option 'trails' of a design: did you mean 'trials'?"),
        ({"max_flop": 5}, RecipeError, "did you mean 'max_flops'?"),
        ({"zzzz": 5}, RecipeError, "these are known: out, data_dir"),
        ({"flops": (1, 2), "max_flops": 3}, SpaceError, "flops and max_flops both limit the flops. Give one of them."),
        ({"flops": 3}, RecipeError, "flops is a list of 2 numbers of at least 0, or none, not 3"),
        ({"max_flops": "40M"}, RecipeError, "flops is a list of 2 numbers of at least 0, or none, not [0.0, '40M']"),
        ({"lr": -1}, RecipeError, "lr is a number within 0 to 100, or auto, not -1"),
        ({"policy": "hom"}, RecipeError, "policy is one of relevant, holm, all"),
        ({"refine_from": 9}, RecipeError, "refine_from is a whole number of at least 10, not 9"),
        ({"trial_timeout": 0}, RecipeError, "trial_timeout is a number above 0, or none, not 0"),
        ({"retry_failed": "some"}, RecipeError, "retry_failed is true or false, or one of machine, all, not 'some'"),
        ({"space": 3}, RecipeError, "space is a text or a DesignSpace, not 3"),
    ],
)
def test_options_that_cannot_be(options: dict[str, object], error: type[Exception], message: str) -> None:
    with pytest.raises(error) as caught:
        DesignConfig.from_options(**options)
    assert message in str(caught.value)
