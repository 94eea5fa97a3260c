from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from netwright.analysis import summary
from netwright.analysis.comparing import lettered
from netwright.population import Population
from netwright.report import PopulationView
from netwright.space import DesignSpace, draw, load_space


def analysis(name: str, errors: Any, **columns: Any) -> summary.Analysis:
    frame = pd.DataFrame({"error": np.asarray(errors, float)} | columns)
    return summary.analyze(PopulationView(name, frame, parameters=tuple(columns)))


def test_failures_make_a_population_worse_not_better() -> None:
    """Left out, the 95 failures of B made it better with p = 0.0006."""
    a = analysis("A", range(40, 50))
    b = analysis("B", [*range(30, 35), *[np.nan] * 95])
    text = summary.comparison_text(a, b)
    assert "A is better in the mean" in text
    assert "failed networks are behind all others, with errors of 100%" in text
    assert "B  [100 | 30.0 | 96.6 | 95 failed]" in text


def test_the_conditional_view_is_labeled_in_every_line() -> None:
    a = summary.analyze(PopulationView("A", pd.DataFrame({"error": range(40, 50)})), survivors=True)
    frame = pd.DataFrame({"error": [*range(30, 35), *[np.nan] * 95]})
    b = summary.analyze(PopulationView("B", frame), survivors=True)
    text = summary.comparison_text(a, b)
    assert "B (networks that did not fail) is better in the mean" in text
    assert "B (networks that did not fail): 5 of 100 trials done, 95 failed (they are left out)" in text


def test_trials_that_are_not_known_are_told_above_the_figures() -> None:
    frame = pd.DataFrame({"error": [30.0, 31.0, np.nan, np.nan], "state": ["done", "done", "failed", "waiting"]})
    frame["failure"] = [None, None, "machine", None]
    a = summary.analyze(PopulationView("a", frame))
    lines = summary.comparison_text(a, analysis("b", [30.0, 32.0])).splitlines()
    assert lines[1].startswith("a: 2 of 4 trials done, 1 failed by the machine")
    assert "[2 | 30.0 | 30.5]" in "".join(lines)


def _trained(folder: Path, space: DesignSpace, epochs: int, seed: int, shift: float) -> Path:
    sample = draw(space, 20, seed)
    identity = {
        "space": space.to_dict(),
        "recipe": {"epochs": epochs},
        "data": {"name": "digits", "fingerprint": "f", "resolution": 32},
        "threads": 1,
    }
    errors = np.random.default_rng(seed).normal(30 + shift, 1, 20)
    with Population.create(folder, networks=sample.batch, seed=seed, identity=identity) as population:
        for i, error in enumerate(errors):
            population.begin(i)
            population.finish(i, error=float(error), seconds=1.0, curve=[])
    return folder


@pytest.fixture
def space() -> DesignSpace:
    return load_space("regnetx").for_images(resolution=32, num_classes=10, in_channels=3).refine(flops=(2e6, 40e6))


def test_recipes_are_compared_before_any_verdict(tmp_path: Path, space: DesignSpace) -> None:
    """Populations of one space, trained 1 and 3 epochs, were told that one space is better."""
    a, b = (
        summary.analyze(summary.read(_trained(tmp_path / str(n), space, epochs=n, seed=n, shift=-5.0 * n)))
        for n in (1, 3)
    )
    first, *_, verdict = summary.comparison_text(a, b).splitlines()
    assert first.startswith("A regnetx and B regnetx were not trained alike: their recipes differ in epochs (1 and 3).")
    assert verdict.startswith("B regnetx is better in the mean")
    assert verdict.endswith(
        "This is about the populations, whose recipes differ in epochs (1 and 3), not about their spaces"
    )


def test_what_a_population_stores_is_in_the_facts_of_its_report(
    tmp_path: Path, space: DesignSpace, monkeypatch: pytest.MonkeyPatch
) -> None:
    reports: list[Any] = []
    monkeypatch.setattr("netwright.report.write_report", lambda data, out: reports.append(data) or out)
    summary.report([summary.analyze(summary.read(_trained(tmp_path / "p", space, 3, 7, 0.0)))], tmp_path, "x")
    facts = reports[0].facts
    assert facts["recipe"] == {"epochs": "3"}
    assert facts["images"]["name"] == "digits"
    assert facts["budget"] == {"flops": "2M to 40M"}
    assert facts["population"] == {"seed of the population": "7"}
    assert {"analyzed on", "analyzed with"} < set(facts)
    assert not {"versions", "hardware"} & set(facts)


def test_each_pair_of_several_is_compared_with_correction(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    several = [analysis(name, rng.normal(mean, 1, 30)) for name, mean in (("a", 30), ("b", 30), ("c", 20))]
    text = summary.comparison_text(several[0], *several[1:])
    assert [line.split("  ")[0] for line in text.splitlines()[6:9]] == ["b - a", "c - a", "c - b"]
    assert "c is better than a in the mean (p = 0.0006)" in text  # 3 * 0.0002
    assert "b is better" not in text
    assert "corrected for 3 pairs" in text
    reports: list[Any] = []
    monkeypatch.setattr("netwright.report.write_report", lambda data, out: reports.append(data) or out)
    summary.report(several, tmp_path, "x")
    assert reports[0].title == "The populations a, b and c"
    assert reports[0].comparison is None
    assert [pair.names for pair in reports[0].pairs] == [("a", "b"), ("a", "c"), ("b", "c")]
    assert all(pair.p_holm >= pair.mean.p_value for pair in reports[0].pairs)


@pytest.mark.slow
def test_three_samples_of_one_population_differ_in_at_most_a_twentieth() -> None:
    claims = 0
    for seed in range(40):
        rng = np.random.default_rng(seed)
        a, b, c = (analysis(name, rng.normal(30, 3, 15)) for name in "abc")
        claims += "no difference in the mean is shown" not in summary.comparison_text(a, b, c)
    assert claims <= 6  # of 40 at 5%: more in less than 0.4% of cases


def test_populations_of_one_name_get_letters() -> None:
    views = [PopulationView(name, pd.DataFrame({"error": [1.0]})) for name in ("x", "y", "x")]
    assert [view.name for view in lettered(views)] == ["A x", "B y", "C x"]
    assert [view.name for view in lettered(views[:2])] == ["x", "y"]


def test_a_difference_of_few_networks_comes_with_a_caution() -> None:
    small, large = analysis("A", range(40, 50)), analysis("B", range(20, 52, 2))
    assert summary.comparison_text(small, large).endswith(
        "they could turn this\nthe minima are not compared: the larger population has the lower one by its size alone"
    )
    many = summary.comparison_text(small, analysis("B", range(20, 30)), analysis("C", range(60, 80)))
    assert many.endswith(
        "with fewer than 16 networks, failures and long tails that are rare may not have been seen, and "
        "they could turn this"
    )
    assert "fewer than 16" not in summary.comparison_text(analysis("A", range(40, 60)), analysis("B", range(20, 40)))


def test_pairs_of_unlike_mixes_are_compared_at_equal_mixes_too() -> None:
    # errors fall with flops alone: no difference is left at equal flops
    rng = np.random.default_rng(0)
    several = []
    for name, center in (("a", 4.0), ("b", 4.7), ("c", 4.0)):
        flops = rng.normal(center, 1, 120).clip(1)
        frame = pd.DataFrame({"error": 40 - 2 * flops + rng.normal(0, 0.3, 120), "flops": flops * 1e8})
        several.append(summary.analyze(PopulationView(name, frame)))
    lines = summary.comparison_text(several[0], *several[1:]).splitlines()
    assert [line.split(" in the mean")[0] for line in lines[-2:]] == ["b is better than a", "b is better than c"]
    assert all(line.endswith(", but that is not shown at equal mixes of flops") for line in lines[-2:])


def test_so_few_networks_that_no_difference_can_be_shown_are_said() -> None:
    few = [analysis("a", [30, 31, 32]), analysis("b", [60, 61, 62])]
    assert summary.comparison_text(*few).endswith(
        "no difference in the mean is shown (p = 0.1); 3 and 3 networks can show none: p is never below 0.1"
    )
    enough = [analysis("a", [30, 31, 32, 33]), analysis("b", [60, 61, 62, 63])]
    assert "can show none" not in summary.comparison_text(*enough)


def test_a_population_called_b_that_is_named_first_is_not_taken_for_the_second() -> None:
    text = summary.comparison_text(analysis("B", range(30, 40)), analysis("A", range(40, 50)))
    assert "mean of A - B: +10.00 points" in text
    assert "a network of A beats one of B in 0%" in text
