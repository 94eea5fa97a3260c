"""Images inside of larger files: of a zip, a tar, a tar of tars, or shards. Each is read by its place, in any order."""

from __future__ import annotations

import os
import struct
import threading
import zlib
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from netwright.data.folder_tree import printable
from netwright.data.reading import Reading
from netwright.data.source import IntArray, LabeledImage, SourceBase
from netwright.errors import DataError

__all__ = ["DEFLATED", "PLAIN", "STORED", "PackedSource", "Places"]

# how the bytes lie there: as they are; behind the header of a zip's member, as they are or compressed
PLAIN, STORED, DEFLATED = 0, 1, 2
_ZIP_HEADER = struct.Struct("<4s22xHH")  # signature, ..., lengths of the name and of the extra field


@dataclass(frozen=True, slots=True, eq=False)
class Places:
    """Where N images lie.

    Attributes:
        files: The files that hold them.
        file: (N,) int64 number of the file of each.
        offset: (N,) int64 bytes from its beginning; of a zip, of the member's header. size: (N,) int64 bytes there.
        how: (N,) uint8: PLAIN, STORED or DEFLATED.
    """

    files: tuple[Path, ...]
    file: IntArray
    offset: IntArray
    size: IntArray
    how: npt.NDArray[np.uint8]

    def take(self, index: IntArray) -> Places:
        """Those of some images."""
        return Places(self.files, self.file[index], self.offset[index], self.size[index], self.how[index])


@dataclass(frozen=True, slots=True, eq=False)
class PackedSource(SourceBase):
    """A source whose images lie in larger files.

    Attributes:
        names: What a person finds each by.
        places: Where they lie.
        reading: How the archive was read.
    """

    names: tuple[str, ...]
    places: Places
    reading: Reading = field(default_factory=Reading)
    _open: dict[int, int] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __reduce__(self) -> tuple[Any, ...]:
        """For processes that are not forked: without open files."""
        return type(self), tuple(getattr(self, item.name) for item in fields(self) if item.name[0] != "_")

    def __del__(self) -> None:
        for descriptor in self._open.values():
            os.close(descriptor)

    def item_name(self, index: int) -> str:
        return printable(self.names[index])

    def read(self, index: int) -> LabeledImage:
        places = self.places
        number, offset, size = (int(each[index]) for each in (places.file, places.offset, places.size))
        how = int(places.how[index])
        if how != PLAIN:
            head = self._bytes(number, offset, _ZIP_HEADER.size)
            signature, *lengths = _ZIP_HEADER.unpack(head)
            if signature != b"PK\3\4":
                raise DataError(f"{places.files[number]} is damaged: no file begins at byte {offset:,}")
            offset += _ZIP_HEADER.size + sum(lengths)
        data = self._bytes(number, offset, size)
        if how == DEFLATED:
            try:
                data = zlib.decompress(data, -zlib.MAX_WBITS)
            except zlib.error as error:
                raise DataError(f"it is damaged in the archive: {error}") from error
        return LabeledImage(data, int(self.labels[index]), self.item_name(index))

    def _bytes(self, number: int, offset: int, size: int) -> bytes:
        data = os.pread(self._descriptor(number), size, offset)
        while len(data) < size:
            more = os.pread(self._descriptor(number), size - len(data), offset + len(data))
            if not more:
                raise DataError(f"{self.places.files[number]} ends in the middle of it. Download it again.")
            data += more
        return data

    def _descriptor(self, number: int) -> int:
        with self._lock:
            if number not in self._open:
                self._open[number] = os.open(self.places.files[number], os.O_RDONLY)
            return self._open[number]
