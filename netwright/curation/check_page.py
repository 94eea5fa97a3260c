"""A check as a page with thumbnails, a table of all images, and JSON."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np

from netwright.curation.checking import DataCheck
from netwright.curation.findings import LEVELS, Finding, Group
from netwright.data.decode import decode
from netwright.data.source import ImageSource
from netwright.errors import DataError
from netwright.report.parts import Badge, Details, Facts, Lead, Part, Section, Table, Tiles
from netwright.report.picture import Picture, picture_of
from netwright.report.template import render_page
from netwright.system.atomic import explain_errors, write_text
from netwright.system.run_folder import mark_run_folder
from netwright.version import __version__

__all__ = ["write_check"]

_WHAT, _ELSEWHERE = "the check", "another --out"
_MOST_GROUPS, _MOST_IN_GROUP, _MOST_LISTED = 36, 4, 500
_SIDE = 160  # pixels of a thumbnail
_KINDS = {"error": "worse", "warning": "open", "note": "same"}  # classes of the page's style


@dataclass(frozen=True, slots=True)
class PictureGroup:
    """Pictures side by side with what is said of them."""

    pictures: Sequence[Picture]
    names: Sequence[str]
    detail: str


@dataclass(frozen=True, slots=True)
class PictureGroups:
    """Groups of pictures."""

    template: ClassVar[str] = "parts/groups.html"
    groups: Sequence[PictureGroup]


def write_check(check: DataCheck, folder: Path, *, command: str = "") -> Path:
    """Write report.html, check.json and images.csv (a line for each image).

    Args:
        check: What was found.
        folder: Where to write.
        command: What the user typed.

    Returns:
        The path of the page.

    Raises:
        OutputError: The folder cannot be written.
    """
    with explain_errors(folder, what=_WHAT, elsewhere=_ELSEWHERE):
        folder.mkdir(parents=True, exist_ok=True)
    mark_run_folder(folder)
    _write(folder / "check.json", json.dumps(check.to_dict(), indent=1, ensure_ascii=False) + "\n")
    _write(folder / "images.csv", _table_of_images(check))
    path = folder / "report.html"
    _write(path, _page(check, command))  # last: its presence means the report is complete
    return path


def _page(check: DataCheck, command: str) -> str:
    images = len(check.scan.height)
    sections = [_summary(check)]
    sections += [_section(check.source, finding) for finding in check.findings]
    sections.append(_sizes(check))
    facts = {"command": {"": command}} if command else {}
    facts["check"] = {
        "images": f"{images:,}",
        "seconds": f"{check.seconds:.1f}",
        "files": "check.json and images.csv beside this page",
        "netwright": __version__,
    }
    sections.append(Section("facts", "How this was made", (Facts(facts),)))
    many = {level: len(check.of_level(level)) for level in LEVELS}
    subtitle = f"{images:,} images · " + ", ".join(
        f"{many[level]} {level}{'s' * (many[level] != 1)}" for level in LEVELS
    )
    return render_page(
        f"Check of {check.summary.name}",
        subtitle,
        sections,
        {},
        "",
        template="check.html",
        package="netwright.curation",
    )


def _summary(check: DataCheck) -> Section:
    heads, rows = check.summary.table()
    sentences = [f"{each.title}: {each.text}" for each in check.of_level("error")] or ["No error was found."]
    tiles = Tiles(
        (
            ("images", f"{len(check.scan.height):,}"),
            ("can be read", f"{int(check.scan.readable.sum()):,}"),
            ("classes", f"{len(check.summary.classes):,}"),
            *((f"in {split}", f"{sum(counts):,}") for split, counts in check.summary.splits.items() if split != "all"),
        )
    )
    table: Part = Table(heads, rows, "Images that can be read, by class and split", "numbers")
    if len(rows) > 30:
        table = Details(f"All {len(rows):,} classes", table)
    return Section("summary", "The result", (tiles, Lead(sentences), table))


def _section(source: ImageSource, finding: Finding) -> Section:
    parts: list[Part] = [Lead([finding.text], [Badge(_KINDS[finding.level], finding.level)])]
    shown = [_shown(source, group) for group in finding.groups[:_MOST_GROUPS] if group.images]
    if shown:
        parts.append(PictureGroups(shown))
    listed = finding.groups[:_MOST_LISTED]
    if listed and (not shown or len(finding.groups) > len(shown)):
        rows = [(" = ".join(group.names), group.detail) for group in listed]
        more = len(finding.groups) - len(listed)
        caption = f"{more:,} more are in check.json." if more else ""
        parts.append(Details(f"All {len(finding.groups):,} by name", Table(("image", "detail"), rows, caption)))
    return Section(finding.code, finding.title[0].upper() + finding.title[1:], parts)


def _shown(source: ImageSource, group: Group) -> PictureGroup:
    pictures = []
    for index in group.images[:_MOST_IN_GROUP]:
        try:
            pixels = decode(source.read(index).data, _SIDE, 3, resize="letterbox")
            pictures.append(picture_of(pixels, source.item_name(index)))
        except (DataError, OSError):  # that is what is wrong with it
            pictures.append(Picture(source.item_name(index), "", is_small=False))
    return PictureGroup(pictures, group.names, group.detail)


def _sizes(check: DataCheck) -> Section:
    """How large the images are: quantiles, and the commonest formats and colors."""
    scan, use = check.scan, check.scan.readable
    if not use.any():
        return Section("sizes", "Sizes and formats", (Lead(["No image can be read."]),))
    points = (0, 10, 50, 90, 100)
    values = {
        "width, pixels": scan.width[use],
        "height, pixels": scan.height[use],
        "file, kB": scan.bytes[use] / 1000,
    }
    rows = [
        (name, *(f"{value:,.0f}" for value in np.percentile(numbers, points).tolist()))
        for name, numbers in values.items()
    ]
    kinds = [
        (kind or "?", f"{many:,}")
        for column in (scan.formats, scan.colors)
        for kind, many in zip(*(each.tolist() for each in np.unique(column[use], return_counts=True)), strict=True)
    ]
    heads = ("", "smallest", "10%", "median", "90%", "largest")
    tables = (Table(heads, rows, "", "numbers"), Table(("format or color", "images"), kinds, "", "numbers"))
    return Section("sizes", "Sizes and formats", tables)


def _table_of_images(check: DataCheck) -> str:
    scan, source = check.scan, check.source
    split_of = {int(index): split for split, indices in source.splits.items() for index in indices}
    codes: dict[int, list[str]] = {}
    for finding in check.findings:
        for group in finding.groups:
            for index in group.images:
                codes.setdefault(index, []).append(finding.code)
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(["image", "class", "split", "width", "height", "bytes", "format", "colors", "findings"])
    for index, label in enumerate(source.labels.tolist()):
        facts = (scan.width[index], scan.height[index], scan.bytes[index], scan.formats[index], scan.colors[index])
        found = " ".join(codes.get(index, ()))
        writer.writerow([source.item_name(index), source.class_names[label], split_of.get(index, ""), *facts, found])
    return buffer.getvalue()


def _write(path: Path, text: str) -> None:
    write_text(path, text, what=_WHAT, elsewhere=_ELSEWHERE)
