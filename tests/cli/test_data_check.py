import csv
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from curation.conftest import encoded, photo, sound

Run = Callable[..., Any]


@pytest.fixture
def images(tmp_path: Path) -> Path:
    return sound(tmp_path / "photos")


def test_the_group_lists_its_commands(netwright: Run) -> None:
    done = netwright("data")
    assert done.status == 0
    assert "data check" in done.out
    done = netwright("data", "chekc")
    assert done.status == 2
    assert "unknown command 'data chekc': did you mean 'check'?" in done.err


def test_sound_images_exit_with_0(netwright: Run, images: Path) -> None:
    done = netwright("data", "check", images)
    assert done.status == 0, done.err
    assert "0 errors, 0 warnings, 0 notes; 16 of 16 images can be read" in done.out


def test_errors_exit_with_1_unless_told_otherwise(netwright: Run, images: Path) -> None:
    shutil.copy(images / "train" / "ant" / "0.jpg", images / "val" / "ant" / "copy.jpg")
    done = netwright("data", "check", images)
    assert done.status == 1
    assert "train/ant/0.jpg = val/ant/copy.jpg (train and validation)" in done.out
    assert netwright("data", "check", images, "--fail_on", "never").status == 0


def test_warnings_fail_where_that_is_wanted(netwright: Run, images: Path) -> None:
    (images / "train" / "ant" / "x.jpg").write_bytes(encoded(photo(900), "PNG"))
    assert netwright("data", "check", images).status == 0
    assert netwright("data", "check", images, "--fail-on", "warning").status == 1


def test_json_and_the_files(netwright: Run, images: Path, tmp_path: Path) -> None:
    (images / "train" / "ant" / "x.jpg").write_bytes(b"no image")
    done = netwright("data", "check", images, "--json", "--out", tmp_path / "checked")
    told = json.loads(done.out)
    assert (told["format"], told["counts"]["error"], told["read"]) == (1, 1, 16)
    assert told["findings"][0]["groups"][0]["names"] == ["train/ant/x.jpg"]
    saved = json.loads((tmp_path / "checked" / "check.json").read_text())
    assert saved == told
    with open(tmp_path / "checked" / "images.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 17
    bad = [row for row in rows if row["findings"]]
    assert [(row["image"], row["findings"], row["width"]) for row in bad] == [("train/ant/x.jpg", "unreadable", "0")]
    page = (tmp_path / "checked" / "report.html").read_text()
    assert "Images that cannot be read" in page


@pytest.mark.slow  # torch is imported
def test_a_network_finds_labels(netwright: Run, images: Path, tmp_path: Path) -> None:
    from netwright import build, regnet, save_model
    from netwright.data import Preprocessing

    arch = regnet(depth=5, w0=8, wa=8.0, wm=2.5, group_width=8, num_classes=2, resolution=32)
    weights = tmp_path / "net.safetensors"
    preprocessing = Preprocessing(image_size=32)
    save_model(weights, build(arch, seed=0), class_names=("ant", "bee"), preprocessing=preprocessing)
    done = netwright("data", "check", images, "--model", weights, "--json")
    codes = [each["code"] for each in json.loads(done.out)["findings"]]
    # an untrained network is confident of about half of them
    assert set(codes) <= {"label_new"}
    assert done.status == 0
