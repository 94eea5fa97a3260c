import csv
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from netwright.arch import Arch, Stage, Stem

Run = Callable[..., Any]

QUICK = ("--batch_size", 2, "--threads", 1, "--seconds", 0, "--repeats", 1, "--memory", "false", "--device", "cpu")


@pytest.fixture(autouse=True)
def small_matrices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("netwright.bench.run.matmul_rate", lambda *_: 1e9)


@pytest.fixture
def network(tmp_path: Path) -> Path:
    path = tmp_path / "network.yaml"
    path.write_text(Arch((Stage(1, 8, group_width=4),), stem=Stem("cifar", 8), resolution=8, num_classes=5).to_yaml())
    return path


def test_the_table_has_a_line_a_network(netwright: Run, network: Path) -> None:
    done = netwright("bench", network, "timm:test_resnet", "--image_size", 32, *QUICK)
    assert (done.status, done.err) == (0, "")
    lines = done.out.splitlines()
    assert "threads 1" in lines[0]
    assert "matrix product 1 GFLOP/s" in lines[1]
    assert [line.split()[:2] for line in lines[4:6]] == [[str(network), "32"], ["timm:test_resnet", "32"]]


def test_against_measures_the_same_network_of_timm(netwright: Run) -> None:
    words = ("bench", "regnet_x_200mf", "--against", "timm,torchvision", "--image_size", 32, "--train")
    done = netwright(*words, "--format", "json", *QUICK)
    plain = json.loads(done.out)
    assert [row["name"] for row in plain["rows"]] == ["regnet_x_200mf", "timm:regnetx_002"]
    assert plain["notices"][0] == "torchvision has no regnet_x_200mf"
    assert [each["what"] for each in plain["ratios"]] == ["train"]
    assert plain["rows"][0]["infer_images_per_second"] is None


@pytest.mark.parametrize(
    ("flags", "train", "infer"),
    [((), True, True), (("--train",), True, False), (("--infer",), False, True), (("--train", "--infer"), True, True)],
)
def test_train_and_infer(netwright: Run, network: Path, flags: tuple[str, ...], train: bool, infer: bool) -> None:
    done = netwright("bench", network, *flags, "--format", "csv", "--precision", "bf16", *QUICK)
    [row] = csv.DictReader(io.StringIO(done.out))
    assert (bool(row["train_images_per_second"]), bool(row["infer_images_per_second"])) == (train, infer)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("regnet_x_20mf",), "no network is called 'regnet_x_20mf': nearest: regnet_x_200mf"),
        (("timm:regnetx_0022",), "nearest: timm:regnetx_002"),
        (("regnet_x_200mf", "--against", "tim"), "against timm and torchvision, not 'tim'"),
        (("regnet_x_200mf", "--repeats", "0"), "repeats is a whole number of at least 1, not 0. Correct 'repeats'."),
        (("regnet_x_200mf", "--device", "abacus"), "a device is one of"),
    ],
)
def test_mistakes_are_explained(netwright: Run, words: tuple[str, ...], says: str) -> None:
    done = netwright("bench", *words)
    assert (done.status, done.out) == (1, "")
    assert says in done.err
    assert len(done.err.splitlines()) == 1
