"""Parquet files as Hugging Face publishes them: a row per image, its bytes in one column, its label in another."""

from __future__ import annotations

import hashlib
import json
import re
import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from netwright.data.folder import FileEntry, files_signature
from netwright.data.source import SPLIT_NAMES, IntArray, LabeledImage, SourceBase, listed
from netwright.errors import DataError

__all__ = ["ParquetSource", "open_parquet", "split_files"]

# where several columns are possible, the first of these is taken
_IMAGE_COLUMNS = ("image", "img", "bytes", "jpg", "jpeg", "png", "picture", "photo")
_LABEL_COLUMNS = ("label", "labels", "fine_label", "class", "class_label", "target", "y")

# bytes of row groups that are kept in memory: threads read neighboring rows
_KEPT_BYTES = 256 * 2**20


@dataclass(frozen=True, slots=True, eq=False)
class ParquetSource(SourceBase):
    """A source whose images are rows of parquet files.

    Attributes:
        root: The folder of the files.
        column: That has the image bytes.
        starts: The first row of each row group, counted over all files.
        groups: (path below the root, row group in the file) of each row group.
    """

    root: Path
    column: str
    starts: IntArray
    groups: tuple[tuple[str, int], ...]
    _kept: OrderedDict[int, Any] = field(default_factory=OrderedDict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __reduce__(self) -> tuple[Any, ...]:
        """For processes that are not forked: without the lock, which cannot be pickled, and the kept row groups."""
        return type(self), tuple(getattr(self, item.name) for item in fields(self) if item.name[0] != "_")

    def item_name(self, index: int) -> str:
        number = self._group_of(index)
        path, group = self.groups[number]
        return f"{path}:{index - int(self.starts[number - group])}"

    def read(self, index: int) -> LabeledImage:
        number = self._group_of(index)
        data = self._group(number)[index - int(self.starts[number])].as_py()
        if not data:
            raise DataError(f"no image bytes in column {self.column!r}")
        return LabeledImage(data, int(self.labels[index]), self.item_name(index))

    def _group_of(self, index: int) -> int:
        return int(np.searchsorted(self.starts, index, side="right")) - 1

    def _group(self, number: int) -> Any:
        """The binary column of one row group."""
        with self._lock:
            if number not in self._kept:
                self._kept[number] = self._load(*self.groups[number])
                while len(self._kept) > 2 and sum(column.nbytes for column in self._kept.values()) > _KEPT_BYTES:
                    self._kept.popitem(last=False)
            self._kept.move_to_end(number)
            return self._kept[number]

    def _load(self, path: str, group: int) -> Any:
        import pyarrow as pa
        import pyarrow.compute as pc

        with _open_file(self.root / path) as file:
            try:
                column = file.read_row_group(group, columns=[self.column]).column(self.column)
            except (pa.ArrowException, OSError) as error:
                raise DataError(f"row group {group} of {path} is damaged: {error}") from error
        return pc.struct_field(column, "bytes") if pa.types.is_struct(column.type) else column


def open_parquet(
    root: Path, files: Sequence[FileEntry], *, image_column: str = "", label_column: str = ""
) -> ParquetSource:
    """Make a source of parquet files.

    Args:
        root: The folder of the files.
        files: The files below it, from `scan_files`.
        image_column: That has the images, where several would fit; label_column likewise.

    Raises:
        DataError: Columns, labels or splits are unclear.
    """
    splits = split_files(files)
    labels: list[npt.NDArray[Any]] = []
    groups: list[tuple[str, int]] = []
    sizes: list[int] = []
    origin: list[str] = []
    columns: tuple[str, str] | None = None
    names: list[str] | None = None
    for path, _ in files:
        with _open_file(root / path) as file:
            if columns is None:
                schema = file.schema_arrow
                columns = _image_column(schema, path, image_column), _label_column(schema, path, label_column)
                names = _published_names(file.schema_arrow, columns[1])
            labels.append(_read_labels(file, columns, path))
            counts = [file.metadata.row_group(group).num_rows for group in range(file.num_row_groups)]
        groups += [(path, group) for group in range(len(counts))]
        sizes += counts
        origin += [splits[path]] * sum(counts)
    assert columns is not None
    numbers, class_names = _number(np.concatenate(labels), names, columns[1], np.array(origin))
    return ParquetSource(
        name=root.resolve().name,
        class_names=class_names,
        labels=numbers,
        splits={split: np.flatnonzero(np.array(origin) == split).astype(np.int64) for split in sorted(set(origin))},
        signature=hashlib.sha256(f"{files_signature(files)} {sizes} {columns} {class_names}".encode()).hexdigest(),
        root=root,
        column=columns[0],
        starts=np.concatenate([[0], np.cumsum(sizes)[:-1]]).astype(np.int64),
        groups=tuple(groups),
    )


def split_files(files: Sequence[FileEntry]) -> dict[str, str]:
    """Find the split of each file by a word in its name or its folders: 'train-00000-of-00002', 'test/0000'.

    Returns:
        File -> split; all are 'all' where no file names a split.

    Raises:
        DataError: Some files name a split and others do not.
    """
    splits = {}
    for path, _ in files:
        words = [word for part in reversed(path.lower().split("/")) for word in re.findall("[a-z]+", part)]
        splits[path] = next((SPLIT_NAMES[word] for word in words if word in SPLIT_NAMES), "all")
    unnamed = [path for path, split in splits.items() if split == "all"]
    if unnamed and len(unnamed) < len(files):
        raise DataError(
            f"either every parquet file names its split or none does, and {listed(unnamed)} name none of "
            f"{listed(list(SPLIT_NAMES))} while others do. Rename these files or move them out."
        )
    return splits


def _open_file(path: Path) -> Any:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return pq.ParquetFile(path, memory_map=True)
    except (pa.ArrowException, OSError) as error:
        raise DataError(f"{path} cannot be read as parquet: {error}. Download or write the file again.") from error


def _image_column(schema: Any, path: str, asked: str) -> str:
    import pyarrow.types as types

    def holds_bytes(kind: Any) -> bool:
        if types.is_struct(kind):
            return kind.get_field_index("bytes") >= 0 and holds_bytes(kind.field("bytes").type)
        return bool(types.is_binary(kind) or types.is_large_binary(kind))

    fitting = [item.name for item in schema if holds_bytes(item.type)]
    return _choose(schema, fitting, (asked,) if asked else _IMAGE_COLUMNS, "image", path, bool(asked))


def _label_column(schema: Any, path: str, asked: str) -> str:
    import pyarrow.types as types

    def is_label(kind: Any) -> bool:
        kind = kind.value_type if types.is_dictionary(kind) else kind
        return any(test(kind) for test in (types.is_integer, types.is_boolean, types.is_string, types.is_large_string))

    fitting = [item.name for item in schema if is_label(item.type)]
    if asked:
        return _choose(schema, fitting, (asked,), "label", path, is_asked=True)
    published = [name for name in fitting if _published_names(schema, name) is not None]
    return _choose(schema, published or fitting, _LABEL_COLUMNS, "label", path)


def _choose(
    schema: Any, fitting: list[str], known: tuple[str, ...], role: str, path: str, is_asked: bool = False
) -> str:
    """The fitting column with a well-known name, or the only one. is_asked: the user says which."""
    for name in known:
        if name in fitting:
            return name
    if len(fitting) == 1 and not is_asked:
        return fitting[0]
    constraint = {
        "image": "the image column holds bytes, or a struct with 'bytes'",
        "label": "the labels are whole numbers",
    }
    columns = ", ".join(f"{item.name}: {item.type}" for item in schema)
    raise DataError(
        f"{constraint[role]}{' or strings' if role == 'label' else ''}, and of the columns of {path} ({columns}) "
        f"{_wrong(fitting, known[0] if is_asked else '')}. "
        + (f"Say which one it is: --{role}_column NAME." if fitting else f"Rename the column to {known[0]!r}.")
    )


def _wrong(fitting: list[str], asked: str) -> str:
    if asked:
        return f"{asked!r} is none" + (f"; these would fit: {listed(fitting)}" if fitting else "")
    return "several would fit" if fitting else "none fits"


def _published_names(schema: Any, label: str) -> list[str] | None:
    """Class names in the metadata that Hugging Face's datasets library writes; None where there are none."""
    try:
        feature = json.loads(schema.metadata[b"huggingface"])["info"]["features"][label]
        names = feature["names"]
    except (KeyError, TypeError, ValueError):
        return None
    if isinstance(names, dict):
        names = [names[key] for key in sorted(names, key=int)]
    return [str(name) for name in names] if isinstance(names, list) else None


def _read_labels(file: Any, columns: tuple[str, str], path: str) -> npt.NDArray[Any]:
    """The label column as int64, or as an array of strings."""
    import pyarrow as pa
    import pyarrow.types as types

    there = file.schema_arrow.names
    lacking = [name for name in columns if name not in there]
    if lacking:
        raise DataError(
            f"all parquet files have the same columns, and {path} lacks {listed(lacking)}: it has {listed(there)}."
        )
    try:
        column = file.read(columns=[columns[1]]).column(columns[1])
    except (pa.ArrowException, OSError) as error:
        raise DataError(f"the labels of {path} cannot be read: {error}. Download or write the file again.") from error
    if column.null_count:
        raise DataError(
            f"every row has a label, and {column.null_count:,} of {len(column):,} rows of {path} have none in column "
            f"{columns[1]!r}. Remove these rows."
        )
    if types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if types.is_string(column.type) or types.is_large_string(column.type):
        return np.array(column.to_pylist(), dtype=np.str_)
    return np.asarray(column.cast(pa.int64()).to_numpy(), dtype=np.int64)


def _number(
    labels: npt.NDArray[Any], names: list[str] | None, column: str, origin: npt.NDArray[np.str_]
) -> tuple[IntArray, tuple[str, ...]]:
    """Labels as 0..K-1, and the class names. origin: the split of each row, for the message."""
    if labels.dtype.kind == "U":
        values, numbers = np.unique(labels, return_inverse=True)
        return numbers.astype(np.int64), tuple(str(value) for value in values)
    wrong = (labels < 0) if names is None else (labels < 0) | (labels >= len(names))
    if wrong.any():
        below = "0 or more" if names is None else f"0 to {len(names) - 1} ({len(names)} class names)"
        raise DataError(
            f"labels in column {column!r} are {below}, and {wrong.sum():,} rows of split {str(origin[wrong][0])!r} "
            f"have others, such as {labels[wrong][0]}. Move the files of an unlabeled split out."
        )
    if names is not None:
        return labels, tuple(names)
    values, numbers = np.unique(labels, return_inverse=True)
    return numbers.astype(np.int64), tuple(str(value) for value in values)
