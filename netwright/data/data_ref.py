"""Where images are, in one text: a path or an address, and how its labels are found: PHOTOS?labels=labels.csv.

One text goes wherever a folder does: --data_dir, a recipe, the file in which a run remembers its images.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, fields, replace
from pathlib import Path
from urllib.parse import quote, unquote

from netwright.errors import DataError
from netwright.system.suggest import suggest

__all__ = ["DataRef", "absolute_ref", "is_address", "parse_ref"]

_SAFE = "/\\:~ ,"  # of a value; the rest that is no letter is written as %26


@dataclass(frozen=True, slots=True)
class DataRef:
    """A place, and what is to be known about it.

    Attributes:
        path: A folder, a file, an address, or 'digits'.
        labels: Files with a path and a label in each line, separated by commas.
        classes: A file with a class name a line, for labels that are numbers.
        image_column: Of a table or of parquet files, where several would fit; label_column and split_column likewise.
    """

    path: str
    labels: str = ""
    classes: str = ""
    image_column: str = ""
    label_column: str = ""
    split_column: str = ""

    @property
    def root(self) -> Path:
        """The path; `~` is the home folder."""
        try:
            return Path(self.path).expanduser()
        except RuntimeError:  # of an unknown user: such a path does not exist
            return Path(self.path)

    @property
    def options(self) -> dict[str, str]:
        """What is given besides the path."""
        names = [item.name for item in fields(self) if item.name != "path"]
        return {name: value for name in names if (value := getattr(self, name))}

    @property
    def label_files(self) -> list[Path]:
        """The files of labels: as given, or below the folder."""
        return [self._found(name) for name in self.labels.split(",") if name]

    @property
    def class_file(self) -> Path | None:
        """The file of class names: as given, or below the folder."""
        return self._found(self.classes) if self.classes else None

    def _found(self, name: str) -> Path:
        path, below = Path(name).expanduser(), self.root / name
        return path if path.exists() or not below.exists() else below

    def __str__(self) -> str:
        query = "&".join(f"{name}={quote(value, safe=_SAFE)}" for name, value in self.options.items())
        return f"{self.path}?{query}" if query else self.path


_KEYS = [item.name for item in fields(DataRef) if item.name != "path"]


def is_address(text: str) -> bool:
    """Whether it is an address (https://..., s3://..., hf://...) and no path; a letter and a colon is a disk."""
    return re.match(r"[a-z][a-z0-9+.-]+:/", text, re.IGNORECASE) is not None


def parse_ref(data_dir: str | Path) -> DataRef:
    """Take a text apart.

    Raises:
        DataError: There is an option that does not exist.
    """
    text = str(data_dir)
    path, mark, query = text.rpartition("?")
    if not mark or not re.match(r"[a-z_]+=", query) or is_address(text) or Path(text).exists():
        return DataRef(text)
    values = {}
    for part in query.split("&"):
        key, _, value = part.partition("=")
        if key not in _KEYS:
            raise DataError(f"unknown option {key!r} of the images {text!r}: {suggest(key, _KEYS)}")
        values[key] = unquote(value)
    return DataRef(path, **values)


def absolute_ref(data_dir: str | Path) -> str:
    """The same with absolute paths, so that it means the same in any folder; an address stays."""
    ref = parse_ref(data_dir)
    if is_address(ref.path):
        return str(ref)
    labels = ",".join(str(path.absolute()) for path in ref.label_files)
    classes = "" if ref.class_file is None else str(ref.class_file.absolute())
    return str(replace(ref, path=str(ref.root.absolute()), labels=labels, classes=classes))
