"""MNIST and data sets in its format: four idx files, gzipped or not."""

from __future__ import annotations

import gzip
import struct
import zlib
from pathlib import Path

import numpy as np

from netwright.data.array import ArraySource, find_files, join_parts
from netwright.data.download import Remote
from netwright.data.source import IntArray, Pixels
from netwright.errors import DataError

__all__ = ["MNIST_FILES", "find_mnist", "read_idx"]

_MIRRORS = ("https://ossci-datasets.s3.amazonaws.com/mnist/", "https://storage.googleapis.com/cvdf-datasets/mnist/")
# name, bytes, md5 as published at yann.lecun.com/exdb/mnist, which no longer offers the files
MNIST_FILES = tuple(
    Remote(tuple(mirror + name for mirror in _MIRRORS), name, size, md5)
    for name, size, md5 in (
        ("train-images-idx3-ubyte.gz", 9_912_422, "f68b3c2dcbeaaa9fbdd348bbdeb94873"),
        ("train-labels-idx1-ubyte.gz", 28_881, "d53e105ee54ea40749a09fcbcd1e9432"),
        ("t10k-images-idx3-ubyte.gz", 1_648_877, "9fb629c4189551a2d022fa330f9573f3"),
        ("t10k-labels-idx1-ubyte.gz", 4_542, "ec29112dd5afa0611ce80d1b7f02629c"),
    )
)

_STEMS = {"train": "train", "test": "t10k"}
# as published, and as some archives unpack them
_SPELLINGS = ("{}-{}-idx{}-ubyte", "{}-{}-idx{}-ubyte.gz", "{}-{}.idx{}-ubyte", "{}-{}.idx{}-ubyte.gz")
_UNSIGNED_BYTES = 0x08


def find_mnist(root: Path) -> ArraySource | None:
    """Find MNIST in a folder or below it.

    Returns:
        The source; None where the folder has none of the files.

    Raises:
        DataError: Files are missing or damaged.
    """
    parts: dict[str, tuple[Pixels, IntArray]] = {}
    for split, stem in _STEMS.items():
        images, labels = _find(root, stem, "images", 3), _find(root, stem, "labels", 1)
        if images is None and labels is None:
            continue
        if images is None or labels is None:
            there = images or labels
            raise DataError(
                f"MNIST has images and labels in two files, and {there} is there without the other. Add it."
            )
        parts[split] = _checked(images, read_idx(images), labels, read_idx(labels))
    if not parts:
        return None
    classes = 1 + max(int(labels.max()) for _, labels in parts.values())
    return join_parts("mnist", [str(label) for label in range(classes)], parts)


def _find(root: Path, stem: str, what: str, dimensions: int) -> Path | None:
    found = find_files(root, [spelling.format(stem, what, dimensions) for spelling in _SPELLINGS])
    return min(found.values(), default=None)


def _checked(images: Path, pixels: Pixels, labels: Path, numbers: Pixels) -> tuple[Pixels, IntArray]:
    if pixels.ndim != 3 or numbers.ndim != 1 or len(pixels) != len(numbers) or not len(pixels):
        raise DataError(
            f"MNIST has N images (N, H, W) and N labels (N,), and {images} has {pixels.shape} and {labels} "
            f"{numbers.shape}. Download the files again."
        )
    return pixels[..., np.newaxis], numbers.astype(np.int64)


def read_idx(path: Path) -> Pixels:
    """Read the array in an idx file of unsigned bytes.

    The file has two zero bytes, the type, the number of dimensions, big-endian sizes, and the values.

    Raises:
        DataError: It is no such file, or damaged.
    """
    data = path.read_bytes()
    try:
        if data[:2] == b"\x1f\x8b":
            data = gzip.decompress(data)
        zeros, kind, dimensions = struct.unpack(">HBB", data[:4])
        if zeros or kind != _UNSIGNED_BYTES:
            raise ValueError(f"it begins with {data[:4]!r}")
        shape = struct.unpack(f">{dimensions}I", data[4 : 4 + 4 * dimensions])
        return np.frombuffer(data, dtype=np.uint8, offset=4 + 4 * dimensions).reshape(shape)
    except (OSError, EOFError, ValueError, struct.error, zlib.error) as error:
        raise DataError(f"{path} is no idx file of bytes, or damaged: {error}. Download it again.") from error
