"""Maps of stem and stages, against timm's for networks with the same shapes."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from netwright.arch import BLOCKS, STEMS, published
from netwright.errors import ArchError
from netwright.nn import FeatureExtractor, build, freeze


def images(side: int = 16, n: int = 2) -> Tensor:
    return torch.randn(n, 3, side, side, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ("regnet_x_200mf", "regnetx_002"),
        ("regnet_y_200mf", "regnety_002"),
        ("regnet_z_500mf", "regnetz_005"),
        ("resnet18", "resnet18"),
        ("resnet26", "resnet26"),
    ],
)
def test_maps_are_those_of_timm(ours: str, theirs: str):
    import timm

    extractor = FeatureExtractor(build(published(ours), seed=0)).eval()
    other = timm.create_model(theirs, features_only=True).eval()
    assert list(extractor.channels) == other.feature_info.channels() == extractor.feature_info.channels()
    assert list(extractor.reductions) == other.feature_info.reduction() == extractor.feature_info.reduction()
    assert extractor.out_indices == other.feature_info.out_indices
    x = torch.zeros(1, 3, 75, 75)
    with torch.inference_mode():
        assert [each.shape for each in extractor(x)] == [each.shape for each in other(x)]


@pytest.mark.parametrize("stem", STEMS)
@pytest.mark.parametrize("block", BLOCKS)
def test_maps_are_what_the_parts_gave(make_arch: Callable[..., Any], block: str, stem: str):
    module = build(make_arch(block, stem, 12), seed=0).eval()
    seen: dict[str, Tensor] = {}
    for name in module.stage_names:
        # a copy: what comes after must not have changed it
        getattr(module, name).register_forward_hook(lambda _, __, y, name=name: seen.update({name: y.clone()}))
    maps = FeatureExtractor(module)(images(33))
    assert len(maps) == 4
    assert all(torch.equal(each, seen[name]) for each, name in zip(maps[1:], module.stage_names, strict=True))
    sides = [-(-33 // reduction) for reduction in FeatureExtractor(module).reductions]
    assert [each.shape[1:] for each in maps] == [
        (width, side, side) for width, side in zip((8, 8, 16, 24), sides, strict=True)
    ]
    assert torch.equal(module.stem.pool(maps[0]), module.stem(images(33)))


@pytest.mark.parametrize(
    ("given", "chosen"), [(None, (0, 1, 2, 3)), ((3, 1), (3, 1)), ([-1], (3,)), (2, (2, 3)), ((0,), (0,))]
)
def test_maps_come_in_the_order_that_was_asked_for(make_arch: Callable[..., Any], given: Any, chosen: tuple[int, ...]):
    module = build(make_arch("x", "imagenet"), seed=0).eval()
    extractor, every = FeatureExtractor(module, given), FeatureExtractor(module)
    assert extractor.out_indices == chosen
    assert extractor.channels == tuple(every.channels[i] for i in chosen)
    assert extractor.reductions == tuple(every.reductions[i] for i in chosen)
    maps, all_maps = extractor(images()), every(images())
    assert all(torch.equal(each, all_maps[i]) for each, i in zip(maps, chosen, strict=True))


@pytest.mark.parametrize("given", [(), (4,), (-5,), (1, 1), (3, -1), 0, 5])
def test_maps_that_there_are_not_are_refused(make_arch: Callable[..., Any], given: Any):
    with pytest.raises(ArchError, match=r"maps 0 \(stem\) to 3 \(last stage\), each once"):
        FeatureExtractor(build(make_arch("x")), given)


def test_what_lies_behind_the_last_map_is_left_out(make_arch: Callable[..., Any]):
    module = build(make_arch("y"), seed=0)
    extractor = FeatureExtractor(module, (1, 2))
    assert {name.split(".")[0] for name in extractor.state_dict()} == {"stem", "s1", "s2"}
    assert extractor.state_dict().keys() <= module.state_dict().keys()
    assert all(
        value.data_ptr() == module.state_dict()[name].data_ptr() for name, value in extractor.state_dict().items()
    )
    torch.stack([each.square().mean() for each in extractor(images())]).sum().backward()
    assert all(value.grad is not None for value in extractor.parameters())


def test_facts_are_there_in_timms_words(make_arch: Callable[..., Any]):
    info = FeatureExtractor(build(make_arch("x", "imagenet")), (1, 3)).feature_info
    assert (info.channels(), info.reduction(), info.module_name()) == ([8, 24], [4, 8], ["s1", "s3"])
    assert (info.channels(0), info.reduction([0, 2]), len(info)) == (8, [2, 8], 4)
    assert info[2] == {"num_chs": 16, "reduction": 8, "module": "s2", "index": 2}
    assert info.get_dicts(["num_chs"]) == [{"num_chs": 8}, {"num_chs": 24}]
    assert info.get_dicts(idx=[1]) == [info[1]]


def test_what_is_frozen_stays_frozen_in_it(make_arch: Callable[..., Any]):
    module = freeze(build(make_arch("r"), seed=0), 2)
    first = FeatureExtractor(module, (1,)).train()
    assert first.frozen == ("stem", "s1")
    assert not first.stem.training
    freeze(first, 0)
    assert first.train().s1.training
    assert not first.stem.training
