"""Read a table of labels: CSV, TSV, semicolons, or lines of `name label`, with or without a heading."""

from __future__ import annotations

import csv
import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from netwright.data.file_kinds import IMAGE_SUFFIXES
from netwright.data.source import SPLIT_NAMES, listed
from netwright.errors import DataError
from netwright.system.suggest import suggest

__all__ = ["LabelRow", "read_label_table"]

# headings in lower case, without spaces and underscores, in the order in which they are preferred
_IMAGE: tuple[str, ...] = (
    *("image", "filename", "file", "path", "filepath", "imagepath", "imagename", "imageid", "img", "imgpath"),
    *("name", "id"),
)
_LABEL: tuple[str, ...] = (
    *("label", "class", "category", "target", "classname", "labelname", "classid", "labels", "breed", "species"),
    *("diagnosis", "dx", "y"),
)
_SPLIT = ("split", "subset", "partition", "set", "fold", "usage")
_SEPARATORS = ("\t", ";", ",", " ")
_LOOKED_AT = 50  # lines


class LabelRow(NamedTuple):
    """A line: an image as the table names it, its label, and its split or ''."""

    image: str
    label: str
    split: str


def read_label_table(
    path: Path, *, image_column: str = "", label_column: str = "", split_column: str = ""
) -> list[LabelRow]:
    """The lines of a table of labels.

    Args:
        path: The file. With a heading the columns are known by usual names; without one the image is the column whose
            values end like images, and the label the next one. Columns of 0 and 1 with one 1 a line are classes. A list
            of paths alone has the label in the folder: apple_pie/1005649.
        image_column: Heading of the column with the image's name or path, where several would fit.
        label_column: Likewise of the label.
        split_column: Likewise of the split.

    Raises:
        DataError: It cannot be read, or it is not clear which column is which.
    """
    rows = _cells(path)
    asked = {"image": image_column, "label": label_column, "split": split_column}
    head = rows[0] if _is_heading(rows) or any(asked.values()) else None
    body = rows[1:] if head is not None else rows
    if not body:
        raise DataError(f"a table of labels has a line for each image, and {path} has a heading only.")
    image, label, split = _columns(path, head, body, asked)
    if label is None:
        return _of_folders(path, [row[image] for row in body])
    found = []
    for row in body:
        own = row[label] if isinstance(label, int) else _hot(path, row, label, head or row)
        found.append(LabelRow(row[image], own, _split_name(row[split]) if split is not None else ""))
    lacking = [row.image for row in found if not row.label]
    if lacking:
        raise DataError(
            f"every line has a label, and in {path} {listed(lacking, 3)} has none. Add it, or remove the line."
        )
    return found


def _cells(path: Path) -> list[list[str]]:
    """The cells of each line that is not empty."""
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise DataError(f"the labels {path} cannot be read: {error.strerror}. Correct --labels.") from error
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = raw.decode("cp1252", errors="replace")
    if "\0" in text:
        raise DataError(f"labels are text, and {path} is none. Give a .csv, .tsv or .txt file as --labels.")
    lines = [line for line in text.splitlines() if line.strip()]
    if not lines:
        raise DataError(f"a table of labels has a line for each image, and {path} is empty.")
    separator = _separator(lines)
    if separator == " ":
        rows = [line.split() for line in lines]
        # names of files may have spaces, labels have not
        return [[" ".join(row[:-1]), row[-1]] if len(row) > 2 and _only_last_differs(rows) else row for row in rows]
    rows = [[cell.strip() for cell in row] for row in csv.reader(lines, delimiter=separator)]
    wide = max(set(map(len, rows)), key=list(map(len, rows)).count)
    strange = next((place for place, row in enumerate(rows, 1) if len(row) != wide), None)
    if strange is not None:
        raise DataError(
            f"each line of a table has as many columns, {wide} here, and line {strange} of {path} has "
            f"{len(rows[strange - 1])}. Put values that have the separator {separator!r} in them into quotes."
        )
    return rows


def _separator(lines: Sequence[str]) -> str:
    """The first that is equally often in the first lines; a space where a list of paths has none."""
    for separator in _SEPARATORS[:-1]:
        counts = [len(next(csv.reader([line], delimiter=separator))) for line in lines[:_LOOKED_AT]]
        if min(counts) > 1 and (len(set(counts)) == 1 or separator != ","):
            return separator
    return "," if "," in lines[0] else " "


def _only_last_differs(rows: Sequence[Sequence[str]]) -> bool:
    return len({len(row) for row in rows}) > 1


def _is_heading(rows: Sequence[Sequence[str]]) -> bool:
    """Whether the first line names columns: none of its cells is an image, and one has a usual name."""
    first = rows[0]
    if len(rows) < 2 or any(_ends_like_an_image(cell) for cell in first):
        return False
    return any(_plain(cell) in (*_IMAGE, *_LABEL) for cell in first)


def _columns(
    path: Path, head: Sequence[str] | None, body: Sequence[Sequence[str]], asked: dict[str, str]
) -> tuple[int, int | list[int] | None, int | None]:
    """The columns of image, label (several where they are 0 and 1; None for paths alone) and split (or None)."""
    wide = len(body[0])
    if head is None:
        ends = [sum(_ends_like_an_image(row[column]) for row in body[:_LOOKED_AT]) for column in range(wide)]
        image = ends.index(max(ends))
        if wide == 1:
            return 0, None, None
        return image, image + 1 if image + 1 < wide else image - 1, None
    chosen = {role: _named(path, head, name, role) for role, name in asked.items() if name}
    names = [_plain(cell) for cell in head]

    def known(words: Sequence[str]) -> int | None:
        return next((names.index(word) for word in words if word in names), None)

    image_column = chosen.get("image", known(_IMAGE))
    if image_column is None:
        ends = [sum(_ends_like_an_image(row[column]) for row in body[:_LOOKED_AT]) for column in range(wide)]
        image_column = ends.index(max(ends))
    split = chosen.get("split", known(_SPLIT))
    label: int | list[int] | None = chosen.get("label", known(_LABEL))
    if label is None:
        rest = [column for column in range(wide) if column not in (image_column, split)]
        hot = [column for column in rest if {row[column] for row in body} <= {"0", "1", "0.0", "1.0"}]
        label = rest[0] if len(rest) == 1 else hot if len(hot) > 1 else None
        if label is None and wide > 1:
            raise DataError(
                f"a table of labels has a column called label or class, and {path} has {listed(list(head))}. Say which "
                "one it is: --label_column NAME."
            )
    return image_column, label, split


def _named(path: Path, head: Sequence[str], name: str, role: str) -> int:
    if name not in head:
        raise DataError(f"there is no column {name!r} for the {role} in {path}: {suggest(name, head)}")
    return list(head).index(name)


def _hot(path: Path, row: Sequence[str], columns: Sequence[int] | None, head: Sequence[str]) -> str:
    own = [head[column] for column in columns or () if float(row[column]) == 1]
    if len(own) != 1:
        raise DataError(f"an image has one class, and in {path} {row[0]!r} has {len(own)}: {listed(own)}.")
    return own[0]


def _of_folders(path: Path, images: Sequence[str]) -> list[LabelRow]:
    """A list of paths: the label is the folder."""
    rows = [LabelRow(image, os.path.basename(os.path.dirname(image)), "") for image in images]
    bare = next((row.image for row in rows if not row.label), None)
    if bare is not None:
        raise DataError(
            f"a line of labels has an image and its label, and {path} has {bare!r} alone. Add a column, separated by a "
            "comma, or give paths with the class as their folder."
        )
    return rows


def _split_name(text: str) -> str:
    return SPLIT_NAMES.get(text.lower(), text.lower())


def _ends_like_an_image(text: str) -> bool:
    return os.path.splitext(text)[1].lower() in IMAGE_SUFFIXES


def _plain(text: str) -> str:
    return re.sub(r"[\s_-]+", "", text.lower())
