"""Dropout and stochastic depth, against timm's own network with the same weights and the same draws."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from netwright.arch import Arch, Stage, Stem, published
from netwright.errors import ArchError
from netwright.nn import build
from netwright.nn.blocks import drop_path

SMALL = Arch((Stage(1, 8, 1, 1.0, 4), Stage(3, 16, 2, 1.0, 4)), "y", Stem("cifar", 8), 0.25, 8, 5, 3)
# ours -> timm's, within a block
PARTS = {"f.a.": "conv1.conv.", "f.b.": "conv2.conv.", "f.c.": "conv3.conv.", "proj.": "downsample.conv."}
PARTS |= {"f.a_bn.": "conv1.bn.", "f.b_bn.": "conv2.bn.", "f.c_bn.": "conv3.bn.", "bn.": "downsample.bn."}
PARTS |= {"f.se.f_ex.0.": "se.fc1.", "f.se.f_ex.2.": "se.fc2."}


def timms(name: str) -> str:
    block, rest = name.split(".", 2)[:2], name.split(".", 2)[2]
    if not block[0].startswith("s") or block[0] == "stem":
        return name
    part = next(part for part in PARTS if rest.startswith(part))
    return ".".join((*block, PARTS[part] + rest.removeprefix(part)))


def images(n: int, side: int) -> Tensor:
    return torch.randn(n, 3, side, side, generator=torch.Generator().manual_seed(5))


@pytest.mark.parametrize(("drop_rate", "drop_path_rate"), [(0.0, 0.0), (0.5, 0.0), (0.0, 0.6), (0.3, 0.4)])
def test_training_drops_what_timm_drops(drop_rate: float, drop_path_rate: float):
    import timm

    own = build(published("regnet_y_200mf"), 10, seed=0, drop_rate=drop_rate, drop_path_rate=drop_path_rate)
    theirs = timm.create_model("regnety_002", num_classes=10, drop_rate=drop_rate, drop_path_rate=drop_path_rate)
    theirs.load_state_dict({timms(name): value for name, value in own.state_dict().items()})
    x, found = images(6, 32), []
    for module in (own, theirs):
        torch.manual_seed(3)
        logits = module.train()(x)
        logits.square().sum().backward()
        found.append((logits.detach(), module.stem.conv.weight.grad))
    assert torch.allclose(found[0][0], found[1][0], rtol=1e-4, atol=1e-5)
    assert torch.allclose(found[0][1], found[1][1], rtol=1e-3, atol=1e-4 * float(found[1][1].abs().max()))


def test_rates_rise_linearly_from_the_first_block_to_the_last():
    module = build(SMALL, drop_path_rate=0.3)
    blocks = [block for name in module.stage_names for block in getattr(module, name)]
    assert [block.drop_path_rate for block in blocks] == pytest.approx([0.0, 0.1, 0.2, 0.3])


def test_a_dropped_branch_leaves_the_shortcut():
    block = build(SMALL, seed=0, drop_path_rate=0.999999).s2.b3
    x = torch.rand(2, 16, 4, 4)
    torch.manual_seed(0)
    assert torch.equal(block.train()(x), x)


def test_what_is_kept_is_scaled_so_that_the_mean_stays():
    torch.manual_seed(0)
    branch = torch.ones(4000, 2, 1, 1)
    dropped = drop_path(branch, 0.25)
    assert torch.equal(dropped[:, 0], dropped[:, 1])
    assert set(dropped.unique().tolist()) == {0.0, float(torch.tensor(1.0) / 0.75)}
    # a Bernoulli share over 4000 samples, five standard errors
    assert abs(float((dropped > 0).float().mean()) - 0.75) < 5 * (0.25 * 0.75 / 4000) ** 0.5


def test_dropping_changes_neither_names_nor_weights_nor_evaluation():
    plain, dropping = build(SMALL, seed=0), build(SMALL, seed=0, drop_rate=0.5, drop_path_rate=0.5)
    assert list(plain.state_dict()) == list(dropping.state_dict())
    assert torch.equal(plain.eval()(images(2, 8)), dropping.eval()(images(2, 8)))
    assert not torch.equal(plain.train()(images(2, 8)), dropping.train()(images(2, 8)))


def test_without_rates_nothing_is_drawn():
    module = build(SMALL, seed=0).train()
    before = torch.get_rng_state()
    module(images(2, 8))
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("rate", [-0.1, 1.0, float("nan")])
@pytest.mark.parametrize("name", ["drop_rate", "drop_path_rate"])
def test_rates_that_cannot_be_are_refused(name: str, rate: float):
    with pytest.raises(ArchError, match=f"{name} is at least 0 and below 1, not"):
        build(SMALL, **{name: rate})


def test_batch_norm_can_be_synchronized():
    module = build(SMALL, seed=0)
    names = list(module.state_dict())
    converted = nn.SyncBatchNorm.convert_sync_batchnorm(module)
    kinds = {type(part) for part in converted.modules() if "BatchNorm" in type(part).__name__}
    assert kinds == {nn.SyncBatchNorm}
    assert list(converted.state_dict()) == names
    # in evaluation it computes what batch norm does
    assert torch.equal(converted.eval()(images(2, 8)), build(SMALL, seed=0).eval()(images(2, 8)))


@pytest.mark.parametrize("kind", ["simple", "imagenet", "cifar"])
def test_the_max_pool_of_a_stem_is_a_module_without_parameters(kind: str):
    arch = replace(SMALL, stem=Stem(kind, 8), resolution=16)
    module = build(arch, seed=0).eval()
    pools = [name for name, part in module.named_modules() if isinstance(part, nn.MaxPool2d)]
    assert pools == (["stem.pool"] if kind == "imagenet" else [])
    assert [name for name in module.state_dict() if name.startswith("stem.")] == [
        *("stem.conv.weight", "stem.bn.weight", "stem.bn.bias", "stem.bn.running_mean", "stem.bn.running_var"),
        "stem.bn.num_batches_tracked",
    ]
    x = images(2, 16)
    assert torch.allclose(torch.fx.symbolic_trace(module)(x), module(x), atol=1e-6)
