import errno
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from netwright.errors import OutputError
from netwright.report import PopulationView, ReportData, render_figures, write_report
from netwright.system.run_folder import MARKER

Population = Callable[..., PopulationView]
MAGIC = {"png": b"\x89PNG", "svg": b"<svg", "pdf": b"%PDF"}


@pytest.mark.slow
def test_a_report_is_a_page_and_each_picture_in_each_format(guided: ReportData, tmp_path: Path) -> None:
    path = write_report(guided, tmp_path / "new" / "folder")
    assert path == tmp_path / "new" / "folder" / "report.html"
    pictures = sorted(each for each in (path.parent / "figures").iterdir() if each.name != MARKER)
    assert len(pictures) == 13 * 3
    assert "failures.png" in {picture.name for picture in pictures}
    assert all(picture.read_bytes().startswith(MAGIC[picture.suffix[1:]]) for picture in pictures)
    assert {each.name for each in path.parent.iterdir()} == {"report.html", "figures", MARKER}


@pytest.mark.slow
def test_pictures_of_an_earlier_report_do_not_stay(plain: ReportData, tmp_path: Path) -> None:
    figures = tmp_path / "figures"
    figures.mkdir()
    for name in ("failures.png", "mine.png"):
        (figures / name).write_bytes(b"earlier")
    write_report(plain, tmp_path, formats=("svg",))
    left = {path.name for path in figures.iterdir()}
    assert "mine.png" in left
    assert "failures.png" not in left


@pytest.mark.slow
def test_figures_alone_in_one_format(plain: ReportData, tmp_path: Path) -> None:
    written = render_figures(plain, tmp_path, formats=("svg",))
    assert {path.name for path in written} == {"edf.svg", "parameters.svg", "explorer.svg", "efficiency.svg"}
    assert sorted(written) == sorted(each for each in tmp_path.iterdir() if each.name != MARKER)


@pytest.mark.slow
@pytest.mark.parametrize(("trials", "failed"), [(1, 4), (500, 3)])
def test_populations_of_any_size(trials: int, failed: int, population: Population, tmp_path: Path) -> None:
    path = write_report(ReportData("any size", (population(trials, failed=failed),)), tmp_path, formats=())
    assert path.stat().st_size < 6e6


def many(view: PopulationView, n: int) -> PopulationView:
    """n trials, as different as the given ones."""
    frame = view.frame.iloc[np.arange(n) % len(view.frame)].reset_index(drop=True)
    return replace(view, frame=frame.assign(trial=np.arange(n), error=frame["error"] + np.linspace(0, 1, n)))


@pytest.mark.slow
def test_a_large_table_is_beside_the_page_and_a_small_one_inside(population: Population, tmp_path: Path) -> None:
    view = population(60, failed=5)
    path = write_report(ReportData("large", (many(view, 4000), view)), tmp_path, formats=())
    source = path.read_text()
    assert len(source) < 5e6
    assert 'href="report_trials.csv" download' in source
    assert "The first 1,000 of 4,065 trials; the CSV has all." in source
    table = pd.read_csv(tmp_path / "report_trials.csv")
    assert table["population"].value_counts().to_dict() == {"regnetx": 4000, "regnetx (2)": 65}
    assert table["error"][:4000].tolist() == pytest.approx(many(view, 4000).frame["error"].tolist(), nan_ok=True)
    assert table["arch"][4064] == view.frame["arch"][64]
    write_report(ReportData("small", (view,)), tmp_path, formats=())
    assert not (tmp_path / "report_trials.csv").exists()


@pytest.mark.slow
@pytest.mark.parametrize("populations", [1, 6])
def test_a_page_of_any_size_is_small(populations: int, population: Population, tmp_path: Path) -> None:
    view = many(population(100, failed=20), 4000)
    long = [{"epoch": k, "error": 90.0 - k / 10} for k in range(1, 301)]
    more = {f"parameter_{i}": np.random.default_rng(i).normal(size=4000) for i in range(30)}
    reasons = view.frame["state"].map({"done": "", "failed": "a long traceback\n" * 200})
    frame = view.frame.assign(**more, curve=[long] * 4000, reason=reasons)
    wide = replace(view, frame=frame, parameters=(*view.parameters, *more))
    data = ReportData("large", (wide,) * populations)
    assert write_report(data, tmp_path, formats=()).stat().st_size < 5e6


def test_a_population_that_failed_as_a_whole(population: Population, tmp_path: Path) -> None:
    view = population(3)
    frame = view.frame.assign(error=float("nan"), state="failed", reason="out of memory")
    views = tuple(PopulationView(name, frame, parameters=view.parameters) for name in ("a", "b"))
    source = write_report(ReportData("nothing", views), tmp_path, formats=()).read_text()
    assert "6 of 6 trials failed" in source


@pytest.mark.slow
def test_an_earlier_report_is_replaced_whole(plain: ReportData, tmp_path: Path, monkeypatch: Any) -> None:
    (tmp_path / "report.html").write_text("earlier")

    def full(source: Any, target: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(
        OutputError,
        match=r"^the report cannot be written to .*report\.html: .*Free some space, or choose another --out",
    ):
        write_report(plain, tmp_path, formats=())
    assert (tmp_path / "report.html").read_text() == "earlier"
    assert list(tmp_path.iterdir()) == [tmp_path / "report.html"]


def test_a_file_in_the_way_is_told(plain: ReportData, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")
    with pytest.raises(OutputError, match="in the way"):
        write_report(plain, tmp_path / "taken")


def test_an_unknown_format_is_told(plain: ReportData, tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="png, svg, pdf, not 'jpeg'"):
        write_report(plain, tmp_path, formats=("jpeg",))


def test_importing_loads_neither_altair_nor_pandas() -> None:
    code = "import sys, netwright.report; print([m for m in ('altair', 'pandas', 'torch') if m in sys.modules])"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "[]"
