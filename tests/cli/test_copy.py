"""`netwright copy`, and what opens its copies."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from netwright.population import FILE, Population
from netwright.space import draw, load_space

Run = Callable[..., Any]


@pytest.fixture
def run_folder(tmp_path: Path) -> Path:
    """Of a population of which 12 trials are done, one failed, and one waits."""
    space = load_space("regnetx").for_images(8, 10, 1)
    sample = draw(space, 14, seed=0)
    identity = {"space": space.to_dict()}
    with Population.create(tmp_path / "run", networks=sample.batch, seed=0, identity=identity) as population:
        for index in range(12):
            population.finish(index, error=20.0 + index, seconds=1.0, curve=[])
        population.fail(12, "diverged")
    return tmp_path / "run"


@pytest.mark.parametrize("target", ["c.sqlite", "folder"])
def test_a_copy_says_what_it_has(netwright: Run, run_folder: Path, tmp_path: Path, target: str) -> None:
    made = tmp_path / target if target.startswith("c.") else tmp_path / target / FILE
    done = netwright("copy", run_folder, tmp_path / target)
    assert (done.status, done.out) == (0, f"1 waiting, 12 done, 1 failed: {made}\n")
    again = netwright("copy", run_folder, tmp_path / target)
    assert (again.status, again.out) == (1, "")
    assert (
        again.err == f"netwright copy: {made} is there already, and a copy replaces nothing. Choose another target.\n"
    )
    for ref in (tmp_path / target, made):
        assert netwright("analyze", ref).out == netwright("analyze", run_folder).out


def test_where_there_is_nothing_to_copy(netwright: Run, tmp_path: Path) -> None:
    done = netwright("copy", tmp_path, tmp_path / "c.sqlite")
    assert done.status == 1
    assert f"there is no population in {tmp_path}" in done.err


@pytest.mark.parametrize("name", ["mypop.sqlite", "renamed.db", "bare"])
def test_a_moved_and_renamed_file_is_analyzed_and_compared(
    netwright: Run, run_folder: Path, tmp_path: Path, name: str
) -> None:
    wanted = netwright("analyze", run_folder).out
    (tmp_path / "elsewhere").mkdir()
    moved = shutil.move(run_folder / FILE, tmp_path / "elsewhere" / name)
    done = netwright("analyze", moved)
    assert (done.status, done.out) == (0, wanted)
    assert netwright("compare", moved, moved).status == 0
