"""Every format, stem and family: written and read back without help with equal logits, or refused with the reason."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from netwright.arch import BLOCKS, STEMS, Arch, Stage, Stem, published
from netwright.data.preprocess import Preprocessing
from netwright.errors import WeightsError
from netwright.nn import build
from netwright.testing import disturbed
from netwright.weights import WRITERS, load_model, save_model
from netwright.weights.convert import convert

FILES = {"netwright": "a.safetensors", "timm": "folder", "torchvision": "a.pth", "pycls": "a.pyth", "mindcv": "a.ckpt"}
SEEN = Preprocessing(image_size=32, crop_pct=0.8, interpolation="bicubic", antialias=False, mean=(1.0, 2.0, 3.0))
# what each library cannot build; all else is written
CANNOT = {
    **{("timm", "simple", block): "timm builds" for block in ("v", "basic")},
    **{("timm", "cifar", block): "timm builds" for block in BLOCKS},
    **{("timm", "imagenet", block): "timm builds" for block in ("v", "y", "z")},
    **{("timm", "imagenet", block): "timm builds" for block in ("basic", "r", "x")},
    **{("torchvision", stem, block): "torchvision builds" for stem in STEMS for block in ("v", "basic", "z")},
    **{("torchvision", stem, block): "torchvision builds" for stem in ("cifar", "imagenet") for block in BLOCKS},
    **{("mindcv", stem, "z"): "MindCV has no silu in its AnyNet" for stem in STEMS},
    **{("pycls", stem, "z"): "pycls has an activation after the last linear block only" for stem in STEMS},
}


def small(block: str, stem: str, strides: tuple[int, ...]) -> Arch:
    family = BLOCKS[block]
    stages = tuple(
        Stage(1, width, stride, 1.0, 4 if family.is_grouped else width)
        for width, stride in zip((8, 16, 24, 32), strides, strict=True)
    )
    return Arch(stages, block, Stem(stem, 8), family.se_ratio, 32, 3, 3)


def saved(tmp_path: Path, arch: Arch) -> Path:
    module = disturbed(build(arch, seed=0)).eval()
    save_model(tmp_path / "run.safetensors", module, preprocessing=SEEN, class_names="abc"[: arch.num_classes])
    return tmp_path / "run.safetensors"


def logits(ref: Path) -> torch.Tensor:
    with torch.inference_mode():
        return load_model(ref).module(torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(0)))


def test_every_format_has_a_file_here():
    assert set(FILES) == set(WRITERS)


@pytest.mark.parametrize("strides", [(2, 2, 2, 2), (1, 2, 2, 2), (1, 1, 2, 1)], ids=str)
@pytest.mark.parametrize("block", BLOCKS)
@pytest.mark.parametrize("stem", STEMS)
@pytest.mark.parametrize("to", WRITERS)
def test_what_is_written_is_read_back(tmp_path: Path, to: str, stem: str, block: str, strides: tuple[int, ...]):
    arch = small(block, stem, strides)
    source, end = saved(tmp_path, arch), tmp_path / "end" / FILES[to]
    # of RegNets, timm has those of strides 2 only
    if (to, stem, block) in CANNOT or (to == "timm" and strides != (2, 2, 2, 2)):
        with pytest.raises(WeightsError, match=CANNOT.get((to, stem, block), "timm builds")):
            convert(source, end, to=to)
        assert not end.parent.exists()
        return
    convert(source, end, to=to)
    back = load_model(end)
    assert replace(back.arch, name="") == arch
    assert torch.allclose(logits(end), logits(source), rtol=0, atol=1e-5)
    assert (back.preprocessing, back.class_names) == (SEEN, ("a", "b", "c"))


@pytest.mark.slow
@pytest.mark.parametrize("to", WRITERS)
def test_a_published_network_with_another_stem_is_not_taken_for_it(tmp_path: Path, to: str):
    arch = published("regnet_x_200mf", num_classes=3)
    source = saved(tmp_path, replace(arch, stem=Stem("cifar", arch.stem.width)))
    end = tmp_path / "end" / FILES[to]
    if to in ("timm", "torchvision"):
        with pytest.raises(WeightsError, match="the stem 'cifar' of width 32"):
            convert(source, end, to=to)
        return
    said = "\n".join(convert(source, end, to=to))
    assert load_model(end).arch.stem.kind == "cifar"
    assert torch.allclose(logits(end), logits(source), rtol=0, atol=1e-5)
    if to == "mindcv":
        assert "opens there as mindcv.create_model('regnet_x_200mf', stem_type='res_stem_cifar')" in said


def test_a_network_that_mindcv_has_not_by_name_is_told_by_its_arguments(tmp_path: Path):
    source = saved(tmp_path, small("x", "cifar", (1, 2, 2, 1)))
    said = "\n".join(convert(source, tmp_path / "a.ckpt", to="mindcv"))
    assert "mindcv.models.regnet.AnyNet(depths=[1, 1, 1, 1], stem_type='res_stem_cifar'" in said
    assert "strides=[1, 2, 2, 1]" in said


@pytest.mark.parametrize("cut", ["stem", "preprocessing"])
def test_nothing_is_placed_that_does_not_come_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cut: str):
    from netwright.weights import save

    source = saved(tmp_path, small("x", "cifar", (2, 2, 2, 2)))
    (tmp_path / "a.pth").write_bytes(b"before")
    plain = save.ModelToSave.config

    def without(model: Any) -> str:
        text = plain(model)
        return (
            text.replace('"cifar"', '"simple"') if cut == "stem" else text.replace('"crop_pct": 0.8', '"crop_pct": 1.0')
        )

    monkeypatch.setattr(save.ModelToSave, "config", without)
    with pytest.raises(WeightsError, match="read back before they are put in their place"):
        convert(source, tmp_path / "a.ckpt", to="mindcv")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.pth", "run.safetensors"]
