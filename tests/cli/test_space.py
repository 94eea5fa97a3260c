from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from netwright.space import load_space, space_names

Run = Callable[..., Any]


def test_list_names_every_space_with_its_degrees_of_freedom(netwright: Run) -> None:
    lines = netwright("space", "list").out.splitlines()
    spaces = [line.split() for line in lines if line.startswith("  ")]
    assert sorted(words[0] for words in spaces) == sorted(space_names())
    assert lines[0] == "block x, bottleneck with groups (ResNeXt, RegNetX)"
    assert " 16 free   1.8e+18 networks  AnyNetX-A: four stages" in lines[1]
    # under the block of its networks
    at = lines.index("block v, plain: two 3x3 convolutions, no shortcut (VGG)")
    assert [line.split()[0] for line in lines[at + 1 :]] == [
        *(f"anynetv_{x}" for x in "abcde"),
        "regnetv",
        "nds_vanilla",
    ]


def test_list_takes_a_pattern(netwright: Run) -> None:
    lines = netwright("space", "list", "NDS_*").out.splitlines()
    # by block: basic, x, v
    names = [line.split()[0] for line in lines if line.startswith("  ")]
    assert (names, len(lines)) == (["nds_resnet", "nds_resnext_a", "nds_resnext_b", "nds_vanilla"], 7)
    done = netwright("space", "list", "quux*")
    assert done.status == 1
    assert "no design space has a name like 'quux*'" in done.err


@pytest.mark.parametrize("name", space_names())
def test_size_counts_exactly(netwright: Run, name: str) -> None:
    assert netwright("space", "size", name).out == f"{load_space(name).size():,}\n"


@pytest.mark.parametrize("name", space_names())
def test_what_show_prints_is_a_space(netwright: Run, tmp_path: Path, name: str) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(netwright("space", "show", name, "--flops", "1M:2G").out)
    assert load_space(str(path)) == load_space(name).refine(flops=(1e6, 2e9))


def test_a_users_space_is_counted_too(netwright: Run, tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(netwright("space", "show", "regnetx").out.replace("[1, 64]", "[1, 32]"))
    assert netwright("space", "size", path).out == f"{load_space('regnetx').size() // 2:,}\n"


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("depth:", "deph:", "unknown parameter of the family regnet with block 'x' 'deph': did you mean 'depth'?"),
        ("family:", "famly:", "unknown key of a space 'famly': did you mean 'family'?"),
        ("num_stages:", "numstages:", "unknown limit 'numstages': did you mean 'num_stages'?"),
        ("resolution:", "resolutin:", "unknown setting 'resolutin': did you mean 'resolution'?"),
        ("uniform: [1", "unifrm: [1", "a distribution has one of the keys uniform"),
        ("uniform: [1, 64]", "uniform: [64, 1]", ""),
        ("name:", "- name:", "is not YAML"),
    ],
)
def test_a_typo_in_a_space_is_found(netwright: Run, tmp_path: Path, old: str, new: str, says: str) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(netwright("space", "show", "regnetx").out.replace(old, new, 1))
    done = netwright("space", "size", path)
    assert (done.status, done.out) == (1, "")
    assert done.err.startswith("netwright space: ")
    assert says in done.err


@pytest.mark.parametrize("words", [("show",), ("size",), ("show", "no.yaml"), ("size", "."), ("show", "regnetx-x")])
def test_a_space_that_is_not_there_is_refused(netwright: Run, words: tuple[str, ...]) -> None:
    done = netwright("space", *words)
    assert (done.status, done.out) == (1, "")


def test_a_window_of_the_command_line_replaces_that_of_the_file(netwright: Run, tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(netwright("space", "show", "regnetx", "--max_flops", "1M").out)
    done = netwright("space", "show", path, "--flops", "2M:3M")
    assert done.status == 0, done.err
    assert yaml.safe_load(done.out)["limits"]["flops"] == [2e6, 3e6]


def test_diff_names_what_changed_and_the_sizes(netwright: Run) -> None:
    lines = netwright("space", "diff", "anynetx_d", "anynetx_e").out.splitlines()
    assert lines == [
        "order.depth: (absent) -> 'non_decreasing'",
        "anynetx_d has 1.4e+13 combinations of parameters, anynetx_e has 8.2e+11 combinations of parameters",
    ]


def test_intersect_prints_a_space(netwright: Run) -> None:
    done = netwright("space", "intersect", "anynetx_c", "anynetx_e")
    assert yaml.safe_load(done.out)["order"] == {"depth": "non_decreasing", "width": "non_decreasing"}


@pytest.mark.parametrize(
    ("line", "text"),
    [
        (("diff", "regnetx"), "needs two spaces, and 'regnetx' is one. Name another"),
        (("size", "regnetx", "regnety"), "takes one space, not 'regnety' too"),
        (("intersect", "regnetx", "anynetx_a"), "differ in family"),
    ],
)
def test_two_spaces_are_for_diff_and_intersect(netwright: Run, line: tuple[str, ...], text: str) -> None:
    done = netwright("space", *line)
    assert done.status == 1
    assert text in done.err
