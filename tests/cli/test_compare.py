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
    verdict, caution, minima = done.out.splitlines()[-3:]
    assert verdict.startswith("mine is better in the mean")
    assert caution.startswith("with fewer than 16 networks")
    assert minima.startswith("the minima are not compared")
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


@pytest.fixture
def tables(tmp_path: Path) -> list[Path]:
    texts = {"A": [f"{i}" for i in range(40, 50)], "B": [*(f"{i}" for i in range(30, 35)), *["nan"] * 95]}
    texts["C"] = [f"{i / 10}" for i in range(200, 230)]
    for name, errors in texts.items():
        (tmp_path / f"{name}.csv").write_text("error,width\n" + "".join(f"{error},8\n" for error in errors))
    return [tmp_path / f"{name}.csv" for name in texts]


def test_failures_count(netwright: Run, tables: list[Path]) -> None:
    assert "A is better in the mean" in netwright("compare", *tables[:2]).out
    survivors = netwright("compare", *tables[:2], "--survivors").out
    assert "B (networks that did not fail) is better in the mean" in survivors


@pytest.mark.slow
def test_more_than_two_are_compared_pair_by_pair(netwright: Run, tables: list[Path], tmp_path: Path) -> None:
    done = netwright("compare", *tables)
    assert (done.status, done.err) == (0, "")
    assert "corrected for 3 pairs" in done.out
    assert "C is better than A in the mean" in done.out
    page = netwright("compare", *tables, "--out", tmp_path / "r").out.splitlines()[-1].removeprefix("report: ")
    source = Path(page).read_text()
    assert "The populations A, B and C" in source
    assert "p (Holm)" in source
    assert "C against A" in source


def test_one_population_is_too_few(netwright: Run) -> None:
    assert "required: B\n" in netwright("compare", "a.csv").err


def test_equivalence_and_all_looks(netwright: Run, tables: list[Path]) -> None:
    plain = netwright("compare", *tables[::2]).out
    done = netwright("compare", *tables[::2], "--margin", 1, "--sequential", "--most", 60)
    assert (done.status, done.err) == (0, "")
    assert "closer than 1 point? C - A: no, they are further apart" in done.out
    assert "over all looks together" in done.out
    assert set(plain.splitlines()) <= set(done.out.splitlines())


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--margin", 0], "margin must be above 0"),
        (["--most", 60], "--most belongs to --sequential"),
        (["--sequential", "--most", 8], "--most must be at least 16"),
    ],
)
def test_looks_that_make_no_sense(netwright: Run, tables: list[Path], words: list[Any], message: str) -> None:
    done = netwright("compare", *tables[::2], *words)
    assert (done.status, done.out) == (1, "")
    assert message in done.err
