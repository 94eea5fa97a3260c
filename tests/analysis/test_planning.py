import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import netwright
from netwright.analysis import summary
from netwright.analysis.plan_text import plan_text
from netwright.analysis.planning import plan
from netwright.errors import StatsError
from netwright.report import PopulationView
from netwright.stats import detectable_difference, efficiency, sequential_half_width, trials_for

ERRORS = np.random.default_rng(0).normal(40, 3, 60)


def test_without_a_pilot() -> None:
    found = netwright.plan(difference=2)
    assert found.trials == trials_for(2, 4.0)
    assert (found.pilot, found.trials_range, found.rows[0].best) == ("", None, None)
    text = plan_text(found)
    assert text.startswith("no pilot: errors are taken to vary by 4 points")
    assert "one look at the end" in text
    assert f"{found.trials:,}" in text


def test_a_pilot_says_how_errors_vary() -> None:
    found = plan(ERRORS, difference=1)
    assert found.spread == pytest.approx(ERRORS.std(ddof=1))
    assert found.spread_range is not None
    assert found.spread_range[0] < found.spread < found.spread_range[1]
    assert found.trials_range is not None
    assert found.trials_range[0] < found.trials < found.trials_range[1]
    assert found == plan(ERRORS, difference=-1)


def test_looks_on_the_way_and_their_price() -> None:
    found = plan(ERRORS, difference=1)
    one, other = found.groups
    assert found.trials < one.most < other.most < found.every_trial
    assert one.expected < found.trials
    assert other.expected < one.expected


def test_what_more_networks_buy() -> None:
    found = plan(ERRORS, difference=1, sizes=(20, 30))
    rows = {row.n: row for row in found.rows}
    assert {20, 30, found.trials} <= set(rows)
    assert list(rows) == sorted(rows)
    assert rows[20].detectable == pytest.approx(detectable_difference(20, found.spread))
    assert rows[20].best == pytest.approx(efficiency(ERRORS, [20]).mean[0])
    assert rows[100].best is None
    assert rows[100].band_all_looks == sequential_half_width(100)
    assert rows[found.trials].power >= 0.8 > rows[found.trials].power - 0.01
    for name in ("band", "detectable"):
        assert (np.diff([getattr(row, name) for row in found.rows]) < 0).all()
    assert (np.diff([row.band_all_looks for row in found.rows]) <= 0).all()  # the same within an epoch


def test_equivalence_is_planned_too() -> None:
    found = plan(ERRORS, difference=1, margin=1.0)
    assert found.equivalence is not None
    assert found.equivalence > found.trials
    assert "closer than 1 point " in plan_text(found)
    assert plan(ERRORS).equivalence is None


def test_failures_of_a_pilot_count() -> None:
    frame = pd.DataFrame({"error": [*ERRORS, *[np.nan] * 5], "seconds": [60.0] * 65})
    view = PopulationView("pilot", frame)
    found = plan(view)
    assert (found.pilot_networks, found.pilot_failed) == (65, 5)
    assert found.spread_of_survivors == pytest.approx(ERRORS.std(ddof=1))
    assert found.spread > 4 * found.spread_of_survivors
    assert "5 of them failed and count as 100%" in plan_text(found)
    survivors = plan(view.of_survivors())
    assert survivors.spread == pytest.approx(found.spread_of_survivors)
    assert found.rows[0].seconds == 2 * found.rows[0].n * 60.0
    assert "time of both" in plan_text(found)


def test_a_table_is_a_pilot(tmp_path: Path) -> None:
    path = tmp_path / "mine.csv"
    pd.DataFrame({"top1_error": ERRORS}).to_csv(path, index=False)
    assert plan(path).spread == pytest.approx(plan(ERRORS).spread)
    assert plan(str(path)).pilot == "mine"


def test_a_plan_is_plain_values_and_a_chart() -> None:
    found = plan(ERRORS)
    assert found.to_dict()["format"] == 1
    assert found.to_dict()["rows"][0]["n"] == 16
    spec = found.plot().to_dict()
    names = {row["name"] for layer in spec["layer"] for row in layer["data"].get("values", []) if "name" in row}
    assert names == {"0.5 points", "1 point", "2 points"}


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"pilot": [40.0] * 20}, "a pilot needs 5 networks or more with different errors"),
        ({"pilot": [40.0, 41.0]}, "not 2 networks of the pilot"),
        ({"difference": 0}, "difference must not be 0"),
        ({"power": 80}, "power must lie between 0 and 1"),
        ({"spread": -1}, "spread must be 0 or more"),
        ({"looks": 1}, "looks must be 2 to 50"),
        ({"margin": 0}, "margin must not be 0"),
        ({"sizes": [1]}, "a number of networks must be at least 2"),
    ],
)
def test_what_makes_no_sense_is_refused(given: dict[str, object], message: str) -> None:
    with pytest.raises(StatsError, match=message):
        plan(**given)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("wrong", "part"),
    [
        ({"difference": 200}, "difference must be below 100 points, not 200: errors lie between 0 and 100%"),
        ({"difference": -100}, "difference must be below 100 points, not -100"),
        ({"margin": 150}, "margin must be below 100 points, not 150"),
        ({"spread": 51}, "spread must be at most 50 points, not 51: errors from 0 to 100% vary by no more"),
        ({"power": 0.01}, "power must be above 1 - confidence, and 0.01 is not above 0.05"),
        ({"power": 80}, "power must lie between 0 and 1, not 80"),
        ({"confidence": 95}, "confidence must lie between 0 and 1, not 95"),
    ],
)
def test_numbers_that_no_errors_have(wrong: dict[str, float], part: str) -> None:
    with pytest.raises(StatsError, match=re.escape(part)):
        plan(**wrong)


def test_a_pilot_with_larger_errors_allows_larger_differences() -> None:
    assert plan(10 * ERRORS, difference=150).trials > 1
    with pytest.raises(StatsError, match="below 4"):
        plan(10 * ERRORS, difference=600)


def test_a_margin_beyond_all_errors_is_refused_everywhere() -> None:
    views = [PopulationView(name, pd.DataFrame({"error": ERRORS + by})) for name, by in (("a", 0), ("b", 1))]
    analyses = [summary.analyze(each) for each in views]
    with pytest.raises(StatsError, match="margin must be below 100 points, not 150"):
        summary.comparison_text(*analyses, margin=150)
    with pytest.raises(StatsError, match="margin must be below 100 points, not 100"):
        netwright.stats.sequential_means(margin=100)
