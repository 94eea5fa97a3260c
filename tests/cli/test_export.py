"""`netwright export`: from weights to a file, and what it says on the way."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from netwright.arch import Arch, Stage, Stem
from netwright.data.preprocess import Preprocessing
from netwright.nn import build
from netwright.runtime import open_runtime
from netwright.weights import save_model

pytestmark = pytest.mark.usefixtures("one_thread")
Run = Callable[..., Any]
DIGITS = Arch((Stage(1, 8, 1, 1.0, 8), Stage(1, 16, 2, 1.0, 8)), "x", Stem("cifar", 8), 0.0, 8, 10, 1, "digits_net")


@pytest.fixture
def weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Of a network that was not trained, but looks at digits."""
    monkeypatch.chdir(tmp_path)
    module = build(DIGITS, seed=0)
    module.head.fc.weight.data.mul_(50.0)
    path = tmp_path / "w.safetensors"
    names = tuple(map(str, range(10)))
    preprocessing = Preprocessing(image_size=8, channels=1, crop_pct=1.0, mean=(60.0,), std=(80.0,))
    facts = {"training": {"dataset": "digits", "train_split": "train", "val_split": "val", "val_fraction": 0.2}}
    save_model(path, module.eval(), preprocessing=preprocessing, class_names=names, facts=facts)
    return path


@pytest.mark.slow
def test_a_file_with_the_networks_name(netwright: Run, weights: Path) -> None:
    done = netwright("export", weights)
    assert done.status == 0, done.err
    assert "checked: logits of 32 images differ by" in done.out
    assert "takes input (N, 1, 8, 8) float32, any number of images; gives logits (N, 10) float32" in done.out
    assert done.out.rstrip().endswith("wrote digits_net.onnx")
    assert "comparing with the network on 32 parts of two photographs" in done.err
    with open_runtime("digits_net.onnx") as runtime:
        assert runtime.predict([np.zeros((8, 8), np.uint8)]).names == tuple(map(str, range(10)))


def test_int8_takes_the_images_of_the_training_itself(netwright: Run, weights: Path) -> None:
    words = ("--precision", "int8", "--calibration_images", 40, "--evaluation_images", 60, "--speed", "false")
    done = netwright("export", weights, *words, "--report", "out/report.json", "--out", "out/m/2", "--model_version", 2)
    assert done.status == 0, done.err
    # never on those that it was trained on, nor on those that it is calibrated on
    assert "top-1 of 60 images: 60 images of digits that it was not trained on (validation)" in done.out
    assert "comparing with the network on 40 images of digits that it was trained on" in done.err
    report = json.loads(Path("out/report.json").read_text())
    assert (report["precision"], report["accuracy"]["images"], report["agreement"]["images"]) == ("int8", 60, 60)
    assert report["files"] == ["out/m/2/model.onnx"]
    assert report["command"].startswith("netwright export ")
    with open_runtime("out/m/2") as runtime:
        assert (runtime.info.precision, runtime.info.version) == ("int8", "2")


def test_int8_of_a_training_without_validation_claims_no_accuracy(netwright: Run, weights: Path) -> None:
    from netwright.weights import load_model

    model = load_model(weights)
    facts = {"training": {"dataset": "digits", "train_split": "train", "val_split": "val"}}
    save_model(weights, model.module, preprocessing=model.preprocessing, class_names=model.class_names, facts=facts)
    done = netwright("export", weights, "--precision", "int8", "--calibration_images", 20, "--speed", "false")
    assert done.status == 0, done.err
    assert "top-1 is not compared: the network was trained on all images of its run" in done.err
    assert "top-1" not in done.out


@pytest.mark.slow
def test_a_page_to_read(netwright: Run, weights: Path) -> None:
    images = ("--dataset", "digits", "--evaluation_images", 50)
    done = netwright("export", weights, "--to", "openvino", *images, "--speed", "--report", "out/page.html")
    assert done.status == 0, done.err
    assert done.out.rstrip().endswith("report: out/page.html")
    page = Path("out/page.html").read_text(encoding="utf-8")
    assert "digits_net for OpenVINO in fp32" in page
    assert "50 images of digits that it was not trained on (validation)" in page
    assert "netwright export w.safetensors --to openvino" in page.replace(str(weights.parent) + "/", "")
    assert {path.name for path in Path("out/figures").glob("*.png")} == {
        *("page-size.png", "page-accuracy.png", "page-speed.png")
    }


@pytest.mark.slow
def test_accuracy_beside_the_network_where_images_are_named(netwright: Run, weights: Path) -> None:
    words = ("--to", "torch", "--batch", 2, "--dataset", "digits", "--evaluation_images", 50, "--name", "mine")
    done = netwright("export", weights, *words)
    assert done.status == 0, done.err
    line = next(line for line in done.out.splitlines() if line.strip().startswith("top-1  "))
    before, after = line.split()[1:]
    assert before == after
    assert "2 at once" in done.out
    assert Path("mine.pt2").is_file()


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("--precision", "bf16"), "--to openvino"),
        (("--name", "a/b"), "the name of a model has letters, digits"),
        (("--name", "my net"), "and this is 'my net'"),
        (("--layout", "triton", "--overwrite"), "--overwrite is for files"),
        (("--batch", "99999999"), "free memory. Give a smaller --batch"),
        (("--batch", "9" * 5000), "--batch is a whole number"),
        (("--batch", "0"), "--batch is a whole number of at least 1, or 'dynamic', not '0'"),
        (("--out", "a.xml"), "Name it a.onnx, or give --to openvino."),
        (("--dataset", "digits", "--evaluation_images", "-1"), "--evaluation_images is 0 for all or more"),
        (("--dataset", "digits", "--seed", "-1"), "a seed is 0 or more"),
        (("--data_dir", "nowhere"), "does not exist"),
        (("--report", "report.txt"), "--report ends in .html for a page or in .json, and report.txt does not"),
        (("--max_batch", "4"), "--max_batch is for --layout triton. Leave it out."),
        (("--layout", "triton", "--to", "torch"), "not for torch"),
        (("--layout", "triton", "--name", "7"), "Give another --name"),
        (
            ("--layout", "triton", "--model_version", "new"),
            "--model_version is a number with --layout triton, not 'new'",
        ),
        (("--layout", "triton", "--versions", "-1"), "versions is a whole number of at least 0, not -1"),
    ],
)
def test_mistakes_are_explained_and_write_nothing(
    netwright: Run, weights: Path, words: tuple[str, ...], reason: str
) -> None:
    done = netwright("export", weights, *words)
    assert done.status == 1
    assert reason in done.err
    assert [path.name for path in Path().iterdir()] == ["w.safetensors"]


def test_int8_without_images_asks_for_some(netwright: Run, weights: Path) -> None:
    module = build(DIGITS, seed=0).eval()
    save_model(weights, module, preprocessing=Preprocessing(image_size=8, channels=1, mean=(60.0,), std=(80.0,)))
    done = netwright("export", weights, "--precision", "int8")
    assert done.status == 1
    assert "--data_dir FOLDER or --dataset NAME" in done.err


def test_help_says_which_precision_is_for_what(netwright: Run) -> None:
    done = netwright("export", "--help")
    assert done.status == 0
    for word in (
        "fp32 ",
        "bf16 ",
        "fp16 ",
        "int8 ",
        "logits",
        "--calibration_images",
        "--to openvino --precision int8",
    ):
        assert word in done.out


@pytest.mark.slow
def test_a_model_repository_for_triton_takes_version_after_version(netwright: Run, weights: Path) -> None:
    for number in (1, 2):
        done = netwright("export", weights, "--layout", "triton", "--name", "digits", "--max_batch", 8)
        assert done.status == 0, done.err
        assert done.out.rstrip().endswith(f"wrote models/digits/{number}/model.onnx")
        with open_runtime(f"models/digits/{number}") as runtime:
            assert (runtime.info.name, runtime.info.version) == ("digits", str(number))
    assert "max_batch_size: 8\n" in Path("models/digits/config.pbtxt").read_text()
    done = netwright(
        "export", weights, "--layout", "triton", "--to", "openvino", "--device", "cpu", "--out", "repository"
    )
    assert done.status == 0, done.err
    assert "wrote repository/digits_net/1/model.bin and repository/digits_net/1/model.xml" in done.out


@pytest.mark.slow
def test_the_same_command_again_is_fine_and_another_network_is_not(netwright: Run, weights: Path) -> None:
    run = weights.parent / "runs" / "my digits"
    run.mkdir(parents=True)
    weights.rename(run / "model.safetensors")
    for _ in range(2):
        done = netwright("export", "runs/my digits")
        assert done.status == 0, done.err
    assert done.out.rstrip().endswith("wrote my-digits.onnx")
    (run.parent / "other").mkdir()
    (run / "model.safetensors").rename(run.parent / "other" / "model.safetensors")
    done = netwright("export", "runs/other", "--out", "my-digits.onnx")
    assert done.status == 1
    assert "is an export of another network" in done.err
    assert netwright("export", "runs/other", "--out", "my-digits.onnx", "--overwrite").status == 0
    with open_runtime("my-digits.onnx") as runtime:
        assert runtime.info.name == "other"


def test_an_unknown_target_is_told_the_way_there(netwright: Run, weights: Path) -> None:
    done = netwright("export", weights, "--to", "tensorrt")
    assert done.status == 2
    assert "trtexec --onnx=FILE.onnx" in " ".join(done.err.split())


@pytest.mark.slow
@pytest.mark.parametrize("to", ["onnx", "openvino"])
def test_four_images_of_a_folder_without_classes_calibrate(netwright: Run, weights: Path, to: str) -> None:
    from PIL import Image
    from sklearn.datasets import load_digits

    Path("photos").mkdir()
    for number in range(12):
        Image.fromarray((load_digits().images[number] * 15.9).astype("uint8")).save(f"photos/{number}.png")
    words = ("--precision", "int8", "--data_dir", "photos", "--calibration_images", 4, "--speed", "false")
    done = netwright("export", weights, "--to", to, *words)
    assert done.status == 0, done.err
    assert "warning: int8 is calibrated on 4 images" in done.err
    assert "top-1 is not compared, as the images of photos have no labels" in done.err
    assert "top-1 of" not in done.out


@pytest.mark.slow
@pytest.mark.parametrize(("order", "third"), [("natural", "3"), ("string", "2")])
def test_class_folders_name_the_outputs_of_weights_without_names(
    netwright: Run, weights: Path, order: str, third: str
) -> None:
    from PIL import Image
    from sklearn.datasets import load_digits

    for number in range(40):
        folder = Path("photos") / ("train", "val")[number // 20] / str(number % 10 + 1)  # as strings 10 follows 1
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray((load_digits().images[number] * 15.9).astype("uint8")).save(folder / f"{number}.png")
    module = build(DIGITS, seed=0)
    module.head.fc.weight.data.mul_(50.0)
    prepared = Preprocessing(image_size=8, channels=1, crop_pct=1.0, mean=(60.0,), std=(80.0,))
    save_model(weights, module.eval(), preprocessing=prepared)
    words = ("--data_dir", "photos", "--speed", "false", "--report", "out/page.html", "--out", "net.onnx")
    done = netwright("export", weights, "--class_order", order, *words)
    assert done.status == 0, done.err
    files = sorted(Path("photos/val").glob("*/*.png"))
    with open_runtime("net.onnx") as runtime:
        names, found = runtime.info.class_names, runtime.predict([str(path) for path in files])
    assert (names[0], names[2], sorted(names)) == ("1", third, sorted(map(str, range(1, 11))))
    right = sum(top[0].name == path.parent.name for top, path in zip(found.top(1), files, strict=True))
    page = Path("out/page.html").read_text(encoding="utf-8")
    assert "digits_net for ONNX Runtime in fp32" in page
    assert f"Top-1 of the network is {right / 20:.2%} and of the export {right / 20:.2%}" in page
    assert "20 images of photos of the split" in page


def test_an_order_of_folders_needs_folders(netwright: Run, weights: Path) -> None:
    done = netwright("export", weights, "--class_order", "natural")
    assert done.status == 1
    assert (
        "--class_order natural sorts the names of class folders, and an export without --data_dir sees none" in done.err
    )
