"""Weights without class names, on folders 1 ... 12, whose natural order is not that of strings."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from netwright.arch import regnet
from netwright.cli.main import main
from netwright.data.preprocess import Preprocessing
from netwright.errors import DataError
from netwright.evaluation import predict, validate
from netwright.nn import AnyNet, build
from netwright.weights import load_model, save_model
from netwright.weights.convert import convert
from netwright.weights.layouts import RESNET, TIMM_REGNET, TORCHVISION_REGNET
from netwright.weights.names import rename_from_netwright

NATURAL = [str(i) for i in range(1, 13)]
ARCH = regnet(6, 8, 16.0, 2.2, 4, block="y", num_classes=12, resolution=32)


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One image of class i, of brightness i."""
    root = tmp_path_factory.mktemp("numbered") / "val"
    for i, name in enumerate(NATURAL):
        (root / name).mkdir(parents=True)
        Image.fromarray(np.full((40, 40, 3), 20 * i, np.uint8)).save(root / name / "a.png")
    return root.parent


def trained(order: list[str], images: Path) -> AnyNet:
    """A network that is right about each of these images, if its outputs are in this order."""
    module = build(ARCH, seed=0).eval()
    preprocessing = Preprocessing(image_size=32)
    pixels = [np.asarray(Image.open(images / "val" / name / "a.png")) for name in order]
    x = torch.stack([torch.from_numpy(preprocessing.pixels(each)) for each in pixels]).permute(0, 3, 1, 2).float()
    x = (x - torch.tensor(preprocessing.mean)[:, None, None]) / torch.tensor(preprocessing.std)[:, None, None]
    with torch.inference_mode():
        features = module.forward_head(module.forward_features(x), pre_logits=True)
    # a linear classifier that separates them: least squares to one hot
    augmented = torch.cat([features, torch.ones(len(features), 1)], 1).double()
    solution = torch.linalg.lstsq(augmented, torch.eye(12).double(), driver="gelsd").solution.float()
    module.head.fc.weight.data.copy_(solution[:-1].T)
    module.head.fc.bias.data.copy_(solution[-1])
    return module


def as_timm(folder: Path, module: AnyNet) -> Path:
    folder.mkdir()
    save_file(rename_from_netwright(dict(module.state_dict()), TIMM_REGNET), folder / "model.safetensors")
    config = {"architecture": "my_regnet", "num_classes": 12, "input_size": [3, 32, 32], "interpolation": "bilinear"}
    (folder / "config.json").write_text(json.dumps(config))
    return folder


def accuracy(ref: Any, images: Path, **given: Any) -> float:
    return 100 * validate(ref, data_dir=images, split="val", workers=0, **given).metrics.top1


@pytest.mark.slow
def test_weights_of_timm_are_measured_in_natural_order(tmp_path: Path, images: Path):
    folder = as_timm(tmp_path / "timm", trained(NATURAL, images))
    assert load_model(folder).facts == {"class_order": "natural"}
    assert accuracy(folder, images) == 100
    assert accuracy(folder, images, class_order="string") < 20
    # a conversion keeps what is known of the order, and so does an exported file
    convert(folder / "model.safetensors", tmp_path / "a.ckpt", to="mindcv")
    assert accuracy(tmp_path / "a.ckpt", images) == 100
    import netwright

    netwright.export(folder, tmp_path / "a.pt2", to="torch")
    assert accuracy(tmp_path / "a.pt2", images) == 100


@pytest.mark.slow
def test_weights_of_an_unknown_trainer_are_refused_without_the_order(tmp_path: Path, images: Path):
    save_model(tmp_path / "a.safetensors", trained(NATURAL, images), preprocessing=Preprocessing(image_size=32))
    with pytest.raises(DataError, match="--class_order natural"):
        accuracy(tmp_path / "a.safetensors", images)
    assert accuracy(tmp_path / "a.safetensors", images, class_order="natural") == 100
    names = tmp_path / "classes.txt"
    names.write_text("\n".join(NATURAL))
    assert accuracy(tmp_path / "a.safetensors", images, class_order=str(names)) == 100


@pytest.mark.parametrize(
    ("nest", "order"),
    [
        (lambda state: state, ""),
        (lambda state: {"arch": "resnet18", "version": 2, "state_dict": state}, "natural"),
        (lambda state: {"model": state, "optimizer": {}, "lr_scheduler": {}, "args": None}, "string"),
        (lambda state: {"state_dict": state, "pytorch-lightning_version": "2"}, ""),
    ],
)
def test_who_trained_a_resnet_is_told_by_the_keys_beside_it(
    tmp_path: Path, randomized: Callable[..., AnyNet], nest: Callable[[Any], Any], order: str
):
    from dataclasses import replace

    from netwright.arch import published

    arch = published("resnet18", num_classes=3)
    arch = replace(arch, stages=tuple(replace(stage, depth=1) for stage in arch.stages[:2]), name="")
    state = rename_from_netwright(dict(randomized(arch).state_dict()), RESNET)
    torch.save(nest(state), tmp_path / "a.pth")
    assert load_model(tmp_path / "a.pth").facts.get("class_order", "") == order


def test_the_names_of_torchvisions_regnet_are_sorted_as_strings(tmp_path: Path, randomized: Callable[..., AnyNet]):
    torch.save(rename_from_netwright(dict(randomized(ARCH).state_dict()), TORCHVISION_REGNET), tmp_path / "a.pth")
    assert load_model(tmp_path / "a.pth").facts == {"class_order": "string"}


def test_predictions_are_named_by_a_file(tmp_path: Path, images: Path, capsys: pytest.CaptureFixture[str]):
    save_model(tmp_path / "a.safetensors", trained(NATURAL, images), preprocessing=Preprocessing(image_size=32))
    names = tmp_path / "classes.txt"
    names.write_text("\n".join(f"kind {name}" for name in NATURAL))
    image = images / "val" / "10" / "a.png"
    (answer,) = predict(tmp_path / "a.safetensors", image, class_order=str(names), top_k=1)
    assert answer.candidates[0].name == "kind 10"  # type: ignore[union-attr]
    with pytest.raises(DataError, match="predict sees none"):
        predict(tmp_path / "a.safetensors", image, class_order="natural")
    assert main(["predict", str(tmp_path / "a.safetensors"), str(image), "--class_order", str(names)]) == 0
    assert "kind 10" in capsys.readouterr().out
    assert main(["predict", str(tmp_path / "a.safetensors"), str(image)]) == 0
    assert "outputs are numbered from 0. --class_order FILE names them" in capsys.readouterr().err


@pytest.mark.slow
def test_an_exported_file_gets_the_names(tmp_path: Path, images: Path, capsys: pytest.CaptureFixture[str]):
    from netwright.runtime import open_runtime

    save_model(tmp_path / "a.safetensors", trained(NATURAL, images), preprocessing=Preprocessing(image_size=32))
    out = tmp_path / "a.pt2"
    words = ["export", str(tmp_path / "a.safetensors"), "--to", "torch", "--out", str(out), "--class_order", "natural"]
    assert main(words) != 0
    assert "an export without --data_dir sees none" in capsys.readouterr().err
    assert main([*words, "--data_dir", str(images), "--train_split", "val"]) == 0
    with open_runtime(out) as runtime:
        assert runtime.info.class_names == tuple(NATURAL)


def test_a_server_gets_the_names(tmp_path: Path, images: Path):
    from netwright.errors import NetwrightError
    from netwright.serving.models.version import open_version
    from netwright.serving.settings import ServeSettings

    save_model(tmp_path / "a.safetensors", trained(NATURAL, images), preprocessing=Preprocessing(image_size=32))
    names = tmp_path / "classes.txt"
    names.write_text("\n".join(f"kind {name}" for name in NATURAL))
    settings = ServeSettings.from_options(tmp_path / "a.safetensors", class_order=str(names))
    version = open_version(settings, lambda name, number, record: None)
    assert version.runtime.info.output_names[9] == "kind 10"
    version.runtime.close()
    with pytest.raises(NetwrightError, match="serve sees none"):
        open_version(ServeSettings.from_options(tmp_path / "a.safetensors", class_order="natural"), lambda *given: None)


@pytest.mark.slow
def test_a_recipe_of_1000_classes_measures_weights_of_12(
    tmp_path: Path, images: Path, capsys: pytest.CaptureFixture[str]
):
    save_model(
        tmp_path / "a.safetensors",
        trained(NATURAL, images),
        preprocessing=Preprocessing(image_size=32),
        class_names=NATURAL,
    )
    (tmp_path / "r.yaml").write_text(f"model: regnet_x_200mf\nnum_classes: 1000\ndata_dir: {images}\nval_split: val\n")
    words = [
        "validate",
        str(tmp_path / "a.safetensors"),
        "--model",
        "",
        "--workers",
        "0",
        "-c",
        str(tmp_path / "r.yaml"),
    ]
    assert main(words) == 0
    answer = capsys.readouterr()
    assert "The recipe is for 1,000 classes, and the weights know 12, which are taken." in answer.err
    assert "'Top_1_Accuracy': 1.0" in answer.out
    assert main([*words, "--num_classes", "1000"]) == 1
    assert "has 12 classes, not 1,000" in capsys.readouterr().err
