from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from netwright.arch import Arch, published
from netwright.data.preprocess import Preprocessing
from netwright.errors import WeightsError
from netwright.weights.preprocessing import crop_pct_of, preprocessing_of, torchvision_facts
from netwright.weights.read import StoredWeights


def stored(path: str, layout: str, config: Any = None) -> StoredWeights:
    return StoredWeights(Path(path), "torch", {"a.b": torch.ones(1)}, config or {}, layout=layout)


@pytest.mark.parametrize(
    ("layout", "said"),
    [
        ("pycls", "as in pycls for ImageNet"),
        ("torchvision", "as in torchvision's first weights"),
        ("classy", "as in classy-vision for ImageNet"),
        ("netwright", "as usual for ImageNet"),
        ("", "as usual for ImageNet"),
    ],
)
def test_a_file_that_does_not_say_is_seen_as_usual_there(layout: str, said: str):
    found, notices = preprocessing_of(stored("a.pth", layout), published("regnet_x_200mf", resolution=96))
    assert found == Preprocessing(image_size=96)
    assert notices == [f"a.pth does not contain its preprocessing: it is taken {said}"]


def test_gray_images_take_the_mean_of_colors(small: Arch):
    found, _ = preprocessing_of(stored("a.pth", "pycls"), replace(small, in_channels=1))
    assert (found.channels, found.mean) == (1, (sum(Preprocessing().mean) / 3,))


def test_mindcvs_weights_are_seen_without_antialias(small: Arch):
    found, notices = preprocessing_of(stored("a.ckpt", "mindcv"), small)
    assert (found.antialias, found.image_size) == (False, 16)
    assert "without antialiasing" in notices[0]


def test_what_a_file_says_counts(small: Arch):
    seen = Preprocessing(image_size=40, crop_pct=0.5)
    assert preprocessing_of(stored("a", "pycls", {"preprocessing": seen.to_dict()}), small) == (seen, [])
    of_design = {"mean": [0.5, 0.5, 0.5], "std": [0.2, 0.2, 0.2], "resolution": 8}
    found, _ = preprocessing_of(stored("a", "netwright", of_design), small)
    assert (found.image_size, found.crop_pct, found.mean) == (8, 1.0, (127.5,) * 3)
    assert found.crop_first  # as its trial saw them
    for wrong in ({"preprocessing": {}}, {"preprocessing": 3}, {"mean": "x", "std": [1], "resolution": 8}, {"mean": 1}):
        with pytest.raises(WeightsError, match=r"the preprocessing in .* cannot be read"):
            preprocessing_of(stored("a", "netwright", wrong), small)


def test_files_that_torchvision_published_are_known_by_name(tmp_path: Path):
    facts = torchvision_facts(tmp_path / "regnet_y_400mf-e6988f5f.pth")
    assert (facts["model"], facts["weights"], len(facts["class_names"])) == ("regnet_y_400mf", "IMAGENET1K_V2", 1000)
    assert facts["class_names"][:2] == ("tench", "goldfish")
    found, notices = preprocessing_of(stored("regnet_y_400mf-e6988f5f.pth", "torchvision"), published("regnet_y_400mf"))
    assert (found.resize_size, found.image_size, found.interpolation, notices) == (232, 224, "bilinear", [])
    found, _ = preprocessing_of(stored("regnet_y_16gf_swag-43afe44d.pth", "torchvision"), published("regnet_y_16gf"))
    assert (found.resize_size, found.image_size, found.interpolation) == (384, 384, "bicubic")
    for unknown in ("regnet_y_400mf-00000000.pth", "regnet_y_400mf.pth", "vit-e6988f5f.pth"):
        assert torchvision_facts(tmp_path / unknown) == {}


def test_every_published_file_of_torchvision_has_its_numbers():
    from torchvision import models

    for model in ("regnet_x_8gf", "resnet50", "resnext101_64x4d", "wide_resnet50_2", "regnet_y_128gf"):
        for weights in models.get_model_weights(model):
            facts = torchvision_facts(Path(weights.url.rsplit("/", 1)[-1]))
            assert facts["weights"] == weights.name
            seen = Preprocessing(**facts["preprocessing"])
            assert [seen.resize_size] == list(weights.transforms().resize_size)


def test_shares_give_the_very_size():
    for size in (96, 224, 256, 384):
        for resized in range(size, size + 100):
            assert math.floor(size / crop_pct_of(size, resized)) == resized
