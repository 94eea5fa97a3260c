import errno
import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open

from netwright.arch import published, regnet
from netwright.data.preprocess import Preprocessing
from netwright.errors import OutputError, WeightsError
from netwright.nn import build
from netwright.weights import load_model, read_state, save_ckpt, save_model
from netwright.weights.save import save_pycls, save_timm, save_torchvision

SEEN = Preprocessing(image_size=16, crop_pct=0.9, interpolation="bicubic", antialias=False, std=(60.5, 57.25, 1 / 3))
NAMES = ("ant", "bee", "cat", "dog", "élan")


def test_all_that_using_a_network_takes_comes_back(tmp_path: Path, randomized: Callable[..., Any], logits: Any):
    module = randomized().to(memory_format=torch.channels_last)
    facts = {"epoch": 3, "validation": {"top1": 71.25}}
    save_model(tmp_path / "new" / "a.safetensors", module, preprocessing=SEEN, class_names=NAMES, facts=facts)
    found = load_model(tmp_path / "new" / "a.safetensors")
    assert (found.arch, found.preprocessing, found.class_names, found.facts) == (module.arch, SEEN, NAMES, facts)
    assert found.notices == ()
    assert not found.module.training
    assert torch.equal(logits(found.module), logits(module.to(memory_format=torch.contiguous_format)))
    assert [each.name for each in (tmp_path / "new").iterdir()] == ["a.safetensors"]


def test_the_metadata_are_those_of_the_format(tmp_path: Path, randomized: Callable[..., Any]):
    save_model(tmp_path / "a.safetensors", randomized(), preprocessing=SEEN)
    with safe_open(tmp_path / "a.safetensors", framework="pt") as file:
        metadata = file.metadata()
    assert sorted(metadata) == ["config", "format", "version"]
    assert (metadata["format"], metadata["version"]) == ("netwright", "1")


def test_a_network_goes_to_mindcv_and_comes_back(
    tmp_path: Path, randomized: Callable[..., Any], ckpt: Any, logits: Any, network_yaml: str
):
    module = randomized()
    save_ckpt(tmp_path / "a.ckpt", module)
    content = (tmp_path / "a.ckpt").read_bytes()
    assert content.startswith(ckpt.of(module))
    description = ckpt.varint(1001 * 8 + 2)  # a field that MindSpore passes over
    assert content[len(ckpt.of(module)) :].startswith(description)
    assert content == ckpt.checksum(content[:-17])
    for model in ("", network_yaml):
        found = load_model(tmp_path / "a.ckpt", model=model)
        assert torch.equal(logits(found.module), logits(module))


def test_class_names_are_as_many_as_classes(tmp_path: Path, randomized: Callable[..., Any]):
    with pytest.raises(WeightsError, match="of 5 classes has as many class names, not 2"):
        save_model(tmp_path / "a.safetensors", randomized(), preprocessing=SEEN, class_names=("a", "b"))
    with pytest.raises(WeightsError, match=r"not Linear\. Give the network itself"):
        save_model(tmp_path / "a.safetensors", torch.nn.Linear(2, 2), preprocessing=SEEN)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("save", ["ours", "mindcv"])
@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO])
def test_a_failed_write_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, randomized: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, code: int, save: str
):
    path = tmp_path / "a.safetensors"
    path.write_text("the old file")

    def fail(handle: int) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "fsync", fail)
    write = save_ckpt if save == "mindcv" else partial(save_model, preprocessing=SEEN)
    room = r" \(about [\d,]+ bytes are needed and [\d,]+ bytes are free there\)\. Free some space, or choose another f"
    said = rf"^the weights cannot be written to {path}: {os.strerror(code)}"
    said += room if code == errno.ENOSPC else r"\. Choose another folder\.$"
    with pytest.raises(OutputError, match=said):
        write(path, randomized())
    assert path.read_text() == "the old file"
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path, randomized: Callable[..., Any]):
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="Choose another folder"):
        save_model(tmp_path / "file" / "a.safetensors", randomized(), preprocessing=SEEN)


DESIGNED = regnet(6, 8, 16.0, 2.2, 4, block="x", num_classes=5)


@pytest.mark.parametrize("block", ["x", "y", "z"])
@pytest.mark.parametrize("channels", [1, 3])
def test_timm_opens_networks_that_nobody_published(
    tmp_path: Path, randomized: Callable[..., Any], block: str, channels: int
):
    import timm

    arch = regnet(8, 16, 16.0, 2.2, 4, 0.5 if block == "z" else 1.0, block=block, num_classes=5, in_channels=channels)
    module = randomized(arch).double()
    seen = Preprocessing(channels=channels, mean=(100.0,) * channels, std=(50.0,) * channels)
    call = save_timm(tmp_path / "folder", module, preprocessing=seen, class_names=NAMES)
    opened = timm.create_model(f"local-dir:{tmp_path / 'folder'}", pretrained=True).double().eval()
    x = torch.randn(2, channels, 64, 64, generator=torch.Generator().manual_seed(0)).double()
    with torch.inference_mode():
        ours, theirs = module(x), opened(x)
    # in the folder are float64 values, which timm's float32 module rounds
    assert (ours - theirs).abs().max() < 1e-4 * ours.abs().max()
    assert ours.std(1).min() > 1e-3
    assert opened.pretrained_cfg["label_names"] == list(NAMES)
    again = eval(call, {"timm": timm})
    assert {
        key: value.shape for key, value in again.state_dict().items() if "stem.conv" not in key and "fc" not in key
    } == {key: value.shape for key, value in opened.state_dict().items() if "stem.conv" not in key and "fc" not in key}


def test_a_folder_for_timm_is_known_here_without_its_config(tmp_path: Path, randomized: Callable[..., Any]):
    module = randomized(DESIGNED)
    facts = {"validation": {"top1": 71.25}}
    save_timm(tmp_path, module, preprocessing=SEEN, class_names=NAMES, facts=facts)
    assert sorted(each.name for each in tmp_path.iterdir()) == ["config.json", "model.safetensors"]
    (tmp_path / "config.json").unlink()
    found = load_model(tmp_path / "model.safetensors")
    assert (found.arch, found.preprocessing, found.class_names, found.facts) == (DESIGNED, SEEN, NAMES, facts)
    assert all(torch.equal(value, found.module.state_dict()[name]) for name, value in module.state_dict().items())
    with safe_open(tmp_path / "model.safetensors", framework="pt") as file:
        assert file.metadata()["format"] == "pt"  # which others insist on


def test_pycls_sees_blue_first(tmp_path: Path, randomized: Callable[..., Any]):
    module = randomized()
    save_pycls(tmp_path / "a.pyth", module)
    content = torch.load(tmp_path / "a.pyth", weights_only=True)
    assert torch.equal(content["model_state"]["stem.conv.weight"], module.stem.conv.weight[:, [2, 1, 0]])
    assert list(content["model_state"]) == list(module.state_dict())
    assert "WIDTHS:\n  - 8\n  - 16\n" in content["cfg"]
    stored = read_state(tmp_path / "a.pyth")
    assert all(torch.equal(value, stored.state[name]) for name, value in module.state_dict().items())


def test_of_cifar_pycls_sees_red_first(tmp_path: Path, randomized: Callable[..., Any]):
    module = randomized(published("v56_cifar"))
    save_pycls(tmp_path / "a.pyth", module)
    content = torch.load(tmp_path / "a.pyth", weights_only=True)
    assert torch.equal(content["model_state"]["stem.conv.weight"], module.stem.conv.weight)
    assert torch.equal(read_state(tmp_path / "a.pyth").state["stem.conv.weight"], module.stem.conv.weight)


def test_what_others_cannot_build_is_not_written(tmp_path: Path, randomized: Callable[..., Any]):
    for write in (partial(save_timm, preprocessing=SEEN), save_torchvision, save_ckpt):
        module = randomized(published("v56_cifar")) if write is not save_ckpt else build(published("regnet_z_500mf"))
        with pytest.raises(WeightsError, match=r"Write the format 'netwright'"):
            write(tmp_path / "a", module)
    assert list(tmp_path.iterdir()) == []


def test_a_network_for_inference_alone_is_not_saved(tmp_path: Path, randomized: Callable[..., Any]):
    module = randomized()
    module.is_fused = True
    with pytest.raises(WeightsError, match="a fused network has no batch norm left to save"):
        save_model(tmp_path / "a", module, preprocessing=SEEN)
