"""Whole trainings, in folders, of a network that takes milliseconds a step."""

import json
import logging
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

from netwright.errors import DataError, Diverged, OutputError, PopulationError, RecipeError, WeightsError
from netwright.recipe import TrainConfig, load_training, training_to_yaml
from netwright.system.lock import Lock
from netwright.training import monitor, session
from netwright.training.run import Trained, train
from netwright.weights import load_model

DIGITS: dict[str, Any] = {
    **{"dataset": "digits", "image_size": 8, "in_channels": 1, "mean": (127.5,), "std": (127.5,), "workers": 0},
    **{"random_crop": "padded", "hflip": 0.0, "color_jitter": None, "num_samples": 200, "val_fraction": 0.2},
    **{"validate": True, "optimizer": "momentum", "batch_size": 32, "epochs": 2, "lr": 0.05, "threads": 1, "seed": 3},
    **{"warmup_epochs": 0.5, "decay_epochs": None, "device": "cpu", "log_interval": 2},
}


@pytest.fixture
def training(tiny: Any, tmp_path: Path) -> Any:
    """A training of the digits with some keys changed, in tmp_path / out."""
    network = tmp_path / "tiny.yaml"
    network.write_text(replace(tiny, name="tiny").to_yaml())

    def make(out: str = "out", **changes: Any) -> TrainConfig:
        return TrainConfig().with_(**(DIGITS | {"model": str(network), "out": str(tmp_path / out)} | changes))

    return make


def weights(folder: Path) -> dict[str, dict[str, torch.Tensor]]:
    return {path.name: load_file(path) for path in sorted(folder.glob("*.safetensors"))}


def same(one: Path, two: Path) -> bool:
    first, second = weights(one), weights(two)
    return first.keys() == second.keys() and all(
        torch.equal(value, second[name][key]) for name, file in first.items() for key, value in file.items()
    )


def without_times(trained: Trained) -> list[Any]:
    return [replace(record, train_seconds=0.0, eval_seconds=0.0, images_per_second=0.0) for record in trained.records]


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


class Stop(Exception):  # noqa: N818 - no error
    """What an interruption is here."""


def interrupted(training: TrainConfig, at: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Train until the at-th step is done and saved, and no further."""
    calls = 0
    step = monitor.ConsoleMonitor.step

    def counted(self: monitor.ConsoleMonitor, batches: int, loss: Any, lr: float) -> None:
        nonlocal calls
        calls += 1
        if calls > at:
            raise Stop
        step(self, batches, loss, lr)

    with monkeypatch.context() as patched:
        patched.setattr(monitor.ConsoleMonitor, "step", counted)
        with pytest.raises(Stop):
            train(training)


EVERYTHING = {
    **{"optimizer": "adamw", "lr": 0.003, "ema": True, "mixup": 0.2, "cutmix": 1.0, "re_prob": 0.5, "clip_norm": 1.0},
    **{"drop_rate": 0.1, "drop_path_rate": 0.1, "label_smoothing": 0.1, "layer_decay": 0.9, "precise_bn": 2},
}


@pytest.mark.slow
@pytest.mark.parametrize(
    "changes",
    [
        {},
        EVERYTHING,
        {"optimizer": "lamb", "accumulate": 2, "precision": "bf16"},
        {"loss_scale_type": "dynamic", "loss_scale": 4.0, "on_nan": "skip", "drop_last": False},
    ],
    ids=["plain", "everything", "accumulated", "scaled"],
)
def test_an_interrupted_training_ends_in_the_same_bits(training, tmp_path, monkeypatch, changes):
    whole = train(training("whole", **changes))
    # in the first epoch, in the second, and just before the end of it
    for at in (1, 2, 1) if "accumulate" in changes else (2, 3, 3):
        interrupted(training("parts", state_interval=0.0, **changes), at, monkeypatch)
    parts = train(training("parts", **changes))
    assert same(tmp_path / "whole", tmp_path / "parts")
    assert without_times(whole) == without_times(parts)
    logs = [(tmp_path / name / "result.log").read_text().splitlines() for name in ("whole", "parts")]
    assert [line.split("\t")[:4] for line in logs[0]] == [line.split("\t")[:4] for line in logs[1]]


def test_a_finished_training_is_not_trained_again(training, tmp_path, capsys):
    first = train(training())
    before = (tmp_path / "out" / "tiny-2_6.safetensors").stat().st_mtime_ns
    capsys.readouterr()
    again = train(training())
    assert again.records == first.records
    assert "holds this training, finished" in capsys.readouterr().out
    assert (tmp_path / "out" / "tiny-2_6.safetensors").stat().st_mtime_ns == before


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


def test_another_training_is_not_gone_on_with(training):
    train(training(epochs=1))
    with pytest.raises(RecipeError, match=r"holds another training: lr was 0\.05 and is 0\.1\. Choose another --out"):
        train(training(epochs=1, lr=0.1))
    with pytest.raises(RecipeError, match=r"resume is False, and .* holds a training already"):
        train(training(epochs=1, resume=False))


def test_a_refusal_says_what_may_change(training):
    train(training(epochs=1))
    with pytest.raises(RecipeError, match=r"These may change: .*epochs, .*log_interval, .*until_epoch, .*workers\."):
        train(training(epochs=1, weight_decay=0.5))


@pytest.mark.slow
def test_other_threads_change_the_last_bits_only(training, capsys):
    train(training(epochs=2, until_epoch=1))
    strict = training(epochs=2, threads=2, strict_resume=True)
    with pytest.raises(RecipeError, match=r"threads was 1 and is 2; .*--strict_resume false allows more"):
        train(strict)
    capsys.readouterr()
    assert len(train(training(epochs=2, threads=2)).records) == 2
    assert "processor threads was 1 and is 2: the training continues, with results that may" in capsys.readouterr().out


def test_a_training_is_extended_after_its_end_and_the_schedule_is_said(training, tmp_path, capsys):
    train(training(epochs=2))
    capsys.readouterr()
    trained = train(training(epochs=3))
    assert [record.epoch for record in trained.records] == [1, 2, 3]
    said = capsys.readouterr().out
    assert "epochs was 2 and is 3: the schedule is planned again over all 3; the learning rate goes on with " in said
    assert "goes on with 0.0173 (1e-06 as planned before) and ends with 0.000547" in said
    assert trained.records[2].lr == pytest.approx(0.000547, abs=1e-6)
    assert (tmp_path / "out" / "tiny-3_6.safetensors").exists()
    with pytest.raises(RecipeError, match="3 of them begun or done, and epochs is 2"):
        train(training(epochs=2))
    with pytest.raises(RecipeError, match="epochs was 3 and is 4"):
        train(training(epochs=4, strict_resume=True))


def test_a_part_of_a_training_is_trained_by_the_schedule_of_the_whole(training, tmp_path, capsys):
    whole = train(training("whole", epochs=2))
    part = train(training("part", epochs=2, until_epoch=1))
    assert len(part.records) == 1
    assert "stopped after epoch 1 of 2" in capsys.readouterr().out
    train(training("part", epochs=2, until_epoch=1))
    assert "holds this training, until epoch 1 of 2" in capsys.readouterr().out
    assert without_times(train(training("part", epochs=2))) == without_times(whole)
    assert same(tmp_path / "whole", tmp_path / "part")


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


def test_what_changes_no_weights_may_change(training, tmp_path):
    train(training(log_interval=5, state_interval=7.0, checkpoint_policy="all", epochs=1))
    train(training(log_interval=1, checkpoint_policy="top_k", epochs=1))


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


def test_two_programs_do_not_share_a_folder(training, tmp_path):
    (tmp_path / "out").mkdir()
    with Lock(tmp_path / "out"), pytest.raises(PopulationError, match="another program"):
        train(training())


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
def test_a_disk_that_is_full_for_a_while_is_survived(training, tmp_path, monkeypatch, capsys):
    saved = session.save_state
    names: list[str] = []

    def sometimes(folder: Path, name: str, state: Any) -> Path:
        names.append(name)
        if len(names) in (2, 3):
            raise OutputError("No space left on device")
        return saved(folder, name, state)

    whole = train(training("whole"))
    with monkeypatch.context() as patched:
        patched.setattr(session, "save_state", sometimes)
        trained = train(training("out", state_interval=0.0))
    assert capsys.readouterr().out.count("the state is not saved, and training continues: No space") == 2
    assert without_times(trained) == without_times(whole)
    assert same(tmp_path / "whole", tmp_path / "out")


def test_a_training_that_diverges_keeps_its_last_good_state(training, tmp_path):
    with pytest.raises(Diverged, match="diverged"):
        train(training(lr=1e30, warmup_epochs=1.5, state_interval=0.0, epochs=3))
    [state] = (tmp_path / "out" / "state").iterdir()
    assert all(
        bool(torch.isfinite(value).all())
        for name, value in load_file(state / "tensors.safetensors").items()
        if name.startswith("model/")
    )


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
def test_what_is_not_validated_on_is_not_looked_at(photos, training, tmp_path):
    shutil.move(photos / "bright", photos / "train" / "bright")
    shutil.move(photos / "dark", photos / "train" / "dark")
    shutil.copytree(photos / "train" / "dark", photos / "val" / "unknown")
    flat = {
        "dataset": "",
        "data_dir": str(photos),
        "in_channels": 3,
        "mean": (127.5,),
        "std": (127.5,),
        "batch_size": 8,
    }
    flat |= {"num_samples": None, "val_fraction": 0.0, "epochs": 1}
    with pytest.raises(DataError, match="unknown"):
        train(training("out", **flat))
    assert len(train(training("out", **flat, validate=False)).records) == 1


@pytest.mark.slow
def test_a_signal_to_all_processes_is_no_want_of_memory(photos, training, tmp_path):
    flat = {
        "dataset": "",
        "data_dir": str(photos),
        "in_channels": 3,
        "mean": (127.5,),
        "std": (127.5,),
        "batch_size": 8,
    }
    flat |= {
        "num_samples": None,
        "val_fraction": 0.0,
        "validate": False,
        "epochs": 200,
        "workers": 1,
        "log_interval": 1,
    }
    words = flags(training("out", **flat, random_crop="resized", auto_augment="randaug-m9"))
    process = subprocess.Popen(
        [sys.executable, "-m", "netwright", "train", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    until_it_says(process, "Epoch: [2/200]")
    os.killpg(process.pid, signal.SIGTERM)
    said, _ = process.communicate()
    assert process.returncode == 130, said
    assert "the same command continues" in said
    assert "memory" not in said
    assert list((tmp_path / "out" / "state").iterdir())


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


def flags(training: TrainConfig) -> list[str]:
    plain = {key: value for key, value in training.to_flat().items() if value != TrainConfig().to_flat()[key]}
    return [word for key, value in plain.items() for word in (f"--{key}", "none" if value is None else str(value))]


def started(training: TrainConfig) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "netwright", "train", *flags(training)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def until_it_says(process: subprocess.Popen[str], words: str) -> None:
    assert process.stdout is not None
    for line in process.stdout:
        if words in line:
            return
    raise AssertionError(f"it never said {words!r}")


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "status"), [(signal.SIGKILL, -signal.SIGKILL), (signal.SIGTERM, 130)])
def test_a_killed_program_goes_on_with_the_same_command(training, tmp_path, kind, status):
    long = {"epochs": 8, "log_interval": 1, "state_interval": 0.0}
    process = started(training("parts", **long))
    until_it_says(process, "Epoch: [2/8], batch: [3/6]")
    os.kill(process.pid, kind)
    process.communicate()
    assert process.returncode == status
    begun = time.monotonic()
    train(training("parts", **long))
    train(training("whole", **long))
    assert same(tmp_path / "whole", tmp_path / "parts")
    assert time.monotonic() - begun < 200


@pytest.mark.slow
def test_a_closed_pipe_ends_neither_the_training_nor_its_record(training, tmp_path):
    process = started(training(epochs=3, log_interval=1))
    until_it_says(process, "Epoch: [1/3], batch: [2/6]")
    assert process.stdout is not None
    process.stdout.close()
    assert process.wait() == 0
    assert len((tmp_path / "out" / "metrics.jsonl").read_text().splitlines()) == 3
    assert (tmp_path / "out" / "tiny-3_6.safetensors").exists()


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


@pytest.fixture
def photos(tmp_path, monkeypatch) -> Path:
    """Two kinds of photos, 30 and 10, of 40 x 48 pixels; no network for weights."""
    monkeypatch.setenv("NETWRIGHT_OFFLINE", "1")
    monkeypatch.setenv("NETWRIGHT_CACHE", str(tmp_path / "cache"))
    rng = np.random.default_rng(0)
    for name, count, add in (("bright", 30, 120), ("dark", 10, 0)):
        (tmp_path / "photos" / name).mkdir(parents=True)
        for n in range(count):
            pixels = rng.integers(0, 120, (40, 48, 3)) + add
            Image.fromarray(pixels.astype("uint8")).save(tmp_path / "photos" / name / f"{n}.jpg")
    return tmp_path / "photos"


@pytest.mark.slow
def test_bad_images_are_named_and_counted_and_a_class_of_them_is_refused(photos, training, tmp_path, capsys):
    flat = {
        "dataset": "",
        "data_dir": str(photos),
        "in_channels": 3,
        "mean": (127.5,),
        "std": (127.5,),
        "batch_size": 8,
    }
    flat |= {"num_samples": None, "val_fraction": 0.5, "epochs": 1}
    for n in range(6):
        path = photos / "dark" / f"{n}.jpg"
        path.write_bytes(path.read_bytes()[:300] + bytes([n]))  # equal files would be kept in one split
    [record] = train(training("out", **flat)).records
    assert record.bad_images + record.validation.bad_images == 6
    assert record.validation.images + record.validation.bad_images == 20
    said = capsys.readouterr().out
    assert said.count("bad image dark/") == 6
    assert f"({record.validation.images} of 20 images, the others cannot be read)" in said
    line = json.loads((tmp_path / "out" / "metrics.jsonl").read_text())
    assert line["validation"]["bad_images"] == record.validation.bad_images
    for path in (photos / "dark").iterdir():
        path.write_bytes(b"no image")
    with pytest.raises(DataError, match=r"no image of the class 'dark' can be read, of 5 in .* Repair its images"):
        train(training("other", **flat))


@pytest.mark.slow
def test_photos_alone_are_enough(photos, tmp_path, caplog):
    """The same command again continues, with what was chosen before."""
    flat = {"data_dir": str(photos), "out": str(tmp_path / "out"), "threads": 1, "workers": 0, "device": "cpu"}
    with caplog.at_level(logging.WARNING, logger="netwright"):
        trained = train(**flat, epochs=1)
    chosen = next(line for line in caplog.messages if line.startswith("chosen, as they were not given: "))
    assert "--model regnet_x_200mf --image_size 32 --stem cifar" in chosen
    assert "--val_fraction 0.2" in chosen
    assert "--epochs" not in chosen
    assert any("put the file at" in line and "regnet_y_400mf-" in line for line in caplog.messages)
    assert any(" an epoch on this machine as it is now, " in line for line in caplog.messages)
    assert not any("decay_epochs none makes them end together" in line for line in caplog.messages)  # it was chosen
    assert trained.records[0].validation.images == 8
    caplog.clear()
    again = train(**flat, epochs=1)
    assert without_times(again) == without_times(trained)
    assert any(line.startswith(f"as in {tmp_path / 'out'}: --model regnet_x_200mf") for line in caplog.messages)


@pytest.mark.slow
def test_images_that_no_mirror_suits_are_gone_on_with_too(tmp_path):
    rng = np.random.default_rng(0)
    for label in range(2):
        (tmp_path / "signs" / f"{label}").mkdir(parents=True)
        for number in range(10):
            pixels = rng.integers(0, 80, (20, 20), dtype=np.uint8) + np.uint8(80 * label)
            Image.fromarray(pixels).save(tmp_path / "signs" / f"{label}" / f"{number}.png")
    flat = {"data_dir": str(tmp_path / "signs"), "out": str(tmp_path / "out"), "threads": 1, "workers": 0}
    assert len(train(**flat, device="cpu", epochs=1).records) == 1
    assert len(train(**flat, device="cpu", epochs=2).records) == 2
    assert "hflip: 0.0" in (tmp_path / "out" / "training.yaml").read_text()


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
    assert loaded.notices == ("as the network says: --image_size 8",)
    assert planned(load_training(None, {"model": model, "image_size": "32"})).training.augmentation.image_size == 32
    assert planned(load_training(None, {"model": "regnet_x_200mf"})).training.augmentation.image_size == 224


@pytest.mark.slow
def test_rare_classes_count_more_or_come_more_often(photos, training):
    uneven = {"dataset": "", "data_dir": str(photos), "in_channels": 3, "mean": (127.5,), "std": (127.5,)}
    uneven |= {"num_samples": None, "epochs": 1, "batch_size": 8}
    plain = train(training("plain", **uneven))
    weighted = train(training("weighted", **uneven, class_weights="balanced"))
    balanced = train(training("balanced", **uneven, balanced_sampler=True))
    assert len({each.records[0].loss for each in (plain, weighted, balanced)}) == 3
    with pytest.raises(RecipeError, match="balanced_sampler draws images at random, and shuffle is False"):
        training(balanced_sampler=True, shuffle=False)
