"""Weights that timm's and torchvision's own code makes give the same logits here, and go back.

Every network, in ten minutes: EVERY_NETWORK=1 pytest tests/weights/test_formats.py --timeout 3000
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
import torch

from netwright.data.preprocess import Preprocessing
from netwright.nn import AnyNet
from netwright.weights import read_state
from netwright.weights.arch_inference import infer_arch
from netwright.weights.match import load_state
from netwright.weights.save import save_timm, save_torchvision
from netwright.weights.to_format import timm_names, torchvision_names

QUICK = {
    *("regnet_x_200mf", "regnet_x_400mf", "regnet_x_800mf", "regnet_y_200mf", "regnet_y_400mf", "regnet_y_800mf"),
    *("regnet_x_400mf_tv", "regnet_y_800mf_tv", "regnet_z_500mf", "resnet18"),
}


def sizes(names: list[str]) -> list[Any]:
    """The small ones; all, which takes ten minutes and 16 GB of memory, where EVERY_NETWORK is set."""
    chosen = names if "EVERY_NETWORK" in os.environ else [name for name in names if name in QUICK]
    return [pytest.param(name, marks=() if name in QUICK else pytest.mark.slow) for name in chosen]


def opened(path: Path) -> AnyNet:
    stored = read_state(path)
    arch = infer_arch(stored.state)
    assert arch is not None
    module = AnyNet(arch).to(next(iter(stored.state.values())).dtype)
    load_state(module, stored.state, str(path))
    return module.eval()


# of regnet_y_256gf, 11 GB in float64, names and shapes are compared with timm's in test_to_format
@pytest.mark.parametrize("name", sizes(sorted(set(timm_names()) - {"regnet_y_256gf"})))
def test_timms_weights_come_and_go(tmp_path: Path, peers: Any, name: str):
    import timm

    theirs = peers.of_timm(timm_names()[name], num_classes=11)
    torch.save(theirs.state_dict(), tmp_path / "a.pth")
    ours = opened(tmp_path / "a.pth")
    assert ours.arch.name == name
    assert peers.difference(ours, theirs) < 1e-9
    assert peers.difference(ours.float(), theirs.float()) < 1e-4
    save_timm(tmp_path / "folder", ours, preprocessing=Preprocessing())
    back = timm.create_model(f"local-dir:{tmp_path / 'folder'}", pretrained=True).eval()
    assert peers.difference(back.double(), ours.double()) < 1e-9
    assert all(torch.equal(back.state_dict()[key], value) for key, value in theirs.state_dict().items())


@pytest.mark.parametrize("name", sizes(sorted(torchvision_names())))
def test_torchvisions_weights_come_and_go(tmp_path: Path, peers: Any, name: str):
    theirs = peers.of_torchvision(torchvision_names()[name], num_classes=11)
    torch.save(theirs.state_dict(), tmp_path / "a.pth")
    ours = opened(tmp_path / "a.pth")
    assert ours.arch.name == name
    assert peers.difference(ours, theirs) < 1e-9
    assert peers.difference(ours.float(), theirs.float()) < 1e-4
    save_torchvision(tmp_path / "b.pth", ours.double())
    state = torch.load(tmp_path / "b.pth", weights_only=True)
    back = peers.of_torchvision(torchvision_names()[name], num_classes=11)
    back.load_state_dict(state)  # strictly
    assert peers.difference(back, ours) < 1e-9


def test_every_network_of_torchvision_is_here():
    from torchvision import models

    theirs = {name for name in models.list_models(module=models) if name.startswith(("regnet", "resn", "wide_resn"))}
    assert theirs == set(torchvision_names().values())
