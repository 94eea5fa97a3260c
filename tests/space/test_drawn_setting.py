"""Resolution, stem, squeeze-and-excitation and activation as parameters of a space."""

from pathlib import Path

import numpy as np
import pytest
import yaml

from netwright.arch import Arch, ArchBatch, batch_of, complexity, join
from netwright.errors import SpaceError
from netwright.nn import build
from netwright.space import Choice, DesignSpace, LogUniform, draw, intersect, load_space, sample, space_difference

SETTING = {"resolution": {"choice": [6, 8]}, "stem": ["simple", "cifar"], "se_ratio": [0, 0.25], "activation": ["silu"]}


@pytest.fixture
def space() -> DesignSpace:
    small = load_space("regnetx").refine(depth=(1, 12), w0=(4, 32), wa=(4, 32))
    return small.with_setting(num_classes=10, in_channels=1, **SETTING)


def test_they_are_drawn_and_counted_for_each_network(space: DesignSpace) -> None:
    batch = sample(space, 200)
    assert set(batch.resolution.tolist()) == {6, 8} == set(batch.parameters["resolution"].tolist())
    assert set(batch.parameters["stem"].tolist()) == {"simple", "cifar"}
    cost = complexity(batch)
    for i, arch in enumerate(batch):
        drawn = {name: values[i] for name, values in batch.parameters.items()}
        assert (arch.resolution, arch.stem.kind) == (drawn["resolution"], drawn["stem"])
        assert (arch.se_ratio, arch.block) == ((0.25, "y") if drawn["se_ratio"] else (0.0, "x"))
        assert arch.family.activation == "silu"
        alone = complexity(arch)
        assert (cost.flops[i], cost.params[i], cost.acts[i]) == (alone.flops[0], alone.params[0], alone.acts[0])


@pytest.mark.slow
def test_the_built_networks_have_what_is_counted(space: DesignSpace) -> None:
    import torch

    for arch in sample(space, 8, seed=1):
        module = build(arch).eval()
        assert sum(p.numel() for p in module.parameters()) == complexity(arch).params[0]
        assert module(torch.zeros(1, 1, arch.resolution, arch.resolution)).shape == (1, 10)
        plain = build(Arch.from_dict({**arch.to_dict(), "activation": "relu"})).eval()
        plain.load_state_dict(module.state_dict())
        x = torch.randn(2, 1, arch.resolution, arch.resolution, generator=torch.Generator().manual_seed(0))
        assert not torch.allclose(module(x), plain(x))


def test_limits_follow_the_size_of_each_network(space: DesignSpace) -> None:
    within = draw(space.refine(flops=(0, 300_000)), 100).batch
    assert complexity(within).flops.max() <= 300_000
    assert set(within.resolution.tolist()) == {6, 8}


def test_a_larger_sample_begins_with_the_smaller_one(space: DesignSpace) -> None:
    few, many = sample(space, 20, seed=3), sample(space, 60, seed=3)
    assert list(few) == list(many)[:20]
    fresh = draw(space, 40, 3, exclude=few).batch
    assert list(fresh) == list(many)[20:]


def test_files_and_dicts_have_them(space: DesignSpace, tmp_path: Path) -> None:
    assert DesignSpace.from_dict(space.to_dict()) == space
    path = tmp_path / "drawn.yaml"
    path.write_text(yaml.safe_dump({"base": "regnetx", "setting": SETTING}))
    found = load_space(path)
    assert found.columns[-4:] == ("resolution", "stem", "se_ratio", "activation")
    assert found.setting.resolution == 8
    assert found.setting.stem == "cifar"
    assert space_difference(load_space("regnetx"), found)
    assert "stem</td><td>one of simple, cifar" in found._repr_html_()


def test_size_counts_them(space: DesignSpace) -> None:
    fixed = space.with_setting(resolution=8, stem="cifar", se_ratio=None, activation="")
    assert not fixed.drawn_setting
    assert space.size() == 8 * fixed.size()


def test_they_are_narrowed_and_intersected(space: DesignSpace) -> None:
    assert space.refine(resolution=(7, 9)).drawn_setting[0].distributions == (Choice((8,)),)
    with pytest.raises(SpaceError, match=r"stem is drawn from words, which no range narrows. Use with_setting\(stem"):
        space.refine(stem=(0, 1))
    other = space.with_setting(stem=["cifar", "imagenet"], resolution=[8, 16])
    both = intersect(space, other)
    assert set(sample(both, 50).parameters["stem"].tolist()) == {"cifar"}
    assert set(sample(both, 50).resolution.tolist()) == {8}


def test_images_are_as_large_as_the_largest(space: DesignSpace) -> None:
    assert space.for_images(8, 5, 1).drawn_setting == space.drawn_setting
    with pytest.raises(SpaceError, match="draws resolutions of up to 8 pixels, and images of 16"):
        space.for_images(16, 5, 1)


def test_a_stem_that_is_drawn_stays() -> None:
    space = load_space("regnetx").with_setting(stem=["imagenet", "cifar"]).for_images(32, 10, 3)
    assert set(sample(space, 40).parameters["stem"].tolist()) == {"imagenet", "cifar"}
    assert space.setting.strides == (1, 2, 2, 2)


@pytest.mark.parametrize(
    ("setting", "text"),
    [
        ({"stem": ["simple", "wide"]}, r"stem is drawn from some of simple, imagenet, cifar"),
        ({"activation": {"uniform": [0, 1]}}, "activation is drawn from some of relu, silu"),
        ({"resolution": LogUniform(8, 32)}, "resolution has at most 64 values"),
        ({"resolution": [8, 8.5]}, "resolution is a whole number, not 8.5"),
        ({"resolution": [0, 8]}, "resolution is a whole number of at least 1, not 0"),
        ({"se_ratio": [0.25, 2]}, r"se_ratio is within \(0, 1\]"),
        ({"stem_width": [16, 32]}, "stem_width is a whole number"),
    ],
)
def test_what_cannot_be_drawn_is_refused(setting: dict[str, object], text: str) -> None:
    with pytest.raises(SpaceError, match=text):
        load_space("regnetx").with_setting(**setting)
    with pytest.raises(SpaceError, match="se_ratio is 0 for block 'v'"):
        load_space("anynetv_a").with_setting(se_ratio=[0, 0.5])
    with pytest.raises(SpaceError, match="within"):
        load_space("anynetz_a").with_setting(se_ratio=[0, 0.5])


def test_batches_of_several_kinds_are_joined_and_taken_apart(space: DesignSpace) -> None:
    batch = sample(space, 30)
    again = batch_of(list(batch))
    assert list(again) == list(batch)
    assert (complexity(again).flops == complexity(batch).flops).all()
    assert (again.identity() == batch.identity()).all()
    assert sum(len(places) for places, _ in batch.parts()) == 30
    both = join([batch[:10], sample(load_space("anynetx_a").with_setting(num_classes=10, in_channels=1), 5)])
    assert len(both) == 15
    assert list(both)[:10] == list(batch)[:10]
    assert np.isnan(both.parameters["w0"][10:].astype(float)).all()
    assert (both.parameters["stem"][10:] == "").all()
    assert len(np.unique(both.identity(), axis=0)) == 15
    assert isinstance(both[np.arange(3)], ArchBatch)
    assert "15 networks" in both._repr_html_()
