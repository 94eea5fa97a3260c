import math

import pytest
import torch
from torch import nn

from netwright.recipe.training import Precision
from netwright.training import precision as part
from netwright.training.precision import LossScaler, autocast, resolve_precision

CPU, CUDA, NPU = torch.device("cpu"), torch.device("cuda", 0), torch.device("npu" if hasattr(torch, "npu") else "xpu")


@pytest.mark.parametrize(
    ("name", "device", "bf16_helps", "resolved", "said"),
    [
        ("fp32", CPU, False, "fp32", ""),
        ("fp32", CUDA, True, "fp32", ""),
        ("auto", CPU, True, "bf16", ""),
        ("auto", CPU, False, "fp32", ""),
        ("auto", CUDA, True, "bf16", ""),
        ("bf16", CPU, True, "bf16", ""),
        ("bf16", CPU, False, "bf16", "slower than fp32"),
        ("half", CUDA, True, "fp16", ""),
        ("half", NPU, True, "fp16", ""),
        ("fp16", CUDA, True, "fp16", ""),
        ("half", CPU, True, "bf16", "precision half: fp16 is for accelerators, on this CPU bf16 is used"),
        ("fp16", CPU, True, "bf16", "precision fp16: fp16 is for accelerators, on this CPU bf16 is used"),
        ("half", CPU, False, "bf16", "bf16 is used, in software, which is slower than fp32"),
    ],
)
def test_precisions(name, device, bf16_helps, resolved, said, monkeypatch):
    monkeypatch.setattr(part, "bf16_helps", lambda device: bf16_helps)
    precision, notice = resolve_precision(name, device)
    assert precision == resolved
    assert notice.endswith(said) if said else notice == ""


@pytest.mark.parametrize(
    ("precision", "dtype"), [("fp32", torch.float32), ("bf16", torch.bfloat16), ("fp16", torch.float16)]
)
def test_autocast(precision, dtype):
    layer = nn.Linear(4, 4)
    with autocast(precision, CPU):
        y = layer(torch.ones(2, 4))
    assert y.dtype == dtype
    y.float().sum().backward()
    assert layer.weight.grad.dtype == layer.weight.dtype == torch.float32


def scaler(kind="fixed", precision="fp16", **options):
    return LossScaler(Precision(loss_scale_type=kind, **options), precision)


def parameters(*gradients):
    values = [nn.Parameter(torch.zeros(3)) for _ in gradients]
    for value, gradient in zip(values, gradients, strict=True):
        value.grad = None if gradient is None else torch.full((3,), float(gradient))
    return values


@pytest.mark.slow
def test_a_dynamic_scale_follows_torchs():
    ours = scaler("dynamic", loss_scale=2.0**10)
    theirs = torch.amp.GradScaler("cpu", init_scale=2.0**10)
    value = nn.Parameter(torch.zeros(1))
    optimizer = torch.optim.SGD([value], 0.1)
    overflows = {3, 4, 2500, 4600, 4601}
    seen = []
    for step in range(7000):
        finite = step not in overflows
        value.grad = torch.ones(1) if finite else torch.full((1,), math.inf)
        theirs.scale(torch.zeros(1))
        theirs.step(optimizer)
        theirs.update()
        ours.update(finite)
        seen.append(ours.value)
        assert ours.value == theirs.get_scale(), step
    assert sorted(set(seen)) == [2.0**7, 2.0**8, 2.0**9, 2.0**10]


def test_auto_is_dynamic_from_2_to_the_24_for_fp16_only():
    half = scaler("auto", "fp16", loss_scale=3.0)
    assert (half.is_dynamic, half.value) == (True, 2.0**24)
    for precision in ("bf16", "fp32"):
        other = scaler("auto", precision, loss_scale=3.0, drop_overflow_update=True)
        assert (other.is_needed, other.value) == (False, 1.0)
        loss = torch.ones(())
        assert other.scale(loss) is loss
        assert other.unscale(parameters(math.nan))


def test_a_dynamic_scale_stays_within_1_and_fp32():
    low = scaler("dynamic", loss_scale=1.5)
    for expected in (1.0, 1.0):
        low.update(False)
        assert low.value == expected
    high = scaler("dynamic", loss_scale=2.0**127)
    for _ in range(4000):
        high.update(True)
    assert math.isfinite(torch.tensor(high.value))
    small = scaler("dynamic", loss_scale=0.25)
    small.update(False)
    assert small.value == 0.25


def test_a_fixed_scale_gives_the_gradients_of_none():
    layer = nn.Linear(3, 2)
    expected = [
        value.clone() for value in torch.autograd.grad(layer(torch.ones(1, 3)).square().sum(), [*layer.parameters()])
    ]
    for kind in ({}, {"drop_overflow_update": True}):
        layer.zero_grad()
        fixed = scaler(loss_scale=128.0, **kind)
        loss = layer(torch.ones(1, 3)).square().sum()
        assert float(fixed.scale(loss.detach())) == 128 * float(loss.detach())
        fixed.scale(loss).backward()
        assert fixed.unscale([*layer.parameters()])
        for value, gradient in zip(layer.parameters(), expected, strict=True):
            assert torch.equal(value.grad, gradient)
        fixed.update(False)
        assert fixed.value == 128.0


@pytest.mark.parametrize("bad", [math.inf, -math.inf, math.nan])
def test_who_looks_sees_what_is_not_finite(bad):
    looking = [scaler("dynamic"), scaler(drop_overflow_update=True), scaler("auto", loss_scale=2.0)]
    for each in looking:
        assert each.is_needed
        assert each.unscale(parameters(1.0, None, 2.0))
        assert not each.unscale(parameters(1.0, None, bad))
    assert scaler(loss_scale=8.0).unscale(parameters(bad))


def test_gradients_of_several_types_are_unscaled():
    values = parameters(1.0, 2.0)
    values[1] = nn.Parameter(torch.zeros(3, dtype=torch.bfloat16))
    values[1].grad = torch.full((3,), 2.0, dtype=torch.bfloat16)
    assert scaler("dynamic", loss_scale=4.0).unscale(values)
    assert [float(value.grad[0]) for value in values] == [0.25, 0.5]


def test_a_scale_of_1_costs_nothing(monkeypatch):
    off = scaler()
    assert not off.is_needed

    def refuse(*_):
        raise AssertionError("a pass over the gradients")

    monkeypatch.setattr(torch, "_foreach_mul_", refuse)
    monkeypatch.setattr(torch, "_amp_foreach_non_finite_check_and_unscale_", refuse)
    assert off.unscale(parameters(math.nan))
    with pytest.raises(AssertionError, match="a pass"):
        scaler("dynamic").unscale(parameters(1.0))
    with pytest.raises(AssertionError, match="a pass"):
        scaler(loss_scale=2.0).unscale(parameters(1.0))


def test_a_state_is_plain_and_goes_on():
    one = scaler("dynamic", loss_scale=1024.0)
    for step in range(1500):
        one.update(step != 3)
    state = one.state_dict()
    assert state == {"scale": 512.0, "good_steps": 1496}
    two = scaler("dynamic", loss_scale=1024.0)
    two.load_state_dict(state)
    for _ in range(504):
        one.update(True)
        two.update(True)
    assert one.state_dict() == two.state_dict() == {"scale": 1024.0, "good_steps": 0}
