from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from netwright.analysis import summary
from netwright.errors import PopulationError, StatsError
from netwright.report import PopulationView
from netwright.stats import edf


def table(path: Path, n: int = 40, shift: float = 0.0, seed: int = 0, **columns: Any) -> Path:
    rng = np.random.default_rng(seed)
    depth = rng.integers(1, 30, n)
    errors = 40 - depth / 3 + rng.normal(0, 0.5, n) + shift
    pd.DataFrame({"depth": depth, "width": rng.integers(8, 64, n), "error": errors} | columns).to_csv(path, index=False)
    return path


def test_a_run_folder_is_read_with_its_space(designed: Any) -> None:
    view = summary.read(designed.folder)
    assert (view.name, len(view.frame)) == ("regnetx", 12)
    assert view.parameters == ("depth", "w0", "wa", "wm", "bottleneck", "group_width")
    assert view.rejections["accepted"] == 12
    assert view.size == 301_989_888
    assert summary.read(designed.folder / "population.sqlite").frame.equals(view.frame)
    assert summary.read(str(designed.folder / "refined")).name == "regnetx_refined"


def test_final_trainings_are_a_table(designed: Any) -> None:
    view = summary.read(designed.folder / "final")
    assert (view.name, len(view.done), view.parameters) == ("final", 4, ())


def test_a_table_is_read_with_its_parameters(tmp_path: Path) -> None:
    view = summary.read(table(tmp_path / "mine.csv", constant=3, flops=7, note="text"))
    assert (view.name, view.parameters, len(view.done)) == ("mine", ("depth", "width"), 40)


def test_an_error_column_of_another_name_is_taken_for_the_error(tmp_path: Path) -> None:
    path = table(tmp_path / "mine.csv", val_error=np.linspace(1, 5, 40))
    assert summary.read(path, error="val_error").done["error"].max() == 5
    with pytest.raises(StatsError):
        summary.read(path, error="no_such")


@pytest.mark.parametrize("name", ["nothing", "dotted.folder"])
def test_a_folder_without_a_population_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / name).mkdir()
    with pytest.raises(PopulationError, match="there is no population in"):
        summary.read(tmp_path / name)


def test_what_is_neither_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.yaml").write_text("a: 1")
    with pytest.raises(StatsError, match=r"must end in \.csv"):
        summary.read(tmp_path / "x.yaml")
    with pytest.raises(PopulationError, match="there is no population"):
        summary.read(tmp_path / "missing")


def test_words_agree_with_the_statistics(tmp_path: Path) -> None:
    analysis = summary.analyze(summary.read(table(tmp_path / "mine.csv")))
    text = summary.summary_text(analysis)
    assert edf(analysis.view.done["error"]).legend() in text
    assert "mine: 40 networks, 0 failed" in text
    depth = next(line for line in text.splitlines() if line.strip().startswith("depth"))
    assert f"{analysis.ranges['depth'].low:.4g} to {analysis.ranges['depth'].high:.4g}" in depth
    assert next(iter(analysis.relevance)) == "depth"


def test_few_networks_are_not_judged(tmp_path: Path) -> None:
    analysis = summary.analyze(summary.read(table(tmp_path / "few.csv", n=9)))
    assert not analysis.ranges
    assert "no parameter is judged by fewer than 10 networks" in summary.summary_text(analysis)


def test_trials_that_all_failed_are_refused_with_their_reasons(tmp_path: Path) -> None:
    frame = pd.DataFrame({"error": [np.nan] * 3, "state": "failed", "reason": ["diverged", "diverged", "memory"]})
    with pytest.raises(StatsError, match="3 trials and no error: 2 x diverged; 1 x memory"):
        summary.analyze(PopulationView("x", frame))


@pytest.mark.parametrize(
    ("shift", "says"), [(-3.0, "b is better in the mean"), (3.0, "a is better in the mean"), (0.0, "no difference")]
)
def test_a_comparison_says_which_is_better_or_neither(tmp_path: Path, shift: float, says: str) -> None:
    a = summary.analyze(summary.read(table(tmp_path / "a.csv")))
    b = summary.analyze(summary.read(table(tmp_path / "b.csv", shift=shift, n=50)))
    text = summary.comparison_text(a, b)
    assert says in text.splitlines()[-2]
    assert "the minima are not compared" in text
    assert text == summary.comparison_text(a, b)


def test_two_of_one_name_are_told_apart(tmp_path: Path) -> None:
    both = []
    for folder in ("p", "q"):
        (tmp_path / folder).mkdir()
        both.append(summary.analyze(summary.read(table(tmp_path / folder / "same.csv"))))
    assert "A same" in summary.comparison_text(*both)
    assert "the minima" not in summary.comparison_text(*both)


def test_a_report_of_two_is_of_no_refinement(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reports: list[Any] = []
    monkeypatch.setattr("netwright.report.write_report", lambda data, out: reports.append(data) or out)
    both = [summary.analyze(summary.read(table(tmp_path / f"{name}.csv"))) for name in "ab"]
    summary.report(both, tmp_path, "netwright compare a b")
    summary.report(both[:1], tmp_path, "netwright analyze a")
    assert not reports[0].comparison.is_refinement
    assert (reports[0].title, reports[1].title) == ("The populations a and b", "The population a")
    assert reports[1].comparison is None
    assert reports[0].facts["command"]["command"] == "netwright compare a b"
