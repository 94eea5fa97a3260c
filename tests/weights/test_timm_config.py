from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from netwright.arch import published
from netwright.data.preprocess import Preprocessing
from netwright.errors import WeightsError
from netwright.weights.timm_config import read_timm_config, timm_config

# as timm's files on the hub are
HUB = {
    "architecture": "regnety_032",
    "num_classes": 3,
    "label_names": ["a", "b", "c"],
    "pretrained_cfg": {
        "tag": "ra_in1k",
        "num_classes": 3,
        "input_size": [3, 224, 224],
        "test_input_size": [3, 288, 288],
        "interpolation": "bicubic",
        "crop_pct": 0.95,
        "mean": [0.485, 0.456, 0.406],
        "std": [0.229, 0.224, 0.225],
        "classifier": "head.fc",
    },
}


def read(folder: Path, content: Any) -> Any:
    (folder / "config.json").write_text(content if isinstance(content, str) else json.dumps(content))
    return read_timm_config(folder / "model.safetensors")


def test_what_timm_says_is_read(tmp_path: Path):
    found = read(tmp_path, HUB)
    assert found.architecture == "regnety_032"
    assert found.config["class_names"] == ["a", "b", "c"]
    assert Preprocessing.from_dict(found.config["preprocessing"]) == Preprocessing(
        crop_pct=0.95, interpolation="bicubic", mean=(123.675, 116.28, 103.53), std=(58.395, 57.12, 57.375)
    )


def test_older_files_have_one_mapping(tmp_path: Path):
    found = read(tmp_path, {"architecture": "resnet18", "num_classes": 2, "labels": ["a", "b"], "crop_pct": 0.9})
    assert found.config["class_names"] == ["a", "b"]
    assert found.config["preprocessing"]["crop_pct"] == 0.9
    assert "class_names" not in read(tmp_path, {"architecture": "resnet18", "num_classes": 5, "labels": ["a"]}).config


def test_gray_images_have_one_channel(tmp_path: Path):
    seen = {"input_size": [3, 96, 96], "interpolation": "random"}
    found = read(tmp_path, {"architecture": "a", "model_args": {"in_chans": 1}, "pretrained_cfg": seen})
    preprocessing = Preprocessing.from_dict(found.config["preprocessing"])
    assert (preprocessing.channels, preprocessing.image_size, preprocessing.interpolation) == (1, 96, "bilinear")
    assert preprocessing.mean == pytest.approx(((0.485 + 0.456 + 0.406) / 3 * 255,))


def test_what_is_not_timms_is_passed_over(tmp_path: Path):
    assert read_timm_config(tmp_path / "a.safetensors") is None
    for other in ({}, [], {"architectures": ["ResNetForImageClassification"]}, {"architecture": 3}):
        assert read(tmp_path, other) is None


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{", "cannot be read as timm's config.json"),
        ("[" * 10**5, "cannot be read as timm's config.json"),
        ({"architecture": "a", "pretrained_cfg": 3}, "'pretrained_cfg' that is no mapping"),
        ({"architecture": "a", "input_size": 224}, "is not as timm writes it: TypeError"),
        ({"architecture": "a", "input_size": [3]}, "ValueError"),
        ({"architecture": "a", "mean": ["x"]}, "ValueError"),
        ({"architecture": "a", "crop_pct": None}, "TypeError"),
    ],
)
def test_a_damaged_config_is_said(tmp_path: Path, content: Any, said: str):
    with pytest.raises(WeightsError) as caught:
        read(tmp_path, content)
    assert said in str(caught.value)


def test_a_config_of_gigabytes_is_not_read(tmp_path: Path):
    with open(tmp_path / "config.json", "wb") as file:
        file.truncate(10 << 30)  # a hole
    with pytest.raises(WeightsError, match=r"has 10,737,418,240 bytes, more than any config.json of timm"):
        read_timm_config(tmp_path / "model.safetensors")


def test_what_is_written_is_what_timm_resolves(tmp_path: Path):
    from timm.data import resolve_data_config
    from timm.models._hub import load_model_config_from_path
    from timm.models._pretrained import PretrainedCfg

    arch = published("regnet_y_200mf", num_classes=2, in_channels=1)
    seen = Preprocessing(96, 1, 0.8, "bicubic", True, (127.5,), (51.0,))
    config = timm_config("regnety_002", {"depth": 3}, arch, seen, ("a", "é"), "stem.conv", "head.fc")
    (tmp_path / "config.json").write_text(json.dumps(config))
    pretrained, name, arguments = load_model_config_from_path(tmp_path)
    assert (name, arguments, pretrained["label_names"]) == ("regnety_002", {"depth": 3}, ["a", "é"])
    resolved = resolve_data_config({}, pretrained_cfg=PretrainedCfg(**pretrained).to_dict())
    assert list(resolved["input_size"]) == [1, 96, 96]
    assert (resolved["crop_pct"], resolved["interpolation"], list(resolved["mean"])) == (0.8, "bicubic", [0.5])
    assert pretrained["pool_size"] == [3, 3]
    found = read_timm_config(tmp_path / "a")
    assert found is not None
    assert Preprocessing.from_dict(found.config["preprocessing"]) == seen


@pytest.mark.parametrize(
    "content",
    [
        {"architecture": "resnet50", "global_pool": "max"},
        {"architecture": "resnetaa50"},
        {"architecture": "regnetx_002", "model_args": {"output_stride": 8}},
        {"architecture": "regnetx_002", "model_args": {"depth": 13, "act_layer": "silu"}},
    ],
    ids=str,
)
def test_a_variant_that_shapes_do_not_show_is_refused(tmp_path: Path, content: Any):
    with pytest.raises(WeightsError, match="one that is not built here"):
        read(tmp_path, content)
    harmless = {"depth": 13, "drop_rate": 0.1, "output_stride": 32, "act_layer": None, "in_chans": 3}
    assert read(tmp_path, {"architecture": "regnetx_002", "global_pool": "avg", "model_args": harmless}) is not None
