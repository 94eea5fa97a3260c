import math
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import altair as alt
import pytest
import vl_convert
from altair.utils.schemapi import validate_jsonschema

from netwright.report import PopulationView, ReportData
from netwright.report.sections import SECTIONS, Missing, figures_of, specs_of
from netwright.theme import Spec

Population = Callable[..., PopulationView]


@pytest.fixture(scope="module")
def specs(guided: ReportData, wide: ReportData) -> dict[str, Spec]:
    return specs_of(figures_of(guided) | {"regimes": figures_of(wide)["regimes"]})


@pytest.mark.slow
@pytest.mark.parametrize("name", SECTIONS)
def test_a_chart_is_valid_and_drawn_without_a_warning(name: str, specs: dict[str, Spec], capfd: Any) -> None:
    bare = {key: value for key, value in specs[name].items() if key != "datasets"}
    validate_jsonschema(bare, alt.load_schema())  # charts are made without, to be quick
    svg = vl_convert.vegalite_to_svg(specs[name], show_warnings=True)
    assert "<svg" in svg
    assert "undefined" not in svg
    assert not re.search(r'="[^"]*NaN', svg)
    assert "WARN" not in "".join(capfd.readouterr())


@pytest.mark.slow
@pytest.mark.parametrize("name", SECTIONS)
def test_charts_of_a_plain_table_are_drawn(name: str, plain: ReportData) -> None:
    figure = figures_of(plain)[name]
    spec = None if isinstance(figure, Missing) else SECTIONS[name].chart(figure)
    assert spec is None or "<svg" in vl_convert.vegalite_to_svg(spec)


@pytest.mark.slow
def test_colors_are_those_that_the_page_repaints(specs: dict[str, Spec]) -> None:
    from netwright.report.template import asset

    style = asset("page.css")
    for name, spec in specs.items():
        painted = set(re.findall(r'(?:fill|stroke)="(#[0-9a-f]{3,6})"', vl_convert.vegalite_to_svg(spec)))
        assert painted <= set(re.findall(r'="(#[0-9a-f]{3,6})"', style)) | {"#000", "#fff"}, name


@pytest.mark.parametrize("ends", [(8, 20), (1000, 2000)])
def test_a_brush_recomputes_the_curve_from_the_networks_inside(
    ends: tuple[float, float], guided: ReportData, specs: dict[str, Spec]
) -> None:
    spec = dict(specs["explorer"])
    brush = next(i for i, column in enumerate(("flops", "params", "acts", "depth")) if column == "depth")
    spec["params"] = [
        param | {"value": {"x": list(ends)}} if param["name"] == f"brush{brush}" else param for param in spec["params"]
    ]
    svg = vl_convert.vegalite_to_svg(spec)
    said = set()
    for view in guided.populations:
        inside = view.counted["depth"].between(*ends)
        kept, failed = view.counted[inside]["error"], int(inside[len(view.done) :].sum())
        if len(kept):
            more = f" | {failed} failed" if failed else ""
            said.add(f"{view.name} [{len(kept)} | {kept.min():.1f} | {kept.mean():.1f}{more}]")
    assert set(re.findall(r">(\w+ \[[^<]*\])<", svg)) == said


def test_what_a_plain_table_lacks_is_missing_with_a_word(plain: ReportData) -> None:
    figures = figures_of(plain)
    missing = {name for name, figure in figures.items() if isinstance(figure, Missing)}
    expected = {"costs", "networks", "linearity", "regimes", "curves", "failures", "spaces", "interactions", "ranks"}
    assert missing == expected


def test_a_population_without_any_error_has_its_failures_only(population: Population) -> None:
    view = population(1, failed=5)
    frame = view.frame.assign(error=math.nan, state="failed", reason="out of memory")
    figures = figures_of(ReportData("all failed", (replace(view, frame=frame),)))
    assert {name for name, figure in figures.items() if not isinstance(figure, Missing)} == {"failures", "spaces"}
    assert set(figures) == set(SECTIONS)


def test_one_trial_is_enough_for_most_figures(population: Population) -> None:
    figures = figures_of(ReportData("one", (population(1),)))
    missing = {name for name, figure in figures.items() if isinstance(figure, Missing)}
    assert missing == {"explorer", "failures", "efficiency", "interactions", "ranks", "regimes"}
