"""Write a report: the page, and each picture as PNG, SVG and PDF beside it."""

from __future__ import annotations

import errno
import os
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from netwright.errors import OutputError
from netwright.report.charts import CHARTS, Spec, chart
from netwright.report.figures import Figure, Missing, figures_of
from netwright.report.page import page
from netwright.report.story import Story, distinct

__all__ = ["FORMATS", "render_figures", "write_report"]

FORMATS = ("png", "svg", "pdf")
_PNG_SCALE = 2.0


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
    _write(path, document.encode(errors="replace"))
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
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _refusal(folder, error) from error


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
            _write(path, encode[kind](svg))
            written.append(path)
    return written


def _forget(folder: Path, names: Iterable[str]) -> None:
    """Remove an earlier report's pictures that this one has no data for."""
    for name in names:
        for kind in FORMATS:
            (folder / f"{name}.{kind}").unlink(missing_ok=True)


def _write(path: Path, content: bytes) -> None:
    """Whole or not at all: a reader of the old file never sees half of the new one."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, partial = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
            os.chmod(partial, 0o644)  # a temporary file is private, a report is not
            os.replace(partial, path)
        except BaseException:
            Path(partial).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise _refusal(path, error) from error


def _refusal(path: Path, error: OSError) -> OutputError:
    return OutputError(f"a report needs a folder that can be written, but {path}: {error.strerror}. {_cure(error)}")


def _cure(error: OSError) -> str:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return "Free some space, or choose a folder on another disk."
    if error.errno in (errno.ENOTDIR, errno.EEXIST, errno.EISDIR):
        return "A file or folder of that name is in the way: move it, or choose another folder."
    return "Choose a folder that you may write to."
