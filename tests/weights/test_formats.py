"""The contract of weight formats, for each of those that are written; timm's and torchvision's with their own code.

Every network, in ten minutes: EVERY_NETWORK=1 pytest tests/weights/test_formats.py --timeout 3000
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from netwright.arch import Arch
from netwright.testing import WeightFormatContract
from netwright.weights import WRITERS, LoadedModel, load_model, save_ckpt, save_model, save_pycls, save_timm
from netwright.weights.save import save_torchvision
from netwright.weights.to_format import timm_names, torchvision_names

QUICK = {
    *("regnet_x_200mf", "regnet_x_400mf", "regnet_x_800mf", "regnet_y_200mf", "regnet_y_400mf", "regnet_y_800mf"),
    *("regnet_x_400mf_tv", "regnet_y_800mf_tv", "regnet_z_500mf", "resnet18"),
}


def sizes(names: list[str]) -> list[Any]:
    """The small ones; all, which takes ten minutes and 16 GB of memory, where EVERY_NETWORK is set."""
    chosen = names if "EVERY_NETWORK" in os.environ else [name for name in names if name in QUICK]
    return [pytest.param(name, marks=() if name in QUICK else pytest.mark.slow) for name in chosen]


@pytest.mark.slow
class TestNetwright(WeightFormatContract):
    carries = frozenset({"preprocessing", "class_names", "facts"})
    dtypes = (torch.float64, torch.float16, torch.bfloat16)

    def save(self, folder: Path, model: LoadedModel) -> Path:
        path = folder / "a.safetensors"
        more = {"class_names": model.class_names, "facts": model.facts}
        save_model(path, model.module, preprocessing=model.preprocessing, **more)
        return path


@pytest.mark.slow
class TestTimm(WeightFormatContract):
    carries = frozenset({"preprocessing", "class_names", "facts"})
    dtypes = (torch.float64, torch.float16, torch.bfloat16)
    # of regnet_y_256gf, 11 GB in float64, names and shapes are compared with timm's in test_to_format
    peers = sizes(sorted(set(timm_names()) - {"regnet_y_256gf"}))

    def save(self, folder: Path, model: LoadedModel) -> Path:
        more = {"class_names": model.class_names, "facts": model.facts}
        save_timm(folder / "timm", model.module, preprocessing=model.preprocessing, **more)
        return folder / "timm" / "model.safetensors"

    def make_peer(self, name: str) -> nn.Module:
        import timm

        return timm.create_model(timm_names()[name], num_classes=11)

    def load_peer(self, path: Path, name: str) -> nn.Module:
        import timm

        return timm.create_model(f"local-dir:{path.parent}", pretrained=True).eval()


@pytest.mark.slow
class TestTorchvision(WeightFormatContract):
    peers = sizes(sorted(torchvision_names()))

    def save(self, folder: Path, model: LoadedModel) -> Path:
        save_torchvision(folder / "a.pth", model.module)
        return folder / "a.pth"

    def load(self, path: Path, arch: Arch) -> LoadedModel:
        return load_model(path, model=described(path, arch))

    def make_peer(self, name: str) -> nn.Module:
        import torchvision

        return torchvision.models.get_model(torchvision_names()[name], num_classes=11)

    def load_peer(self, path: Path, name: str) -> nn.Module:
        back = self.make_peer(name)
        back.load_state_dict(torch.load(path, weights_only=True))  # strictly
        return back


@pytest.mark.slow
class TestPycls(WeightFormatContract):
    def save(self, folder: Path, model: LoadedModel) -> Path:
        save_pycls(folder / "a.pyth", model.module)
        return folder / "a.pyth"


@pytest.mark.slow
class TestMindcv(WeightFormatContract):
    def save(self, folder: Path, model: LoadedModel) -> Path:
        save_ckpt(folder / "a.ckpt", model.module)
        return folder / "a.ckpt"

    def load(self, path: Path, arch: Arch) -> LoadedModel:
        return load_model(path, model=described(path, arch))


def described(path: Path, arch: Arch) -> str:
    """A file that says which network it is, for formats that do not."""
    network = path.with_name("described.yaml")
    network.write_text(arch.to_yaml())
    return str(network)


def test_every_format_that_is_written_is_here():
    assert {case.__name__.lower() for case in WeightFormatContract.__subclasses__()} >= {
        f"test{name}" for name in WRITERS
    }


def test_every_network_of_torchvision_is_here():
    from torchvision import models

    theirs = {name for name in models.list_models(module=models) if name.startswith(("regnet", "resn", "wide_resn"))}
    assert theirs == set(torchvision_names().values())
