"""The simulated device is as strict as hardware: wrong lines are caught, and copies are counted."""

from collections.abc import Callable
from typing import Any

import pytest

pytestmark = pytest.mark.slow


def test_wrong_lines_are_caught(npu: Callable[..., Any]) -> None:
    found = npu(
        """
        from torch import nn
        def error(work):
            try:
                work()
            except RuntimeError as error:
                return str(error)
            return ""
        module = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(144, 5)).to("npu")
        x, target = torch.randn(2, 3, 8, 8), torch.tensor([0, 1])
        loss = nn.functional.cross_entropy
        show(
            forgotten_input=error(lambda: module(x)),
            forgotten_target=error(lambda: loss(module(x.to("npu")), target)),
            forgotten_module=error(lambda: nn.Linear(3, 2)(x.to("npu"))),
            other_device=error(lambda: x.to("npu:0") + x.to("npu:1")),
            right=error(lambda: loss(module(x.to("npu")), target.to("npu")).backward()),
            number=error(lambda: x.to("npu") * 2 + torch.tensor(1.0)),
        )
        """
    )
    assert found.pop("right") == found.pop("number") == ""
    assert all("Expected all tensors to be on the same device" in text for text in found.values()), found


def test_copies_are_counted(npu: Callable[..., Any]) -> None:
    found = npu(
        """
        x = torch.ones(3).to("npu")
        there = sum(copies.to_device.values())
        y = (x + 1).sum()
        before = sum(copies.to_host.values())
        y.item(); float(y); y.cpu(); bool(y > 0)
        made = str(torch.zeros(2, device="npu").device)
        show(there=there, before=before, after=sum(copies.to_host.values()), made=made)
        """
    )
    assert found == {"there": 1, "before": 0, "after": 4, "made": "npu:0"}


def test_each_device_has_a_random_state_of_its_own(npu: Callable[..., Any]) -> None:
    found = npu(
        """
        torch.manual_seed(3)
        state = torch.npu.get_rng_state("npu:0")
        first = torch.randn(4, device="npu:0").cpu()
        torch.randn(9)  # of the processor
        second = torch.randn(4, device="npu:0").cpu()
        torch.npu.set_rng_state(state, "npu:0")
        again = torch.randn(4, device="npu:0").cpu()
        show(again=torch.equal(first, again), second=torch.equal(first, second))
        """
    )
    assert found == {"again": True, "second": False}
