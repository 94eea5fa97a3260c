import copy
import json
import sys

import pytest
import timm
import torch
from safetensors.torch import load, save
from timm.optim import param_groups_layer_decay, param_groups_weight_decay
from timm.optim.adan import Adan
from timm.optim.lamb import Lamb
from timm.optim.lion import Lion
from timm.optim.muon import Muon
from torch import nn

from netwright.arch import Arch, Stage, Stem, published
from netwright.errors import RecipeError, WeightsError
from netwright.nn import build
from netwright.options import options_of
from netwright.recipe.training import Optimization
from netwright.training.optimizer import load_optimizer_state, make_optimizer, optimizer_state, parameter_groups

LR, EPS, MOMENTUM, DECAY = 0.01, 1e-6, 0.8, 0.02
LIBRARY = {
    "sgd": lambda p: torch.optim.SGD(p, LR, momentum=MOMENTUM, weight_decay=DECAY),
    "momentum": lambda p: torch.optim.SGD(p, LR, momentum=MOMENTUM, weight_decay=DECAY),
    "adam": lambda p: torch.optim.Adam(p, LR, eps=EPS, weight_decay=DECAY),
    "adamw": lambda p: torch.optim.AdamW(p, LR, eps=EPS, weight_decay=DECAY),
    "lion": lambda p: Lion(p, LR, weight_decay=DECAY),
    "rmsprop": lambda p: torch.optim.RMSprop(p, LR, eps=EPS, weight_decay=DECAY, momentum=MOMENTUM),
    "adagrad": lambda p: torch.optim.Adagrad(p, LR, eps=EPS, weight_decay=DECAY),
    "lamb": lambda p: Lamb(p, LR, eps=EPS, weight_decay=DECAY, max_grad_norm=None),
    "nadam": lambda p: torch.optim.NAdam(p, LR, eps=EPS, weight_decay=DECAY),
    "adan": lambda p: Adan(p, LR, eps=EPS, weight_decay=DECAY),
    "muon": lambda p: Muon(p, LR, momentum=MOMENTUM, weight_decay=DECAY),
}


@pytest.fixture(scope="module")
def gated() -> Arch:
    """A RegNetY: convolutions, normalization, and biases in squeeze-and-excitation and head."""
    return Arch(
        stages=(Stage(1, 8, stride=1, group_width=4), Stage(2, 16, group_width=8)),
        stem=Stem("cifar", 8),
        block="y",
        se_ratio=0.25,
        resolution=8,
        num_classes=5,
    )


def recipe(name="momentum", **changes):
    changes = {"momentum": MOMENTUM, "eps": EPS, "weight_decay": DECAY} | changes
    return Optimization(optimizer=name, **changes)


def network(*, channels_last=False):
    torch.manual_seed(0)
    module = nn.Sequential(
        nn.Conv2d(3, 6, 3, bias=False), nn.BatchNorm2d(6), nn.ReLU(), nn.Conv2d(6, 4, 1), nn.Flatten()
    )
    return module.to(memory_format=torch.channels_last) if channels_last else module


def go(module, optimizer, steps):
    layout = torch.channels_last if module[0].weight.is_contiguous(memory_format=torch.channels_last) else None
    for step in steps:
        x = torch.randn(4, 3, 6, 6, generator=torch.Generator().manual_seed(step))
        optimizer.zero_grad(set_to_none=True)
        module(x.to(memory_format=layout or torch.contiguous_format)).square().mean().backward()
        optimizer.step()


@pytest.mark.parametrize("name", LIBRARY)
def test_steps_are_the_librarys(name):
    ours, theirs = network(), network()
    start = copy.deepcopy(ours)
    go(ours, make_optimizer(ours, recipe(name), LR), range(5))
    go(theirs, LIBRARY[name](theirs.parameters()), range(5))
    for mine, other, before in zip(ours.parameters(), theirs.parameters(), start.parameters(), strict=True):
        assert torch.allclose(mine, other, rtol=1e-5, atol=1e-6)
        assert (mine - before).abs().max() > 1e-5
    assert set(LIBRARY) == set(_choices("optimizer"))


@pytest.mark.parametrize("name", ["sgd", "momentum"])
def test_nesterov_is_torchs_and_needs_momentum(name):
    ours, theirs, plain, still = network(), network(), network(), network()
    go(ours, make_optimizer(ours, recipe(name, nesterov=True), LR), range(3))
    go(theirs, torch.optim.SGD(theirs.parameters(), LR, momentum=MOMENTUM, weight_decay=DECAY, nesterov=True), range(3))
    assert torch.allclose(ours[0].weight, theirs[0].weight, atol=1e-7)
    go(plain, torch.optim.SGD(plain.parameters(), LR, weight_decay=DECAY), range(3))
    go(still, make_optimizer(still, recipe(name, momentum=0.0, nesterov=True), LR), range(3))
    assert torch.allclose(plain[0].weight, still[0].weight, atol=1e-7)
    assert not torch.allclose(ours[0].weight, still[0].weight, atol=1e-5)


def test_muon_takes_nesterovs_momentum_too():
    ours, theirs, plain = network(), network(), network()
    go(ours, make_optimizer(ours, recipe("muon", nesterov=True), LR), range(3))
    go(theirs, Muon(theirs.parameters(), LR, momentum=MOMENTUM, weight_decay=DECAY, nesterov=True), range(3))
    go(plain, make_optimizer(plain, recipe("muon"), LR), range(3))
    assert torch.equal(ours[0].weight, theirs[0].weight)
    assert not torch.allclose(ours[0].weight, plain[0].weight, atol=1e-4)


def test_a_timm_without_muon_is_an_error_with_the_cure(monkeypatch):
    monkeypatch.setitem(sys.modules, "timm.optim.muon", None)
    with pytest.raises(RecipeError, match=r"timm's.*Update timm"):
        make_optimizer(network(), recipe("muon"), LR)


def test_lamb_leaves_clipping_to_clip_norm():
    by_size = []
    for factor in (1.0, 1e4):
        module = network()
        optimizer = make_optimizer(module, recipe("lamb", weight_decay=0.0), LR)
        for value in module.parameters():
            value.grad = torch.full_like(value, 0.1 * factor)
        optimizer.step()
        by_size.append(optimizer.state[module[0].weight]["exp_avg"])
    assert torch.allclose(by_size[0] * 1e4, by_size[1])


@pytest.mark.parametrize(
    ("kind", "undecayed"),
    [
        ("disable", lambda name: False),
        ("auto", lambda name: "bn" in name),
        ("norm_and_bias", lambda name: "bn" in name or name.endswith("bias")),
    ],
)
def test_weight_decay_filters(kind, undecayed, gated):
    module = build(gated, seed=0)
    groups = parameter_groups(module, recipe(weight_decay_filter=kind))
    decay_of = {name: group["weight_decay"] for group in groups for name in group["names"]}
    assert decay_of == {name: 0.0 if undecayed(name) else DECAY for name, _ in module.named_parameters()}
    values = dict(module.named_parameters())
    for group in groups:
        assert [values[name] for name in group["names"]] == group["params"]
    biases = [name for name in decay_of if name.endswith("bias") and "bn" not in name]
    assert any("se" in name for name in biases)
    assert "head.fc.bias" in biases


def test_norm_and_bias_is_timms_default(gated):
    module = build(gated, seed=0)
    no_decay, decay = param_groups_weight_decay(module, DECAY)
    ours = {
        group["weight_decay"]: group["params"]
        for group in parameter_groups(module, recipe(weight_decay_filter="norm_and_bias"))
    }
    for group in (no_decay, decay):
        assert {*map(id, group["params"])} == {*map(id, ours[group["weight_decay"]])}


def test_other_normalization_does_not_decay_either():
    parts = [nn.LayerNorm(4), nn.GroupNorm(2, 4), nn.InstanceNorm2d(4, affine=True), nn.SyncBatchNorm(4), nn.RMSNorm(4)]
    module = nn.Sequential(*parts, nn.Linear(4, 4))
    groups = parameter_groups(module, recipe(weight_decay_filter="auto"))
    assert {group["weight_decay"]: group["names"] for group in groups}[DECAY] == ["5.weight", "5.bias"]


def test_layer_decay_is_timms():
    ours = parameter_groups(
        build(published("regnet_x_200mf"), seed=0), recipe(layer_decay=0.8, weight_decay_filter="norm_and_bias")
    )
    theirs = param_groups_layer_decay(timm.create_model("regnetx_002"), DECAY, layer_decay=0.8)

    def sizes(groups):
        sums = {}
        for group in groups:
            key = (round(group["lr_scale"], 9), group["weight_decay"])
            sums[key] = sums.get(key, 0) + sum(value.numel() for value in group["params"])
        return sums

    assert sizes(ours) == sizes(theirs)
    assert len({scale for scale, _ in sizes(ours)}) == 1 + 13 + 1


def test_layers_count_from_the_head_in_blocks(gated):
    module = build(gated, seed=0)
    scale_of = {
        name: group["lr_scale"]
        for group in parameter_groups(module, recipe(layer_decay=0.5))
        for name in group["names"]
    }
    assert scale_of["head.fc.weight"] == scale_of["head.fc.bias"] == 1.0
    assert scale_of["s2.b2.f.a.weight"] == 0.5
    assert scale_of["s2.b1.proj.weight"] == 0.25
    assert scale_of["s1.b1.f.a_bn.weight"] == 0.125
    assert scale_of["stem.conv.weight"] == 0.0625
    lrs = {
        group["lr"] / group["lr_scale"] for group in make_optimizer(module, recipe(layer_decay=0.5), 0.1).param_groups
    }
    assert lrs == {0.1}


def test_groups_are_one_without_filter_and_leave_frozen_parameters_out(gated):
    module = build(gated, seed=0)
    module.stem.requires_grad_(False)
    [group] = parameter_groups(module, recipe())
    assert group["names"] == [name for name, _ in module.named_parameters() if not name.startswith("stem")]
    assert (group["weight_decay"], group["lr_scale"]) == (DECAY, 1.0)


@pytest.mark.parametrize("channels_last", [False, True])
@pytest.mark.parametrize("name", LIBRARY)
def test_a_state_goes_on_bit_for_bit(name, channels_last):
    settings = recipe(name, layer_decay=0.9, weight_decay_filter="auto")
    module = network(channels_last=channels_last)
    optimizer = make_optimizer(module, settings, LR)
    go(module, optimizer, range(3))

    tensors, plain = optimizer_state(optimizer)
    # as a file has them: contiguous
    written = save({key: value.contiguous(memory_format=torch.contiguous_format) for key, value in tensors.items()})
    other = copy.deepcopy(module)
    restored = make_optimizer(other, settings, LR)
    load_optimizer_state(restored, load(written), json.loads(json.dumps(plain)))
    _same_state(restored, optimizer)

    go(module, optimizer, range(3, 6))
    go(other, restored, range(3, 6))
    for mine, theirs in zip(module.parameters(), other.parameters(), strict=True):
        assert torch.equal(mine, theirs)
    _same_state(restored, optimizer)
    # the state matters: without it the next steps are others
    fresh = copy.deepcopy(module)
    afresh = make_optimizer(fresh, settings, LR)
    go(fresh, afresh, range(6, 8))
    go(module, optimizer, range(6, 8))
    assert not torch.equal(fresh[0].weight, module[0].weight)


def test_a_state_is_named_by_parameters():
    module = network()
    optimizer = make_optimizer(module, recipe("adam"), LR)
    go(module, optimizer, range(1))
    tensors, plain = optimizer_state(optimizer)
    assert {"0.weight/step", "0.weight/exp_avg", "0.weight/exp_avg_sq", "3.bias/step"} <= set(tensors)
    assert plain["optimizer"] == "Adam"
    assert plain["groups"] == [{"names": [name for name, _ in module.named_parameters()], "state": {}}]


def test_a_state_before_the_first_step_is_empty():
    module = network()
    tensors, plain = optimizer_state(make_optimizer(module, recipe("adamw"), LR))
    assert tensors == {}
    optimizer = make_optimizer(module, recipe("adamw"), LR)
    load_optimizer_state(optimizer, tensors, plain)
    go(module, optimizer, range(1))


def test_options_are_the_recipes_not_the_states():
    module = network()
    before = make_optimizer(module, recipe("adamw"), LR)
    go(module, before, range(2))
    after = make_optimizer(module, recipe("adamw", weight_decay=0.5), 2 * LR)
    load_optimizer_state(after, *optimizer_state(before))
    assert (after.param_groups[0]["weight_decay"], after.param_groups[0]["lr"]) == (0.5, 2 * LR)


def test_a_restored_state_shares_no_memory():
    module = network()
    one = make_optimizer(module, recipe("lamb"), LR)
    go(module, one, range(1))
    two = make_optimizer(module, recipe("lamb"), LR)
    load_optimizer_state(two, *optimizer_state(one))
    go(module, one, range(1, 2))
    assert (int(one.param_groups[0]["step"]), int(two.param_groups[0]["step"])) == (2, 1)
    assert not torch.equal(one.state[module[0].weight]["exp_avg"], two.state[module[0].weight]["exp_avg"])


@pytest.mark.parametrize(("fused", "where"), [(None, "cpu"), (True, "meta")])
def test_counters_are_where_the_step_wants_them(fused, where):
    """On a device that is not the CPU: torch keeps them on the CPU, but for fused steps."""
    module = nn.Linear(2, 2, device="meta")
    optimizer = make_optimizer(module, recipe("adam"), LR)
    optimizer.param_groups[0]["fused"] = fused
    _, plain = optimizer_state(optimizer)
    load_optimizer_state(optimizer, {"weight/step": torch.tensor(3.0), "weight/exp_avg": torch.zeros(2, 2)}, plain)
    state = optimizer.state[module.weight]
    assert (state["step"].device.type, state["exp_avg"].device.type) == (where, "meta")


def test_a_state_of_something_else_is_refused_and_changes_nothing():
    module = network()
    adam = make_optimizer(module, recipe("adam"), LR)
    go(module, adam, range(2))
    tensors, plain = optimizer_state(adam)
    kept = {key: value.clone() for key, value in tensors.items()}

    with pytest.raises(WeightsError, match="this state is of Adam, not SGD"):
        load_optimizer_state(make_optimizer(module, recipe(), LR), tensors, plain)
    with pytest.raises(WeightsError, match="there were 5 in 1 groups, and there are 5 in 2 groups"):
        load_optimizer_state(make_optimizer(module, recipe("adam", weight_decay_filter="auto"), LR), tensors, plain)
    with pytest.raises(WeightsError, match=r"'9\.weight' is none of them"):
        load_optimizer_state(adam, tensors | {"9.weight/exp_avg": torch.zeros(1)}, plain)
    with pytest.raises(WeightsError, match=r"3.bias/exp_avg is \(2,\), not \(4,\)"):
        load_optimizer_state(adam, tensors | {"3.bias/exp_avg": torch.zeros(2)}, plain)
    after, _ = optimizer_state(adam)
    assert all(torch.equal(after[key], value) for key, value in kept.items())


def _choices(name):
    return next(each.constraint.choices for each in options_of(Optimization) if each.name == name)


def _same_state(one, two):
    mine, theirs = optimizer_state(one), optimizer_state(two)
    assert mine[1] == theirs[1]
    assert mine[0].keys() == theirs[0].keys()
    for key, value in theirs[0].items():
        assert torch.equal(mine[0][key], value), key
        assert (mine[0][key].dtype, _order(mine[0][key])) == (value.dtype, _order(value)), key


def _order(value):
    """Of the elements in memory; strides along axes of length 1 do not matter."""
    return [stride for stride, length in zip(value.stride(), value.shape, strict=True) if length > 1]
