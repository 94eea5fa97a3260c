import copy
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from netwright.arch import BLOCKS
from netwright.errors import ArchError
from netwright.nn import build, freeze, linear_probe
from netwright.nn.freeze import frozen_parts


def step(module: nn.Module) -> None:
    """One step of training with weight decay, which would move weights that have no gradient, too."""
    module.train()
    x = torch.randn(6, 3, 16, 16, generator=torch.Generator().manual_seed(2))
    optimizer = torch.optim.SGD(module.parameters(), lr=0.1, momentum=0.9, weight_decay=0.1)
    functional.cross_entropy(module(x), torch.arange(6) % 5).backward()
    optimizer.step()


def changed(before: dict[str, Tensor], module: nn.Module) -> set[str]:
    """The parts, one or two names deep, of which anything is other than before, statistics included."""
    now = module.state_dict()
    names = {name for name in now if not torch.equal(before[name], now[name])}
    return {".".join(name.split(".")[: 2 if name.startswith("head") else 1]) for name in names}


@pytest.mark.parametrize(
    ("stages", "rest"),
    [(0, {"s1", "s2", "s3"}), (1, {"s2", "s3"}), (3, set())],
)
@pytest.mark.parametrize("block", BLOCKS)
def test_frozen_stages_stay_to_the_bit(make_arch: Callable[..., Any], block: str, stages: int, rest: set[str]):
    module = build(make_arch(block, head_width=12), seed=0, drop_path_rate=0.5)
    assert freeze(module, stages) is module
    assert module.training
    assert not module.stem.training  # at once, not from the next train() on
    before = copy.deepcopy(module.state_dict())
    step(module)
    assert changed(before, module) == rest | {"head.conv", "head.bn", "head.fc"}


def test_a_linear_probe_learns_the_last_layer_only(make_arch: Callable[..., Any]):
    module = linear_probe(build(make_arch("z", head_width=12), seed=0, drop_rate=0.5))
    before = copy.deepcopy(module.state_dict())
    step(module)
    assert changed(before, module) == {"head.fc"}
    assert {name for name, value in module.named_parameters() if value.grad is not None} == {
        "head.fc.weight",
        "head.fc.bias",
    }
    # dropout before the classifier is a part of its training
    assert module.head.training


def test_freezing_less_thaws_the_rest(make_arch: Callable[..., Any]):
    module = freeze(linear_probe(build(make_arch("y"), seed=0)), 1)
    assert module.frozen == ("stem", "s1")
    before = copy.deepcopy(module.state_dict())
    step(module)
    assert changed(before, module) == {"s2", "s3", "head.fc"}


def test_copies_stay_frozen_and_modes_are_kept(make_arch: Callable[..., Any]):
    module = freeze(build(make_arch("x"), seed=0).eval(), 1)
    assert not any(part.training for part in module.modules())
    twin = copy.deepcopy(module).train()
    assert [name for name in ("stem", "s1", "s2", "head") if twin.get_submodule(name).training] == ["s2", "head"]
    assert frozen_parts(twin) == {*twin.stem.modules(), *twin.s1.modules()}
    assert frozen_parts(nn.Linear(1, 1)) == set()


@pytest.mark.parametrize("stages", [-1, 4, True])
def test_stages_that_there_are_not_are_refused(make_arch: Callable[..., Any], stages: int):
    with pytest.raises(ArchError, match="3 stages can freeze its stem and 0 to 3 stages, not"):
        freeze(build(make_arch("x")), stages)
