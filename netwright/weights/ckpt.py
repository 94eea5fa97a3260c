"""MindSpore's `.ckpt` files, which are protocol buffers, read and written without MindSpore or protobuf.

    Checkpoint  { repeated Value value = 1; string description = 1001 }
    Value       { string tag = 1; TensorProto tensor = 2 }
    TensorProto { repeated int64 dims = 1; string tensor_type = 2; bytes tensor_content = 3 }

A file is a sequence of one-entry messages. Content is little-endian, in C order; scalars have no dims; a large tensor
is several Values with one tag. The description is netwright's own: MindSpore passes over fields that it does not know.
At the end there may be a trailer: `crc_num`, and the CRC32 of everything before it in 10 bytes. Files may be hostile:
every length is checked against the part of the file around it, and every count against what a network can need.
"""

from __future__ import annotations

import mmap
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import BinaryIO

import numpy as np
import torch
from torch import Tensor

from netwright.errors import WeightsError
from netwright.system.atomic import atomic_file

__all__ = ["Entry", "ckpt_description", "looks_like_ckpt", "open_ckpt", "save_entries"]

TYPES = {
    "Float32": torch.float32,
    "Float16": torch.float16,
    "BFloat16": torch.bfloat16,
    "Float64": torch.float64,
    "Int8": torch.int8,
    "Int16": torch.int16,
    "Int32": torch.int32,
    "Int64": torch.int64,
    "UInt8": torch.uint8,
    "Bool": torch.bool,
}
_TRAILER, _TRAILER_BYTES = b"crc_num", 17
_SPLIT_BYTES = 512 << 20  # of content in one Value, as MindSpore splits
_MOST_ENTRIES, _MOST_PARTS, _MOST_FIELDS, _MOST_DIMS, _MOST_TAG = 100_000, 1000, 64, 8, 1000
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5  # wire types
_DESCRIPTION, _LONGEST_DESCRIPTION = 1001, 64 << 20  # number of the field, and bytes


@dataclass(frozen=True, slots=True)
class Entry:
    """A tensor in the file, not read yet.

    Attributes:
        name: Its tag.
        kind: MindSpore's name of its type.
        shapes: The dims of each part.
        parts: (start, end) of the content of each part in the file.
        file: The mapped file.
        path: For messages.
    """

    name: str
    kind: str
    shapes: tuple[tuple[int, ...], ...]
    parts: tuple[tuple[int, int], ...]
    file: mmap.mmap
    path: Path

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the whole tensor.

        Raises:
            WeightsError: Dims and content do not agree.
        """
        first, *others = self.shapes
        count, rest = divmod(sum(end - start for start, end in self.parts), self.dtype.itemsize)
        if rest == 0:
            if prod(first) == count:  # each part of a split tensor has the dims of the whole
                return first
            joined = sum(shape[0] for shape in self.shapes) if all(self.shapes) else 0
            if joined and prod(first[1:]) * joined == count and all(shape[1:] == first[1:] for shape in others):
                return (joined, *first[1:])
        raise _damaged(self.path, f"{self.name} has the dims {list(first)} and {count:,} values of {self.kind}")

    @property
    def dtype(self) -> torch.dtype:
        if self.kind not in TYPES:
            raise _damaged(
                self.path, f"{self.name} is of the type {self.kind[:40]!r}, and these are known: {', '.join(TYPES)}"
            )
        return TYPES[self.kind]

    def read(self) -> Tensor:
        """The values, copied out of the file."""
        shape, dtype = self.shape, self.dtype
        content = bytearray().join(self.file[start:end] for start, end in self.parts)
        if not content:
            return torch.empty(shape, dtype=dtype)
        if dtype == torch.bool:  # any byte but 0 is true
            return torch.frombuffer(content, dtype=torch.uint8).ne(0).reshape(shape)
        return torch.frombuffer(content, dtype=dtype).reshape(shape)


def looks_like_ckpt(head: bytes) -> bool:
    """Whether a file that begins with `head`, 64 bytes or more, is a checkpoint: a Value whose tag is a name."""
    try:
        if head[0] != 0x0A:
            return False
        _, at = _varint(head, 1, len(head), Path())
        length, start = _varint(head, at + 1, len(head), Path())
    except (IndexError, WeightsError):
        return False
    tag = head[start : start + length]
    return head[at] == 0x0A and 0 < length <= _MOST_TAG and tag.decode("ascii", "replace").isprintable()


def open_ckpt(path: Path) -> dict[str, Entry]:
    """Open a file; it is mapped, and a tensor is read by `Entry.read`.

    Returns:
        Entries by name, in the order of the file.

    Raises:
        WeightsError: It is no such file, is truncated, or fails its checksum.
    """
    with open(path, "rb") as opened:
        file = mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ)
    end = _checked_end(file, path)
    found: dict[str, Entry] = {}
    for count, (number, wire, start, stop) in enumerate(_fields(file, 0, end, path)):
        if count >= _MOST_ENTRIES:
            raise _damaged(path, f"it has more than {_MOST_ENTRIES:,} entries")
        if (number, wire) == (_DESCRIPTION, _BYTES):
            continue
        if (number, wire) != (1, _BYTES):
            raise _damaged(path, f"the entry at byte {start:,} is no tensor")
        name, kind, shape, part = _value(file, start, stop, path)
        before = found.get(name)
        if before is None:
            found[name] = Entry(name, kind, (shape,), (part,), file, path)
        elif before.kind == kind:
            found[name] = Entry(name, kind, (*before.shapes, shape), (*before.parts, part), file, path)
        else:
            raise _damaged(path, f"{name} comes as {before.kind} and as {kind[:40]}")
        if len(found[name].parts) > _MOST_PARTS:
            raise _damaged(path, f"{name} comes in more than {_MOST_PARTS:,} parts")
    return found


def ckpt_description(path: Path) -> str:
    """The description that `save_entries` was given; empty where there is none.

    Raises:
        WeightsError: As `open_ckpt`, apart from the checksum, which is not compared again.
    """
    with open(path, "rb") as opened:
        file = mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ)
    end = len(file) - _TRAILER_BYTES
    has_trailer = end >= 0 and file[end : end + len(_TRAILER)] == _TRAILER
    for number, wire, start, stop in _fields(file, 0, end if has_trailer else len(file), path):
        if (number, wire) == (_DESCRIPTION, _BYTES) and stop - start <= _LONGEST_DESCRIPTION:
            return file[start:stop].decode("utf-8", "replace")
    return ""


def _checked_end(file: mmap.mmap, path: Path) -> int:
    """Where the entries end; checks the checksum after them, if there is one."""
    end = len(file) - _TRAILER_BYTES
    if end < 0 or file[end : end + len(_TRAILER)] != _TRAILER:
        return len(file)
    stored = int.from_bytes(file[end + len(_TRAILER) :], "big")
    crc, step = 0, 1 << 24
    for start in range(0, end, step):
        crc = zlib.crc32(file[start : min(start + step, end)], crc)
    if crc != stored:
        raise _damaged(path, f"its checksum is {crc}, and it should be {stored}")
    return end


def _value(file: mmap.mmap, start: int, end: int, path: Path) -> tuple[str, str, tuple[int, ...], tuple[int, int]]:
    """(tag, type, dims, content) of one Value."""
    tag, tensor = b"", None
    for number, wire, at, stop in _few(_fields(file, start, end, path), path):
        if (number, wire) == (1, _BYTES):
            tag = file[at : min(stop, at + _MOST_TAG + 1)]
        elif (number, wire) == (2, _BYTES):
            tensor = (at, stop)
    if not 0 < len(tag) <= _MOST_TAG or tensor is None:
        raise _damaged(path, f"the entry at byte {start:,} has no name or no tensor")
    kind, content, dims = b"", (tensor[1], tensor[1]), []
    for number, wire, at, stop in _few(_fields(file, *tensor, path), path):
        if (number, wire) == (1, _VARINT):
            dims.append(_varint(file, at, stop, path)[0])
        elif (number, wire) == (1, _BYTES):
            while at < stop and len(dims) <= _MOST_DIMS:
                value, at = _varint(file, at, stop, path)
                dims.append(value)
        elif (number, wire) == (2, _BYTES):
            kind = file[at : min(stop, at + 100)]
        elif (number, wire) == (3, _BYTES):
            content = (at, stop)
    name = tag.decode("utf-8", "replace")
    # a negative dim, int64 in two's complement, is huge here
    if len(dims) > _MOST_DIMS or any(dim > 1 << 40 for dim in dims):
        raise _damaged(path, f"{name[:100]} has impossible dims")
    return name, kind.decode("utf-8", "replace"), tuple(dims), content


def _few(fields: Iterator[tuple[int, int, int, int]], path: Path) -> Iterator[tuple[int, int, int, int]]:
    for count, each in enumerate(fields):
        if count >= _MOST_FIELDS:
            raise _damaged(path, f"the entry at byte {each[2]:,} has more than {_MOST_FIELDS} fields")
        yield each


def _fields(file: mmap.mmap, start: int, end: int, path: Path) -> Iterator[tuple[int, int, int, int]]:
    """(number, wire type, start, end) of each field of the message in file[start:end]."""
    while start < end:
        key, at = _varint(file, start, end, path)
        number, wire = key >> 3, key & 7
        if wire == _VARINT:
            _, stop = _varint(file, at, end, path)
        elif wire == _BYTES:
            length, at = _varint(file, at, end, path)
            stop = at + length
        elif wire in (_FIXED64, _FIXED32):
            stop = at + (8 if wire == _FIXED64 else 4)
        else:
            raise _damaged(path, f"no field begins at byte {start:,}")
        if stop > end:
            raise _damaged(path, f"{stop - at:,} bytes are announced at byte {start:,}, and {end - at:,} follow")
        yield number, wire, at, stop
        start = stop


def _varint(data: bytes | mmap.mmap, at: int, end: int, path: Path) -> tuple[int, int]:
    """(value, the position after it)."""
    value = 0
    for shift in range(0, 70, 7):
        if at >= end:
            raise _damaged(path, f"it ends within a number, at byte {at:,}")
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
    raise _damaged(path, f"a number at byte {at:,} has more than 10 bytes")


def _damaged(path: Path, why: str) -> WeightsError:
    return WeightsError(
        f"{path} is truncated, damaged, or no checkpoint of MindSpore: {why}. Compare its size and checksum with the "
        "original's, and copy or download it again."
    )


def save_entries(path: Path, tensors: Mapping[str, Tensor], description: str = "") -> None:
    """Write a checkpoint with its checksum; the file is complete or not there.

    Args:
        path: The file.
        tensors: By their names.
        description: A text for `ckpt_description`.

    Raises:
        OutputError: It cannot be written.
    """
    kinds = {dtype: kind for kind, dtype in TYPES.items()}
    needed = sum(value.numel() * value.element_size() for value in tensors.values())
    with atomic_file(path, what="the weights", elsewhere="another folder", needed=needed) as file:
        crc = 0
        for name, value in tensors.items():
            shape = b"".join(b"\x08" + _varint_bytes(dim) for dim in value.shape)
            flat = value.detach().to("cpu").contiguous().reshape(-1).view(torch.uint8)
            header = shape + _field(2, kinds[value.dtype].encode())
            for start in range(0, max(1, flat.numel()), _SPLIT_BYTES):
                content = flat[start : start + _SPLIT_BYTES].numpy()
                crc = _write_value(file, name, header, content, crc)
        if description:
            field = _field(_DESCRIPTION, description.encode())
            file.write(field)
            crc = zlib.crc32(field, crc)
        file.write(_TRAILER + crc.to_bytes(10, "big"))


def _write_value(file: BinaryIO, name: str, header: bytes, content: np.ndarray, crc: int) -> int:
    """Write one Value; returns the CRC32 of everything written so far."""
    header += b"\x1a" + _varint_bytes(content.size)
    tensor = b"\x12" + _varint_bytes(len(header) + content.size) + header
    tag = _field(1, name.encode())
    value = b"\x0a" + _varint_bytes(len(tag) + len(tensor) + content.size) + tag + tensor
    file.write(value)
    file.write(content.data)
    return zlib.crc32(content.data, zlib.crc32(value, crc))


def _field(number: int, content: bytes) -> bytes:
    return _varint_bytes(number << 3 | _BYTES) + _varint_bytes(len(content)) + content


def _varint_bytes(value: int) -> bytes:
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])
