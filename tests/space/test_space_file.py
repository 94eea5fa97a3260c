"""What a space's file may say, one meaning for each way of writing, and errors that name the place."""

from pathlib import Path

import pytest

from netwright.errors import SpaceError
from netwright.space import Choice, DesignSpace, LogUniform, PowersOfTwo, Uniform, load_space

WHOLE = "family: anynet\nparameters:\n  depth: {depth}\n  width: {width}\n  bottleneck: 1\n  group_width: {groups}\n"

REGNET = "family: regnet\nparameters:\n  depth: 8\n  w0: W0\n  wa: 8\n  wm: 2\n  bottleneck: 1\n  group_width: 8\n"


def space(folder: Path, text: str) -> DesignSpace:
    (folder / "mine.yaml").write_text(text)
    return load_space(folder / "mine.yaml")


def whole(folder: Path, depth: str = "1", width: str = "8", groups: str = "8", more: str = "") -> DesignSpace:
    return space(folder, WHOLE.format(depth=depth, width=width, groups=groups) + more)


def test_two_numbers_are_a_range_of_a_base(tmp_path: Path) -> None:
    for given in ("[12, 28]", "{range: [12, 28]}"):
        assert space(tmp_path, f"base: regnetx\nparameters: {{depth: {given}}}").distributions["depth"] == Uniform(
            12, 28, 1
        )


def test_without_a_base_two_numbers_are_refused_with_both_lines(tmp_path: Path) -> None:
    with pytest.raises(SpaceError) as caught:
        whole(tmp_path, depth="[1, 100]")
    text = str(caught.value)
    assert text.startswith(f"{tmp_path / 'mine.yaml'}, line 3: depth: [1, 100] may mean the two values or the range")
    assert "'depth: {choice: [1, 100]}'" in text
    assert "'depth: {uniform: [1, 100], quantum: 1}'" in text
    with pytest.raises(SpaceError, match=r"line 4: width: \[16, 64\] may mean"):
        whole(tmp_path, width="[[8, 16], [16, 64], [8], [8]]")
    with pytest.raises(SpaceError, match="a range narrows what a base has"):
        whole(tmp_path, depth="{range: [1, 4]}")


def test_two_numbers_with_no_other_value_between_are_both_readings(tmp_path: Path) -> None:
    found = whole(tmp_path, depth="[3, 4]", width="[8, 16]", groups="[4, 8]").distributions
    assert found["depth_1"] == Choice((3, 4))
    assert found["width_2"] == Choice((8, 16))
    assert found["group_width_4"] == Choice((4, 8))
    assert whole(tmp_path, depth="[1, 4, 9]").distributions["depth_1"] == Choice((1, 4, 9))


def test_values_of_a_base_may_be_chosen_one_by_one(tmp_path: Path) -> None:
    text = "base: regnetx\nparameters:\n  depth: {choice: [12, 28]}\n  group_width: [8, 16, 32]\n  bottleneck: [1]\n"
    found = space(tmp_path, text).distributions
    assert found["depth"] == Choice((12, 28))
    assert found["group_width"] == Choice((8, 16, 32))
    assert found["bottleneck"] == Choice((1,))
    logarithmic = space(tmp_path, "base: anynetx_a\nparameters: {width_1: {choice: [8, 16]}}").distributions
    values, likely = logarithmic["width_1"].levels() or ()
    assert values.tolist() == [8, 16]
    assert likely[0] == pytest.approx(likely[1])  # of (4, 8] and (8, 16]
    assert logarithmic["width_2"] == LogUniform(8, 1024, 8)
    with pytest.raises(SpaceError, match="line 2: 65 is no value that depth of 'regnetx' has"):
        space(tmp_path, "base: regnetx\nparameters: {depth: [1, 2, 65]}")


def test_a_range_beyond_the_base_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SpaceError, match=r"line 3: depth is narrowed to 1 to 100, and 'regnetx' only has 1 to 64"):
        space(tmp_path, "base: regnetx\nparameters:\n  depth: [1, 100]\n")
    with pytest.raises(SpaceError, match="Choose a range within it"):
        space(tmp_path, "base: regnetx\nparameters:\n  depth: [70, 100]\n")
    assert load_space("regnetx").refine(depth=(1, 100)) == load_space("regnetx")  # from Python it is cut


@pytest.mark.slow
@pytest.mark.parametrize(
    ("text", "says"),
    [
        (REGNET.replace("W0", "{log_uniform: [64, 8]}"), "line 4: w0: a log_uniform distribution needs 0 < low"),
        ("family: anynet\nfamily: regnet\n", "line 2, is not YAML that can be read: the key 'family' is repeated"),
        ("base: regnetx\nparameters:\n  depth: [1, 2]\n  wm: 2\n  depth: [3, 4]\n", "line 5, .*'depth' is repeated"),
        (WHOLE.format(depth=1, width=0, groups=8), "line 4: width is a whole number of at least 1; .* holds 0"),
        (WHOLE.format(depth=1, width="{uniform: [8, 60], quantum: 8}", groups=8), "line 4: width: the ends"),
        (WHOLE.format(depth=1, width=8, groups=8) + "setting:\n  strides: [1]\n", "line 8: strides are one for each"),
        (WHOLE.format(depth=1, width=8, groups=8) + "setting: {strides: [1, 2, 2, 2, 1]}\n", "has 5. For example"),
        ("base: regnetx\nsetting: {strides: [2, 2]}\n", r"for each of the 4 stages, and \[2, 2\] has 2"),
        ("base: regnetx\nsetting:\n  resolution: 0\n", "line 3: resolution is a whole number of at least 1, not 0"),
        ("base: anynetx_a\ntie: [width]\norder:\n  width: non_decreasing\n", "line 4: width is tied: all stages share"),
        ("base: regnetx\norder: {depth: non_decreasing}\n", "line 2: depth is drawn once for a network of the family"),
        ("base: regnetx\nlimits:\n  acts: [1, 2]\n  flops: [2, 1]\n", "line 4: flops is refined by .* low <= high"),
        ("base: regnetx\nlimits:\n  flops: 400X\n", "line 3: the limit of flops: a quantity is a number like 400M"),
        ("base: regnetx\nlimits:\n  flops: 1M:2M\n  max_flops: 3M\n", "line 4: flops is limited twice"),
        ("base: regnetx\nlimits: {max_depth: 3}\n", "unknown limit 'max_depth'"),
        ("base: regnetx\nfamily: regnet\n", "line 2: a space with a base may have the keys"),
        ("family: regnet\nstage: 4\n", "line 2: unknown key of a space 'stage': did you mean 'stages'"),
        ("stages: 0\n" + WHOLE.format(depth=1, width=8, groups=8), "line 1: stages is"),
        ("base: regnetx\nevery_step: maybe\n", "line 2: every_step is true or false"),
        ("a: " + "[" * 3000, "is not YAML"),
    ],
)  # fmt: skip
def test_errors_name_file_line_and_parameter(text: str, says: str, tmp_path: Path) -> None:
    with pytest.raises(SpaceError, match=says) as caught:
        space(tmp_path, text)
    assert str(caught.value).startswith(str(tmp_path / "mine.yaml"))


def test_an_error_of_a_base_names_the_base(tmp_path: Path) -> None:
    (tmp_path / "base.yaml").write_text(REGNET.replace("W0", "{uniform: [2, 1]}"))
    with pytest.raises(SpaceError) as caught:
        space(tmp_path, "base: base.yaml\n")
    assert str(caught.value).startswith(f"{tmp_path / 'base.yaml'}, line 4: w0: a uniform")


def test_an_order_that_leaves_nothing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SpaceError, match="line 7: no width is left that is non-decreasing"):
        whole(tmp_path, width="[[64], [32], [32], [32]]", more="order: {width: non_decreasing}\n")


@pytest.mark.parametrize("limit", ["360M:400M", "[360M, 400M]", "[360e6, 400000000]", "0.36G:400_000K"])
def test_limits_are_written_as_on_the_command_line(limit: str, tmp_path: Path) -> None:
    assert space(tmp_path, f"base: regnetx\nlimits: {{flops: {limit}}}").limits["flops"] == (360e6, 400e6)


def test_a_limit_may_be_one_end(tmp_path: Path) -> None:
    assert space(tmp_path, "base: regnetx\nlimits: {max_flops: 400M}").limits["flops"] == (0, 400e6)
    exact = space(tmp_path, "base: regnetx\nlimits: {flops: 400M}")
    assert exact.limits["flops"] == (400e6, 400e6)


@pytest.mark.slow
def test_one_number_as_a_limit_says_how_to_write_a_window(tmp_path: Path) -> None:
    from netwright.space import sample

    with pytest.raises(SpaceError, match="give a window, 360M:400M, or max_flops"):
        sample(space(tmp_path, "base: regnetx\nlimits: {flops: 400M}"), 3)


def test_strides_beyond_the_stages_of_a_space_that_was_shown(tmp_path: Path) -> None:
    import yaml

    shown = DesignSpace.from_dict(load_space("anynetx_a").to_dict() | {"stages": 3})
    assert shown.setting.strides == (2, 2, 2, 2)
    assert space(tmp_path, yaml.safe_dump(shown.to_dict())) == shown


def test_powers_of_two_of_a_base_are_narrowed(tmp_path: Path) -> None:
    found = space(tmp_path, "base: regnetx\nparameters: {group_width: [8, 32]}")
    assert found.distributions["group_width"] == PowersOfTwo(8, 32)
