"""Files of weights -> tensors by our names, whatever wrote the file. Its first bytes say what kind of file it is."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

from torch import Tensor

from netwright.errors import WeightsError
from netwright.system.suggest import nearest
from netwright.weights.ckpt import Entry, looks_like_ckpt, open_ckpt
from netwright.weights.layouts import MINDCV, MINDCV_RESNET, naming_of
from netwright.weights.match import STEM
from netwright.weights.names import Naming, ours_of
from netwright.weights.pycls_config import CIFAR_SEEN, sees_rgb
from netwright.weights.timm_config import read_timm_config
from netwright.weights.torchfile import damaged, no_average, read_torch

__all__ = ["StoredWeights", "read_state"]

Value = TypeVar("Value")

# format -> version that this program writes and reads; see save_model
_VERSION = 1
# how files begin that are no weights -> what they are
_OTHERS = {
    b"version https://git-lfs": "a pointer of Git LFS; `git lfs pull` fetches the file itself",
    b"<": "a web page; the download went wrong",
    b"\x89HDF": "HDF5, as Keras writes it",
    b"\x80\x04": "a pickle of Python objects, which could run any code",
}
# what wrappers put before every name
_WRAPPED = ("module.", "_orig_mod.", "model.")


@dataclass(frozen=True, slots=True, eq=False)
class StoredWeights:
    """What a file holds. state: tensors by our names, in the precision of the file, channels as RGB.

    format: the kind of file: netwright, safetensors, mindspore or torch. config: what our own files, timm's config.json
    beside the file, or pycls's settings say (arch, preprocessing, class_names, facts), else empty. has_average: there
    is a moving average beside the weights. layout: whose names the file has, a key of FORMATS, "" where nobody knows
    them. name: what timm's config.json calls the network, else "". notices: what a user should know.
    """

    path: Path
    format: str
    state: dict[str, Tensor]
    config: Mapping[str, Any] = field(default_factory=dict)
    has_average: bool = False
    layout: str = ""
    name: str = ""
    notices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class _Content:
    """As StoredWeights, by the names of the file. likely: the layout that the kind of file tells, "" for none. is_rgb:
    the file says that its network sees RGB, which is asked of files of pycls alone."""

    kind: str
    state: dict[str, Tensor]
    likely: str = ""
    config: Mapping[str, Any] = field(default_factory=dict)
    has_average: bool = False
    notices: tuple[str, ...] = ()
    is_rgb: bool = False


def read_state(path: str | Path, *, ema: bool = False, format: str = "") -> StoredWeights:
    """The weights in a file, found out by its content: safetensors, torch, MindSpore's .ckpt; whatever its names.

    ema: those of the moving average, where the file holds both; without it, of a file of pycls those with the lower
    error. format: whose names they are, a key of FORMATS, where that shall not be found out. Nothing in a file is
    executed, and memory is bounded by its size. Raises WeightsError for a file that is not there, damaged, of another
    kind, of another format than was said, or without weights.
    """
    path = Path(path)
    try:
        with open(path, "rb") as file:
            head = file.read(4096)
        content = _reader(head, path)(path, ema)
    except OSError as error:
        raise _unreadable(path, error) from error
    except MemoryError as error:
        raise WeightsError(f"{path} does not fit into memory. Use a machine with more of it.") from error
    if not content.state:
        raise WeightsError(f"weights are tensors by name, and {path} holds none. Give the network's own file.")
    return _named(path, content, format)


def _named(path: Path, content: _Content, format: str) -> StoredWeights:
    """By our names, with what the names tell."""
    state = _unwrapped(content.state)
    layout, naming = naming_of(state, str(path), format=format, likely=content.likely)
    stored = StoredWeights(
        path,
        content.kind,
        ours_of(state, naming, str(path)),
        content.config,
        content.has_average,
        layout,
        notices=content.notices,
    )
    if naming is MINDCV_RESNET:
        said = "MindCV's ResNets pool a pixel further to the right and down: its outputs differ a little from these"
        stored = replace(stored, notices=(*stored.notices, said))
    if layout == "pycls" and not content.is_rgb:
        stem = stored.state.get(STEM)
        if stem is not None and stem.dim() == 4 and stem.shape[1] == 3:
            stored.state[STEM] = stem.flip(1)  # of ImageNet it sees BGR
    if not content.config and (format or layout) in ("timm", "torchvision"):
        beside = read_timm_config(path)
        if beside is not None and format in ("", "timm"):
            return replace(stored, layout="timm", config=beside.config, name=beside.architecture)
    return stored


def _unwrapped(state: dict[str, Value]) -> dict[str, Value]:
    """Without what wrappers (DistributedDataParallel, torch.compile) put before every name."""
    while prefix := next((each for each in _WRAPPED if all(name.startswith(each) for name in state)), ""):
        state = {name.removeprefix(prefix): value for name, value in state.items()}
    return state


def _reader(head: bytes, path: Path) -> Callable[[Path, bool], _Content]:
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
    near = nearest(path.name, names) or weights[:3]
    hint = f"there is {', '.join(near)}." if near else "there are no weights in that folder."
    return WeightsError(f"there is no {path}: {hint} Correct the path.")


def _read_safetensors(path: Path, ema: bool) -> _Content:
    from safetensors import safe_open

    if ema:
        raise no_average(path)
    try:
        with safe_open(path, framework="pt") as file:
            metadata: dict[str, str] = file.metadata() or {}
            state = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (no mapping)
    except (OSError, MemoryError):
        raise
    except Exception as error:  # as torch's: types and shapes that no tensor has
        raise damaged(path, error) from error
    kind = "netwright" if metadata.get("format") == "netwright" or "netwright" in metadata else "safetensors"
    return _Content(kind, state, config=_config(metadata, kind, path))


def _config(metadata: Mapping[str, str], kind: str, path: Path) -> Mapping[str, Any]:
    """What our files say of themselves; those of `netwright design` say it in entries of their own."""
    try:
        if kind == "netwright":
            # with the names of another code base the version stands elsewhere: other programs read "format" too
            version = metadata["netwright"] if "netwright" in metadata else metadata["version"]
            if not 1 <= int(version) <= _VERSION:
                raise WeightsError(
                    f"{path} has the format version {version}, and this program reads up to {_VERSION}. "
                    "Use a newer netwright."
                )
            config = json.loads(metadata["config"])
        else:
            names = ("arch", "resolution", "class_names", "mean", "std")
            config = {name: json.loads(metadata[name]) for name in names if name in metadata and "arch" in metadata}
    except (KeyError, ValueError, RecursionError) as error:
        raise damaged(path, error) from error
    if not isinstance(config, dict):
        raise damaged(path, ValueError(f"its metadata is {type(config).__name__}, not a mapping"))
    return config


def _read_ckpt(path: Path, ema: bool) -> _Content:
    entries = open_ckpt(path)
    plain, average = split_entries(entries, MINDCV)
    chosen = average if ema else plain
    if entries and not chosen:
        constraint, cure = (
            (f"no moving average beside its {len(plain):,} weights", "Leave ema out.")
            if ema
            else (f"nothing but a moving average of {len(average):,} weights", "Take it: ema.")
            if average
            else (f"{len(entries):,} entries of an optimizer and no weights", "Give the network's own file.")
        )
        raise WeightsError(f"{path} has {constraint}. {cure}")
    ours_of(chosen, MINDCV, str(path))  # two entries of one tensor are said before any is read
    state = {name: entry.read() for name, entry in chosen.items()}
    return _Content("mindspore", state, "mindcv", has_average=bool(average))


def split_entries(entries: Mapping[str, Entry], naming: Naming) -> tuple[dict[str, Entry], dict[str, Entry]]:
    """The network's weights and their moving average, by the network's names; what belongs to an optimizer is left out.

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


def _read_torch(path: Path, ema: bool) -> _Content:
    found = read_torch(path, ema)
    of_cifar = found.likely == "pycls" and sees_rgb(found.settings)
    config = {"preprocessing": CIFAR_SEEN} if of_cifar else {}
    return _Content("torch", found.state, found.likely, config, found.has_average, found.notices, of_cifar)
