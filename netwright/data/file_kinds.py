"""Which files are images: by their ending, and by their content where the ending says nothing."""

from __future__ import annotations

import os
from pathlib import Path

from netwright.data.heif import HEIF_SUFFIXES, can_read_heif, is_heif

__all__ = ["IMAGE", "IMAGE_SUFFIXES", "NO_IMAGE", "TABLE", "UNREADABLE", "file_kind", "kind_of_name"]

IMAGE, TABLE, UNREADABLE, NO_IMAGE = "image", "table", "unreadable image", "no image"

# taken for images unopened: a damaged one is then named as damaged
IMAGE_SUFFIXES = frozenset(
    {".avif", ".bmp", ".gif", ".jfif", ".jpe", ".jpeg", ".jpg", ".pbm", ".pgm", ".png", ".pnm", ".ppm"}
    | {".tif", ".tiff", ".webp"}
)
# pictures that Pillow reads not at all, or only the thumbnail of
_UNREADABLE_SUFFIXES = frozenset(
    {".jxl", ".svg", ".eps", ".exr"}
    | {".arw", ".cr2", ".cr3", ".dng", ".nef", ".nrw", ".orf", ".pef", ".raf", ".raw", ".rw2", ".srw"}
)
# not worth opening
_OTHER_SUFFIXES = frozenset(
    {".avi", ".css", ".csv", ".db", ".gz", ".html", ".ini", ".ipynb", ".js", ".json", ".jsonl", ".log", ".lua", ".m"}
    | {".mat", ".md", ".mov", ".mp4", ".npy", ".npz", ".onnx", ".pdf", ".pt", ".pth", ".py", ".safetensors", ".sh"}
    | {".sqlite", ".tar", ".toml", ".tsv", ".txt", ".xlsx", ".xml", ".yaml", ".yml", ".zip"}
)
_HEAD = 16  # bytes
_MAGIC = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF87a", b"GIF89a", b"II*\0", b"MM\0*", b"\0\0\0\x0cjP  ")


def file_kind(path: str | Path) -> str:
    """IMAGE, TABLE (parquet), UNREADABLE (an image in a format that is not read) or NO_IMAGE.

    Raises:
        OSError: Its ending says nothing, and it cannot be opened.
    """
    if (kind := kind_of_name(str(path))) is not None:
        return kind
    with open(path, "rb") as file:
        return _kind_of_head(file.read(_HEAD))


def kind_of_name(name: str) -> str | None:
    """The kind that an ending tells; None where it says nothing."""
    suffix = os.path.splitext(name)[1].lower()
    if suffix in IMAGE_SUFFIXES:
        return IMAGE
    if suffix in HEIF_SUFFIXES:
        return _heif_kind()
    if suffix == ".parquet":
        return TABLE
    if suffix in _UNREADABLE_SUFFIXES:
        return UNREADABLE
    if suffix in _OTHER_SUFFIXES:
        return NO_IMAGE
    return None


def _heif_kind() -> str:
    return IMAGE if can_read_heif() else UNREADABLE


def _kind_of_head(head: bytes) -> str:
    if head.startswith(_MAGIC) or (head[:4] == b"RIFF" and head[8:12] == b"WEBP"):
        return IMAGE
    if head[:2] == b"BM" and head[6:10] == bytes(4):  # the two reserved words of a bitmap's header
        return IMAGE
    if head[:1] == b"P" and head[1:2] in b"123456" and head[2:3] in (b" ", b"\n", b"\t", b"\r"):
        return IMAGE
    if head[4:8] == b"ftyp":
        if is_heif(head):
            return _heif_kind()
        return IMAGE if head[8:12] in (b"avif", b"avis") else NO_IMAGE
    return NO_IMAGE
