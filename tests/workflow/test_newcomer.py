"""What a newcomer types first, in the folder of the photos: results lie among the photos and are never learned."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from netwright.cli.main import main
from netwright.data import open_source

_QUICK = ("--resolution", "16", "--max_flops", "1M", "--workers", "1", "--epochs", "1")


@pytest.fixture
def photos(tmp_path, monkeypatch):
    """Twelve photos of each of two things, one of them there twice, and a text; the working folder."""
    rng = np.random.default_rng(0)
    for label, name in enumerate(("day", "night")):
        (tmp_path / name).mkdir()
        for number in range(12):
            pixels = rng.integers(0, 100, (20, 24, 3)) + 150 * (1 - label)
            Image.fromarray(pixels.astype(np.uint8)).save(tmp_path / name / f"{number}.png")
    (tmp_path / "day" / "again.png").write_bytes((tmp_path / "day" / "0.png").read_bytes())
    (tmp_path / "notes.txt").write_text("Monday")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.slow
def test_training_designing_and_measuring_in_the_folder_of_the_photos(photos, capfd, caplog):
    caplog.set_level("INFO", "netwright")
    training = ("--model", "regnet_x_200mf", "--val_fraction", "0.25", "--image_size", "32", "--batch_size", "8")
    assert main(["train", *training, "--epochs", "1", "--workers", "0", "--stem", "cifar"]) == 0
    said = capfd.readouterr().err + caplog.text
    assert "25 images of 2 classes" in said
    assert "1 file that is no image (.txt 1)" in said
    assert "1 image is there more than once: day/0.png = day/again.png." in said
    design = ("--trials", "2", "--confirm_trials", "1", "--final_epochs", "1", "--final_seeds", "1")
    assert main(["design", "--data_dir", ".", *design, *_QUICK]) == 0
    said = capfd.readouterr().err
    assert said.index("  day ") < said.index("2/2 trials")  # before anything runs
    assert "2 folders of netwright's own results (ckpt/, runs/)" in said
    result = json.loads((photos / "runs" / "design" / "result.json").read_text())
    assert {name: sum(splits.values()) for name, splits in result["data"]["classes"].items()} == {
        "day": 13,
        "night": 12,
    }
    assert "day/0.png = day/again.png" in (photos / "runs" / "design" / "report.html").read_text()
    assert main(["validate", "ckpt", "--out", "measured"]) == 0
    assert (photos / "measured" / ".netwright-run").is_file()
    source = open_source(photos)
    assert source.class_names == ("day", "night")
    assert len(source.labels) == 25


def test_a_sweep_whose_photos_were_deleted_says_so(tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    shutil.copytree(Path(__file__).parents[1] / "golden" / "v0_1" / "done", "a")
    assert main(["sweep", "regnetx", "--data_dir", "photos", *_QUICK, "--out", "a"]) == 1
    assert "those of a are gone: there is no photos any more. Put them back" in capfd.readouterr().err
