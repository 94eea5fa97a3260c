"""The recipe of the final trainings: made for the images, replaced by a file, kept where a design goes on."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from PIL import Image

from netwright.errors import RecipeError
from netwright.population import Population
from netwright.recipe import Recipe
from netwright.sweeps import NullProgress
from netwright.workflow import DesignConfig
from netwright.workflow.final_recipe import (
    ImageFacts,
    final_values,
    in_words,
    read_final_recipe,
    relative_cost,
    to_yaml,
    trial_values,
)
from netwright.workflow.planning import applied
from netwright.workflow.prepare import prepare

FLOWERS = ImageFacts(3453, 128, flip_suits=True)
RESOLVED = {"resolution": 128, "flip_suits": True, "bf16_helps": False}


def test_characters_and_tiny_pictures_are_trained_as_in_trials() -> None:
    assert final_values(ImageFacts(1438, 28, flip_suits=False), 60) == {}
    assert final_values(ImageFacts(50_000, 16, flip_suits=True), 60) == {}


@pytest.mark.parametrize("trained", [100, 3453, 5000, 100_000])
@pytest.mark.parametrize("epochs", [1, 10, 19, 20, 60, 200])
def test_photos_have_a_recipe_whatever_their_number(trained: int, epochs: int) -> None:
    values = final_values(ImageFacts(trained, 128, flip_suits=True), epochs)
    recipe = Recipe().with_(**values).resolve(**RESOLVED)
    assert recipe.crop_scale > 0
    assert recipe.batch_size <= max(32, trained // 50)
    # what slows learning is for those who have the time
    assert (recipe.mixup > 0) == (epochs >= 20)
    assert recipe.optimizer == "muon"


def test_a_file_is_read_back(tmp_path: Path) -> None:
    recipe = Recipe().with_(lr=0.3, mixup=0.5, flip=False).resolve(**RESOLVED)
    path = tmp_path / "recipe.yaml"
    path.write_text(to_yaml(recipe))
    assert Recipe().with_(**read_final_recipe(path)) == recipe.with_(epochs=10)


def test_a_learning_rate_that_was_given_is_one_of_sgd() -> None:
    for epochs in (10, 60):
        assert final_values(FLOWERS, epochs)["optimizer"] == "muon"
        for given in ({"lr": 0.08}, {"momentum": 0.8}):
            made = Recipe().with_(**trial_values(FLOWERS) | final_values(FLOWERS, epochs, given) | given)
            assert (made.optimizer, made.weight_decay) == ("sgd", 2e-3)
    assert final_values(FLOWERS, 60, {"optimizer": "sgd"}) == final_values(FLOWERS, 60, {"lr": 0.1})
    for given in ({"weight_decay": 0.1}, {"optimizer": "muon", "lr": 0.01}):
        assert final_values(FLOWERS, 60, given) == final_values(FLOWERS, 60)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("mixupp: 0.2", "unknown key 'mixupp' of a recipe: did you mean 'mixup'"),
        ("epochs: 30", "Give --final_epochs"),
        ("lr: fast", "lr"),
        ("mixup: -1", "mixup"),
    ],
)
def test_a_file_with_a_mistake_is_refused_with_its_path(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(text)
    with pytest.raises(RecipeError, match=message) as error:
        DesignConfig(final_recipe=str(path))
    assert str(path) in str(error.value)


def test_no_file_is_an_error_before_anything_is_done(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="there is no such file"):
        DesignConfig(final_recipe=str(tmp_path / "none.yaml"))


def photos(folder: Path) -> str:
    rng = np.random.default_rng(0)
    for label in range(2):
        (folder / f"class{label}").mkdir(parents=True)
        for i in range(8):
            pixels = rng.integers(0, 60, (40, 40, 3)) + 60 * label
            Image.fromarray(pixels.astype("uint8")).save(folder / f"class{label}" / f"{i}.jpg")
    return str(folder)


@pytest.mark.slow
def test_what_was_given_stays_and_what_was_planned_for_trials_does_not(
    config: Callable[..., DesignConfig], tmp_path: Path
) -> None:
    asked = config(data_dir=photos(tmp_path / "photos"), resolution=32, recipe={"lr": 0.03})
    path = tmp_path / "mine.yaml"
    path.write_text("label_smoothing: 0.07\n")
    for file, smoothing in ((None, None), (str(path), 0.07)):
        planned = applied(asked, {"recipe": {"weight_decay": 0.012, "batch_size": 4, "optimizer": "muon"}})
        prepared = prepare(replaced(planned, final_recipe=file), NullProgress())
        made = final_values(ImageFacts(12, 32, flip_suits=True), 3, {"lr": 0.03})
        assert prepared.final_recipe.optimizer == made["optimizer"] == "sgd"
        assert prepared.recipe.weight_decay == 0.012
        assert prepared.final_recipe.weight_decay == made["weight_decay"] != 0.012
        assert prepared.recipe.lr == prepared.final_recipe.lr == 0.03
        assert prepared.final_recipe.label_smoothing == (smoothing or made["label_smoothing"])
        assert prepared.recipe.label_smoothing == 0.0


def replaced(config: DesignConfig, **changes: Any) -> DesignConfig:
    from dataclasses import replace

    return replace(config, **changes)


def test_the_difference_is_said() -> None:
    trial = Recipe().resolve(**RESOLVED)
    assert in_words(trial.with_(epochs=50), trial) == "that of the trials"
    assert in_words(trial.with_(mixup=0.2, lr=0.05), trial) == "lr 0.05, mixup 0.2"


def test_smaller_training_images_cost_less() -> None:
    whole = Recipe().with_(crop_scale=0.3)
    assert relative_cost(whole.with_(crop_size=0.5), whole) == pytest.approx(0.25)
    assert relative_cost(whole, whole) == 1


@pytest.mark.slow
def test_final_trainings_keep_their_recipe_until_a_file_replaces_it(
    engine: Any, quiet: Any, config: Callable[..., DesignConfig], tmp_path: Path
) -> None:
    from netwright.workflow import design

    asked = config(out=tmp_path / "run", trials=3, epochs=1, final_epochs=2, final_seeds=1)
    design(asked, quiet)

    def kept() -> float:
        with Population.open(asked.out / "final") as population:
            assert population.counts()["done"] == len(population)
            return float(Recipe.from_dict(population.identity["recipe"]).weight_decay)

    assert yaml.safe_load((asked.out / "final" / "recipe.yaml").read_text())["weight_decay"] == kept() == 5e-5
    path = tmp_path / "mine.yaml"
    path.write_text("weight_decay: 0.01\n")
    design(replaced(asked, final_recipe=str(path)), quiet)
    assert kept() == 0.01
    assert (asked.out / "earlier-1" / "final").is_dir()
    trained = len(engine.trials)
    design(asked, quiet)  # without the file: what is there stays
    assert (kept(), len(engine.trials)) == (0.01, trained)
