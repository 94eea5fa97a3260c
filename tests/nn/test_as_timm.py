"""What programs written for timm call on a model."""

from __future__ import annotations

import copy

import pytest
import torch

from netwright.arch import BLOCKS, Arch, Stage, Stem
from netwright.errors import ArchError
from netwright.nn import AnyNet, FeatureExtractor, build


def make(block: str = "y", stem: str = "simple") -> AnyNet:
    family = BLOCKS[block]
    stages = tuple(Stage(2, width, 2, 1.0, 4 if family.is_grouped else width) for width in (8, 16))
    return build(Arch(stages, block, Stem(stem, 8), family.se_ratio, 32, 5), seed=0, drop_path_rate=0.2)


X = torch.randn(4, 3, 32, 32, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("block", ["v", "y", "z"])
def test_checkpointed_blocks_give_the_same_gradients_and_statistics(block: str):
    plain, saving = make(block).train(), make(block).train()
    saving.set_grad_checkpointing()
    for module in (plain, saving):
        torch.manual_seed(3)  # of stochastic depth
        module(X).square().sum().backward()
    for (name, one), other in zip(plain.named_parameters(), saving.parameters(), strict=True):
        assert torch.allclose(one.grad, other.grad, rtol=1e-4, atol=1e-6), name
    for (name, one), other in zip(plain.named_buffers(), saving.buffers(), strict=True):
        assert torch.equal(one, other), name
    saving.set_grad_checkpointing(False)
    assert not saving.grad_checkpointing


def test_checkpointing_keeps_fewer_maps():
    def kept(module: AnyNet) -> int:
        sizes: list[int] = []

        def pack(value: torch.Tensor) -> torch.Tensor:
            sizes.append(value.numel())
            return value

        with torch.autograd.graph.saved_tensors_hooks(pack, lambda value: value):
            module(X)
        return sum(sizes)

    plain, saving = make().train(), make().train()
    saving.set_grad_checkpointing()
    assert kept(saving) < kept(plain) / 2


@pytest.mark.parametrize("stem", ["simple", "imagenet", "cifar"])
@pytest.mark.parametrize("block", ["basic", "z"])
def test_intermediates_are_the_maps_of_the_extractor(block: str, stem: str):
    module = make(block, stem).eval()
    with torch.inference_mode():
        last, inside = module.forward_intermediates(X)
        expected = FeatureExtractor(module)(X)
        assert all(torch.equal(one, other) for one, other in zip(inside, expected, strict=True))
        assert torch.equal(last, module.forward_features(X))
        assert torch.equal(module.forward_head(last), module(X))
        (only,) = module.forward_intermediates(X, [1], stop_early=True, intermediates_only=True)
        assert torch.equal(only, expected[1])
        two = module.forward_intermediates(X, 2, intermediates_only=True)
        assert [each.shape for each in two] == [each.shape for each in expected[-2:]]


def test_intermediates_that_do_not_exist_are_refused():
    module = make()
    for given, said in (
        ({"indices": [7]}, "out_indices are some of the maps"),
        ({"output_fmt": "NLC"}, "output_fmt is 'NCHW'"),
        ({"stop_early": True}, "goes with intermediates_only"),
    ):
        with pytest.raises(ArchError, match=said):
            module.forward_intermediates(X, **given)


def test_the_classifier_as_timm_resets_it():
    module = make()
    module.reset_classifier(3, "avg")
    assert module(X).shape == (4, 3)
    assert module.get_classifier() is module.head.fc
    with pytest.raises(ArchError, match="pool by 'avg', not by 'max'"):
        module.reset_classifier(3, "max")


@pytest.mark.slow
def test_timm_finds_how_images_are_prepared():
    from timm.data import resolve_model_data_config

    module = make()
    assert module.default_cfg == module.pretrained_cfg
    assert module.pretrained_cfg["pool_size"] == (4, 4)
    assert dict(module.named_modules())[module.pretrained_cfg["classifier"]] is module.head.fc
    assert dict(module.named_modules())[module.pretrained_cfg["first_conv"]] is module.stem.conv
    config = resolve_model_data_config(module)
    assert (config["input_size"], config["mean"], config["crop_pct"]) == ((3, 32, 32), (0.485, 0.456, 0.406), 0.875)


def test_copies_keep_it():
    module = make()
    module.set_grad_checkpointing()
    assert copy.deepcopy(module).grad_checkpointing
