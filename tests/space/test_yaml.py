"""Spaces as YAML: the catalog, a person's own files, and what cannot be read."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from netwright.errors import SpaceError
from netwright.space import Choice, DesignSpace, LogUniform, load_space, sample, space_names


def test_names_in_their_order() -> None:
    names = space_names()
    of_x = ("anynetx_a", "anynetx_b", "anynetx_c", "anynetx_d", "anynetx_e", "regnetx")
    assert names[:6] == of_x
    for i, block in enumerate(("y", "z", "r", "basic", "v"), start=1):
        assert names[6 * i : 6 * i + 6] == tuple(name.replace("netx", f"net{block}") for name in of_x)
    assert names[36:40] == (
        "anynetx_c_decreasing_widths",
        "anynetx_c_equal_widths",
        "anynetx_d_decreasing_depths",
        "anynetx_d_equal_depths",
    )
    nds = ("nds_resnet", "nds_resnext_a", "nds_resnext_b", "nds_vanilla")
    assert names[40:] == (*nds, "regnetbasic_quick", "regnetx_pycls")


@pytest.mark.parametrize("name", space_names())
def test_catalog_spaces_are_read_back(name: str) -> None:
    space = load_space(name)
    assert space.name == name
    assert space.summary
    for plain in (
        space.to_dict(),
        yaml.safe_load(yaml.safe_dump(space.to_dict())),
        json.loads(json.dumps(space.to_dict())),
    ):
        assert DesignSpace.from_dict(plain) == space


@pytest.mark.parametrize("name", ["AnyNetX-A", "anynet_a", "anynetx-a", "AnyNet-A", "ANYNETX_A"])
def test_names_are_read_as_people_write_them(name: str) -> None:
    assert load_space(name) == load_space("anynetx_a")


def test_unknown_names_are_refused_with_the_nearest() -> None:
    with pytest.raises(SpaceError, match="did you mean 'regnetx'"):
        load_space("regnettx")
    with pytest.raises(SpaceError, match="these are known: anynetx_a"):
        load_space("quux")


def test_refined_spaces_are_read_back() -> None:
    space = load_space("anynetx_d").refine(depth_2=(2, 4), width=(64, 256), flops=(1e6, 2e6), name="mine")
    space = space.with_setting(block="y", strides=(1, 2, 2, 2), resolution=32).with_distribution(
        "group_width", Choice((8, 16))
    )
    assert DesignSpace.from_dict(json.loads(json.dumps(space.to_dict()))) == space
    narrow = load_space("regnety").refine(wm=(2.0, 2.5), depth=12)
    assert DesignSpace.from_dict(narrow.to_dict()).distributions["wm"].bounds == pytest.approx(
        narrow.distributions["wm"].bounds
    )


OWN = """
# three stages for small images
name: mine
family: anynet
stages: 3
parameters:
  depth: {log_uniform: [1, 4], quantum: 1}
  width: [{choice: [8, 16]}, {choice: [16, 32]}, {choice: [32, 64]}]
  bottleneck: 1
  group_width: [4, 8]
tie: [group_width]
order: {depth: non_decreasing}
limits: {flops: [0, 1e6], params: 1e5}
setting: {stem: cifar, stem_width: 8, strides: [1, 2, 2], resolution: 8, num_classes: 3, block: y}
"""


def test_a_persons_own_space(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text(OWN)
    space = load_space(tmp_path / "mine.yaml")
    assert (space.name, space.stages, space.setting.se_ratio) == ("mine", 3, 0.25)
    assert space.distributions["width_2"] == Choice((16, 32))
    assert space.limits == {"flops": (0, 1e6), "params": (1e5, 1e5)}
    loose = DesignSpace.from_dict(space.to_dict() | {"limits": {}})
    for arch in sample(loose, 20):
        assert [stage.stride for stage in arch.stages] == [1, 2, 2]
        assert [stage.width for stage in arch.stages] == sorted(stage.width for stage in arch.stages)


def test_a_space_with_a_base(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "mine.yaml").write_text(OWN)
    (tmp_path / "deep" / "shallow.yml").write_text(
        "base: ../mine.yaml\nsummary: few\nparameters: {depth: [1, 2], width_3: 64}\nlimits: {acts: [0, 400e3]}\n"
        "setting: {resolution: 16, strides: [2, 2, 2]}\ntie: [depth]\n"
    )
    space = load_space(str(tmp_path / "deep" / "shallow.yml"))
    assert (space.name, space.summary, space.setting.resolution, space.setting.strides) == (
        "shallow",
        "few",
        16,
        (2, 2, 2),
    )
    assert space.distributions["depth"] == LogUniform(1, 2, 1)
    assert space.distributions["width_3"] == Choice((64,))
    assert space.limits == {"flops": (0, 1e6), "params": (1e5, 1e5), "acts": (0, 4e5)}
    (tmp_path / "least.yaml").write_text("base: regnetx\nlimits:\ntie:\nsetting:\nparameters:\n")
    assert load_space(tmp_path / "least.yaml").parameters == load_space("regnetx").parameters


def test_a_base_that_leads_back_is_refused(tmp_path: Path) -> None:
    (tmp_path / "one.yaml").write_text("base: two.yaml\n")
    (tmp_path / "two.yaml").write_text("base: one.yaml\n")
    with pytest.raises(SpaceError, match="is its own base"):
        load_space(tmp_path / "one.yaml")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", r"a space is a mapping, and .* is empty"),
        ("- 1", r"a space is a mapping, and .* holds a list"),
        ("base: [", "is not YAML"),
        ("!!python/object/apply:os.system ['true']", "is not YAML"),
        ("base: !!python/name:os.system", "is not YAML"),
        ("base: regnettx", "did you mean 'regnetx'"),
        ("base: missing.yaml", "cannot be read"),
        ("base: 5", "no design space"),
        ("base: regnetx\nfamily: regnet", "Remove it"),
        ("base: regnetx\nparametrs: {depth: 8}", "Did you mean 'parameters'"),
        ("base: regnetx\ndepth: [1, 8]", "Write it under 'parameters:'"),
        ("base: regnetx\nmax_flops: 400M", "Write it under 'limits:'"),
        ("base: regnetx\nlimits: {flops: 400M:300M}", "low end is not above its high end"),
        ("base: regnetx\nlimits: [1]", "is a mapping"),
        ("base: regnetx\nlimits: {flop: [1, 2]}", "did you mean 'flops'"),
        ("base: regnetx\nlimits: {depth: [1, 2]}", "unknown limit"),
        ("base: regnetx\nparameters: {name: [1, 2]}", "unknown parameter"),
        ("base: regnetx\nparameters: {flops: [1, 2]}", "unknown parameter"),
        ("base: regnetx\nparameters: {depth: {uniform: [1, 2]}}", "is refined by"),
        ("base: regnetx\nsetting: {blocks: y}", "did you mean 'block'"),
        ("base: anynetx_a\ntie: bottleneck", "is a list"),
        ("base: anynetx_a\ntie: [[bottleneck]]", "unknown parameter"),
        ("base: anynetx_a\norder: [depth]", "is a mapping"),
    ],
)
def test_files_that_cannot_be_read_are_refused(text: str, says: str, tmp_path: Path) -> None:
    (tmp_path / "space.yaml").write_text(text)
    with pytest.raises(SpaceError, match=says):
        load_space(tmp_path / "space.yaml")


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "bytes.yaml").write_bytes(b"\xff\xfe\x00")
    for ref in (tmp_path / "none.yaml", tmp_path, tmp_path / "bytes.yaml"):
        with pytest.raises(SpaceError, match="cannot be read"):
            load_space(ref)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"families": 1}, "did you mean 'family'"),
        ({"family": "convnet"}, "a family is one of"),
        ({"family": []}, "a family is one of"),
        ({"family": "regnet"}, "unknown parameter of the family regnet with block 'x' 'width'"),
        ({"stages": "3"}, "stages is a whole number"),
        ({"stages": 0}, "stages is a whole number"),
        ({"stages": 3, "parameters": {"width": [[8], [16]]}}, "Correct the list, or 'stages'"),
        ({"parameters": {"kernel": 3}}, "unknown parameter of the family anynet"),
        ({"rounding": "timm"}, "a rounding rule is one of"),
        ({"rounding": []}, "a rounding rule is one of"),
        ({"limits": {"num_stages": [1, 2]}}, "limit of RegNets"),
        ({"limits": 5}, "is a mapping"),
        ({"setting": [1]}, "is a mapping"),
        ({"tie": 5}, "is a list"),
    ],
)
def test_spaces_that_cannot_be_are_refused(tiny: Callable[..., DesignSpace], change: dict[str, Any], says: str) -> None:
    with pytest.raises(SpaceError, match=says):
        tiny(**change)


def test_missing_parts_are_named() -> None:
    with pytest.raises(SpaceError, match="has the key 'family'"):
        DesignSpace.from_dict({"parameters": {}})
    with pytest.raises(SpaceError, match=r"not \['bottleneck', 'group_width'\]"):
        DesignSpace.from_dict({"family": "anynet", "parameters": {"depth": 1, "width": 8}})
    with pytest.raises(SpaceError, match="leaves them out"):
        DesignSpace.from_dict(load_space("regnetx").to_dict() | {"stages": 4})


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 99) | st.floats() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["uniform", "choice", "depth", "quantum", "points", "flops", "block"]), inner)
    ),
    max_leaves=5,
)
SECTIONS = ("name", "summary", "family", "stages", "tie", "order", "limits", "setting", "rounding", "parameters")
PARTS = ("depth", "width", "bottleneck", "group_width", "w0", "wm", "flops", "num_stages", "strides", "se_ratio")


@pytest.mark.slow
@settings(max_examples=250, deadline=None, derandomize=True)
@given(st.sampled_from(["anynetx_d", "regnetx"]), st.sampled_from(SECTIONS), st.sampled_from(PARTS), JUNK)
def test_junk_is_a_space_or_a_space_error(name: str, key: str, part: str, junk: Any) -> None:
    plain = load_space(name).to_dict()
    whole = plain | {key: junk}
    within = plain | {key: {**plain[key], part: junk}} if isinstance(plain.get(key), dict) else whole
    for changed in (whole, within):
        try:
            space = DesignSpace.from_dict(changed)
        except SpaceError:
            continue
        assert space.size() > 0
