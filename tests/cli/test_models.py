import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from netwright.arch import NETWORKS

Run = Callable[..., Any]


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    from netwright.arch import published
    from netwright.data.preprocess import Preprocessing
    from netwright.nn import build
    from netwright.weights import save_model

    path = tmp_path / "regnet_x_200mf_best.safetensors"
    save_model(path, build(published("regnet_x_200mf", num_classes=3), seed=0), preprocessing=Preprocessing(64))
    return path


def test_list_has_every_network_with_its_costs_and_best_accuracy(netwright: Run):
    lines = netwright("models", "list").out.splitlines()
    assert [line.split()[0] for line in lines] == ["name", *NETWORKS]
    (line,) = [line for line in lines if line.startswith("regnet_x_800mf ")]
    assert line.split("  ")[-1] == "torchvision/regnet_x_800mf/IMAGENET1K_V2"
    assert line.split()[1:8] == ["800", "M", "7.26", "M", "5.15", "M", "77.52"]
    (line,) = [line for line in lines if line.startswith("resnet56_cifar")]
    assert line.endswith("  -")


def test_list_takes_a_pattern_and_pretrained(netwright: Run):
    def names(*words: str) -> list[str]:
        return [line.split()[0] for line in netwright("models", "list", *words).out.splitlines()[1:]]

    assert names("*_cifar") == ["resnet56_cifar", "resnet110_cifar", "v56_cifar"]
    assert names("regnet_z*", "--pretrained") == ["regnet_z_4_0gf", "regnet_z_4_0gf_h"]
    done = netwright("models", "list", "--pretrained", "*_cifar")
    assert (done.status, done.out) == (1, "")
    assert "no network with published weights has a name like '*_cifar'" in done.err


def test_list_and_show_are_json_for_machines(netwright: Run):
    plain = json.loads(netwright("models", "list", "regnet_x_800mf", "--json").out)
    (model,) = plain["models"]
    assert (plain["format"], model["flops"], model["top1"]) == (1, 799_700_712, 77.522)
    assert model["top1_from"].startswith(
        "torchvision/regnet_x_800mf/IMAGENET1K_V2: torchvision's own table, 224 pixels"
    )
    card = json.loads(netwright("models", "show", "regnet_x_800mf", "--json").out)
    assert (card["name"], card["params"], card["weights"][0]["top1"]) == ("regnet_x_800mf", 7_259_656, 76.04)


@pytest.mark.slow
def test_show_is_the_card_of_a_network_or_of_weights(netwright: Run, saved: Path):
    out = netwright("models", "show", "regnety_080").out
    assert out.startswith("regnet_y_8_0gf\n")
    assert "83.93 by timm's results-imagenet.csv; 288 pixels, crop 1, bicubic" in out
    out = netwright("models", "show", saved).out
    assert f"weights      {saved}" in out
    assert "with 3 classes" in out
    done = netwright("models", "show", "regnet_x_800m")
    assert (done.status, done.out) == (1, "")
    assert "did you mean 'regnet_x_800mf'" in done.err


@pytest.mark.parametrize("to", ["timm", "pycls", "mindcv"])
def test_convert_goes_there_and_back(netwright: Run, saved: Path, tmp_path: Path, to: str):
    import torch

    from netwright.weights import load_model

    there, back = tmp_path / f"there.{'ckpt' if to == 'mindcv' else 'pyth'}", tmp_path / "back.safetensors"
    extra = ["--format", "pycls"] if to == "pycls" else []
    done = netwright("models", "convert", saved, there, "--to", to)
    assert done.status == 0, done.err
    assert f"wrote {there}" in done.out
    assert netwright("models", "convert", there, back, "--to", "netwright", *extra).status == 0
    before, after = (load_model(path).module.state_dict() for path in (saved, back))
    assert all(torch.equal(value, after[name]) for name, value in before.items())


def test_convert_says_what_it_needs(netwright: Run, saved: Path, tmp_path: Path):
    for words, said in (
        ((saved, tmp_path / "x"), "Add --to netwright, timm, torchvision, pycls or mindcv"),
        ((saved, tmp_path / "x", "--to", "onnx"), "not 'onnx'"),
        ((saved, "--to", "timm"), "takes SRC DST, not 1 words"),
        ((tmp_path / "none.pth", tmp_path / "x", "--to", "timm"), "there is no"),
    ):
        done = netwright("models", "convert", *words)
        assert (done.status, done.out) == (1, "")
        assert said in done.err
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize("flag", ["--license", "--licence"])
def test_push_says_where_it_is(netwright: Run, saved: Path, monkeypatch: pytest.MonkeyPatch, flag: str):
    asked: list[Any] = []
    monkeypatch.setattr(
        "netwright.weights.push_to_hub", lambda *words, **given: asked.append((words[1:], given)) or "http://hub/me/x"
    )
    done = netwright("models", "push", saved, "me/x", "--private", flag, "mit")
    assert done.status == 0, done.err
    assert "it is at http://hub/me/x, and opens as hf-hub:me/x" in done.out
    ((words, given),) = asked
    assert words == ("me/x",)
    assert (given["private"], given["license"], given["design"]) == (True, "mit", str(saved))


@pytest.mark.slow
def test_what_is_published_is_told_without_torch():
    program = (
        "import sys; from netwright.cli.main import main; main(['models', 'list']); "
        "main(['models', 'show', 'resnet50']); sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, check=False).returncode == 0
