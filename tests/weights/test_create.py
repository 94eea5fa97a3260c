from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from netwright.arch import Arch, Stem, published
from netwright.data.preprocess import Preprocessing
from netwright.errors import ArchError, WeightsError
from netwright.nn import build
from netwright.weights import create_model, load_weights, resolve_arch, save_ckpt, save_model


@pytest.fixture
def saved(tmp_path: Path, randomised: Callable[..., Any]) -> Path:
    save_model(tmp_path / "a.safetensors", randomised(), preprocessing=Preprocessing(image_size=16))
    return tmp_path / "a.safetensors"


def test_a_network_is_named_or_described(network_yaml: str, small: Arch):
    assert resolve_arch("regnet_x_800mf") == published("regnet_x_800mf")
    given = resolve_arch("regnet_x_800mf", num_classes=10, in_channels=1, stem="cifar", resolution=32)
    assert given == published("regnet_x_800mf", num_classes=10, in_channels=1, resolution=32, stem=Stem("cifar", 32))
    assert resolve_arch(network_yaml) == small
    assert resolve_arch(Path(network_yaml).parent, num_classes=9) == replace(small, num_classes=9)


def test_a_network_that_does_not_exist_is_named(tmp_path: Path):
    (tmp_path / "bad.yaml").write_text("stages: 3")
    (tmp_path / "binary.yaml").write_bytes(b"\xff\xfe\xfa")
    for model, said in (
        ("regnet_x_800m", "no network is called 'regnet_x_800m': did you mean 'regnet_x_800mf'"),
        ("zzz", "these are known: regnet_x_200mf"),
        ("", "a network is given by its name or its network.yaml"),
        (tmp_path / "none.yaml", "cannot be read as a network.yaml: No such file"),
        (tmp_path, "cannot be read as a network.yaml"),
        (tmp_path / "bad.yaml", "a network is a mapping"),
        (tmp_path / "binary.yaml", "cannot be read as a network.yaml"),
    ):
        with pytest.raises(ArchError, match=said):
            resolve_arch(model)


def test_a_model_is_created_as_asked(network_yaml: str):
    module = create_model(network_yaml, 7, 1, stem="cifar", drop_rate=0.1, drop_path_rate=0.2, seed=3)
    assert (module.arch.num_classes, module.arch.in_channels, module.arch.stem.kind) == (7, 1, "cifar")
    assert (module.head.drop_rate, module.s2.b1.drop_path_rate) == (0.1, 0.2)
    assert torch.equal(module.head.fc.weight, build(module.arch, seed=3).head.fc.weight)
    assert create_model("regnet_x_200mf").arch == published("regnet_x_200mf")


def test_weights_are_put_in_exactly(saved: Path, randomised: Callable[..., Any], network_yaml: str):
    expected = randomised().state_dict()
    module = create_model(network_yaml, checkpoint_path=saved)
    assert all(torch.equal(value, expected[name]) for name, value in module.state_dict().items())
    other = build(module.arch, seed=8)
    assert load_weights(other, saved) == []
    assert all(torch.equal(value, expected[name]) for name, value in other.state_dict().items())


def test_another_number_of_classes_leaves_the_classifier_as_it_was(saved: Path, randomised: Any, network_yaml: str):
    with pytest.warns(UserWarning, match="know 5 classes and this network 9: its classifier starts untrained"):
        module = create_model(network_yaml, num_classes=9, checkpoint_path=saved, seed=1)
    fresh, trained = build(module.arch, seed=1), randomised()
    assert torch.equal(module.head.fc.weight, fresh.head.fc.weight)
    assert torch.equal(module.head.fc.bias, fresh.head.fc.bias)
    assert torch.equal(module.s2.b1.f.c.weight, trained.s2.b1.f.c.weight)


@pytest.mark.parametrize("channels", [1, 2, 4, 6])
def test_another_number_of_channels_changes_the_first_convolution_as_timm_does(
    saved: Path, randomised: Any, network_yaml: str, channels: int
):
    from timm.models import adapt_input_conv

    with pytest.warns(UserWarning, match=f"take 3 channels and this network {channels}: its first convolution"):
        module = create_model(network_yaml, in_channels=channels, checkpoint_path=saved)
    expected = adapt_input_conv(channels, randomised().stem.conv.weight.detach())
    assert torch.allclose(module.stem.conv.weight, expected, rtol=0, atol=1e-7)


def test_gray_weights_go_to_colour(tmp_path: Path, randomised: Callable[..., Any], small: Arch, logits: Any):
    gray = randomised(replace(small, in_channels=1))
    save_model(tmp_path / "g.safetensors", gray, preprocessing=Preprocessing(16, 1, mean=(120.0,), std=(60.0,)))
    module = build(small, seed=4).eval()
    (notice,) = load_weights(module, tmp_path / "g.safetensors", adapt=True)
    assert "take 1 channels and this network 3" in notice
    x = torch.randn(2, 1, 16, 16, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():  # an image without colour gives what it gave
        assert torch.allclose(module(x.expand(2, 3, 16, 16)), gray(x), rtol=1e-4, atol=1e-5)


def test_nothing_is_adapted_unless_asked(saved: Path, small: Arch):
    for changed, said in (
        ({"num_classes": 9}, r"2 of another shape \(head.fc.weight \[5, 16\], \[9, 16\] here, head.fc.bias"),
        ({"in_channels": 1}, r"of another shape \(stem.conv.weight"),
        ({"stem": Stem("cifar", 8)}, "differs in stem simple there and cifar here"),
    ):
        module = build(replace(small, **changed), seed=2)
        with pytest.raises(WeightsError, match=said):
            load_weights(module, saved)
        before = build(module.arch, seed=2).state_dict()
        assert all(torch.equal(value, before[name]) for name, value in module.state_dict().items())


def test_another_stem_or_stride_is_said_where_it_is_adapted(saved: Path, small: Arch):
    slow = replace(small, stem=Stem("cifar", 8), stages=(small.stages[0], replace(small.stages[1], stride=1)))
    (notice,) = load_weights(build(slow), saved, adapt=True)
    assert "stem simple there and cifar here, strides [1, 2] there and [1, 1] here" in notice


def test_weights_of_another_network_are_refused_even_to_adapt(saved: Path, small: Arch):
    wider = replace(small, stages=(small.stages[0], replace(small.stages[1], width=32)))
    with pytest.raises(WeightsError, match=r"are not those of small; of their \d+ tensors: \d+ of another shape"):
        load_weights(build(wider), saved, adapt=True)


def test_a_folder_says_which_weights_are_taken(tmp_path: Path, randomised: Callable[..., Any], small: Arch):
    save_ckpt(tmp_path / "small-3_10.ckpt", randomised())
    module = build(small)
    assert load_weights(module, tmp_path) == [f"weights from {tmp_path / 'small-3_10.ckpt'}, of the newest epoch, 3"]
    assert torch.equal(module.head.fc.bias, randomised().head.fc.bias)


def test_mistakes_are_said(saved: Path, network_yaml: str):
    with pytest.raises(WeightsError, match="Give pretrained or checkpoint_path"):
        create_model("regnet_x_200mf", pretrained=True, checkpoint_path=saved)
    with pytest.raises(WeightsError, match=r"there is a\.safetensors"):
        create_model(network_yaml, checkpoint_path=saved.with_name("b.safetensors"))
    with pytest.raises(WeightsError, match="not into Linear"):
        load_weights(torch.nn.Linear(1, 1), saved)
