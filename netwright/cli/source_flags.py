"""Flags that say where labels are, for every command that reads images: they become a part of --data_dir's text."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from netwright.cli.parser import CommandParser

__all__ = ["SOURCE_FLAGS", "add_source_flags", "data_dir_with"]

# flag -> (what it takes, its help); each is a field of `DataRef`
SOURCE_FLAGS = {
    "labels": ("FILE", "table of labels: CSV, TSV, semicolons or lines of `name label`; several: a file a split"),
    "classes": ("FILE", "a class name a line, for labels that are numbers"),
    "image_column": ("NAME", "column of a table or of parquet files that has the image, where several would fit"),
    "label_column": ("NAME", "column that has the label, likewise"),
    "split_column": ("NAME", "column of a table that has the split, likewise"),
}
_PREFIX = "source."


def add_source_flags(parser: CommandParser) -> None:
    """--labels, --classes, and the columns. `data_dir_with` reads them."""
    group = parser.add_argument_group("labels of the images, where folders do not say them")
    for name, (takes, help) in SOURCE_FLAGS.items():
        more: Mapping[str, Any] = {"nargs": "+"} if name == "labels" else {}
        group.add_argument(f"--{name}", dest=_PREFIX + name, metavar=takes, help=help, default=None, **more)


def data_dir_with(options: Namespace, data_dir: str) -> str:
    """The text of the images, with what the flags say of their labels; the same text where they say nothing."""
    given = {name: value for name in SOURCE_FLAGS if (value := getattr(options, _PREFIX + name, None)) is not None}
    if not given:
        return data_dir
    from netwright.data.data_ref import parse_ref  # numpy and more

    labels = given.get("labels")
    return str(replace(parse_ref(data_dir), **given | ({"labels": ",".join(labels)} if labels else {})))
