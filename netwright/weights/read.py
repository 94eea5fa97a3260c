"""Files of weights -> tensors by our names, whatever wrote the file. Its first bytes say which format it has."""

from __future__ import annotations

import difflib
import json
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from torch import Tensor

from netwright.errors import WeightsError
from netwright.weights.ckpt import Entry, looks_like_ckpt, open_ckpt
from netwright.weights.names import MINDCV, Naming

__all__ = ["StoredWeights", "read_state"]

# format -> version that this program writes and reads; see save_model
_VERSION = 1
# how files begin that are no weights -> what they are
_OTHERS = {
    b"version https://git-lfs": "a pointer of Git LFS; `git lfs pull` fetches the file itself",
    b"<": "a web page; the download went wrong",
    b"\x89HDF": "HDF5, as Keras writes it",
    b"\x80\x04": "a pickle of Python objects, which could run any code",
}


@dataclass(frozen=True, slots=True, eq=False)
class StoredWeights:
    """What a file holds. state: tensors by our names, in the precision of the file.

    format: netwright, safetensors, mindspore or torch. config: what our own files say of themselves (arch,
    preprocessing, class_names, facts), else empty. has_average: there is a moving average beside the weights.
    """

    path: Path
    format: str
    state: dict[str, Tensor]
    config: Mapping[str, Any] = field(default_factory=dict)
    has_average: bool = False


def read_state(path: str | Path, *, ema: bool = False) -> StoredWeights:
    """The weights in a file, found out by its content: ours, plain safetensors, MindSpore's .ckpt, torch.

    ema: those of the moving average, where a .ckpt holds both. Nothing in a file is executed, and memory is bounded by
    its size. Raises WeightsError for a file that is not there, damaged, of another kind, or without weights.
    """
    path = Path(path)
    try:
        with open(path, "rb") as file:
            head = file.read(4096)
        stored = _reader(head, path)(path, ema)
    except OSError as error:
        raise _unreadable(path, error) from error
    except MemoryError as error:
        raise WeightsError(f"{path} does not fit into memory. Use a machine with more of it.") from error
    if not stored.state:
        raise WeightsError(f"weights are tensors by name, and {path} holds none. Give the network's own file.")
    return stored


def _reader(head: bytes, path: Path) -> Callable[[Path, bool], StoredWeights]:
    # a length below 2**40 and a JSON object: the length may begin as any other file does
    if head[5:9] == b"\0\0\0{":
        return _read_safetensors
    if head.startswith((b"PK\x03\x04", b"\x80\x02")):
        return _read_torch
    if looks_like_ckpt(head):
        return _read_ckpt
    if head[8:9] == b"{":  # of an absurd length, which is then said
        return _read_safetensors
    other = next((what for start, what in _OTHERS.items() if head.lstrip().startswith(start)), "")
    said = f"This is {other}." if other else f"This begins with {head[:12]!r}." if head else "This file is empty."
    raise WeightsError(
        f"{path} is no file of weights: safetensors, MindSpore's .ckpt and torch's .pth are read. {said}"
    )


def _unreadable(path: Path, error: OSError) -> WeightsError:
    if path.is_dir():
        return WeightsError(f"weights are a file, and {path} is a folder. Give a file in it.")
    folder = path.parent
    if path.exists():
        return WeightsError(f"{path} cannot be read: {error.strerror or error}. Correct its permissions.")
    if not folder.is_dir():
        return WeightsError(f"there is no {path}: there is no folder {folder} either. Correct the path.")
    names = sorted(each.name for each in folder.iterdir() if not each.name.startswith("."))
    weights = [name for name in names if Path(name).suffix in (".safetensors", ".ckpt", ".pth", ".pt", ".pyth")]
    near = difflib.get_close_matches(path.name, names, n=1) or weights[:3]
    hint = f"there is {', '.join(near)}." if near else "there are no weights in that folder."
    return WeightsError(f"there is no {path}: {hint} Correct the path.")


def _read_safetensors(path: Path, ema: bool) -> StoredWeights:
    from safetensors import safe_open

    _refuse_average(path, ema)
    try:
        with safe_open(path, framework="pt") as file:
            metadata: dict[str, str] = file.metadata() or {}
            state = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (no mapping)
    except (OSError, MemoryError):
        raise
    except Exception as error:  # as torch's: types and shapes that no tensor has
        raise _damaged(path, error) from error
    return StoredWeights(
        path, "netwright" if metadata.get("format") == "netwright" else "safetensors", state, _config(metadata, path)
    )


def _config(metadata: Mapping[str, str], path: Path) -> Mapping[str, Any]:
    """What our files say of themselves; those of `netwright design` say it in entries of their own."""
    try:
        if metadata.get("format") == "netwright":
            if not 1 <= int(metadata["version"]) <= _VERSION:
                raise WeightsError(
                    f"{path} has the format version {metadata['version']}, and this program reads up to {_VERSION}. "
                    "Use a newer netwright."
                )
            config = json.loads(metadata["config"])
        else:
            names = ("arch", "resolution", "class_names", "mean", "std")
            config = {name: json.loads(metadata[name]) for name in names if name in metadata and "arch" in metadata}
    except (KeyError, ValueError, RecursionError) as error:
        raise _damaged(path, error) from error
    if not isinstance(config, dict):
        raise _damaged(path, ValueError(f"its metadata is {type(config).__name__}, not a mapping"))
    return config


def _read_ckpt(path: Path, ema: bool) -> StoredWeights:
    entries = open_ckpt(path)
    plain, average = split_entries(entries, MINDCV)
    chosen = average if ema else plain
    if entries and not chosen:
        law, cure = (
            (f"no moving average beside its {len(plain):,} weights", "Leave ema out.")
            if ema
            else (f"nothing but a moving average of {len(average):,} weights", "Take it: ema.")
            if average
            else (f"{len(entries):,} entries of an optimiser and no weights", "Give the network's own file.")
        )
        raise WeightsError(f"{path} has {law}. {cure}")
    named: dict[str, Entry] = {}
    for theirs, entry in chosen.items():
        name = MINDCV.ours(theirs)
        if name in named:
            raise WeightsError(f"{path} has two entries for {name}: {named[name].name} and {entry.name}. Remove one.")
        named[name] = entry
    return StoredWeights(
        path, "mindspore", {name: entry.read() for name, entry in named.items()}, has_average=bool(average)
    )


def split_entries(entries: Mapping[str, Entry], naming: Naming) -> tuple[dict[str, Entry], dict[str, Entry]]:
    """The network's weights and their moving average, by the network's names; what belongs to an optimiser is left out.

    Weights are inside of some cell, so a name without a dot is a counter or a rate.
    """
    plain: dict[str, Entry] = {}
    average: dict[str, Entry] = {}
    for name, entry in entries.items():
        if naming.average and name.startswith(naming.average):
            average[name.removeprefix(naming.average)] = entry
        elif "." in name and not name.startswith(naming.slots):
            plain[name] = entry
    return plain, average


def _read_torch(path: Path, ema: bool) -> StoredWeights:
    """A state dict by our names, read without running what a pickle may ask for."""
    import pickle

    import torch

    _refuse_average(path, ema)
    try:
        if zipfile.is_zipfile(path):
            _refuse_compressed(path)
        with open(path, "rb") as file:  # of a path, torch would look at the suffix
            content = torch.load(file, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise WeightsError(
            f"{path} holds Python objects that could run code, so it is not opened. Save a plain state dict: "
            "torch.save(module.state_dict(), path)."
        ) from error
    except (WeightsError, OSError, MemoryError):
        raise
    except Exception as error:  # torch's reader meets arbitrary bytes and raises nearly anything on them
        raise _damaged(path, error) from error
    if not isinstance(content, Mapping) or not all(isinstance(value, Tensor) for value in content.values()):
        inside = ", ".join(str(key)[:40] for key in list(content)[:6]) if isinstance(content, Mapping) else "no mapping"
        raise WeightsError(
            f"a torch file of weights is a mapping of names to tensors, and {path} is not ({inside}). Save the state "
            "dict alone: torch.save(module.state_dict(), path)."
        )
    return StoredWeights(path, "torch", {str(name): value.detach() for name, value in content.items()})


def _refuse_compressed(path: Path) -> None:
    """torch stores its records as they are; compressed ones could unpack to any size."""
    with zipfile.ZipFile(path) as archive:
        unpacked = sum(record.file_size for record in archive.infolist())
    if unpacked > path.stat().st_size:
        raise WeightsError(f"torch's files are not compressed, and {path} unpacks to {unpacked:,} bytes: refused.")


def _refuse_average(path: Path, ema: bool) -> None:
    if ema:
        raise WeightsError(
            f"a moving average beside the weights is in .ckpt files, and {path} is another. Leave ema out."
        )


def _damaged(path: Path, error: Exception) -> WeightsError:
    return WeightsError(
        f"{path} is cut short or damaged: {type(error).__name__}: {str(error)[:200]}. Compare its size and checksum "
        "with the original's, and copy or download it again."
    )
