from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from netwright.analysis import summary
from netwright.analysis.reading import table_view
from netwright.errors import PopulationError, StatsError
from netwright.report import PopulationView
from netwright.stats import edf, efficiency


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


def turned(n: int = 200, seed: int = 0) -> pd.DataFrame:
    """Networks of high `lr` are better where they train, but most of them diverge."""
    rng = np.random.default_rng(seed)
    lr = rng.uniform(0, 1, n)
    errors = 40 - 5 * lr + rng.normal(0, 0.5, n)
    return pd.DataFrame({"lr": lr, "error": np.where(rng.uniform(0, 1, n) < lr, np.nan, errors)})


def test_failures_turn_the_effect_of_a_parameter() -> None:
    view = PopulationView("x", turned(), parameters=("lr",))
    counted, survivors = summary.analyze(view), summary.analyze(view, survivors=True)
    assert counted.relevance["lr"].spearman > 0 > survivors.relevance["lr"].spearman
    assert max(counted.relevance["lr"].p_holm, survivors.relevance["lr"].p_holm) < 0.01
    assert survivors.view.name == "x (networks that did not fail)"


def test_the_words_count_failures() -> None:
    frame = turned()
    failed = int(frame["error"].isna().sum())
    text = summary.summary_text(summary.analyze(PopulationView("x", frame, parameters=("lr",))))
    errors = frame["error"].fillna(100.0)
    assert text.startswith(
        f"x: 200 networks, {failed} of them failed\n  failures       behind all others, errors of 100%"
    )
    assert edf(errors).legend(failed) in text
    assert "within 0.096 of the true share" in text
    assert f"4: {efficiency(errors).mean[2]:.2f}" in text
    assert f"{np.quantile(errors, 0.25):.2f} | " in text
    assert " | failed" in text
    left = summary.summary_text(summary.analyze(PopulationView("x", frame), survivors=True))
    assert left.startswith(f"x (networks that did not fail): {200 - failed} networks; {failed} more failed")


@pytest.mark.parametrize(
    ("n", "says"),
    [(1, "so few networks bound nothing (the half-width is 1.358)"), (6, "within 0.554"), (100, "within 0.136")],
)
def test_the_half_width_of_a_band_is_not_clipped(n: int, says: str) -> None:
    view = PopulationView("x", pd.DataFrame({"error": np.linspace(30, 40, n)}))
    assert says in summary.summary_text(summary.analyze(view))


def test_good_ranges_depend_on_no_seed_and_no_order(tmp_path: Path) -> None:
    view = summary.read(table(tmp_path / "mine.csv"))
    again = PopulationView("x", view.frame.sample(frac=1, random_state=1), parameters=view.parameters)
    assert summary.analyze(view, seed=0).ranges == summary.analyze(again, seed=5).ranges


def test_an_empty_cell_removes_a_network_and_not_a_parameter(tmp_path: Path) -> None:
    view = summary.read(table(tmp_path / "mine.csv"))
    frame = view.frame.assign(depth=view.frame["depth"].astype(float).where(view.frame.index != 3))
    analysis = summary.analyze(PopulationView("x", frame, parameters=view.parameters))
    assert set(analysis.relevance) == {"depth", "width"}
    assert analysis.relevance["depth"].p_holm == pytest.approx(2 * analysis.relevance["depth"].p_value)


def test_few_networks_are_not_judged(tmp_path: Path) -> None:
    analysis = summary.analyze(summary.read(table(tmp_path / "few.csv", n=9)))
    assert not analysis.ranges
    assert "no parameter is judged by fewer than 10 networks" in summary.summary_text(analysis)


def test_trials_that_all_failed_are_refused_with_their_reasons(tmp_path: Path) -> None:
    frame = pd.DataFrame({"error": [np.nan] * 3, "state": "failed", "reason": ["diverged", "diverged", "memory"]})
    with pytest.raises(StatsError, match=r"3 trials and no error: every one failed \(2 x diverged; 1 x memory\)"):
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


def test_words_have_no_range_and_the_best_is_named_where_they_differ() -> None:
    errors = np.random.default_rng(0).uniform(30, 40, 40)
    frame = pd.DataFrame(
        {"error": errors + [5, 0] * 20, "se": [True, False] * 20, "act": ["relu", "silu"] * 10 + ["silu", "relu"] * 10}
    )
    found = summary.analyze(table_view("x", frame))
    assert not found.ranges
    text = summary.summary_text(found)
    assert "lowest mean: False" in text
    assert "words without an order" in text
