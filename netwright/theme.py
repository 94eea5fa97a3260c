"""Colors and type of every chart and drawing, and the step from an Altair chart to a specification with its data.

A page repaints these colors for dark mode by matching them (report/assets/page.css), so a chart uses no others.
No Altair is imported here: charts are made where they are needed, and the colors serve SVG drawings too.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

__all__ = [
    "BEFORE",
    "CONFIG",
    "FAINT",
    "GOOD",
    "INK",
    "LINE",
    "MUTED",
    "SERIES",
    "SMALL",
    "WIDTH",
    "Spec",
    "colors",
    "shapes",
    "to_spec",
]

Spec = dict[str, Any]
Rows = Sequence[Mapping[str, Any]]

WIDTH = 790  # pixels: a chart as wide as the page
SMALL = 222  # pixels: one of three charts in a row

INK = "#1f2733"
MUTED = "#5a6472"
LINE = "#dfe3e8"
FAINT = "#a9b1bc"
GOOD = "#009e73"
# Okabe and Ito's palette for color-blind readers, the two with the best contrast on white and on near-black first
SERIES = ("#0072b2", "#d55e00", "#cc79a7", "#e69f00")
BEFORE = FAINT
# of the fifth population and further ones; told apart by lightness too, and by dashes or shapes where they repeat
_MORE = ("#56b4e9", "#7a3e9d", "#8c510a", "#6b7a00")
_SHAPES = ("circle", "triangle-up", "square", "diamond")

_FONT = "Helvetica, Arial, sans-serif"
# Vega-Lite's configuration
CONFIG: Spec = {
    "background": "white",
    "font": _FONT,
    "aria": False,  # the page describes each chart as a whole
    "padding": 6,
    "view": {"stroke": None},
    "axis": {
        "domainColor": FAINT,
        "gridColor": LINE,
        "labelColor": MUTED,
        "labelFontSize": 11,
        "tickColor": FAINT,
        "titleColor": INK,
        "titleFontSize": 12,
        "titleFontWeight": "normal",
        "titlePadding": 8,
    },
    "legend": {"labelColor": INK, "labelFontSize": 12, "labelLimit": 480, "symbolStrokeWidth": 2.5, "title": None},
    "title": {
        "anchor": "start",
        "color": INK,
        "fontSize": 13,
        "fontWeight": 600,
        "subtitleColor": MUTED,
        "subtitleFontSize": 11,
    },
    "text": {"color": INK, "fontSize": 11},
}


def colors(names: Sequence[str]) -> list[str]:
    """One color for each population, by its position; of the first eight no two are alike."""
    known = SERIES + _MORE
    return [known[i % len(known)] for i in range(len(names))]


def shapes(names: Sequence[str]) -> list[str]:
    """One point shape for each population, so that color is never the only difference; of 32 no two have both alike."""
    return [_SHAPES[(i + i // (2 * len(_SHAPES))) % len(_SHAPES)] for i in range(len(names))]


def to_spec(chart: Any, data: Mapping[str, Rows]) -> Spec:
    """The Vega-Lite specification of an Altair chart, with its data and the theme.

    Args:
        chart: Its views name their data (`alt.NamedData`) and hold none.
        data: Name -> rows.
    """
    spec: Spec = chart.to_dict(validate=False)  # the tests validate; here it would take most of the time
    assert "datasets" not in spec, "our charts name their data"
    spec["datasets"] = {name: list(rows) for name, rows in data.items()}
    spec["config"] = CONFIG
    # names become parts of expressions, where these two characters are syntax errors
    text = json.dumps(spec, allow_nan=False, ensure_ascii=False).replace("\u2028", " ").replace("\u2029", " ")
    clean: Spec = json.loads(text)
    return clean
