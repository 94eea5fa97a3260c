"""Trainings that were interrupted, killed, finished or extended, and go on in their folders."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import torch
from fixtures.trainings import flags, of_photos, same, without_times
from safetensors.torch import load_file

from netwright.errors import Diverged, OutputError, PopulationError, RecipeError
from netwright.recipe import TrainConfig
from netwright.system.lock import Lock
from netwright.training import monitor, session
from netwright.training.run import train


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
    assert "epochs was 2 and is 3: the schedule is planned again over all 3; the learning rate continues with " in said
    assert "continues with 0.0173 (1e-06 as planned before) and ends with 0.000547" in said
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


def test_what_changes_no_weights_may_change(training, tmp_path):
    train(training(log_interval=5, state_interval=7.0, checkpoint_policy="all", epochs=1))
    train(training(log_interval=1, checkpoint_policy="top_k", epochs=1))


def test_two_programs_do_not_share_a_folder(training, tmp_path):
    (tmp_path / "out").mkdir()
    with Lock(tmp_path / "out"), pytest.raises(PopulationError, match="another program"):
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
def test_a_signal_to_all_processes_is_no_want_of_memory(photos, training, tmp_path):
    flat = of_photos(photos) | {"val_fraction": 0.0, "validate": False}
    flat |= {"epochs": 200, "workers": 1, "log_interval": 1}
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
