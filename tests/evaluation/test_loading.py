from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from netwright.errors import WeightsError
from netwright.evaluation.loading import images_of_run, load_for
from netwright.recipe import TrainConfig, training_to_yaml
from netwright.weights import LoadedModel, save_model

NONE: frozenset[str] = frozenset()


def trained(model: LoadedModel, **keys: Any) -> LoadedModel:
    facts: Mapping[str, Any] = {"training": TrainConfig().with_(**keys).to_flat()}
    return replace(model, facts={"training": {k: v for k, v in facts["training"].items() if k != "data_dir"}})


def test_without_weights_there_is_no_answer() -> None:
    with pytest.raises(WeightsError, match=r"none are named\. Give a run folder"):
        load_for(TrainConfig(), NONE)
    with pytest.raises(WeightsError, match=r"for regnet_x_800mf none are named.*--ckpt_path"):
        load_for(TrainConfig().with_(model="regnet_x_800mf"), NONE)


def test_the_published_weights_are_those_of_the_cache(monkeypatch: pytest.MonkeyPatch, weights: Path) -> None:
    monkeypatch.setattr("netwright.weights.pretrained_file", lambda name: weights)
    model, _ = load_for(TrainConfig().with_(model="", checkpoint=str(weights)), NONE)
    assert model.arch.name == "tiny"
    # the file says another network than the one whose published weights are asked for
    with pytest.raises(WeightsError):
        load_for(TrainConfig().with_(model="regnet_x_800mf", pretrained=True), NONE)


def test_images_are_prepared_as_the_weights_say_unless_a_key_is_given(weights: Path, model: LoadedModel) -> None:
    training = TrainConfig().with_(checkpoint=str(weights), image_size=32, crop_pct=0.5)
    same, notices = load_for(training, NONE)
    assert (same.preprocessing, notices) == (model.preprocessing, ())
    other, notices = load_for(training, frozenset({"image_size"}))
    assert other.preprocessing == replace(model.preprocessing, image_size=32)
    assert notices == ("Images are not prepared as for the weights: image_size 32 instead of 24.",)
    _, notices = load_for(training.with_(image_size=24), frozenset({"image_size"}))
    assert notices == ()


def test_another_crop_is_not_cut_out_first(tmp_path: Path, model: LoadedModel) -> None:
    own = replace(model.preprocessing, crop_pct=1.0, interpolation="bilinear", antialias=True, crop_first=True)
    save_model(tmp_path / "a.safetensors", model.module, preprocessing=own)
    training = TrainConfig().with_(checkpoint=str(tmp_path / "a.safetensors"), image_size=32, crop_pct=0.5)
    same, _ = load_for(training, frozenset({"image_size"}))
    assert same.preprocessing == replace(own, image_size=32)
    other, notices = load_for(training, frozenset({"crop_pct"}))
    assert other.preprocessing == replace(own, crop_pct=0.5, crop_first=False)
    assert notices == ("Images are not prepared as for the weights: crop_pct 0.5 instead of 1.0.",)


def test_a_run_is_validated_on_its_own_images(tmp_path: Path, model: LoadedModel) -> None:
    keys: dict[str, Any] = {"dataset": "cifar10", "val_split": "test", "seed": 3}
    (tmp_path / "training.yaml").write_text(training_to_yaml(TrainConfig().with_(data_dir="/images", **keys)))
    for place in (tmp_path, tmp_path / "tiny_best.safetensors"):
        training, said = images_of_run(trained(model, **keys).facts, TrainConfig().with_(checkpoint=str(place)), NONE)
        assert (training.images.data_dir, training.images.dataset) == ("/images", "cifar10")
        assert (training.images.val_split, training.machine.seed, said) == ("test", 3, "")


def test_what_the_user_says_comes_first(model: LoadedModel) -> None:
    given = TrainConfig().with_(checkpoint="x", data_dir="/mine", val_split="mine")
    training, said = images_of_run(
        trained(model, val_split="theirs", val_fraction=0.25, seed=5).facts, given, frozenset({"data_dir", "val_split"})
    )
    assert (training.images.data_dir, training.images.val_split) == ("/mine", "mine")
    assert training.images.val_fraction == 0.25
    assert "25% of each class, by seed 5" in said


def test_a_folder_is_never_taken_for_the_bundled_digits(model: LoadedModel) -> None:
    given = TrainConfig().with_(data_dir="/mine")
    training, _ = images_of_run(
        trained(model, dataset="digits", val_fraction=0.2).facts, given, frozenset({"data_dir"})
    )
    assert training == given
    training, _ = images_of_run(trained(model, dataset="digits", val_fraction=0.2).facts, TrainConfig(), NONE)
    assert (training.images.dataset, training.images.val_fraction) == ("digits", 0.2)


def test_weights_that_say_nothing_of_their_images_change_nothing(model: LoadedModel) -> None:
    assert images_of_run(model.facts, TrainConfig(), NONE) == (TrainConfig(), "")


def test_what_is_transparent_and_how_images_become_square_may_be_given(weights: Path, model: LoadedModel) -> None:
    training = TrainConfig().with_(checkpoint=str(weights), resize="letterbox", background="#102030", full_scale=4095.0)
    loaded, notices = load_for(training, {"checkpoint", "resize", "background", "full_scale"})
    ours, own = loaded.preprocessing, model.preprocessing
    assert (ours.resize, ours.background, ours.full_scale, ours.crop_pct) == ("letterbox", "#102030", 4095.0, 1.0)
    assert (ours.image_size, ours.mean) == (own.image_size, own.mean)
    assert "resize letterbox instead of crop, background #102030 instead of white" in notices[-1]
    as_said, none = load_for(training.with_(full_scale=None), {"checkpoint", "full_scale"})
    assert (as_said.preprocessing, len(none)) == (own, len(notices) - 1)
