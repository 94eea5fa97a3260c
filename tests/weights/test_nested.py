"""Checkpoints of trainers: the network is found by the one prefix that fits."""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from netwright.arch import published
from netwright.errors import WeightsError
from netwright.nn import AnyNet
from netwright.weights import read_state
from netwright.weights.layouts import CLASSY, RESNET, TIMM_REGNET, TORCHVISION_REGNET
from netwright.weights.names import Naming, rename_from_netwright
from netwright.weights.nested import find_network, flat_tensors

OTHERS = {
    "criterion.weight": torch.ones(5),
    "train_acc.tp": torch.zeros(5, dtype=torch.int64),
    "head2.conv1.weight": torch.ones(4, 3, 3, 3),
}


def same(found: dict[str, Tensor], module: AnyNet) -> bool:
    own = {name: value for name, value in module.state_dict().items() if "num_batches" not in name}
    return {name for name in found if "num_batches" not in name} == own.keys() and all(
        torch.equal(found[name], value) for name, value in own.items()
    )


def below(prefix: str, state: dict[str, Tensor]) -> dict[str, Tensor]:
    return {f"{prefix}{name}": value for name, value in state.items()}


@pytest.mark.parametrize("prefix", ["model.", "net.", "backbone.", "model.net.", "_orig_mod.module.", "my_student."])
def test_lightning_keeps_other_tensors_beside_the_network(
    tmp_path: Path, randomized: Callable[..., AnyNet], prefix: str
):
    module = randomized()
    state = below(prefix, dict(module.state_dict())) | OTHERS
    torch.save({"state_dict": state, "epoch": 3, "pytorch-lightning_version": "2.0"}, tmp_path / "a.ckpt")
    stored = read_state(tmp_path / "a.ckpt")
    assert same(stored.state, module)
    (notice,) = stored.notices
    assert notice == (
        f"the network in a.ckpt is under {prefix!r}; 3 other tensors are left out (criterion.weight, train_acc.tp, "
        "head2.conv1.weight)"
    )


@pytest.mark.parametrize("naming", [TIMM_REGNET, TORCHVISION_REGNET, CLASSY, RESNET], ids=lambda naming: naming.label)
def test_of_every_library(tmp_path: Path, randomized: Callable[..., AnyNet], naming: Naming):
    from dataclasses import replace

    arch = published("resnet18", num_classes=5)
    small = replace(arch, stages=tuple(replace(stage, depth=1) for stage in arch.stages[:2]), name="")
    module = randomized(small) if naming is RESNET else randomized()
    state = rename_from_netwright(dict(module.state_dict()), naming)
    torch.save({"state_dict": below("net.", state) | OTHERS}, tmp_path / "a.pth")
    assert same(read_state(tmp_path / "a.pth").state, module)


@pytest.mark.parametrize(
    "path",
    [
        *("net", "module", "network", "params", "weights", "arch", "generator"),
        *("model.state_dict", "checkpoint.model.params"),
    ],
)
def test_nests_of_any_name(tmp_path: Path, randomized: Callable[..., AnyNet], path: str):
    module = randomized()
    content: Any = reduce(lambda inner, key: {key: inner}, reversed(path.split(".")), dict(module.state_dict()))
    momentum = {0: {"momentum_buffer": torch.ones(3)}}
    torch.save({**content, "epoch": 2, "optimizer": {"state": momentum, "param_groups": []}}, tmp_path / "a.pth")
    stored = read_state(tmp_path / "a.pth")
    assert same(stored.state, module)
    assert "1 other tensors are left out (optimizer.state.0.momentum_buffer)" in "\n".join(stored.notices)


@pytest.mark.parametrize("average", ["ema.shadow", "model_ema.module", "swa", "averaged"])
def test_the_average_is_told_apart_by_its_name(tmp_path: Path, randomized: Callable[..., AnyNet], average: str):
    plain, mean = randomized(seed=1), randomized(seed=2)
    shadow: Any = reduce(lambda inner, key: {key: inner}, reversed(average.split(".")), dict(mean.state_dict()))
    torch.save({"net": dict(plain.state_dict()), **shadow}, tmp_path / "a.pth")
    stored = read_state(tmp_path / "a.pth")
    assert stored.has_average
    assert same(stored.state, plain)
    assert same(read_state(tmp_path / "a.pth", ema=True).state, mean)
    torch.save(shadow, tmp_path / "b.pth")  # nothing else is there
    assert same(read_state(tmp_path / "b.pth").state, mean)


def test_two_networks_are_refused(tmp_path: Path, randomized: Callable[..., AnyNet]):
    state = dict(randomized().state_dict())
    torch.save({"state_dict": below("student.", state) | below("other.", state)}, tmp_path / "a.pth")
    with pytest.raises(WeightsError, match=r"several networks, under 'student\.', 'other\.'"):
        read_state(tmp_path / "a.pth")


def test_where_nothing_fits_the_keys_are_said(tmp_path: Path):
    torch.save({"net": {"a.weight": torch.ones(1)}, "epoch": 1}, tmp_path / "a.pth")
    with pytest.raises(WeightsError, match=r"a mapping of names to tensors, and .* is not \(net, epoch\)"):
        read_state(tmp_path / "a.pth")
    assert find_network(dict(OTHERS), tmp_path / "a.pth") is None
    deep: Any = torch.ones(1)
    for _ in range(50):
        deep = {"a": deep}
    assert list(flat_tensors(deep)) == []
