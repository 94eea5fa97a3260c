from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from netwright.arch import Arch, published
from netwright.data.preprocess import Preprocessing
from netwright.errors import WeightsError
from netwright.nn import AnyNet, build
from netwright.weights.convert import convert
from netwright.weights.match import load_state
from netwright.weights.read import read_state
from netwright.weights.save import WRITERS, save_model

NAMES = {"netwright": "a.safetensors", "timm": "folder", "torchvision": "a.pth", "pycls": "a.pyth", "mindcv": "a.ckpt"}
SEEN = Preprocessing(image_size=96, crop_pct=0.8, interpolation="bicubic")


@pytest.fixture(scope="module")
def expressible() -> Arch:
    """A small unpublished network that every format can name and build."""
    from netwright.arch import regnet

    return regnet(6, 8, 16.0, 2.2, 4, 1.0, block="y", num_classes=4)


def weights_of(format: str, path: Path) -> Path:
    return path / "model.safetensors" if format == "timm" else path


def logits(path: Path, arch: Arch) -> Tensor:
    module = AnyNet(arch)
    load_state(module, read_state(path).state, "a")
    with torch.inference_mode():
        return module.eval()(torch.randn(2, 3, 64, 64, generator=torch.Generator().manual_seed(0)))


def test_every_format_has_a_name_here():
    assert set(NAMES) == set(WRITERS)


@pytest.mark.slow
@pytest.mark.parametrize("to", WRITERS)
@pytest.mark.parametrize("of", WRITERS)
def test_weights_go_from_every_format_to_every_other(
    tmp_path: Path, expressible: Arch, randomized: Callable[..., Any], of: str, to: str
):
    source = tmp_path / "source"
    save_model(tmp_path / "ours.safetensors", randomized(expressible), preprocessing=SEEN, class_names="abcd")
    convert(tmp_path / "ours.safetensors", source / NAMES[of], to=of)
    there = weights_of(of, source / NAMES[of])
    said = convert(there, tmp_path / "end" / NAMES[to], to=to, arch=expressible)
    end = weights_of(to, tmp_path / "end" / NAMES[to])
    assert read_state(end).layout == (to if to != "netwright" else "netwright")
    expected = logits(tmp_path / "ours.safetensors", expressible)
    assert torch.equal(logits(end, expressible), expected)
    assert expected.std() > 1e-3
    assert str(there) in said[0]
    assert f"read {len(read_state(there).state)} tensors by the names of {of}" in said[0]
    assert "4 classes, 3 channels" in said[1]
    assert str(tmp_path / "end" / NAMES[to]) in said[2]
    assert (f"by the names of {to}" in said[2]) == (to in ("netwright", "pycls", "torchvision"))


def test_preprocessing_class_names_and_facts_travel_where_there_is_a_place(
    tmp_path: Path, expressible: Arch, randomized: Callable[..., Any]
):
    facts = {"top1": 71.5}
    save_model(tmp_path / "a", randomized(expressible), preprocessing=SEEN, class_names="abcd", facts=facts)
    convert(tmp_path / "a", tmp_path / "folder", to="timm")
    said = convert(tmp_path / "folder" / "model.safetensors", tmp_path / "b", to="netwright")
    assert read_state(tmp_path / "b").config == read_state(tmp_path / "a").config
    assert len(said) == 3
    # and config.json alone says it too, were the file timm's
    state = read_state(tmp_path / "folder" / "model.safetensors").state
    from safetensors.torch import save

    from netwright.weights.layouts import TIMM_REGNET
    from netwright.weights.names import rename_from_netwright

    (tmp_path / "folder" / "model.safetensors").write_bytes(
        save(rename_from_netwright(state, TIMM_REGNET), {"format": "pt"})
    )
    convert(tmp_path / "folder" / "model.safetensors", tmp_path / "c", to="netwright")
    config = read_state(tmp_path / "c").config
    assert (config["class_names"], Preprocessing.from_dict(config["preprocessing"])) == (list("abcd"), SEEN)


def test_timm_opens_what_was_converted(tmp_path: Path, expressible: Arch, randomized: Callable[..., Any]):
    import timm

    save_model(tmp_path / "a", randomized(expressible), preprocessing=SEEN, class_names="abcd")
    said = convert(tmp_path / "a", tmp_path / "folder", to="timm")
    call = f"timm.create_model('local-dir:{tmp_path / 'folder'}', pretrained=True)"
    assert said[2] == f"wrote {tmp_path / 'folder'}; it opens as {call}"
    theirs = timm.create_model(f"local-dir:{tmp_path / 'folder'}", pretrained=True).eval()
    x = torch.randn(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        assert torch.allclose(theirs(x), logits(tmp_path / "a", expressible), atol=1e-6)
    assert theirs.pretrained_cfg["label_names"] == list("abcd")
    assert theirs.pretrained_cfg["crop_pct"] == 0.8


def test_precision_stays(tmp_path: Path, expressible: Arch, randomized: Callable[..., Any]):
    torch.save(randomized(expressible).half().state_dict(), tmp_path / "a.pth")
    convert(tmp_path / "a.pth", tmp_path / "b.ckpt", to="mindcv")
    assert {value.dtype for value in read_state(tmp_path / "b.ckpt").state.values()} == {torch.float16}


def test_a_network_that_shapes_do_not_show_is_given(tmp_path: Path):
    arch = published("v56_cifar", num_classes=3)
    torch.save(build(replace(arch, stages=arch.stages[:2]), seed=0).state_dict(), tmp_path / "a.pth")
    said = convert(tmp_path / "a.pth", tmp_path / "b", to="netwright", arch=replace(arch, stages=arch.stages[:2]))
    assert Arch.from_dict(read_state(tmp_path / "b").config["arch"]).stem.kind == "cifar"
    assert any("does not contain its preprocessing" in line for line in said)


@pytest.mark.slow
def test_what_cannot_be_converted_is_said_and_nothing_is_written(
    tmp_path: Path, small: Arch, expressible: Arch, randomized: Callable[..., Any]
):
    state = randomized(expressible).state_dict()
    lacking = {name: value for name, value in state.items() if name != "s1.b1.f.c_bn.bias"}
    headless = {name: value for name, value in state.items() if "head" not in name}
    z = published("regnet_z_500mf")
    with torch.device("meta"):
        shapes = build(z, num_classes=2).state_dict()
    of_z = {name: torch.zeros(value.shape) for name, value in shapes.items()}
    for content, to, given, said in (
        (state, "keras", {}, "weights are written as one of netwright, timm, torchvision, pycls, mindcv, not 'keras'"),
        (state, "classy", {}, "not 'classy'"),
        ({"a.b": torch.ones(1)}, "timm", {}, "its 1 tensor names fit none (a.b, ...). Give the network, or the format"),
        (lacking, "timm", {}, "1 missing (s1.b1.f.c_bn.bias)"),
        (state | {"extra": torch.ones(1)}, "timm", {}, "1 unknown to this network (extra)"),
        (headless, "pycls", {}, "has no classifier, which every format needs"),
        (state, "mindcv", {"arch": small}, "of another shape"),
        (randomized(small).state_dict(), "timm", {}, "timm builds RegNets"),
        (of_z, "mindcv", {}, "MindCV has no silu"),
        (of_z, "torchvision", {}, "torchvision builds RegNets"),
    ):
        torch.save(content, tmp_path / "a.pth")
        with pytest.raises(WeightsError) as caught:
            convert(tmp_path / "a.pth", tmp_path / "end", to=to, **given)
        assert said in str(caught.value)
        assert [each.name for each in tmp_path.iterdir()] == ["a.pth"]


def test_other_channels_than_torchvision_takes_are_said(tmp_path: Path, expressible: Arch):
    torch.save(build(expressible, in_channels=1, seed=0).state_dict(), tmp_path / "a.pth")
    said = convert(tmp_path / "a.pth", tmp_path / "b.pth", to="torchvision")
    assert said[-1] == "torchvision's stem takes 3 channels: replace it by one of 1, then load"


def test_the_moving_average_is_taken_where_it_is_asked_for(
    tmp_path: Path, expressible: Arch, randomized: Callable[..., Any]
):
    plain, average = (randomized(expressible, seed=seed) for seed in (1, 2))
    torch.save({"state_dict": plain.state_dict(), "state_dict_ema": average.state_dict()}, tmp_path / "a.pth")
    for ema, module in ((False, plain), (True, average)):
        convert(tmp_path / "a.pth", tmp_path / "b", to="netwright", ema=ema)
        assert torch.equal(read_state(tmp_path / "b").state["head.fc.bias"], module.head.fc.bias)
