import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netwright.arch import BLOCKS, STEMS, Arch, Stage, Stem, compatible, published
from netwright.errors import ArchError

LEAST: dict[str, Any] = {"stages": [{"depth": 1, "width": 8}]}


@st.composite
def archs(draw: Callable[..., Any]) -> Arch:
    name = draw(st.sampled_from([*BLOCKS]))
    block = BLOCKS[name]
    stages = []
    for _ in range(draw(st.integers(1, 5))):
        ratio = draw(st.sampled_from([0.25, 0.5, 1.0, 2.0, 3.0, 4.0])) if block.is_bottleneck else 1.0
        wanted = draw(st.integers(1, 300)) if block.is_grouped else 0
        width, group_width = compatible(draw(st.integers(1, 4000)), ratio, wanted)
        stages.append(Stage(draw(st.integers(1, 40)), int(width), draw(st.integers(1, 4)), ratio, int(group_width)))
    return Arch(
        tuple(stages),
        block=name,
        stem=Stem(draw(st.sampled_from([*STEMS])), draw(st.integers(1, 99))),
        se_ratio=draw(st.sampled_from([0.25, 0.1])) if block.se_ratio else 0.0,
        head_width=draw(st.sampled_from([0, 0, 1, 1280])),
        resolution=draw(st.integers(1, 999)),
        num_classes=draw(st.integers(1, 9999)),
        in_channels=draw(st.integers(1, 9)),
        name=draw(st.text()),
    )


@settings(max_examples=60, deadline=None, derandomize=True)
@given(archs())
def test_json_yaml_and_dict_are_read_back(arch: Arch) -> None:
    assert Arch.from_json(arch.to_json()) == arch
    assert Arch.from_yaml(arch.to_yaml()) == arch
    assert Arch.from_dict(arch.to_dict()) == arch
    assert hash(Arch.from_dict(arch.to_dict())) == hash(arch)


def test_what_was_once_written_still_opens() -> None:
    # as version 0.1 wrote it
    text = (
        '{"stages": [{"depth": 2, "width": 16, "stride": 1, "bottleneck": 2.0, "group_width": 4}], "block": "y", '
        '"stem": {"kind": "cifar", "width": 8}, "se_ratio": 0.25, "resolution": 9, "num_classes": 5, '
        '"in_channels": 1, "name": "n"}'
    )
    arch = Arch.from_json(text)
    assert arch == Arch((Stage(2, 16, 1, 2.0, 4),), "y", Stem("cifar", 8), 0.25, 9, 5, 1, "n")
    assert json.loads(arch.to_json()) == json.loads(text)


def test_defaults_and_derived_numbers() -> None:
    arch = Arch.from_dict({"stages": [{"depth": 2, "width": 16, "bottleneck": 2.0, "group_width": 4}], "block": "y"})
    assert (arch.se_ratio, arch.stem, arch.stem.stride) == (0.25, Stem("simple", 32), 2)
    assert (arch.depth, arch.block_widths) == (2, (16, 16))
    assert (arch.stages[0].inner_width, arch.stages[0].groups) == (8, 2)
    assert published("regnet_x_800mf").block_widths == (64,) + (128,) * 3 + (288,) * 7 + (672,) * 5


# what is wrong -> a network with it
WRONG: dict[str, Any] = {
    "nothing": None,
    "no mapping": [1],
    "no stages": {"stages": []},
    "stages missing": {"block": "x"},
    "a number for stages": {"stages": 5},
    "a stage that is no mapping": {"stages": [5]},
    "an unknown key": {**LEAST, "color": 1},
    "an unknown key of a stage": {"stages": [{"depth": 1, "width": 8, "kernel": 3}]},
    "a block": {**LEAST, "block": "q"},
    "a block that is a list": {**LEAST, "block": []},
    "a stem": {**LEAST, "stem": {"kind": "vgg"}},
    "a stem that is text": {**LEAST, "stem": "cifar"},
    "half a channel": {**LEAST, "stem": {"width": 0.5}},
    "a resolution of text": {**LEAST, "resolution": "224"},
    "half a pixel": {**LEAST, "resolution": 22.5},
    "no class": {**LEAST, "num_classes": 0},
    "true channels": {**LEAST, "in_channels": True},
    "depth 0": {"stages": [{"depth": 0, "width": 8}]},
    "a width of text": {"stages": [{"depth": 1, "width": "8"}]},
    "an endless width": {"stages": [{"depth": 1, "width": float("inf")}]},
    "stride 0": {"stages": [{"depth": 1, "width": 8, "stride": 0}]},
    "bottleneck 0": {"stages": [{"depth": 1, "width": 8, "bottleneck": 0}]},
    "a bottleneck that is no number": {"stages": [{"depth": 1, "width": 8, "bottleneck": float("nan")}]},
    "an endless bottleneck": {"stages": [{"depth": 1, "width": 8, "bottleneck": float("inf")}]},
    "a vanishing bottleneck": {"stages": [{"depth": 1, "width": 8, "bottleneck": 1e-320}]},
    "a broken bottleneck": {"stages": [{"depth": 1, "width": 8, "bottleneck": 3}]},
    "groups that do not divide": {"stages": [{"depth": 1, "width": 24, "group_width": 16}]},
    "a bottleneck in block v": {"block": "v", "stages": [{"depth": 1, "width": 8, "bottleneck": 2}]},
    "groups in block r": {"block": "r", "stages": [{"depth": 1, "width": 8, "group_width": 4}]},
    "half a head": {**LEAST, "head_width": 0.5},
    "less than no head": {**LEAST, "head_width": -1},
    "se in block x": {**LEAST, "se_ratio": 0.25},
    "no se in block z": {**LEAST, "block": "z", "se_ratio": 0},
    "no se in block y": {**LEAST, "block": "y", "se_ratio": 0},
    "too much se": {**LEAST, "block": "y", "se_ratio": 1.5},
}


@pytest.mark.parametrize("wrong", WRONG)
def test_what_cannot_be_is_refused_with_a_cure(wrong: str) -> None:
    with pytest.raises(ArchError) as caught:
        Arch.from_dict(WRONG[wrong])
    # the constraint and the value, then the cure as a sentence of its own
    assert re.search(r"\S\. \w.*\.$", str(caught.value), re.DOTALL), caught.value


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.floats() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["depth", "width", "kind"]), inner),
    max_leaves=4,
)


@pytest.mark.slow
@settings(max_examples=150, deadline=None, derandomize=True)
@given(st.dictionaries(st.sampled_from(["block", "stem", "se_ratio", "resolution", "num_classes", "stages"]), JUNK))
def test_junk_is_a_network_or_an_arch_error(junk: dict[str, Any]) -> None:
    try:
        arch = Arch.from_dict({**LEAST, **junk})
    except ArchError:
        return
    assert Arch.from_json(arch.to_json()) == arch


@pytest.mark.parametrize(
    "text",
    [
        "!!python/object/apply:os.system ['true']",
        "stages: !!python/object:netwright.arch.spec.Stage {}",
        "stages: [",
        "",
        "just words",
        "resolution: 32\nresolution: 64\n",
    ],
)
def test_hostile_and_broken_yaml_is_refused(text: str) -> None:
    with pytest.raises(ArchError):
        Arch.from_yaml(text)


@pytest.mark.parametrize("text", ["", "{", "[1]", "null", '{"stages": 1}', "NaN"])
def test_broken_json_is_refused(text: str) -> None:
    with pytest.raises(ArchError):
        Arch.from_json(text)
