import ast
import csv
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from netwright.arch import Arch, Stage, Stem
from netwright.data.preprocess import Preprocessing
from netwright.exports import export
from netwright.nn import build
from netwright.weights import save_model

Run = Callable[..., Any]
ROOT = Path(__file__).parents[2]
CLASSES = ("ant", "bee", "cat", "dog", "elk", "fox")


def save(path: Path, names: tuple[str, ...], order: tuple[int, ...] | None = None, **facts: Any) -> Path:
    """A small network; order: of its outputs, of what it is with the names as they are."""
    stages = (Stage(1, 16, 2, group_width=8), Stage(1, 24, 2, group_width=8))
    arch = Arch(stages, stem=Stem("cifar", 8), resolution=16, num_classes=len(names) or 6, name="tiny")
    module = build(arch, seed=1).train()
    with torch.no_grad():
        module(torch.randn(64, 3, 16, 16, generator=torch.Generator().manual_seed(0)))
        module.head.fc.weight.mul_(40)
        if order is not None:
            module.head.fc.weight.copy_(module.head.fc.weight[list(order)].clone())
    path.parent.mkdir(parents=True, exist_ok=True)
    save_model(path, module, preprocessing=Preprocessing(image_size=16), class_names=names, facts=facts)
    return path


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """val/<class>/, six images each, one of them broken."""
    root = tmp_path_factory.mktemp("images")
    generator = np.random.default_rng(0)
    for name in CLASSES:
        for i in range(6):
            path = root / "val" / name / f"{i}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(generator.integers(0, 256, (20, 24, 3), dtype=np.uint8)).save(path)
    (root / "val" / "bee" / "3.png").write_bytes(b"broken")
    return root


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save(tmp_path_factory.mktemp("w") / "tiny.safetensors", CLASSES)


@pytest.fixture(scope="module")
def onnx_file(tmp_path_factory: pytest.TempPathFactory, weights: Path) -> Path:
    return export(weights, tmp_path_factory.mktemp("e") / "tiny.onnx").path


def first(out: str) -> dict[str, float]:
    line: dict[str, float] = ast.literal_eval(out.splitlines()[0])
    return line


@pytest.mark.slow
def test_the_first_line_is_mindcvs_and_the_folder_has_the_rest(
    netwright: Run, images: Path, weights: Path, tmp_path: Path
) -> None:
    done = netwright("validate", weights, "--data_dir", images, "--workers", 0, "--out", tmp_path / "r")
    assert done.status == 0, done.err
    line = first(done.out)
    assert list(line) == ["Top_1_Accuracy", "Top_5_Accuracy", "loss"]
    metrics = json.loads((tmp_path / "r" / "metrics.json").read_text())
    assert (metrics["images"], metrics["top1"], metrics["loss"]) == (35, line["Top_1_Accuracy"], line["loss"])
    assert [bad["name"] for bad in metrics["skipped"]] == ["val/bee/3.png"]
    assert "35 of 36 images, 6 classes" in done.out
    assert "val/bee/3.png" in done.out
    assert (tmp_path / "r" / "report.html").is_file()
    with open(tmp_path / "r" / "per_class.csv", newline="") as file:
        assert [int(row["images"]) for row in csv.DictReader(file)] == [6, 5, 6, 6, 6, 6]


@pytest.mark.slow
def test_batch_norm_is_folded_unless_that_is_refused_and_the_report_says_so(
    netwright: Run, images: Path, weights: Path, tmp_path: Path
) -> None:
    words = ("validate", weights, "--data_dir", images, "--workers", 0, "--most_wrong", 0)
    folded = netwright(*words, "--out", tmp_path / "folded")
    plain = netwright(*words, "--out", tmp_path / "plain", "--fuse", "false")
    assert folded.status == plain.status == 0
    assert "folded into the convolutions (--fuse false: as trained)" in folded.out
    assert "batch norm" not in plain.out
    metrics = [json.loads((tmp_path / name / "metrics.json").read_text()) for name in ("folded", "plain")]
    said = [each["facts"]["machine"]["batch norm"] for each in metrics]
    assert said == ["folded into the convolutions", "as trained"]
    assert metrics[0]["top1_correct"] == metrics[1]["top1_correct"]
    assert metrics[0]["loss"] == pytest.approx(metrics[1]["loss"], rel=1e-5)
    assert metrics[0]["loss"] != metrics[1]["loss"], "another way to the same"


@pytest.mark.slow
def test_an_exported_file_is_measured_and_reported_as_its_weights(
    netwright: Run, images: Path, weights: Path, onnx_file: Path, tmp_path: Path
) -> None:
    for name, ref in (("weights", weights), ("file", onnx_file), ("folder", onnx_file.parent)):
        words = ("--data_dir", images, "--workers", 0, "--most_wrong", 2, "--out", tmp_path / name)
        done = netwright("validate", ref, *words)
        assert done.status == 0, done.err
        assert done.out.rstrip().endswith(f"report: {tmp_path / name / 'report.html'}")
        assert ("--fuse false" in done.out) == (name == "weights")
    one, other, third = (
        json.loads((tmp_path / name / "metrics.json").read_text()) for name in ("weights", "file", "folder")
    )
    assert one.keys() == other.keys() == third.keys()
    for key in ("images", "skipped", "classes", "top1", "top1_correct", "top1_interval", "top5", "top5_correct"):
        assert one[key] == other[key]
    for key in ("loss", "calibration_error", "confidence"):
        assert other[key] == pytest.approx(one[key], rel=1e-5)
    for name in ("per_class.csv", "confusion.csv"):
        assert (tmp_path / "weights" / name).read_text() == (tmp_path / "file" / name).read_text()
    assert other["facts"]["machine"]["runtime"] == "onnx"
    assert other["facts"]["network"]["weights"] == str(onnx_file)


def test_weights_are_measured_in_another_runtime(netwright: Run, images: Path, weights: Path) -> None:
    words = ("validate", weights, "--data_dir", images, "--workers", 0)
    usual, openvino = netwright(*words), netwright(*words, "--runtime", "openvino", "--threads", 1)
    assert openvino.status == 0, openvino.err
    assert first(openvino.out)["Top_1_Accuracy"] == first(usual.out)["Top_1_Accuracy"]
    assert first(openvino.out)["loss"] == pytest.approx(first(usual.out)["loss"], rel=1e-5)


def test_classes_in_another_order_are_matched_by_name(
    netwright: Run, images: Path, weights: Path, tmp_path: Path
) -> None:
    order = (3, 0, 5, 1, 4, 2)
    other = save(tmp_path / "o.safetensors", tuple(CLASSES[i] for i in order), order)
    one = netwright("validate", weights, "--data_dir", images, "--workers", 0)
    two = netwright("validate", other, "--data_dir", images, "--workers", 0)
    assert "matched by name" in two.err
    assert first(two.out)["Top_1_Accuracy"] == first(one.out)["Top_1_Accuracy"]
    assert first(two.out)["loss"] == pytest.approx(first(one.out)["loss"], rel=1e-6)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--ckpt_path", "gone.safetensors"], "gone.safetensors"),
        ([], "none are named. Give a run folder"),
        (["--model", "regnet_x_800mf"], "for regnet_x_800mf none are named"),
        (["WEIGHTS", "--ckpt_path", "WEIGHTS"], "named once"),
        (["WEIGHTS", "--num_classes", "7"], "num_classes"),
        (["WEIGHTS", "--split", "tset"], "tset"),
        (["EXPORT", "--num_classes", "6"], "--num_classes is for weights"),
        (["EXPORT", "--model", "regnet_x_200mf"], "--model is for weights"),
        (["EXPORT", "--ema"], "--ema is for weights"),
        (["EXPORT", "--fuse", "false"], "--fuse is for weights"),
        (["EXPORT", "--device", "cuda"], "computes on the processors, not on cuda. Leave --device out"),
        (["EXPORT", "--val_precision", "bf16"], "Export it with --precision bf16"),
        (["EXPORT", "--image_resize", "32"], "is for images of 16 pixels, not 32"),
        (["EXPORT", "--runtime", "torch"], "is for onnx and openvino, not torch"),
        (["gone.onnx"], "gone.onnx cannot be read: No such file"),
        (["OTHERS"], "does not know 'ant'"),
        (["MORE"], "none of 'gnu'. Add them, or give --allow_subset"),
        (["WEIGHTS", "--distribute", "True"], "nothing started this process"),
    ],
)
def test_a_mistake_is_told_with_its_cure(
    netwright: Run, images: Path, weights: Path, onnx_file: Path, tmp_path: Path, words: list[str], says: str
) -> None:
    places = {"WEIGHTS": weights, "EXPORT": onnx_file}
    if words == ["OTHERS"]:
        places["OTHERS"] = save(tmp_path / "others.safetensors", ("a", "b", "c", "d", "e", "f"))
    if words == ["MORE"]:
        places["MORE"] = save(tmp_path / "more.safetensors", (*CLASSES, "gnu"))
    done = netwright("validate", *(places.get(word, word) for word in words), "--data_dir", images, "--workers", 0)
    assert (done.status, done.out) == (1, "")
    assert says in done.err


def test_missing_classes_are_measured_where_that_is_allowed(netwright: Run, images: Path, tmp_path: Path) -> None:
    more = save(tmp_path / "more.safetensors", (*CLASSES, "gnu"))
    done = netwright("validate", more, "--data_dir", images, "--workers", 0, "--allow_subset")
    assert done.status == 0
    assert "Only 6 of the network's 7 classes" in done.err


def test_preprocessing_flags_are_said(netwright: Run, images: Path, weights: Path) -> None:
    done = netwright("validate", weights, "--data_dir", images, "--workers", 0, "--image_resize", 20)
    assert done.status == 0
    assert "image_size 20 instead of 16" in done.err


def test_a_run_folder_alone_is_enough(netwright: Run, tmp_path: Path) -> None:
    from netwright.recipe import TrainConfig

    stages = (Stage(1, 16, 2, group_width=8),)
    arch = Arch(stages, stem=Stem("cifar", 8), resolution=8, num_classes=10, in_channels=1, name="tiny")
    flat = TrainConfig().with_(dataset="digits", val_fraction=0.1, seed=1).to_flat()
    save_model(
        tmp_path / "tiny_best.safetensors",
        build(arch, seed=0),
        preprocessing=Preprocessing(image_size=8, channels=1, mean=(0.0,), std=(255.0,)),
        class_names=tuple("0123456789"),
        facts={"training": flat},
    )
    done = netwright("validate", tmp_path)
    assert done.status == 0, done.err
    assert "by seed 1" in done.err
    images = int(done.out.splitlines()[1].split(": ")[1].split()[0])
    assert 170 <= images <= 190


@pytest.mark.slow
@pytest.mark.parametrize("ref", ["weights", "onnx_file"])
def test_two_ranks_find_what_one_finds(
    netwright: Run, images: Path, ref: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    words = [
        "validate",
        str(request.getfixturevalue(ref)),
        "--data_dir",
        str(images),
        "--workers",
        "0",
        "--device",
        "cpu",
        "--out",
    ]
    assert netwright(*words, tmp_path / "1").status == 0
    launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2", "validate.py"]
    done = subprocess.run(
        [*launch, *words[1:], str(tmp_path / "2")], cwd=ROOT, capture_output=True, text=True, check=False, timeout=200
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("Top_1_Accuracy") == 1
    one, two = (json.loads((tmp_path / name / "metrics.json").read_text()) for name in "12")
    for key in ("images", "top1_correct", "top5_correct", "skipped"):
        assert one[key] == two[key]
    assert two["images"] == 35
    assert two["loss"] == pytest.approx(one["loss"], rel=1e-6)
    assert (tmp_path / "1" / "confusion.csv").read_text() == (tmp_path / "2" / "confusion.csv").read_text()


@pytest.mark.slow
def test_the_door_of_mindcv_opens(images: Path, weights: Path, tmp_path: Path) -> None:
    """python validate.py with a .ckpt, whose weights carry no names of classes."""
    from netwright.weights import create_model, save_ckpt

    save_ckpt(tmp_path / "x.ckpt", create_model("regnet_x_200mf", 6, seed=0))
    words = ["--model=regnet_x_200mf", f"--data_dir={images}", f"--ckpt_path={tmp_path / 'x.ckpt'}"]
    words += ["--image_resize", "32", "--num_parallel_workers", "0", "--mode", "0", "--device_target", "CPU"]
    done = subprocess.run(
        [sys.executable, "validate.py", *words], cwd=ROOT, capture_output=True, text=True, check=False, timeout=200
    )
    assert done.returncode == 0, done.stderr
    assert list(first(done.stdout)) == ["Top_1_Accuracy", "Top_5_Accuracy", "loss"]
    assert "have no class names" in done.stderr
