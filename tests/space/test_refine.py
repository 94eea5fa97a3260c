import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netwright.errors import SpaceError
from netwright.space import Choice, DesignSpace, LogUniform, PowersOfTwo, Uniform, load_space, space_names


def test_ranges_of_all_stages_of_one_and_limits() -> None:
    space = load_space("anynetx_a").refine(
        depth=(3, 9.5), width_3=(64, 256), bottleneck=2, flops=(1e8, 2e8), name="mine"
    )
    assert space.distributions["depth_1"] == LogUniform(3, 9, 1)
    assert space.distributions["width_3"] == LogUniform(64, 256, 8)
    assert space.distributions["width_4"] == LogUniform(8, 1024, 8)
    assert space.distributions["bottleneck_1"] == Choice((2,))
    assert (space.limits, space.name) == ({"flops": (1e8, 2e8)}, "mine")
    # a range beyond the distribution, or beyond an earlier limit, is cut to it
    again = space.refine(depth=(1, 4), flops=(0, 1.5e8), name=None)
    assert again.distributions["depth_1"] == LogUniform(3, 4, 1)
    assert (again.limits["flops"], again.name) == ((1e8, 1.5e8), "mine")
    assert space.refine(flops="15e7").limits["flops"] == (1.5e8, 1.5e8)


RANGES = st.tuples(st.floats(0, 300), st.floats(0, 600)).map(lambda pair: (pair[0], pair[0] + pair[1]))


@pytest.mark.slow
@settings(max_examples=120, deadline=None, derandomize=True)
@given(st.data())
def test_a_refined_space_is_never_larger(data: Any) -> None:
    space = load_space(data.draw(st.sampled_from(space_names())))
    keys = [parameter.name for parameter in space.parameters] + list(space.columns)
    ranges = data.draw(st.dictionaries(st.sampled_from(keys), RANGES, max_size=3))
    tie = data.draw(st.lists(st.sampled_from([parameter.name for parameter in space.parameters]), max_size=2))
    order = data.draw(
        st.dictionaries(st.sampled_from(["depth", "width"]), st.sampled_from(["non_decreasing", "non_increasing"]))
    )
    try:
        narrow = space.refine(tie=tie, order=order, **ranges)
    except SpaceError:
        return
    assert narrow.size() <= space.size()
    assert narrow.stages == space.stages
    assert len(narrow.columns) <= len(space.columns)
    if set(narrow.columns) == set(space.columns):
        for column, distribution in narrow.distributions.items():
            assert (
                space.distributions[column].bounds[0]
                <= distribution.bounds[0]
                <= distribution.bounds[1]
                <= space.distributions[column].bounds[1]
            )


def test_a_space_with_everything_tied_keeps_its_stages() -> None:
    space = load_space("anynetx_c").refine(tie=["depth", "width"])
    assert (space.stages, space.size(), len(space.columns)) == (4, 16 * 128 * 3 * 6, 4)
    assert DesignSpace.from_dict(space.to_dict()).stages == 4


def test_ties_keep_what_all_stages_allow() -> None:
    plain = load_space("anynetx_a").to_dict()
    plain["parameters"]["bottleneck"] = [{"choice": [1, 2, 4], "weights": [1, 5, 3]}, [1, 4], [4, 1, 8], [1, 4]]
    tied = DesignSpace.from_dict(plain).refine(tie=["bottleneck"])
    values, probabilities = tied.distributions["bottleneck"].levels() or ([], [])
    assert list(values) == [1, 4]
    assert list(probabilities) == pytest.approx([0.25, 0.75])
    plain["parameters"]["bottleneck"] = [[1, 4], [2, 8], [1], [1]]
    with pytest.raises(SpaceError, match="bottleneck"):
        DesignSpace.from_dict(plain).refine(tie=["bottleneck"])


def test_a_tie_undoes_an_order_that_it_implies() -> None:
    tied = load_space("anynetx_d").refine(tie=["width"])
    assert (tied.parameters[1].order, tied.parameters[1].tied) == (None, True)
    assert load_space("anynetx_d").refine(order={"width": "non_decreasing"}).size() == load_space("anynetx_d").size()


@pytest.mark.parametrize(
    ("name", "how", "says"),
    [
        ("anynetx_a", {"depht": (1, 2)}, "did you mean 'depth'"),
        ("anynetx_a", {"width_5": (8, 16)}, "did you mean 'width"),
        ("anynetx_a", {"flop": (1, 2)}, "did you mean 'flops'"),
        ("anynetx_a", {"depth": (9, 3)}, "Swap them"),
        ("anynetx_a", {"depth": (1, 2, 3)}, "For example"),
        ("anynetx_a", {"depth": None}, "For example"),
        ("anynetx_a", {"depth": True}, "For example"),
        ("anynetx_a", {"depth": "deep"}, "For example"),
        ("anynetx_a", {"depth": (math.nan, 3)}, "Swap them"),
        ("anynetx_a", {"depth": (17, 20)}, "Give a range that overlaps"),
        ("anynetx_a", {"num_stages": (2, 3)}, "limit of RegNets"),
        ("anynetx_a", {"tie": ["depths"]}, "did you mean 'depth'"),
        ("anynetx_a", {"order": {"width": "rising"}}, "an order is one of"),
        ("anynetx_d", {"order": {"width": "non_increasing"}}, "Tie 'width'"),
        (
            "anynetx_c_equal_widths",
            {"order": {"width": "non_increasing"}},
            "width is tied: all stages share one draw, which has no order",
        ),
        (
            "regnetx",
            {"order": {"w0": "non_decreasing"}},
            "w0 is drawn once for a network of the family regnet, so it has no order",
        ),
        ("regnetx", {"num_stages": (5, 6)}, "without the earlier limit"),
        ("regnetx", {"width": (8, 64)}, "these are known|did you mean"),
    ],
)
def test_what_cannot_be_refined_is_refused_with_a_cure(name: str, how: dict[str, Any], says: str) -> None:
    with pytest.raises(SpaceError, match=says):
        load_space(name).refine(**how)


@pytest.mark.parametrize(
    ("family", "name", "distribution"),
    [
        ("anynet", "depth", Uniform(0, 4, 1)),
        ("anynet", "depth", LogUniform(1, 16)),
        ("anynet", "width", Uniform(8.5, 16.5, 0.5)),
        ("anynet", "group_width", PowersOfTwo(0.5, 8)),
        ("anynet", "bottleneck", Choice((1.5,))),
        ("regnet", "depth", Uniform(1, 64)),
        ("regnet", "w0", Uniform(0, 64, 8)),
        ("regnet", "wa", Uniform(-8, 64, 8)),
        ("regnet", "wm", LogUniform(1.0, 3.0)),
    ],
)
def test_distributions_without_networks_are_refused(family: str, name: str, distribution: Any) -> None:
    space = load_space("anynetx_a" if family == "anynet" else "regnetx")
    with pytest.raises(SpaceError, match=f"^{name} is"):
        space.with_distribution(name, distribution)


def test_with_distribution_may_widen() -> None:
    space = load_space("regnetx").with_distribution("bottleneck", PowersOfTwo(0.25, 4))
    assert space.distributions["bottleneck"] == PowersOfTwo(0.25, 4)
    assert load_space("anynetx_a").with_distribution("width", Choice((8, 9))).distributions["width_4"] == Choice((8, 9))
    with pytest.raises(SpaceError, match=r"these are known|did you mean"):
        space.with_distribution("width", Choice((8,)))


def test_settings_change_and_are_checked() -> None:
    space = load_space("anynetx_c")
    assert space.with_setting(block="y").setting.se_ratio == 0.25
    assert space.with_setting(block="y", se_ratio=0.5).with_setting(block="x").setting.se_ratio == 0
    assert space.with_setting(strides=[1, 2, 2, 2]).setting.strides == (1, 2, 2, 2)
    assert (space.setting.stride(0), space.with_setting(strides=(1,)).setting.stride(3)) == (2, 2)
    for wrong in (
        {"block": "q"}, {"block": []}, {"stem": "none"}, {"strides": 2}, {"strides": []}, {"strides": [3]},
        {"kernel": 3}, {"strides": "2"}, {"resolution": 0}, {"num_classes": 2.5}, {"in_channels": True},
        {"stem_width": "8"},
        {"se_ratio": 0.25}, {"se_ratio": "a"}, {"block": "y", "se_ratio": 0}, {"block": "y", "se_ratio": math.nan},
    ):  # fmt: skip
        with pytest.raises(SpaceError):
            space.with_setting(**wrong)


@pytest.mark.parametrize("name", ["anynetx_a", "regnetx"])
@pytest.mark.parametrize("side", [1, 4, 7, 8, 16, 28, 32, 33, 48, 64, 65, 96, 128, 224])
def test_small_images_keep_a_last_map_of_a_few_pixels(name: str, side: int) -> None:
    setting = load_space(name).for_images(side, 10, 1).setting
    assert (setting.resolution, setting.num_classes, setting.in_channels) == (side, 10, 1)
    assert (setting.stem, setting.stem_width) == (("cifar", 16) if side <= 64 else ("simple", 32))
    assert (len(setting.strides), sorted(setting.strides)) == (4, list(setting.strides))
    last = side if side <= 64 else -(-side // 2)
    for stride in setting.strides:
        last = -(-last // stride)
    assert min(side, 4) <= last <= 8


def test_other_numbers_of_stages_for_images() -> None:
    regnets = load_space("regnetx").to_dict()
    assert (
        len(DesignSpace.from_dict(regnets | {"limits": {"num_stages": [2, 3]}}).for_images(32, 2, 1).setting.strides)
        == 3
    )
    assert len(DesignSpace.from_dict(regnets | {"limits": {}}).for_images(32, 2, 1).setting.strides) == 4
    endless = DesignSpace.from_dict(regnets | {"limits": {"num_stages": [2, math.inf]}})
    assert len(endless.for_images(32, 2, 1).setting.strides) == 4
