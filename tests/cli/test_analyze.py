from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., Any]


def test_a_run_folder_in_figures(designed: Any, netwright: Run) -> None:
    done = netwright("analyze", designed.folder)
    assert (done.status, done.err) == (0, "")
    assert done.out.startswith("regnetx: 12 networks, 0 failed\n  error          [12 | ")
    for parameter in ("depth", "w0", "wa", "wm", "bottleneck", "group_width"):
        assert f"\n  {parameter}" in done.out


def test_a_report_is_written_where_it_is_asked_for(
    designed: Any, netwright: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("netwright.report.write_report", lambda data, out: out / "report.html")
    done = netwright("analyze", designed.folder, "--out", tmp_path / "r")
    assert done.out.endswith(f"report: {tmp_path / 'r' / 'report.html'}\n")


def test_any_table_with_an_error_column(netwright: Run, tmp_path: Path) -> None:
    path = tmp_path / "mine.csv"
    path.write_text("depth,top1_err\n" + "".join(f"{i},{60 - i}\n" for i in range(1, 21)))
    done = netwright("analyze", path)
    assert done.status == 0
    assert done.out.startswith("mine: 20 networks, 0 failed\n  error          [20 | 40.0 | 49.5]")
    assert netwright("analyze", path, "--error", "depth").out.startswith("mine: 20 networks")


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("depth\n1\n", "no column of errors"),
        ("", ""),
        ("error\nx\n", ""),
        ("error\n", ""),
    ],
)
def test_a_table_without_errors_is_explained(netwright: Run, tmp_path: Path, content: str, says: str) -> None:
    path = tmp_path / "mine.csv"
    path.write_text(content)
    done = netwright("analyze", path)
    assert (done.status, done.out) == (1, "")
    assert done.err.startswith("netwright analyze: ")
    assert says in done.err


def test_what_is_no_population_is_explained(netwright: Run, tmp_path: Path) -> None:
    for ref in (tmp_path, tmp_path / "missing", tmp_path / "missing.csv"):
        done = netwright("analyze", ref)
        assert (done.status, done.out) == (1, "")
    (tmp_path / "population.sqlite").write_text("not a database, by any means " * 99)
    done = netwright("analyze", tmp_path)
    assert done.status == 1
    assert "is not a population that can be read" in done.err


def test_the_conditional_view_says_so(netwright: Run, tmp_path: Path) -> None:
    path = tmp_path / "mine.csv"
    path.write_text("error,width\n30,8\n31,16\nnan,8\n")
    assert netwright("analyze", path).out.startswith("mine: 3 networks, 1 of them failed")
    survivors = netwright("analyze", path, "--survivors").out
    assert survivors.startswith("mine (networks that did not fail): 2 networks; 1 more failed and are left out")


def test_a_table_of_others_is_understood_and_said(netwright: Run, tmp_path: Path) -> None:
    path = tmp_path / "theirs.csv"
    rows = "".join(
        f"{i},{(i * 7) % 5},{['sgd', 'adam', 'lion'][i % 3]},{0.5 + (i * 7) % 5 / 50 + i % 2 / 99},COMPLETE\n"
        for i in range(30)
    )
    path.write_text(f"Id,kernel,opt,val_acc,status\n{rows}")
    done = netwright("analyze", path)
    assert (done.status, done.err) == (0, "")
    assert "[30 | 41.0 | " in done.out
    assert "words without an order" in done.out
    assert "theirs: error = 100 - 100 x val_acc" in done.out
    assert "theirs: not parameters: Id" in done.out
    done = netwright(
        "analyze", path, "--parameters", "kernel", "--error", "val_acc", "--maximize", "--unit", "fraction"
    )
    assert "opt" not in done.out
    assert "kernel and opt (as --ignore has it)" in netwright("analyze", path, "--ignore", "kernel, opt").out
    assert "no column 'kernl'" in netwright("analyze", path, "--ignore", "kernl").err


def test_the_band_of_all_looks(netwright: Run, tmp_path: Path) -> None:
    path, few = tmp_path / "mine.csv", tmp_path / "few.csv"
    path.write_text("error\n" + "".join(f"{i}\n" for i in range(50)))
    few.write_text("error\n" + "".join(f"{i}\n" for i in range(12)))
    assert "at all looks" not in netwright("analyze", path).out
    out = netwright("analyze", path, "--sequential").out
    assert "  at all looks   within 0.296" in out
    assert "times the band of a single look" in out
    assert "  at all looks   from 16 networks on" in netwright("analyze", few, "--sequential").out
    assert "at most 20 networks, not 50" in netwright("analyze", path, "--sequential", "--most", 20).err
