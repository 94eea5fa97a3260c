import re
from xml.etree import ElementTree

import altair as alt
import numpy as np
import pytest

from netwright import stats
from netwright.errors import StatsError
from netwright.stats.plots import to_svg
from netwright.theme import CONFIG, SERIES

A = np.random.default_rng(0).normal(25, 4, 40).round(1)
B = np.random.default_rng(1).normal(27, 4, 30).round(1)
DEPTH = np.random.default_rng(2).integers(2, 40, 40)

RESULTS = {
    "edf": stats.edf(A),
    "edf of one": stats.edf([3.0]),
    "weighted edf": stats.edf(A, stats.normalized_weights(DEPTH)),
    "band": stats.band(A),
    "band of one": stats.band([3.0]),
    "ld": stats.band(A, method="ld"),
    "good range": stats.bootstrap(DEPTH, A),
    "good range of one value": stats.GoodRange(4, 4, 4),
    "ks": stats.ks(A, B),
    "permutation test": stats.permutation_test(A, B),
    "permutation test without interval": stats.permutation_test(A, B, "min"),
    "permutation test of equals": stats.permutation_test([1.0], [1.0]),
    "efficiency": stats.efficiency(A),
}
CHARTS = {
    "several edfs": stats.edf(A).plot("A") + stats.edf(B).plot("B"),
    "several bands": stats.band(A).plot("A") + stats.band(B).plot("B"),
    "good range over networks": stats.bootstrap(DEPTH, A).plot(DEPTH, A),
    "gap": stats.ks(A, B).plot(A, B),
    "front": stats.plot_front(DEPTH, A),
    "wide front": stats.plot_front(10.0**DEPTH, A),
}


def rows(chart: alt.LayerChart, layer: int) -> list[dict[str, float]]:
    spec = chart.to_dict()
    return spec["layer"][layer].get("data", spec.get("data"))["values"]  # what layers share is outside them


@pytest.mark.parametrize("name", RESULTS)
def test_a_result_is_shown(name, capfd):
    html = RESULTS[name]._repr_html_()
    ElementTree.fromstring(f"<div>{html}</div>")
    assert "undefined" not in html
    assert not re.search(r'="[^"]*NaN', html)
    assert "WARN" not in "".join(capfd.readouterr())


@pytest.mark.parametrize("name", CHARTS)
def test_a_chart_is_drawn_in_the_projects_colors(name):
    svg = to_svg(CHARTS[name])
    known = set(re.findall(r"#[0-9a-f]{6}", repr(CONFIG))) | {*SERIES, "#009e73", "#1f2733", "#5a6472"}
    assert set(re.findall(r'(?:fill|stroke)="(#[0-9a-f]{6})"', svg)) <= known
    assert "undefined" not in svg


def test_the_curve_is_that_of_the_distribution():
    curve = stats.edf(A)
    x, y = curve.steps()
    assert [(row["error"], row["share"]) for row in rows(curve.plot(), 0)] == list(zip(x, y, strict=True))


def test_the_band_is_drawn_where_it_holds():
    band = stats.band(A)
    for row in rows(band.plot(), 0)[1:-1]:
        lower, upper = band.at(np.nextafter(row["error"], np.inf))
        assert (row["lower"], row["upper"]) == (lower, upper)
        assert row["share"] == pytest.approx(float(stats.edf(A).at(np.nextafter(row["error"], np.inf))))


@pytest.mark.slow
def test_large_populations_are_thinned_to_what_can_be_seen():
    many = np.random.default_rng(0).normal(0, 1, 20_000)
    for chart in (stats.edf(many).plot(), stats.band(many).plot(), stats.plot_front(many + 9, many)):
        spec = chart.to_dict(validate=False)
        drawn = [spec.get("data"), *(layer.get("data") for layer in spec["layer"])]
        assert all(len(data["values"]) <= 2100 for data in drawn if data)
        assert any(drawn)


def test_the_gap_is_as_long_as_the_statistic():
    test = stats.ks(A, B)
    (gap,) = rows(test.plot(A, B), 2)
    assert gap["high"] - gap["low"] == pytest.approx(test.statistic)
    assert gap["error"] == test.gap_at


def test_the_front_is_that_of_pareto():
    chart = stats.plot_front(DEPTH, A)
    on = stats.pareto(DEPTH, A)
    assert sorted((row["cost"], row["error"]) for row in rows(chart, 1)) == sorted(zip(DEPTH[on], A[on], strict=True))


def test_numbers_are_told_beside_the_charts():
    assert "p = 0.0" in RESULTS["permutation test"]._repr_html_()
    assert f"{RESULTS['ks'].statistic:.3f}" in RESULTS["ks"]._repr_html_()
    assert stats.edf(A).legend() in RESULTS["edf"]._repr_html_()


@pytest.mark.parametrize("wrong", [{"x": DEPTH}, {"errors": A}, {"x": DEPTH[:3], "errors": A}])
def test_a_range_is_drawn_over_columns_that_match(wrong):
    with pytest.raises(StatsError):
        RESULTS["good range"].plot(**wrong)
