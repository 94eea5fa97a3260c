"""A newcomer's walk: photos as their owners left them, in every layout, through every command that reads them."""

import csv
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from netwright import open_runtime
from netwright.arch import Arch, Stage, Stem
from netwright.cli.main import main
from netwright.data import open_source

Layout = Callable[[Path], object]
Run = Callable[..., Any]
_READERS = (("train", "--epochs", "1"), ("design", "--budget", "3m"), ("sweep", "regnetx"))


def picture(path: Path, number: int, light: int = 0, size: tuple[int, int] = (20, 16), format: str = "PNG") -> None:
    """A noisy picture, dark or light, other for each number."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(number).integers(0, 100, (size[1], size[0], 3)) + light
    Image.fromarray(pixels.astype(np.uint8)).save(path, format)


def classes(root: Path, names: tuple[str, ...] = ("day", "night"), count: int = 8, start: int = 0) -> None:
    for label, name in enumerate(names):
        for number in range(count):
            picture(root / name / f"{number}.png", start + 100 * label + number, 150 * (label % 2))


def loose(folder: Path, count: int = 5) -> None:
    for number in range(count):
        picture(folder / f"{number}.png", 1000 + number)


def two_splits(root: Path, train: str = "train", test: str = "test", names: tuple[str, ...] = ("day", "night")) -> None:
    classes(root / train, names)
    classes(root / test, ("day", "night"), start=5000)


# layout -> (what makes it, what every command says)
_REFUSED: dict[str, tuple[Layout, str]] = {
    "two folders of images": (lambda at: (loose(at / "train"), loose(at / "test")), "Sort them into one folder per cl"),
    "one folder of images": (loose, "Sort them into one folder per class"),
    "a repository": (lambda at: (classes(at / "data-small"), loose(at / "docs")), "did you mean photos/data-small?"),
    "a typing mistake": (lambda at: two_splits(at, test="val", names=("day", "nigth")), "(a typing mistake? "),
    "one class": (lambda at: classes(at, ("day",)), "at least 2 classes"),
    "nothing": (lambda at: at.mkdir(), "there are no images below photos"),
    "a damaged archive": (lambda at: at.write_bytes(b"PK\3\4"), "photos is damaged"),
    "nothing of that name": (lambda at: None, "the data folder 'photos' does not exist"),
}
# layout -> (what makes it, its splits, what is said before anything runs)
_READ: dict[str, tuple[Layout, set[str], str]] = {
    "classes": (classes, {"all"}, "16 images of 2 classes"),
    "splits": (lambda at: two_splits(at, "Training", "TEST"), {"train", "test"}, "16 images of 2 classes"),
    "doubled": (lambda at: two_splits(at, "seg_train/seg_train", "seg_test/seg_test"), {"train", "test"}, "seg_train/"),
    "nested": (lambda at: classes(at / "archive" / "dataset"), {"all"}, "archive/dataset"),
    "unlabeled": (lambda at: (classes(at), loose(at / "test")), {"all"}, "5 images in test/ (images directly in it"),
    "a class train": (lambda at: classes(at, ("train", "bus")), {"all"}, "'train' looks like the name of a split"),
    "not utf-8": (lambda at: latin_1(at), {"all"}, "café"),
    "spaces": (lambda at: classes(at, ("my day", "my night")), {"all"}, "my night"),
}


def latin_1(root: Path) -> None:
    """A class folder as an older Windows or a zip of it named it."""
    classes(root, ("day", "x"))
    try:
        os.rename(os.fsencode(root / "x"), os.fsencode(root) + b"/caf\xe9")
    except OSError:  # macOS takes UTF-8 only
        pytest.skip("this file system takes no such name")


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder, with a small network."""
    stages = (Stage(1, 16, 2, group_width=8), Stage(1, 24, 2, group_width=8))
    arch = Arch(stages, stem=Stem("cifar", 8), resolution=16, num_classes=2, name="tiny")
    (tmp_path / "tiny.yaml").write_text(arch.to_yaml())
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NETWRIGHT_OFFLINE", "1")
    return tmp_path


@pytest.fixture
def train(capfd: pytest.CaptureFixture[str], work: Path) -> Run:
    """Trains the small network for an epoch; gives the exit status and what was printed."""

    def run(*words: str, out: str = "run") -> tuple[int, str]:
        flags = ("--model", "tiny.yaml", "--epochs", "1", "--workers", "0", "--batch_size", "8", "--threads", "1")
        status = main(["train", *words, *flags, "--out", out])
        printed = capfd.readouterr()
        return status, printed.out + printed.err

    return run


@pytest.mark.parametrize("layout", _REFUSED)
@pytest.mark.parametrize("words", _READERS, ids=lambda words: words[0])
def test_what_is_no_folder_of_classes_is_refused_by_every_command_before_anything_runs(
    layout: str, words: tuple[str, ...], work: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    make, says = _REFUSED[layout]
    photos = work / ("photos.zip" if layout == "a damaged archive" else "photos")
    make(photos)
    assert main([*words, "--data_dir", photos.name, "--out", "run"]) == 1
    printed = capfd.readouterr().err
    assert says.replace("photos is", f"{photos.name} is") in printed
    assert "Traceback" not in printed
    assert not (work / "run" / "population.sqlite").exists()


@pytest.mark.slow
@pytest.mark.parametrize("layout", _READ)
def test_what_photos_are_read_as_is_printed_before_the_training(layout: str, train: Run, work: Path) -> None:
    make, splits, says = _READ[layout]
    make(work / "photos")
    status, printed = train("--data_dir", "photos")
    assert status == 0
    assert says in printed[: printed.index("epoch 1/1")]
    source = open_source(work / "photos")
    assert set(source.splits) == splits
    assert len(source.class_names) == 2
    if "test" in splits:  # what was not read is what to measure on
        assert "netwright validate run --split " in printed.partition("next:")[2]
        assert main(["validate", "run", "--split", "test"]) == 0


@pytest.mark.slow
def test_files_of_any_kind_are_seen_as_they_are(train: Run, work: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """GIF, JFIF and names without an ending; drawings on nothing, 12 bits in 16, wide pictures; copies, and a zip."""
    photos = work / "photos"
    classes(photos)
    for name, number in (("day", 0), ("night", 1)):
        picture(photos / name / "a.GIF", 200 + number, 150 * number, format="GIF")
        picture(photos / name / "b.JFIF", 210 + number, 150 * number, format="JPEG")
        picture(photos / name / "c", 220 + number, 150 * number, format="JPEG")
        (photos / name / "Thumbs.db").write_bytes(b"no image")
        shutil.copy(photos / name / "0.png", photos / name / "copy.png")
    shutil.copy(photos / "day" / "1.png", photos / "night" / "wrong.png")
    status, printed = train("--data_dir", "photos", "--val_fraction", "0.25", "--validate")
    assert status == 0
    assert "25 images of 2 classes" in printed
    assert "ignored: 2 files that are no images (.db 2)" in printed
    assert "1 image is there under two labels" in printed
    assert "2 images are there more than once" in printed
    assert "always answering " in printed
    assert main(["predict", "run", "photos/night", "photos/day/c", "--out", "seen.csv", "--top_k", "1"]) == 0
    rows = list(csv.DictReader((work / "seen.csv").read_text().splitlines()))
    assert len(rows) == 14
    assert rows[-1]["path"] == "photos/day/c"
    with open_runtime("run") as network:
        network.predict(["photos/day/a.GIF", "photos/day/c"])
    capfd.readouterr()
    assert main(["predict", "photos/day/c.png"]) == 1
    assert "predict needs a network before the images" in capfd.readouterr().err
    assert main(["predict", "rnu", "photos/day/c"]) == 1
    assert "did you mean 'run'?" in capfd.readouterr().err
    assert main(["validate", "run", "--split", "nonsense"]) == 1
    assert "there is no split 'nonsense'" in capfd.readouterr().err


@pytest.mark.slow
def test_images_that_the_network_cannot_see_are_warned_of(
    train: Run, work: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """After they were counted: a wrong folder is seen before an image of it is decoded."""
    for label, name in enumerate(("left", "right")):
        for number in range(8):
            wide = np.full((16, 48, 3), 40, dtype=np.uint8)
            wide[:, 40 * label : 40 * label + 8] = 200 + number
            (work / "wide" / name).mkdir(parents=True, exist_ok=True)
            Image.fromarray(wide).save(work / "wide" / name / f"{number}.png")
            clear = np.zeros((16, 16, 4), dtype=np.uint8)
            clear[4 : 8 + 4 * label, number : number + 4, 3] = 255
            (work / "icons" / name).mkdir(parents=True, exist_ok=True)
            Image.fromarray(clear).save(work / "icons" / name / f"{number}.png")
    _, printed = train("--data_dir", "wide", out="a")
    assert "16 of 16 images are at least twice as long one way as the other" in printed
    assert "does what matters lie outside the center square (--resize)?" in printed
    assert printed.index("16 images of 2 classes") < printed.index("at least twice as long")
    assert main(["validate", "a", "--split", "train"]) == 0
    printed = capfd.readouterr().err
    assert printed.index("16 images of 2 classes") < printed.index("are of one color")
    _, printed = train("--data_dir", "wide", "--resize", "letterbox", out="b")
    assert "center square" not in printed
    assert "one color" not in printed
    _, printed = train("--data_dir", "icons", out="c")
    assert "one color" not in printed
    assert "nearly black" not in printed
    _, printed = train("--data_dir", "icons", "--background", "black", out="d")
    assert "all 16 images are nearly black as the network sees them" in printed


@pytest.mark.slow
def test_a_class_of_few_images_flatters_nobody(train: Run, work: Path, capfd: pytest.CaptureFixture[str]) -> None:
    classes(work / "photos", ("broken",), 5)
    classes(work / "photos", ("good",), 100, start=300)
    _, printed = train("--data_dir", "photos", "--val_fraction", "0.2", "--validate")
    assert "the classes are uneven: 4 images of 'broken', 80 of 'good'" in " ".join(printed.split())
    assert "always answering good, the commonest class, gives 95.24%" in printed
    assert main(["validate", "run", "--out", "measured"]) == 0
    printed = capfd.readouterr().out
    assert "by guessing        95.24%  (always good, the commonest class)" in printed
    assert "balanced accuracy" in printed
    measured = json.loads((work / "measured" / "metrics.json").read_text())
    assert measured["images"] == 21
