from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., Any]


def test_two_populations(designed: Any, netwright: Run) -> None:
    done = netwright("compare", designed.folder, designed.folder / "refined")
    assert (done.status, done.err) == (0, "")
    assert "mean of B - A: " in done.out
    assert "Kolmogorov-Smirnov: D = " in done.out
    assert done.out == netwright("compare", designed.folder, designed.folder / "refined").out


def test_tables_and_folders_are_compared_alike(designed: Any, netwright: Run, tmp_path: Path) -> None:
    path = tmp_path / "mine.csv"
    path.write_text("error\n" + "".join(f"{i}\n" for i in range(20)))
    done = netwright("compare", designed.folder, path, "--seed", 3)
    assert done.out.splitlines()[-2].startswith("mine is better in the mean")
    assert "(20 and 12 networks, seed 3)" in done.out


def test_a_report_of_both(designed: Any, netwright: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("netwright.report.write_report", lambda data, out: out / "report.html")
    done = netwright("compare", designed.folder, designed.folder / "refined", "--out", tmp_path / "r")
    assert done.out.endswith(f"report: {tmp_path / 'r' / 'report.html'}\n")


@pytest.mark.parametrize("missing", [0, 1])
def test_what_is_not_there_is_explained(designed: Any, netwright: Run, tmp_path: Path, missing: int) -> None:
    refs = [designed.folder, designed.folder]
    refs[missing] = tmp_path / "no"
    done = netwright("compare", *refs)
    assert (done.status, done.out) == (1, "")
    assert "there is no population in" in done.err
