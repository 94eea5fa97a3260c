"""The charts of the report, of any selection of populations, as pictures: what the page shows is what a report has."""

from __future__ import annotations

import csv
import io
import threading
from collections.abc import Iterator, Sequence
from typing import Any

from netwright.analysis.analyzing import LEAST, analyze
from netwright.report.comparison import pairs_of
from netwright.report.data import ReportData, with_distinct_names
from netwright.report.sections import SECTIONS, Missing
from netwright.report.view import PopulationView
from netwright.studio.commands import spreadsheet_text
from netwright.studio.errors import StudioError
from netwright.studio.populations import Opened

__all__ = ["CHARTS", "chart"]

# sections whose chart is a picture; the explorer is the page itself
CHARTS = (
    *("edf", "parameters", "costs", "networks", "linearity", "regimes", "curves", "ranks", "failures", "spaces"),
    "efficiency",
)
_PNG_SCALE = 2.0
_drawing = threading.Lock()  # vl_convert draws one chart at a time


def chart(name: str, opened: Sequence[Opened], kind: str = "svg") -> tuple[bytes, tuple[str, ...]]:
    """A chart of the report.

    Args:
        name: One of `CHARTS`.
        opened: The populations, at least one.
        kind: "svg", "png", or "csv" for the numbers that are drawn.

    Returns:
        The picture, and what the report says about it.

    Raises:
        StudioError: There is no such chart, or these populations have no data for it; with the reason.
    """
    if name not in CHARTS:
        raise StudioError(404, f"a chart is one of {', '.join(CHARTS)}, not {name[:50]!r}.")
    views = tuple(each.whole() for each in opened)
    data = with_distinct_names(ReportData("studio", views, **_judged(name, views)))
    figure = SECTIONS[name].figure(data)
    if isinstance(figure, Missing):
        raise StudioError(404, f"there is no such chart: {figure.why}.")
    spec = SECTIONS[name].chart(figure)
    if spec is None:
        raise StudioError(404, "there is no such chart: its section is text.")
    if kind == "csv":
        return _as_table(spec).encode(), tuple(figure.sentences)
    import vl_convert

    with _drawing:
        svg = str(vl_convert.vegalite_to_svg(spec))
        picture = svg.encode() if kind == "svg" else bytes(vl_convert.svg_to_png(svg, scale=_PNG_SCALE))
    return picture, tuple(figure.sentences)


def _as_table(spec: Any) -> str:
    """All that a chart draws, a line for each record; the column `data` tells apart what it draws in layers."""
    found = list(_records(spec))
    heads = list(dict.fromkeys(str(key) for rows in found for row in rows for key in row))
    file = io.StringIO()
    writer = csv.DictWriter(file, ["data", *heads], restval="")
    writer.writeheader()
    for place, rows in enumerate(found, 1):
        writer.writerows(
            {"data": place, **{str(key): spreadsheet_text(value) for key, value in row.items()}} for row in rows
        )
    return file.getvalue()


def _records(part: Any) -> Iterator[list[dict[str, Any]]]:
    """The tables of a Vega-Lite specification, in order."""
    if isinstance(part, list):
        if part and all(isinstance(each, dict) for each in part) and not any("mark" in each for each in part):
            yield part
        return
    if not isinstance(part, dict):
        return
    for rows in part.get("datasets", {}).values():
        yield from _records(rows)
    yield from _records(part.get("data", {}).get("values", []) if isinstance(part.get("data"), dict) else [])
    for key in ("layer", "hconcat", "vconcat", "concat"):
        for each in part.get(key, []):
            yield from _records(each)
    if isinstance(part.get("spec"), dict):
        yield from _records(part["spec"])


def _judged(name: str, views: Sequence[PopulationView]) -> dict[str, Any]:
    """What the chart needs beside the populations."""
    if name == "edf" and len(views) > 1:
        pairs = pairs_of(views)
        return {"comparison": pairs[0] if len(pairs) == 1 else None, "pairs": pairs if len(pairs) > 1 else ()}
    if name == "parameters" and len(views[0].errors) >= LEAST and not views[0].done.empty:
        found = analyze(views[0])
        return {"good_ranges": found.ranges, "relevance": found.relevance}
    return {}
