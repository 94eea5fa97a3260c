import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from netwright.arch import PUBLISHED, published
from netwright.weights import MINDCV_FILES, create_model, load_model
from netwright.weights.hub import PublishedFile, mindcv_preprocessing, pretrained_file


@pytest.fixture
def cached(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, randomised: Callable[..., Any], ckpt: Any
) -> torch.nn.Module:
    """Weights of regnet_x_200mf in the cache, as if they had been published and loaded."""
    module = randomised(published("regnet_x_200mf"))
    content = ckpt.of(module)
    sha = hashlib.sha256(content).hexdigest()[:8]
    monkeypatch.setenv("NETWRIGHT_CACHE", str(tmp_path))
    monkeypatch.setitem(MINDCV_FILES, "regnet_x_200mf", PublishedFile(sha, 68.74))
    (tmp_path / "weights").mkdir()
    (tmp_path / "weights" / f"regnet_x_200mf-{sha}.ckpt").write_bytes(content)
    return module


def test_published_weights_are_found_in_the_cache_and_used(cached: torch.nn.Module, logits: Any):
    module = create_model("regnet_x_200mf", pretrained=True).eval()
    assert torch.equal(logits(module, side=32), logits(cached, side=32))
    found = load_model("regnet_x_200mf")
    assert torch.equal(logits(found.module, side=32), logits(cached, side=32))
    assert (found.preprocessing.interpolation, found.preprocessing.antialias) == ("bicubic", False)
    assert found.source == str(pretrained_file("regnet_x_200mf"))


def test_published_weights_are_adapted(cached: torch.nn.Module):
    with pytest.warns(UserWarning, match="the weights") as said:
        module = create_model("regnet_x_200mf", num_classes=7, in_channels=1, pretrained=True)
    assert [str(each.message).split(":")[0] for each in said] == [
        "the weights take 3 channels and this network 1",
        "the weights know 1,000 classes and this network 7",
    ]
    assert torch.equal(module.s4.b1.proj.weight, cached.s4.b1.proj.weight)


def test_the_published_files_are_of_networks_here():
    assert set(MINDCV_FILES) <= set(PUBLISHED)
    assert MINDCV_FILES["regnet_x_800mf"].file_name("regnet_x_800mf") == "regnet_x_800mf-617227f4.ckpt"
    assert all(len(file.sha256) == 8 and int(file.sha256, 16) for file in MINDCV_FILES.values())


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("regnet_y_16gf-c30a856f.ckpt", ("bicubic", 0.9)),
        ("regnet_x_800mf-617227f4.ckpt", ("bilinear", 0.875)),
        ("regnet_y_16gf_best.ckpt", ("bilinear", 0.875)),
    ],
)
def test_published_weights_are_evaluated_as_their_recipe_says(name: str, expected: tuple[str, float]):
    seen, notices = mindcv_preprocessing(Path(name), image_size=224, channels=3)
    assert (seen.interpolation, seen.crop_pct) == expected
    assert seen.antialias is False
    assert expected[0] in notices[0]
