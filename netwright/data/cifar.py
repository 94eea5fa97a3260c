"""CIFAR-10 and CIFAR-100 in the published files: Python's pickle format, or the binary one."""

from __future__ import annotations

import io
import pickle
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from netwright.data.array import ArraySource, find_files, join_parts
from netwright.data.download import Remote
from netwright.data.source import IntArray, Pixels
from netwright.errors import DataError

__all__ = ["CIFAR10", "CIFAR100", "Cifar", "find_cifar"]

_URL = "https://www.cs.toronto.edu/~kriz/"
_SIDE = 32
_BYTES = 3 * _SIDE * _SIDE


@dataclass(frozen=True, slots=True)
class Cifar:
    """What tells CIFAR-10 and CIFAR-100 apart.

    Attributes:
        name: cifar10 or cifar100.
        python: Split -> files in the pickle format.
        python_names: File of class names in the pickle format, and the key of the names in it.
        label_key: Key of the labels in a pickled batch.
        binary: Split -> files in the binary format.
        binary_names: File of class names in the binary format.
        label_bytes: Bytes before the pixels of an image in the binary format; the last one is the class.
        classes: Number of classes.
        remote: The published archive, in the pickle format.
    """

    name: str
    python: Mapping[str, tuple[str, ...]]
    python_names: tuple[str, str]
    label_key: str
    binary: Mapping[str, tuple[str, ...]]
    binary_names: str
    label_bytes: int
    classes: int
    remote: Remote


def _archive(name: str, size: int, md5: str) -> Remote:
    """size (bytes) and md5 as published beside the file."""
    return Remote((_URL + name,), name, size, md5)


CIFAR10 = Cifar(
    name="cifar10",
    python={"train": tuple(f"data_batch_{i}" for i in range(1, 6)), "test": ("test_batch",)},
    python_names=("batches.meta", "label_names"),
    label_key="labels",
    binary={"train": tuple(f"data_batch_{i}.bin" for i in range(1, 6)), "test": ("test_batch.bin",)},
    binary_names="batches.meta.txt",
    label_bytes=1,
    classes=10,
    remote=_archive("cifar-10-python.tar.gz", 170_498_071, "c58f30108f718f92721af3b95e74349a"),
)
CIFAR100 = Cifar(
    name="cifar100",
    python={"train": ("train",), "test": ("test",)},
    python_names=("meta", "fine_label_names"),
    label_key="fine_labels",
    binary={"train": ("train.bin",), "test": ("test.bin",)},
    binary_names="fine_label_names.txt",
    label_bytes=2,
    classes=100,
    remote=_archive("cifar-100-python.tar.gz", 169_001_437, "eb9058c3a382ffc7106e4002c42a8d85"),
)


def find_cifar(kind: Cifar, root: Path) -> ArraySource | None:
    """Find the data set in a folder or below it, unpacked or as the published archive.

    No code in a pickle is run.

    Args:
        kind: CIFAR10 or CIFAR100.
        root: The folder to search.

    Returns:
        The source; None where the folder has none of the files.

    Raises:
        DataError: Files are missing or damaged.
    """
    for layout, read in ((kind.python, _read_python), (kind.binary, _read_binary)):
        files = [name for names in layout.values() for name in names]
        names_file = kind.python_names[0] if layout is kind.python else kind.binary_names
        found = find_files(root, [*files, names_file])
        # other data sets have files called 'train' too, but none has such a file of class names
        if names_file not in found and not any(name in found for name in files if name not in ("train", "test")):
            continue
        lacking = [name for name in files if name not in found]
        if lacking:
            folder = next(iter(found.values())).parent
            raise DataError(f"{kind.name} has the files {', '.join(files)}, and {folder} lacks {', '.join(lacking)}.")
        contents = {name: path.read_bytes() for name, path in found.items()}
        return read(kind, contents)
    archive = find_files(root, [kind.remote.name, kind.remote.name.replace("python", "binary")])
    return _read_archive(kind, max(archive.values())) if archive else None


def _read_archive(kind: Cifar, path: Path) -> ArraySource:
    is_python = "python" in path.name
    layout = kind.python if is_python else kind.binary
    wanted = {name for names in layout.values() for name in names}
    wanted.add(kind.python_names[0] if is_python else kind.binary_names)
    contents: dict[str, bytes] = {}
    try:
        with tarfile.open(path, "r:gz") as archive:
            for member in archive:
                name = member.name.rpartition("/")[2]
                if member.isfile() and name in wanted and (file := archive.extractfile(member)) is not None:
                    contents[name] = file.read()
    except (OSError, EOFError, tarfile.TarError) as error:
        raise DataError(f"{path} is damaged: {error}. Download it again.") from error
    if lacking := sorted(wanted - set(contents)):
        raise DataError(f"{path} lacks {', '.join(lacking)}: it is not {kind.name} as published. Download it again.")
    return (_read_python if is_python else _read_binary)(kind, contents)


def _read_python(kind: Cifar, contents: Mapping[str, bytes]) -> ArraySource:
    def read(name: str) -> tuple[Pixels, IntArray]:
        batch = _unpickle(name, contents[name])
        data, labels = np.asarray(batch.get("data")), np.asarray(batch.get(kind.label_key))
        if data.dtype != np.uint8 or data.ndim != 2 or labels.dtype.kind != "i":
            raise DataError(f"{name} is not a batch of {kind.name}: it needs uint8 'data' and {kind.label_key!r}.")
        return _images(kind, name, data, labels.astype(np.int64))

    names_file, key = kind.python_names
    names = _unpickle(names_file, contents[names_file]).get(key) if names_file in contents else None
    return _join(kind, names, {split: [read(name) for name in files] for split, files in kind.python.items()})


def _read_binary(kind: Cifar, contents: Mapping[str, bytes]) -> ArraySource:
    row = kind.label_bytes + _BYTES

    def read(name: str) -> tuple[Pixels, IntArray]:
        data = np.frombuffer(contents[name], dtype=np.uint8)
        if not len(data) or len(data) % row:
            raise DataError(f"{name} has {len(data):,} bytes, no multiple of its {row}-byte rows. Download it again.")
        rows = data.reshape(-1, row)
        return _images(kind, name, rows[:, kind.label_bytes :], rows[:, kind.label_bytes - 1].astype(np.int64))

    text = contents.get(kind.binary_names, b"").decode(errors="replace").split()
    return _join(kind, text or None, {split: [read(name) for name in files] for split, files in kind.binary.items()})


def _images(kind: Cifar, name: str, data: Pixels, labels: IntArray) -> tuple[Pixels, IntArray]:
    """Rows of red, green and blue planes -> (N, 32, 32, 3)."""
    if data.shape != (len(labels), _BYTES):
        raise DataError(f"{name} has {len(labels):,} labels and pixels {data.shape}, not rows of {_BYTES} bytes.")
    if len(labels) and not 0 <= int(labels.min()) <= int(labels.max()) < kind.classes:
        raise DataError(f"labels of {kind.name} are 0 to {kind.classes - 1}, and {name} has {labels.max()}.")
    return data.reshape(-1, 3, _SIDE, _SIDE).transpose(0, 2, 3, 1), labels


def _join(kind: Cifar, names: Any, parts: Mapping[str, list[tuple[Pixels, IntArray]]]) -> ArraySource:
    if names is None:
        names = [str(label) for label in range(kind.classes)]
    if not isinstance(names, list) or len(names) != kind.classes:
        raise DataError(f"{kind.name} has {kind.classes} class names, and these files have {names!r}.")
    joined = {
        split: (np.concatenate([images for images, _ in batches]), np.concatenate([labels for _, labels in batches]))
        for split, batches in parts.items()
    }
    return join_parts(kind.name, [str(name) for name in names], joined)


class _Unpickler(pickle.Unpickler):
    """Loads arrays of numbers and nothing else: a pickle can name any function and have it run."""

    _ALLOWED = frozenset(
        {
            *((module, "_reconstruct") for module in ("numpy.core.multiarray", "numpy._core.multiarray")),
            *(("numpy", name) for name in ("ndarray", "dtype")),
            ("_codecs", "encode"),
        }
    )

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in self._ALLOWED:
            raise pickle.UnpicklingError(f"it wants to load {module}.{name}, which is no array of numbers")
        # numpy 2 moved it, and warns about the old place
        return super().find_class(module.replace("numpy.core", "numpy._core"), name)


def _unpickle(name: str, data: bytes) -> dict[str, Any]:
    """A dict that Python 2 pickled."""
    try:
        content = _Unpickler(io.BytesIO(data), encoding="latin1").load()
    except Exception as error:  # unpickling arbitrary bytes can raise nearly anything
        raise DataError(
            f"{name} is no batch as published: {type(error).__name__}: {error}. Download it again."
        ) from error
    if not isinstance(content, dict):
        raise DataError(f"{name} holds a {type(content).__name__}, not a dict. Download it again.")
    return content
