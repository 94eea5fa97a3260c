"""Write a report: the page, and each picture as PNG, SVG and PDF beside it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from netwright.errors import OutputError
from netwright.report.charts import CHARTS, Spec, chart
from netwright.report.figures import Figure, Missing, figures_of
from netwright.report.page import page
from netwright.report.story import Story, distinct
from netwright.system.atomic import explain_errors, write_bytes, write_text

__all__ = ["FORMATS", "render_figures", "write_report"]

FORMATS = ("png", "svg", "pdf")
_PNG_SCALE = 2.0
_ELSEWHERE = "another --out"


def write_report(story: Story, folder: Path, formats: Sequence[str] = FORMATS) -> Path:
    """Write folder/report.html, replacing an earlier one, and folder/figures/<name>.<format>; return the page's path.

    Raises OutputError where the folder cannot be written or a format is unknown.
    """
    import vl_convert

    _prepare(folder, formats)
    story = distinct(story)
    figures = figures_of(story)
    with ThreadPoolExecutor(1) as pool:  # the script takes seconds of another core to put together
        bundle = pool.submit(vl_convert.javascript_bundle, "window.vegaEmbed = vegaEmbed;")
        specs = _specs(figures)
        _write_pictures(specs, folder / "figures", formats)
        _forget(folder / "figures", CHARTS.keys() - specs.keys())
        document = page(story, figures, specs, bundle.result(), formats)
    path = folder / "report.html"
    # last: its presence means the report is complete; a path in its facts may hold what is no text
    write_text(path, document, what="the report", elsewhere=_ELSEWHERE)
    return path


def render_figures(story: Story, folder: Path, formats: Sequence[str] = FORMATS) -> list[Path]:
    """Write folder/<name>.<format> for every figure that the story has data for; return their paths."""
    _prepare(folder, formats)
    return _write_pictures(_specs(figures_of(distinct(story))), folder, formats)


def _prepare(folder: Path, formats: Sequence[str]) -> None:
    """Refuse before the work what would be refused after it."""
    unknown = [name for name in formats if name not in FORMATS]
    if unknown:
        raise OutputError(f"a picture's format is one of {', '.join(FORMATS)}, not {unknown[0]!r}. Choose among these.")
    with explain_errors(folder, what="the report", elsewhere=_ELSEWHERE):
        folder.mkdir(parents=True, exist_ok=True)


def _specs(figures: Mapping[str, Figure | Missing]) -> dict[str, Spec]:
    drawn = {name: chart(name, figure) for name, figure in figures.items() if not isinstance(figure, Missing)}
    return {name: spec for name, spec in drawn.items() if spec is not None}


def _write_pictures(specs: Mapping[str, Spec], folder: Path, formats: Sequence[str]) -> list[Path]:
    if not formats:
        return []
    import vl_convert

    encode: dict[str, Any] = {
        "png": lambda svg: vl_convert.svg_to_png(svg, scale=_PNG_SCALE),
        "svg": str.encode,
        "pdf": vl_convert.svg_to_pdf,
    }
    written = []
    for name, spec in specs.items():
        svg = vl_convert.vegalite_to_svg(spec)  # laid out once: the slow part
        for kind in formats:
            path = folder / f"{name}.{kind}"
            write_bytes(path, encode[kind](svg), what="a picture of the report", elsewhere=_ELSEWHERE)
            written.append(path)
    return written


def _forget(folder: Path, names: Iterable[str]) -> None:
    """Remove an earlier report's pictures that this one has no data for."""
    for name in names:
        for kind in FORMATS:
            (folder / f"{name}.{kind}").unlink(missing_ok=True)
