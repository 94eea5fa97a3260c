import re
from collections.abc import Callable
from importlib import resources
from typing import Any

import altair as alt
import pytest
import vl_convert
from altair.utils.schemapi import validate_jsonschema

from netwright.evaluation import ValidationMetrics
from netwright.evaluation.charts import accuracy_chart, calibration_chart, confusion_chart
from netwright.evaluation.figures import accuracy_figure, calibration_figure, confusion_figure
from netwright.theme import Spec

Make = Callable[..., ValidationMetrics]


def specs(measured: ValidationMetrics) -> dict[str, Spec]:
    names = measured.class_names
    return {
        "accuracy": accuracy_chart(accuracy_figure(measured, names)),
        "confusion": confusion_chart(confusion_figure(measured, names)),
        "calibration": calibration_chart(calibration_figure(measured)),
    }


@pytest.mark.slow
@pytest.mark.parametrize("classes", [2, 10, 60])
def test_charts_are_valid_drawn_and_in_colors_that_the_page_repaints(measured: Make, classes: int, capfd: Any) -> None:
    style = resources.files("netwright.report").joinpath("assets").joinpath("page.css").read_text()
    known = set(re.findall(r'="(#[0-9a-f]{3,6})"', style)) | {"#000", "#fff"}
    for name, spec in specs(measured(n=400, classes=classes)).items():
        validate_jsonschema({key: value for key, value in spec.items() if key != "datasets"}, alt.load_schema())
        svg = vl_convert.vegalite_to_svg(spec, show_warnings=True)
        assert "undefined" not in svg
        assert not re.search(r'="[^"]*NaN', svg)
        assert set(re.findall(r'(?:fill|stroke)="(#[0-9a-f]{3,6})"', svg)) <= known, name
    assert "WARN" not in "".join(capfd.readouterr())
