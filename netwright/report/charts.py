"""Charts as files, and the script that draws them in a page; every report makes them this way."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from netwright.system.atomic import explain_errors, write_bytes
from netwright.system.run_folder import mark_run_folder
from netwright.theme import Spec

__all__ = ["chart_script", "write_charts"]

_PNG_SCALE = 2.0


@contextmanager
def chart_script() -> Iterator[Future[str]]:
    """The script that draws the charts of a page; it is made in another thread, since that takes seconds."""
    with ThreadPoolExecutor(1) as pool:
        yield pool.submit(_bundle)


@cache
def _bundle() -> str:
    import vl_convert

    return str(vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;"))


def write_charts(
    specs: Mapping[str, Spec], folder: Path, formats: Sequence[str], *, what: str, elsewhere: str
) -> list[Path]:
    """Write folder/NAME.FORMAT for every chart.

    Args:
        specs: Name -> specification.
        folder: Created where it does not exist.
        formats: Any of "png", "svg" and "pdf".
        what: What is written, for the message of an error.
        elsewhere: What to give for another folder, likewise.

    Returns:
        The paths of the files.

    Raises:
        OutputError: A file cannot be written.
    """
    if not formats:
        return []
    import vl_convert

    encode: dict[str, Any] = {
        "png": lambda svg: vl_convert.svg_to_png(svg, scale=_PNG_SCALE),
        "svg": str.encode,
        "pdf": vl_convert.svg_to_pdf,
    }
    with explain_errors(folder, what=what, elsewhere=elsewhere):
        folder.mkdir(parents=True, exist_ok=True)
    mark_run_folder(folder)
    written = []
    for name, spec in specs.items():
        svg = vl_convert.vegalite_to_svg(spec)  # the slow part, so once for all formats
        for kind in formats:
            path = folder / f"{name}.{kind}"
            write_bytes(path, encode[kind](svg), what=what, elsewhere=elsewhere)
            written.append(path)
    return written
