"""Whole trainings, in folders, of a network that takes milliseconds a step."""

import json
import logging
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from fixtures.trainings import same, without_times
from PIL import Image
from safetensors.torch import load_file

from netwright.errors import DataError, Diverged, OutputError, RecipeError, WeightsError
from netwright.recipe import load_training, training_to_yaml
from netwright.training import monitor
from netwright.training.run import train
from netwright.weights import load_model


def test_a_training_leaves_weights_tables_and_a_picture(training, tmp_path, capsys):
    trained = train(training(), command="netwright train ...")
    out = tmp_path / "out"
    assert [record.epoch for record in trained.records] == [1, 2]
    assert trained.records[1].loss < trained.records[0].loss
    assert trained.best == out / "tiny_best.safetensors"
    names = {path.name for path in out.iterdir() if not path.name.startswith(".")}
    assert names == {
        *("tiny-1_6.safetensors", "tiny-2_6.safetensors", "tiny_best.safetensors", "training.yaml", "state"),
        "images.json",
        *("result.log", "metrics.jsonl", "curve.png", "images.png"),
    }
    assert (out / "curve.png").read_bytes().startswith(b"\x89PNG")
    assert trained.has_validation
    said = capsys.readouterr().out
    assert said.count("in validation") == said.count("cut by seed 3") == 1
    assert "Epoch: [1/2], batch: [2/6], loss: " in said
    assert "epoch 2/2: loss " in said
    model = load_model(trained.best)
    assert model.class_names == tuple("0123456789")
    assert model.preprocessing.mean == (127.5,)
    assert model.facts["validation"]["top1"] == max(record.validation.top1 for record in trained.records)
    assert str(tmp_path) not in json.dumps(dict(model.facts))


def test_the_recipe_in_the_folder_is_the_training(training, tmp_path):
    train(training(epochs=1), command="netwright train --epochs 1")
    text = (tmp_path / "out" / "training.yaml").read_text()
    assert text.startswith("# netwright train --epochs 1\n")
    expected = training(epochs=1, num_classes=10, data_dir=str(Path.cwd()))
    assert load_training(tmp_path / "out" / "training.yaml").training == expected


def test_a_training_without_validation_says_that_no_accuracy_is_known(training, tmp_path, capsys):
    assert not train(training(val_fraction=0.0, validate=False, epochs=1)).has_validation
    out = " ".join(capsys.readouterr().out.split())
    assert "no accuracy was measured: all images were trained on" in out
    assert "--val_fraction 0.2 --validate" in out
    assert train(training("cut", validate=False, epochs=1)).has_validation
    out = " ".join(capsys.readouterr().out.split())
    assert "no accuracy was measured, as validate is False" in out
    assert f"`netwright validate {tmp_path / 'cut'}`" in out


def test_validate_measures_a_training_on_what_it_kept(training, tmp_path):
    from netwright.evaluation import validate

    trained = train(training())
    found = validate(tmp_path / "out", workers=0)
    assert trained.records[-1].validation is not None
    assert found.metrics.images == trained.records[-1].validation.images
    best = max(record.validation.top1 for record in trained.records if record.validation is not None)
    assert 100 * found.metrics.top1 == pytest.approx(best)
    train(training("all", val_fraction=0.0, validate=False, epochs=1, num_samples=None))
    with pytest.raises(DataError, match="trained on all"):
        validate(tmp_path / "all", workers=0)


@pytest.mark.slow
def test_a_training_stops_early_where_validation_gets_no_better(training, capsys):
    flat = {"lr": 1e-12, "warmup_epochs": 0.0, "epochs": 9, "num_samples": 64}
    stopped = train(training(**flat, early_stopping=2))
    assert 3 <= len(stopped.records) < 9
    assert "stopped early: validation was not better for 2 epochs" in capsys.readouterr().out
    again = train(training(**flat, early_stopping=2))
    assert without_times(again) == without_times(stopped)
    assert len(train(training(**flat)).records) == 9
    with pytest.raises(RecipeError, match="early_stopping waits for a better validation, and validate is False"):
        train(training("other", early_stopping=2, validate=False))


@pytest.fixture
def pointed(tiny, tmp_path) -> str:
    """A network whose last maps are 1x1 for images of 4 pixels."""
    path = tmp_path / "pointed.yaml"
    stages = (replace(tiny.stages[0], stride=2), tiny.stages[1])
    path.write_text(replace(tiny, name="pointed", stages=stages).to_yaml())
    return str(path)


def test_a_last_batch_of_one_image_joins_the_one_before_where_maps_are_1x1(training, pointed, capsys):
    small = {"model": pointed, "image_size": 4, "num_samples": 65, "drop_last": False, "epochs": 1}
    assert len(train(training(**small)).records) == 1
    assert "it joins the batch before, which has 33" in capsys.readouterr().out
    train(training("larger", **{**small, "model": training().network.model, "image_size": 8}))
    assert "joins" not in capsys.readouterr().out  # batch norm has 16 values a channel


def test_batches_of_one_image_are_refused_where_maps_are_1x1(training, pointed):
    small = {"model": pointed, "image_size": 4, "epochs": 1}
    with pytest.raises(RecipeError, match=r"at 4 pixels the last maps of pointed are 1x1, .* Raise batch_size to 2"):
        train(training(**small, batch_size=1))
    with pytest.raises(RecipeError, match="There are 1 images to train on: add some"):
        train(training(**{**small, "num_samples": 1}))
    probed = train(training("probed", **small, batch_size=1, linear_probe=True, num_samples=20))
    assert len(probed.records) == 1  # frozen statistics need no batch


def test_mistakes_are_found_before_training(training, tmp_path, monkeypatch):
    with pytest.raises(RecipeError, match="top_k keeps the best by validation, and validate is False"):
        train(training(checkpoint_policy="top_k", validate=False))
    with pytest.raises(RecipeError, match="a training needs a network"):
        train(training(model=""))
    with pytest.raises(RecipeError, match="resume_optimizer takes"):
        train(training(resume_optimizer=True))
    (tmp_path / "file").write_text("x")
    with pytest.raises(OutputError, match="Choose another --out"):
        train(training("file"))
    usage = type("usage", (), {"free": 1000})
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    says = r"^the weights and states of tiny cannot be written to .* and 1,000 bytes are free there\)\. Free some"
    with pytest.raises(OutputError, match=says):
        train(training())


@pytest.mark.slow
@pytest.mark.parametrize(
    ("epochs", "message"), [(2, "none of the 6 steps of epoch 2 was done"), (20, r"10\d steps in a row")]
)
def test_a_training_that_skips_every_step_fails_and_shows_nan(training, tmp_path, capsys, epochs, message):
    # a loss scale far beyond fp32 makes every gradient infinite
    with pytest.raises(Diverged, match=message):
        train(training(loss_scale=3e38, drop_overflow_update=True, epochs=epochs, lr=1.0, reduction="sum"))
    said = capsys.readouterr().out
    assert "epoch 1/" in said
    assert "loss nan, no step was done; validation accuracy" in said
    first = json.loads((tmp_path / "out" / "metrics.jsonl").read_text().splitlines()[0])
    assert first["loss"] is None
    assert first["train_error"] is None
    assert first["skipped"] == 6


@pytest.mark.slow
def test_fine_tuning_starts_from_weights(training, tmp_path, capsys):
    first = train(training("first"))
    tuned = train(training("second", checkpoint=str(first.best), epochs=1, lr=1e-9, seed=9))
    fresh = train(training("third", epochs=1, lr=1e-9, seed=9))
    assert tuned.records[0].loss < fresh.records[0].loss
    rng = np.random.default_rng(0)
    for name in ("ant", "bee", "cat"):
        (tmp_path / "images" / name).mkdir(parents=True)
        for n in range(4):
            Image.fromarray(rng.integers(0, 256, (8, 8), dtype=np.uint8)).save(tmp_path / "images" / name / f"{n}.png")
    capsys.readouterr()
    folder = {"dataset": "", "data_dir": str(tmp_path / "images"), "batch_size": 4, "num_samples": None}
    other = train(training("fourth", checkpoint=str(first.best), epochs=1, **folder))
    assert "the classifier starts untrained" in capsys.readouterr().out
    model = load_model(other.best)
    assert model.class_names == ("ant", "bee", "cat")
    stem = load_file(first.best)["stem.conv.weight"]
    assert not torch.equal(stem, model.module.stem.conv.weight)  # it was trained
    assert torch.allclose(stem, model.module.stem.conv.weight, atol=0.1)  # from there


@pytest.mark.slow
def test_the_optimizer_goes_on_too_if_asked(training, tmp_path):
    first = train(training("first"))
    start = {"checkpoint": str(tmp_path / "first"), "epochs": 1, "warmup_epochs": 0.0}
    with_, without = (
        train(training(name, resume_optimizer=resumed, **start))
        for name, resumed in (("with", True), ("without", False))
    )
    assert with_.records[0].loss != without.records[0].loss
    lone = tmp_path / "lone" / "tiny.safetensors"
    lone.parent.mkdir()
    lone.write_bytes(first.best.read_bytes())
    with pytest.raises(WeightsError, match=r"has none\. Give such a folder"):
        train(training("other", checkpoint=str(lone), resume_optimizer=True))


@pytest.mark.slow
def test_both_weights_are_reported_and_the_better_are_the_best(training, tmp_path):
    trained = train(training(ema=True, ema_decay=0.5))
    record = max(trained.records, key=lambda each: each.best.top1)
    assert record.ema is not None
    assert load_model(trained.best).facts["weights"] in ("as trained", "moving average")
    average = tmp_path / "out" / "tiny-2_6_ema.safetensors"
    for ref in (tmp_path / "out", average, tmp_path / "out" / "tiny-2_6.safetensors"):
        loaded = load_model(ref, ema=True)
        assert loaded.facts["weights"] == "moving average"
        assert torch.equal(loaded.module.state_dict()["head.fc.bias"], load_file(average)["head.fc.bias"])
    plain = train(training("plain", epochs=1))
    with pytest.raises(WeightsError, match="moving average"):
        load_model(plain.folder, ema=True)


@pytest.mark.slow
def test_validation_is_after_epochs_1_1_plus_k_and_the_last(training):
    trained = train(training(epochs=6, val_interval=3, num_samples=64))
    assert [record.epoch for record in trained.records if record.validation] == [1, 4, 6]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # torch's own, while it compiles
def test_a_compiled_network_is_trained_and_validated(training, tmp_path):
    compiled = train(training("compiled", compile=True, epochs=1, num_samples=64))
    plain = train(training("plain", epochs=1, num_samples=64))
    assert compiled.records[0].loss == pytest.approx(plain.records[0].loss, rel=1e-4)
    assert compiled.records[0].validation.images == 359
    assert load_model(compiled.best).arch.name == "tiny"


@pytest.mark.slow
def test_equal_trainings_write_equal_weights(training, tmp_path):
    for name in ("one", "other"):
        train(training(name, epochs=1))
    for path in (tmp_path / "one").glob("*.safetensors"):
        assert path.read_bytes() == (tmp_path / "other" / path.name).read_bytes()


def test_a_clip_norm_of_0_clips_nothing(training):
    plain, clipped = train(training("plain", epochs=1)), train(training("clipped", epochs=1, clip_norm=0.0))
    assert clipped.records[0].loss == plain.records[0].loss


@pytest.mark.slow
def test_trackers_get_the_numbers(training, tmp_path):
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    trained = train(training(trackers=("tensorboard",)))
    events = EventAccumulator(str(tmp_path / "out" / "tensorboard"))
    events.Reload()
    assert [event.step for event in events.Scalars("loss")] == [1, 2]
    assert events.Scalars("validation_top1")[1].value == pytest.approx(trained.records[1].validation.top1)


def test_weights_and_biases_gets_them_offline(training, tmp_path):
    pytest.importorskip("wandb")
    train(training(trackers=("wandb",), epochs=1))
    [folder] = (tmp_path / "out" / "wandb").glob("offline-run-*")
    assert list(folder.glob("*.wandb"))


@pytest.mark.slow
def test_a_recipe_and_keywords_are_trained_as_the_command_does(training, tmp_path, caplog):
    whole = train(training("whole", epochs=1))
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(training_to_yaml(training("never")) + "mode: 1\n")
    trained = train(recipe, out=tmp_path / "out", epoch_size=1)
    assert trained.folder == tmp_path / "out"
    assert not (tmp_path / "never").exists()
    assert without_times(trained) == without_times(whole)
    assert same(tmp_path / "whole", tmp_path / "out")
    assert "Keys that have no meaning here: mode" in caplog.text
    other = train(training("whole"), out=str(tmp_path / "other"), epochs=1, validate=False)
    assert other.best is None
    model = other.load_model()
    assert (model.arch.name, model.facts["epoch"]) == ("tiny", 1)
    assert trained.load_model().facts["validation"]["top1"] == trained.records[0].validation.top1


def test_the_classes_of_a_recipe_are_those_of_the_images_and_those_of_a_keyword_must_be(training, tmp_path, capsys):
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(training_to_yaml(training("out", epochs=1)).replace("num_classes: null", "num_classes: 1000"))
    train(recipe)
    assert "the recipe is for 1,000 classes, and digits has 10, which are learned" in capsys.readouterr().out
    with pytest.raises(DataError, match=r"num_classes is the number of the images' classes, .* not 7\."):
        train(recipe, num_classes=7, out="other")


def test_a_library_user_can_silence_a_training(training, tmp_path, capsys, caplog: pytest.LogCaptureFixture):
    with caplog.at_level(logging.INFO, logger="netwright"):
        train(training(epochs=1), monitor=monitor.NullMonitor())
    assert capsys.readouterr() == ("", "")
    assert "1 epoch in" in caplog.text
    assert (tmp_path / "out" / "tiny_best.safetensors").is_file()


@pytest.mark.slow
def test_weights_say_what_they_are_of_and_how_images_are_prepared(training, tmp_path, caplog):
    first = train(training("first", epochs=1, resize="letterbox", background="black"))
    keys = {"dataset": "digits", "epochs": 1, "num_samples": 64, "batch_size": 32, "workers": 0, "threads": 1}
    tuned = train(checkpoint=str(tmp_path / "first"), out=tmp_path / "second", device="cpu", **keys)
    model = load_model(tuned.best)
    assert (model.arch.name, model.arch.resolution, model.arch.stem.kind) == ("tiny", 8, "cifar")
    assert model.preprocessing == load_model(first.best).preprocessing
    assert any("--mean 127.5 --std 127.5 --resize letterbox --background black" in line for line in caplog.messages)


def test_a_network_file_knows_its_resolution(training, tmp_path):
    from netwright.training.planning import planned

    model = training().network.model
    loaded = planned(load_training(None, {"model": model}))
    assert loaded.training.augmentation.image_size == 8
    assert loaded.notices == ("from the network: --image_size 8",)
    assert planned(load_training(None, {"model": model, "image_size": "32"})).training.augmentation.image_size == 32
    assert planned(load_training(None, {"model": "regnet_x_200mf"})).training.augmentation.image_size == 224
