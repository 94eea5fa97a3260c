import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import netwright as package

Run = Callable[..., Any]


def test_without_a_pilot(netwright: Run) -> None:
    done = netwright("plan", "--difference", 2)
    assert (done.status, done.err) == (0, "")
    assert "no pilot: errors are taken to vary by 4 points" in done.out
    assert "a difference of 2 points in the mean is shown with power 80%" in done.out


def test_a_run_is_a_pilot(designed: Any, netwright: Run) -> None:
    done = netwright("plan", designed.folder, "--margin", 2, "--trials", 20, 25)
    assert (done.status, done.err) == (0, "")
    assert "errors of 12 networks vary by" in done.out
    assert "closer than 2 points" in done.out
    assert "time of both" in done.out
    assert [line for line in done.out.splitlines() if line.split()[:1] in (["20"], ["25"])]


def test_json_is_what_python_gives(netwright: Run, tmp_path: Path) -> None:
    path = tmp_path / "mine.csv"
    path.write_text("error\n" + "".join(f"{30 + i / 7:.3f}\n" for i in range(40)))
    done = netwright("plan", path, "--json", "--out", tmp_path / "plan.json")
    assert json.loads(done.out) == json.loads(json.dumps(package.plan(path).to_dict()))
    assert json.loads((tmp_path / "plan.json").read_text()) == json.loads(done.out)


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "begin"), [("svg", b"<svg"), ("png", b"\x89PNG"), ("pdf", b"%PDF")])
def test_a_chart(netwright: Run, tmp_path: Path, kind: str, begin: bytes) -> None:
    done = netwright("plan", "--out", tmp_path / f"plan.{kind}")
    assert done.out.endswith(f"plan: {tmp_path / f'plan.{kind}'}\n")
    assert (tmp_path / f"plan.{kind}").read_bytes().startswith(begin)


def test_mistakes_are_explained(netwright: Run, tmp_path: Path) -> None:
    assert "a plan goes to a file ending in .svg" in netwright("plan", "--out", "plan.txt").err
    assert "power must lie between 0 and 1, not 80.0" in netwright("plan", "--power", 80).err
    assert "there is no population in" in netwright("plan", tmp_path).err
