"""Where the members of a tar lie: read from its headers, without the bytes between them."""

from __future__ import annotations

import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from netwright.errors import DataError

__all__ = ["COMPRESSED_TARS", "TarMember", "tar_members"]

COMPRESSED_TARS = (".tar.gz", ".tgz", ".tar.bz2", ".tar.xz", ".tar.zst")


class TarMember(NamedTuple):
    """A file in a tar: its path there, its first byte in the tar, and its length in bytes."""

    name: str
    offset: int
    size: int


def tar_members(path: Path, start: int = 0, size: int | None = None) -> Iterator[TarMember]:
    """The files of a tar in their order.

    Args:
        path: The tar, uncompressed.
        start: Where it begins in that file: of a tar within a tar.
        size: Its length then.

    Yields:
        Members, with offsets from the beginning of the file.

    Raises:
        DataError: It is no tar, is compressed, or ends too early.
    """
    with open(path, "rb") as file:
        try:
            part: Any = file if size is None else _Part(file, start, size)
            with tarfile.open(fileobj=part, mode="r:") as tar:
                end = path.stat().st_size if size is None else size
                for member in tar:
                    if not member.isfile():
                        continue
                    if member.offset_data + member.size > end:
                        raise tarfile.ReadError(f"it ends within {member.name}")
                    yield TarMember(member.name.removeprefix("./"), start + member.offset_data, member.size)
                if 0 < end - tar.offset < tarfile.BLOCKSIZE:  # tarfile takes that for the end
                    raise tarfile.ReadError("it ends within a header")
        except (tarfile.TarError, EOFError, OSError) as error:
            raise DataError(
                f"{path} cannot be read as a tar that is not compressed: {error}. Download it again, or unpack it."
            ) from error


class _Part:
    """A part of an open file as a file, of which tarfile wants no more than this."""

    def __init__(self, file: BinaryIO, start: int, size: int) -> None:
        self._file, self._start, self._size, self._at = file, start, size, 0

    def tell(self) -> int:
        return self._at

    def seek(self, position: int) -> int:
        self._at = position
        return position

    def read(self, count: int = -1) -> bytes:
        left = max(0, self._size - self._at)
        self._file.seek(self._start + self._at)
        data = self._file.read(left if count < 0 else min(count, left))
        self._at += len(data)
        return data
