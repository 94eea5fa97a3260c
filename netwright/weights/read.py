"""Read files of weights of any library, found out by their first bytes, to tensors by netwright's names."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

from torch import Tensor

from netwright.errors import WeightsError
from netwright.system.suggest import nearest_file
from netwright.weights.arch_inference import infer_arch
from netwright.weights.ckpt import Entry, ckpt_description, looks_like_ckpt, open_ckpt
from netwright.weights.embedded import VERSION, parse_config
from netwright.weights.layouts import MINDCV, MINDCV_RESNET, RESNET, detect_naming
from netwright.weights.match import STEM_WEIGHT
from netwright.weights.names import Naming, rename_to_netwright
from netwright.weights.nested import find_network, has_stem
from netwright.weights.pycls_config import CIFAR_SEEN, arch_of_config, sees_rgb
from netwright.weights.timm_config import read_timm_config
from netwright.weights.torchfile import damaged_error, no_ema_error, read_torch

__all__ = ["StoredWeights", "read_state"]

Value = TypeVar("Value")

# first bytes of files that are no weights -> what they are
_OTHERS = {
    b"version https://git-lfs": "a pointer of Git LFS; `git lfs pull` fetches the file itself",
    b"<": "a web page; the download went wrong",
    b"\x89HDF": "HDF5, as written by Keras",
    b"\x80\x04": "a pickle of Python objects, which could run any code",
}
# layout -> how its library sorts class folders; files of netwright have names
_CLASS_ORDERS = {"timm": "natural", **dict.fromkeys(("torchvision", "pycls", "classy", "mindcv"), "string")}
# prefixes that wrappers add to every name
_WRAPPED = ("module.", "_orig_mod.", "model.")


@dataclass(frozen=True, slots=True, eq=False)
class StoredWeights:
    """The content of a file of weights.

    Attributes:
        path: The file.
        format: The kind of file: netwright, safetensors, mindspore or torch.
        state: Tensors by netwright's names, in the precision of the file, with channels as RGB.
        config: arch, preprocessing, class_names and facts, as far as the file, timm's config.json beside it, or pycls's
            configuration has them.
        has_average: Whether the file also has a moving average of the weights.
        layout: The library whose names the file has, a key of FORMATS; "" where it is unknown.
        name: timm's name of the network in config.json, or "".
        notices: What the user should know.
        class_order: natural or string, the order in which its library sorts class folders; "" where it is not known.
    """

    path: Path
    format: str
    state: dict[str, Tensor]
    config: Mapping[str, Any] = field(default_factory=dict)
    has_average: bool = False
    layout: str = ""
    name: str = ""
    notices: tuple[str, ...] = ()
    class_order: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class _Content:
    """As StoredWeights, by the names of the file.

    Attributes:
        likely: The layout that the kind of file suggests, or "".
        is_rgb: Whether the file says that its network reads RGB; only for files of pycls.
        settings: The trainer's configuration, as pycls stores it, else None.
    """

    kind: str
    state: dict[str, Tensor]
    likely: str = ""
    config: Mapping[str, Any] = field(default_factory=dict)
    has_average: bool = False
    notices: tuple[str, ...] = ()
    is_rgb: bool = False
    settings: object = None


def read_state(path: str | Path, *, ema: bool = False, format: str = "") -> StoredWeights:
    """Read the weights in a file: safetensors, torch, or MindSpore's .ckpt, with the tensor names of any library.

    Nothing in the file is executed, and memory is bounded by its size.

    Args:
        path: The file.
        ema: Read the moving average, where the file has both. Without it, pycls's file gives the one with the lower
            error.
        format: The library whose names it has, a key of FORMATS; found out by default.

    Raises:
        WeightsError: The file does not exist, is damaged, of another kind or format, or has no weights.
    """
    path = Path(path)
    try:
        with open(path, "rb") as file:
            head = file.read(4096)
        content = _reader(head, path)(path, ema)
    except OSError as error:
        raise _unreadable(path, error) from error
    except MemoryError as error:
        raise WeightsError(f"{path} does not fit into memory. Use a machine with more memory.") from error
    if not content.state:
        raise WeightsError(f"weights are tensors by name, and {path} holds none. Give a file of weights.")
    return _to_netwright(path, content, format)


def _to_netwright(path: Path, content: _Content, format: str) -> StoredWeights:
    """Rename the tensors, and apply what their names tell."""
    state, content = _network_of(content, path)
    layout, naming = detect_naming(state, str(path), format=format, likely=content.likely)
    stored = StoredWeights(
        path,
        content.kind,
        rename_to_netwright(state, naming, str(path)),
        content.config,
        content.has_average,
        layout,
        notices=content.notices,
        # ResNets have the same names in timm and torchvision
        class_order=_CLASS_ORDERS.get(layout, "") if naming is not RESNET or format or content.likely else "",
    )
    if naming is MINDCV_RESNET:
        notice = "MindCV's ResNets shift the max pool by a pixel to the right and down: outputs differ a little"
        stored = replace(stored, notices=(*stored.notices, notice))
    if layout == "pycls" and not content.is_rgb:
        stem = stored.state.get(STEM_WEIGHT)
        if stem is not None and stem.dim() == 4 and stem.shape[1] == 3:
            stored.state[STEM_WEIGHT] = stem.flip(1)  # pycls reads ImageNet as BGR
    if content.settings is not None and "arch" not in stored.config and (found := infer_arch(stored.state)):
        arch = arch_of_config(content.settings, found, path)
        if arch is not None:
            stored = replace(stored, config={**stored.config, "arch": arch.to_dict()})
    if not content.config and (format or layout) in ("timm", "torchvision"):
        beside = read_timm_config(path)
        if beside is not None and format in ("", "timm"):
            return replace(
                stored, layout="timm", config=beside.config, name=beside.architecture, class_order=_CLASS_ORDERS["timm"]
            )
    return stored


def _network_of(content: _Content, path: Path) -> tuple[dict[str, Tensor], _Content]:
    """The tensors of the network alone; what a trainer put beside it under other names is left out, with a notice."""
    state = _unwrapped(content.state)
    found = None if has_stem(state) else find_network(state, path)
    if found is None:
        return state, content
    return found.state, replace(content, notices=(*content.notices, *found.notices))


def _unwrapped(state: dict[str, Value]) -> dict[str, Value]:
    """Remove the prefixes that wrappers (DistributedDataParallel, torch.compile) add to every name."""
    while prefix := next((each for each in _WRAPPED if all(name.startswith(each) for name in state)), ""):
        state = {name.removeprefix(prefix): value for name, value in state.items()}
    return state


def _reader(head: bytes, path: Path) -> Callable[[Path, bool], _Content]:
    # a header length below 2**40, then a JSON object; the bytes of the length may look like any other file
    if head[5:9] == b"\0\0\0{":
        return _read_safetensors
    if head.startswith((b"PK\x03\x04", b"\x80\x02")):
        return _read_torch
    if looks_like_ckpt(head):
        return _read_ckpt
    if head[8:9] == b"{":  # with an impossible length, which the reader reports
        return _read_safetensors
    other = next((what for start, what in _OTHERS.items() if head.lstrip().startswith(start)), "")
    kind = f"This is {other}." if other else f"This begins with {head[:12]!r}." if head else "This file is empty."
    raise WeightsError(f"{path} is no file of weights (safetensors, MindSpore's .ckpt or torch's .pth). {kind}")


def _unreadable(path: Path, error: OSError) -> WeightsError:
    if path.is_dir():
        return WeightsError(f"weights are a file, and {path} is a folder. Give a file in it.")
    folder = path.parent
    if path.exists():
        return WeightsError(f"{path} cannot be read: {error.strerror or error}. Correct its permissions.")
    if not folder.is_dir():
        return WeightsError(f"there is no {path}: there is no folder {folder}. Correct the path.")
    names = sorted(each.name for each in folder.iterdir() if not each.name.startswith("."))
    weights = [name for name in names if Path(name).suffix in (".safetensors", ".ckpt", ".pth", ".pt", ".pyth")]
    folders = [each.name for each in folder.iterdir() if each.is_dir()] if not path.suffix else []
    near = nearest_file(path.name, weights + folders)
    others = f"that folder has {', '.join(weights[:3])}{' ...' if len(weights) > 3 else ''}."
    hint = f"did you mean {near[0]!r}?" if near else others if weights else "there are no weights in that folder."
    return WeightsError(f"there is no {path}: {hint} Correct the path.")


def _read_safetensors(path: Path, ema: bool) -> _Content:
    from safetensors import safe_open

    if ema:
        raise no_ema_error(path)
    try:
        with safe_open(path, framework="pt") as file:
            metadata: dict[str, str] = file.metadata() or {}
            state = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (no mapping)
    except (OSError, MemoryError):
        raise
    except Exception as error:  # impossible types and shapes raise nearly anything
        raise damaged_error(path, error) from error
    kind = "netwright" if metadata.get("format") == "netwright" or "netwright" in metadata else "safetensors"
    return _Content(kind, state, config=_config(metadata, kind, path))


def _config(metadata: Mapping[str, str], kind: str, path: Path) -> Mapping[str, Any]:
    """The configuration in netwright's own files; `netwright design` writes one entry per key."""
    try:
        if kind == "netwright":
            # with the names of another library the version is elsewhere, because other programs read "format"
            version = metadata["netwright"] if "netwright" in metadata else metadata["version"]
            if not 1 <= int(version) <= VERSION:
                raise WeightsError(
                    f"{path} has the format version {version}, and this program reads up to {VERSION}. "
                    "Use a newer netwright."
                )
            config = json.loads(metadata["config"])
        else:
            names = ("arch", "resolution", "class_names", "mean", "std")
            config = {name: json.loads(metadata[name]) for name in names if name in metadata and "arch" in metadata}
    except (KeyError, ValueError, RecursionError) as error:
        raise damaged_error(path, error) from error
    if not isinstance(config, dict):
        raise damaged_error(path, ValueError(f"its metadata is {type(config).__name__}, not a mapping"))
    return config


def _read_ckpt(path: Path, ema: bool) -> _Content:
    entries = open_ckpt(path)
    plain, average = split_entries(entries, MINDCV)
    chosen = average if ema else plain
    if entries and not chosen:
        constraint, cure = (
            (f"no moving average beside its {len(plain):,} weights", "Leave ema out.")
            if ema
            else (f"nothing but a moving average of {len(average):,} weights", "Load it with ema.")
            if average
            else (f"{len(entries):,} entries of an optimizer and no weights", "Give a file of weights.")
        )
        raise WeightsError(f"{path} has {constraint}. {cure}")
    rename_to_netwright(chosen, MINDCV, str(path))  # two entries of one tensor are an error before any is read
    state = {name: entry.read() for name, entry in chosen.items()}
    text = ckpt_description(path)
    try:
        entry = json.loads(text) if text else {}
    except (ValueError, RecursionError) as error:
        raise damaged_error(path, error) from error
    config = parse_config(entry, path) if isinstance(entry, dict) else {}
    return _Content("mindspore", state, "mindcv", config, bool(average))


def split_entries(entries: Mapping[str, Entry], naming: Naming) -> tuple[dict[str, Entry], dict[str, Entry]]:
    """Split entries into weights and their moving average, both by the network's names; the optimizer's are left out.

    Weights belong to a cell, so a name without a dot is a counter or a rate. Optimizers put a word before the name of
    the weight (`adam_m.stem.conv.weight`): so do those of which nobody knows here, where the weight is in the file too.
    """
    plain: dict[str, Entry] = {}
    average: dict[str, Entry] = {}
    for name, entry in entries.items():
        if naming.average and name.startswith(naming.average):
            average[name.removeprefix(naming.average)] = entry
        elif "." in name and not name.startswith(naming.slots) and not _is_slot(name, entries, naming):
            plain[name] = entry
    return plain, average


def _is_slot(name: str, entries: Mapping[str, Entry], naming: Naming) -> bool:
    """Whether an entry is another's name with a word before it, and no name of the network itself."""
    return name.partition(".")[2] in entries and naming.to_netwright(name) == name


def _read_torch(path: Path, ema: bool) -> _Content:
    found = read_torch(path, ema)
    of_cifar = found.likely == "pycls" and sees_rgb(found.settings)
    config = {"preprocessing": CIFAR_SEEN} if of_cifar else {}
    settings = found.settings if found.likely == "pycls" else None
    return _Content(
        "torch",
        found.state,
        found.likely,
        {**config, **found.config},
        found.has_average,
        found.notices,
        of_cifar,
        settings,
    )
