import re
from typing import Any

import altair as alt
import pytest
import vl_convert
from altair.utils.schemapi import validate_jsonschema

from netwright.report import Story
from netwright.report.charts import CHARTS, Spec, chart
from netwright.report.figures import Missing, figures_of


@pytest.fixture(scope="module")
def specs(guided: Story) -> dict[str, Spec]:
    drawn = {name: chart(name, figure) for name, figure in figures_of(guided).items()}
    return {name: spec for name, spec in drawn.items() if spec is not None}


@pytest.mark.parametrize("name", CHARTS)
def test_a_chart_is_valid_and_drawn_without_a_warning(name: str, specs: dict[str, Spec], capfd: Any) -> None:
    bare = {key: value for key, value in specs[name].items() if key != "datasets"}
    validate_jsonschema(bare, alt.load_schema())  # charts are made without, to be quick
    svg = vl_convert.vegalite_to_svg(specs[name], show_warnings=True)
    assert "<svg" in svg
    assert "undefined" not in svg
    assert not re.search(r'="[^"]*NaN', svg)
    assert "WARN" not in "".join(capfd.readouterr())


@pytest.mark.parametrize("name", CHARTS)
def test_charts_of_a_plain_table_are_drawn(name: str, plain: Story) -> None:
    figure = figures_of(plain)[name]
    spec = None if isinstance(figure, Missing) else chart(name, figure)
    assert spec is None or "<svg" in vl_convert.vegalite_to_svg(spec)


def test_colors_are_those_that_the_page_repaints(specs: dict[str, Spec]) -> None:
    from netwright.report.document import asset

    style = asset("netwright.report", "page.css")
    for name, spec in specs.items():
        painted = set(re.findall(r'(?:fill|stroke)="(#[0-9a-f]{3,6})"', vl_convert.vegalite_to_svg(spec)))
        assert painted <= set(re.findall(r'="(#[0-9a-f]{3,6})"', style)) | {"#000", "#fff"}, name


@pytest.mark.parametrize("ends", [(8, 20), (1000, 2000)])
def test_a_brush_recomputes_the_curve_from_the_networks_inside(
    ends: tuple[float, float], guided: Story, specs: dict[str, Spec]
) -> None:
    spec = dict(specs["explorer"])
    brush = next(i for i, column in enumerate(("flops", "params", "acts", "depth")) if column == "depth")
    spec["params"] = [
        param | {"value": {"x": list(ends)}} if param["name"] == f"brush{brush}" else param for param in spec["params"]
    ]
    svg = vl_convert.vegalite_to_svg(spec)
    said = set()
    for view in guided.populations:
        kept = view.done[view.done["depth"].between(*ends)]["error"]
        if len(kept):
            said.add(f"{view.name} [{len(kept)} | {kept.min():.1f} | {kept.mean():.1f}]")
    assert set(re.findall(r">(\w+ \[[^<]*\])<", svg)) == said
