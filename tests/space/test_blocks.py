"""Spaces of every block family: their parameters, sizes and networks, and going from one block to another."""

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from netwright.arch import BLOCKS, ArchBatch, Stem, complexity
from netwright.errors import SpaceError
from netwright.space import Choice, DesignSpace, PowersOfTwo, Setting, load_space, sample, space_names

DEPTHS, WIDTHS = 16, 128
RISING_WIDTHS, RISING_DEPTHS = math.comb(WIDTHS + 3, 4), math.comb(DEPTHS + 3, 4)
# block -> how many bottlenecks and how many groups may be drawn
CHOICES = {"v": (1, 1), "basic": (1, 1), "r": (3, 1), "x": (3, 6), "y": (3, 6), "z": (3, 6)}
# space -> sequences of depths and widths, and how often a bottleneck and a group width are drawn
STEPS = {
    "a": ((DEPTHS * WIDTHS) ** 4, 4, 4),
    "b": ((DEPTHS * WIDTHS) ** 4, 1, 4),
    "c": ((DEPTHS * WIDTHS) ** 4, 1, 1),
    "d": (DEPTHS**4 * RISING_WIDTHS, 1, 1),
    "e": (RISING_DEPTHS * RISING_WIDTHS, 1, 1),
}
NDS = {  # arXiv 1905.13214, table 1: networks, and what one stage draws
    "nds_vanilla": (1_259_712, ("depth", "width")),
    "nds_resnet": (1_259_712, ("depth", "width")),
    "nds_resnext_a": (11_390_625, ("depth", "width", "bottleneck", "groups")),
    "nds_resnext_b": (52_734_375, ("depth", "width", "bottleneck", "groups")),
}


def stages_of(batch: ArchBatch) -> list[list[tuple[int, int, int]]]:
    """Depth, width and stride of every stage of every network."""
    return [[(stage.depth, stage.width, stage.stride) for stage in arch.stages] for arch in batch]


@pytest.mark.parametrize("block", BLOCKS)
@pytest.mark.parametrize("step", STEPS)
def test_anynets_of_every_block_draw_what_it_has(block: str, step: str) -> None:
    space = load_space(f"anynet{block}_{step}")
    bottlenecks, groups = CHOICES[block]
    sequences, ratios, widths = STEPS[step]
    assert space.size() == sequences * bottlenecks**ratios * groups**widths
    assert len(space.columns) == 8 + ratios * (bottlenecks > 1) + widths * (groups > 1)
    assert (space.setting.block, space.name) == (block, f"anynet{block}_{step}")


@pytest.mark.parametrize("block", BLOCKS)
def test_regnets_of_every_block_draw_what_it_has(block: str) -> None:
    space = load_space(f"regnet{block}")
    bottlenecks, groups = CHOICES[block]
    assert space.size() == 64**4 * bottlenecks * groups
    assert len(space.columns) == 4 + (bottlenecks > 1) + (groups > 1)


@pytest.mark.parametrize("name", NDS)
def test_spaces_of_nds_are_as_large_as_the_paper_says(name: str) -> None:
    space = load_space(name)
    size, parameters = NDS[name]
    assert space.size() == size
    assert tuple(parameter.name for parameter in space.parameters) == parameters
    assert len(space.columns) == 3 * len(parameters)
    for arch in sample(space, 50):
        assert [stage.stride for stage in arch.stages] == [1, 2, 2]
        assert (arch.stem, arch.resolution, arch.num_classes) == (Stem("cifar", 16), 32, 10)


def test_resnets_have_their_stem_and_the_strides_that_go_with_it() -> None:
    for name in ("anynetr_a", "regnetr", "anynetbasic_e"):
        arch = sample(load_space(name), 1)[0]
        assert (arch.stem, [stage.stride for stage in arch.stages]) == (Stem("imagenet", 64), [1, 2, 2, 2])
    assert sample(load_space("anynetv_a"), 1)[0].stem == Stem("simple", 32)


def test_blocks_of_z_are_wider_inside() -> None:
    batch = sample(load_space("regnetz"), 100)
    assert set(np.unique(batch.bottleneck)) == {0.25, 0.5, 1}
    assert (batch.inner_width >= batch.width).all()
    assert {arch.se_ratio for arch in batch} == {0.25}


@pytest.mark.parametrize("name", ["nds_resnext_a", "nds_resnext_b"])
def test_groups_are_as_many_as_drawn(name: str) -> None:
    batch = sample(load_space(name), 300)
    for s in range(3):
        assert [arch.stages[s].groups for arch in batch] == batch.parameters[f"groups_{s + 1}"].tolist()
    drawn = np.stack([batch.parameters[f"width_{s}"] for s in (1, 2, 3)], axis=1)
    assert (batch.width == drawn).all()  # powers of two: nothing to round


def test_regnets_may_count_groups_too() -> None:
    space = load_space("regnetx").with_distribution("groups", PowersOfTwo(1, 8))
    assert [parameter.name for parameter in space.parameters][-2:] == ["bottleneck", "groups"]
    batch = sample(space, 100)
    for arch, groups in zip(batch, batch.parameters["groups"], strict=True):
        assert all(stage.groups == min(groups, stage.inner_width) for stage in arch.stages)
    back = space.with_distribution("group_width", PowersOfTwo(1, 32))
    assert back == load_space("regnetx")


@pytest.mark.parametrize("name", ["anynetx_d", "regnety", "nds_resnext_a"])
@pytest.mark.parametrize("block", ["v", "basic", "r", "z"])
def test_another_block_keeps_depths_widths_orders_and_limits(name: str, block: str) -> None:
    space = load_space(name).refine(depth=(2, 6), flops=(0, 1e9))
    other = space.with_setting(block=block)
    kept = [
        parameter for parameter in space.parameters if parameter.name not in ("bottleneck", "group_width", "groups")
    ]
    assert list(other.parameters[: len(kept)]) == kept
    assert (other.limits, other.setting.stem) == (space.limits, space.setting.stem)
    assert other.setting.se_ratio == BLOCKS[block].se_ratio
    assert {arch.block for arch in sample(other, 5)} == {block}


@pytest.mark.parametrize("name", ["anynetv_c", "regnetbasic", "nds_vanilla"])
def test_a_block_with_more_parameters_has_them_fixed(name: str) -> None:
    space = load_space(name)
    other = space.with_setting(block="x")
    assert other.size() == space.size()
    assert (other.distributions["bottleneck"], other.distributions["groups"]) == (Choice((1,)), Choice((1,)))
    plain, grouped = sample(space, 40, seed=2), sample(other, 40, seed=2)
    assert stages_of(plain) == stages_of(grouped)
    assert {stage.groups for arch in grouped for stage in arch.stages} == {1}
    assert DesignSpace.from_dict(json.loads(json.dumps(other.to_dict()))) == other
    # and back: it is the space that it was
    assert other.with_setting(block=space.setting.block) == space
    wider = other.with_distribution("bottleneck", Choice((1, 2))).with_distribution("group_width", PowersOfTwo(4, 8))
    assert wider.size() == 4 * space.size()


def test_a_persons_own_space_of_plain_blocks(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(
        "family: anynet\nstages: 2\nparameters: {depth: [1, 2], width: [8, 16]}\n"
        "setting: {block: basic, stem: cifar, resolution: 8, strides: [1, 2], head_width: 24}\n"
    )
    space = load_space(path)
    assert (space.size(), space.setting.se_ratio, space.columns[0]) == (16, 0, "depth_1")
    assert {arch.head_width for arch in sample(space, 16)} == {24}
    path.write_text("base: anynetx_d\nsetting: {block: v}\norder: {depth: non_decreasing}\n")
    assert load_space(path).parameters == load_space("anynetv_e").parameters


@pytest.mark.parametrize(
    ("block", "parameters", "says"),
    [
        ("v", "{depth: 2, width: 8, bottleneck: 1}", "unknown parameter .* with block 'v' 'bottleneck'"),
        ("r", "{depth: 2, width: 8, bottleneck: 1, group_width: 8}", "with block 'r' 'group_width'"),
        ("r", "{depth: 2, width: 8}", r"depth, width, bottleneck a distribution; not \['bottleneck'\]"),
        ("x", "{depth: 2, width: 8, bottleneck: 1, groups: 2, group_width: 8}", "with block 'x' 'groups'"),
        ("x", "{depth: 2, width: 8, bottleneck: 1, groups: 0.5}", "groups is a whole number"),
        ("vgg", "{depth: 2, width: 8}", "a block is one of"),
    ],
)
def test_what_a_block_does_not_have_is_refused(block: str, parameters: str, says: str, tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(f"family: anynet\nsetting: {{block: {block}}}\nparameters: {parameters}\n")
    with pytest.raises(SpaceError, match=says):
        load_space(path)


def test_parameters_that_do_not_suit_the_block_are_refused() -> None:
    parameters = load_space("anynetx_a").parameters
    with pytest.raises(
        SpaceError, match="with block 'v' has the parameters depth, width; this one has depth, width, b"
    ):
        DesignSpace("mine", "anynet", parameters, stages=4, setting=Setting(block="v"))


def test_a_heads_convolution_is_in_every_network_and_in_its_cost() -> None:
    space = load_space("regnetz")
    assert "head_width" not in space.to_dict()["setting"]  # as populations of version 0.1 have it
    wide = space.with_setting(head_width=1024)
    assert DesignSpace.from_dict(wide.to_dict()) == wide
    with_head, without = sample(wide, 1)[0], sample(space, 1)[0]
    assert (with_head.head_width, with_head.stages) == (1024, without.stages)
    last = without.stages[-1].width
    more = 1024 * last + 2 * 1024 + 1000 * (1024 - last)
    assert complexity(with_head).params[0] - complexity(without).params[0] == more
    with pytest.raises(SpaceError, match="head_width is a whole number of at least 0, not -1"):
        space.with_setting(head_width=-1)


@pytest.mark.parametrize(
    ("name", "side", "stem", "strides"),
    [
        ("nds_vanilla", 32, Stem("cifar", 16), (1, 2, 2)),  # its own leave 8 pixels
        ("nds_resnext_b", 28, Stem("cifar", 16), (1, 2, 2)),
        ("nds_resnet", 64, Stem("cifar", 16), (2, 2, 2)),
        ("nds_vanilla", 8, Stem("cifar", 16), (1, 1, 2)),
        ("anynetr_a", 224, Stem("imagenet", 64), (1, 2, 2, 2)),
        ("regnetr", 96, Stem("imagenet", 64), (1, 1, 2, 2)),
        ("regnetbasic", 32, Stem("cifar", 16), (1, 2, 2, 2)),
        ("anynetv_a", 224, Stem("simple", 32), (2, 2, 2, 2)),
        ("nds_resnet", 224, Stem("simple", 16), (2, 2, 2)),
    ],
)
def test_images_of_a_size_get_a_stem_and_strides(name: str, side: int, stem: Stem, strides: tuple[int, ...]) -> None:
    setting = load_space(name).for_images(side, 5, 1).setting
    assert (Stem(setting.stem, setting.stem_width), setting.strides) == (stem, strides)
    assert (setting.resolution, setting.num_classes, setting.in_channels) == (side, 5, 1)


def test_a_persons_own_strides_are_kept_where_they_suit_the_images() -> None:
    space = load_space("anynety_c").with_setting(strides=(2, 1, 2, 2), stem="simple", stem_width=24)
    adapted = space.for_images(64, 10, 3).setting  # 64 / 16: 4 pixels
    assert (adapted.stem, adapted.stem_width, adapted.strides) == ("simple", 24, (2, 1, 2, 2))
    assert space.for_images(32, 10, 3).setting.strides == (1, 2, 2, 2)


@pytest.mark.parametrize("name", space_names())
def test_every_space_can_be_sampled_within_a_budget_for_small_images(name: str) -> None:
    space = load_space(name).for_images(32, 10, 3).refine(flops=(2e7, 4e7))
    batch = sample(space, 20)
    flops = complexity(batch).flops
    assert ((flops >= 2e7) & (flops <= 4e7)).all()
    assert len({json.dumps(arch.to_dict()) for arch in batch}) == 20


def test_titles_name_their_block() -> None:
    for name in space_names():
        space = load_space(name)
        title: Any = space.summary.partition(":")[0].replace("-", "_").lower()
        assert name.startswith("nds_") or name.startswith(title.partition(" ")[0]), space.summary
