"""What `netwright data prepare` made, as a page beside the shards."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from netwright.curation.check_page import PictureGroup, PictureGroups
from netwright.curation.shard_writer import ShardRecord
from netwright.data.decode import decode
from netwright.data.skipped import Skipped
from netwright.data.source import ImageSource
from netwright.errors import DataError
from netwright.report.parts import Details, Facts, Lead, Part, Section, Table, Tiles
from netwright.report.picture import picture_of
from netwright.report.template import render_page
from netwright.system.atomic import write_text
from netwright.system.plural import count
from netwright.version import __version__

__all__ = ["write_preparation_page"]

_PICTURES, _SIDE, _FEW, _MOST_LISTED = 12, 160, 30, 500


def write_preparation_page(
    path: Path, prepared: ImageSource, records: Sequence[ShardRecord], *, short_side: int, quality: int
) -> None:
    """Write a page of the shards, the classes of each split, some images, and those that were left out.

    Raises:
        OutputError: It cannot be written.
    """
    skipped = [bad for record in records for bad in record.skipped]
    size = sum(record.bytes for record in records)
    tiles = Tiles(
        (
            ("images", f"{len(prepared.labels):,}"),
            ("classes", f"{len(prepared.class_names):,}"),
            ("shards", f"{len(records):,}"),
            ("size", f"{size / 1e6:,.1f} MB"),
            ("left out", f"{len(skipped):,}" if skipped else ""),
        )
    )
    text = (
        f"The shorter side is at most {short_side:,} pixels, JPEGs are of quality {quality}, and those that were not "
        f"larger are the files as they were. This folder is a --data_dir of every command."
    )
    sections = [
        Section("prepared", "What was prepared", (Lead([text]), tiles)),
        Section("images", "Some of the images", (_pictures(prepared),)),
        Section("classes", "Classes", (_of_classes(prepared),)),
        *([_left_out(skipped)] if skipped else []),
        Section("shards", "Shards", (Details(count(len(records), "file"), _of_shards(records)),)),
        Section("facts", "How this was made", (Facts({"made by": {"netwright": __version__}}),)),
    ]
    page = render_page(
        f"{prepared.name}, prepared",
        f"{count(len(prepared.labels), 'image')} in {count(len(records), 'shard')}",
        sections,
        {},
        "",
        template="check.html",
        package="netwright.curation",
    )
    write_text(path, page, what="the page of the prepared images", elsewhere="another folder")


def _of_classes(prepared: ImageSource) -> Part:
    splits = list(prepared.splits)
    counts = [
        np.bincount(prepared.labels[index], minlength=len(prepared.class_names)) for index in prepared.splits.values()
    ]
    rows = [
        (name, *(f"{each[label]:,}" for each in counts))
        for label, name in enumerate(prepared.class_names[:_MOST_LISTED])
    ]
    table = Table(("class", *splits), rows, "Images of each class", "numbers")
    return table if len(rows) <= _FEW else Details(count(len(prepared.class_names), "class", "classes"), table)


def _pictures(prepared: ImageSource) -> Part:
    groups = []
    for index in np.unique(np.linspace(0, len(prepared.labels) - 1, _PICTURES).astype(np.int64)).tolist():
        item = prepared.read(index)
        try:
            pixels = decode(item.data, _SIDE, 3, resize="letterbox")
        except DataError:  # a JPEG that was small, damaged behind its first rows, and is kept as it was
            continue
        name = prepared.class_names[item.label]
        groups.append(PictureGroup([picture_of(pixels, name)], (item.name,), name))
    return PictureGroups(groups)


def _left_out(skipped: Sequence[Skipped]) -> Section:
    rows = [(bad.name, bad.reason) for bad in skipped[:_MOST_LISTED]]
    more = f"; {len(skipped) - _MOST_LISTED:,} more are in manifest.json" if len(skipped) > _MOST_LISTED else ""
    return Section("left-out", "Left out", (Table(("image", "why"), rows, f"Could not be read{more}"),))


def _of_shards(records: Sequence[ShardRecord]) -> Part:
    rows = [
        (each.name, each.split, f"{each.images:,}", f"{each.bytes / 1e6:,.1f}", each.sha256)
        for each in records[:_MOST_LISTED]
    ]
    return Table(("file", "split", "images", "MB", "SHA-256"), rows)
