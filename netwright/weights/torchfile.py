"""Read torch's files without running code from their pickles, and find the weights among their contents."""

from __future__ import annotations

import argparse
import math
import pickle
import re
import struct
import threading
import warnings
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from netwright.errors import WeightsError
from netwright.weights.embedded import KEY, parse_config
from netwright.weights.nested import find_network, flat_tensors

__all__ = ["TorchContent", "damaged_error", "read_torch"]

# (key of the weights, key of their moving average, format) in checkpoints of trainers; the first that fits is taken
_NESTED = (
    ("model_state", "ema_state", "pycls"),
    ("state_dict", "state_dict_ema", ""),  # timm, Lightning
    ("model", "model_ema", ""),  # torchvision's references, DeiT
    ("model_state_dict", "ema_state_dict", ""),
)
_CLASSY = ("classy_state_dict", "base_model", "model")
_LOADING = threading.Lock()  # torch's list of allowed objects belongs to the whole process
_FULL = 100.0  # percent: pycls's value of an unknown error


@dataclass(frozen=True, slots=True, eq=False)
class TorchContent:
    """The weights in a file of torch.

    Attributes:
        state: Tensors by the names of the file.
        likely: The format that the keys of the checkpoint suggest, or "".
        has_average: Whether the file also has a moving average.
        notices: What the user should know.
        settings: The trainer's configuration, as pycls stores it, else None.
        config: What netwright wrote beside them, as in its own files.
    """

    state: dict[str, Tensor]
    likely: str = ""
    has_average: bool = False
    notices: tuple[str, ...] = ()
    settings: object = None
    config: Mapping[str, Any] = field(default_factory=dict)


def read_torch(path: Path, ema: bool) -> TorchContent:
    """Read the weights in a file of torch.save.

    Args:
        path: The file.
        ema: Read their moving average.

    Raises:
        WeightsError: The file is damaged, could run code, or has no such weights.
    """
    try:
        if zipfile.is_zipfile(path):
            _refuse_compressed(path)
        with open(path, "rb") as file, _stand_ins():  # opened here: given a path, torch looks at its suffix
            content = torch.load(file, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        what = re.search(r"GLOBAL ([\w.]{1,100})", str(error))
        raise WeightsError(
            f"{path} holds Python objects{f' ({what[1]})' if what else ''} that could run code, so it is not opened. "
            "Save a plain state dict: torch.save(module.state_dict(), path)."
        ) from error
    except (WeightsError, OSError, MemoryError):
        raise
    except Exception as error:  # torch's reader of arbitrary bytes can raise nearly anything
        raise damaged_error(path, error) from error
    found = _find_weights(content, path, ema)
    _refuse_expanded(found.state, path)
    return replace(found, config=parse_config(_entry(content), path))


def _entry(content: Any) -> Mapping[Any, Any]:
    """What netwright wrote beside the weights: among the keys of a checkpoint, or the metadata of a state dict."""
    metadata = getattr(content, "_metadata", None)
    for place in (content, metadata):
        if isinstance(place, Mapping) and isinstance(entry := place.get(KEY), Mapping):
            return entry
    return {}


def damaged_error(path: Path, error: Exception) -> WeightsError:
    """The error for a file that its own library cannot read."""
    return WeightsError(
        f"{path} is truncated or damaged: {type(error).__name__}: {str(error)[:200]}. Compare its size and checksum "
        "with the original's, and copy or download it again."
    )


class _Passed:
    """Replaces an object beside the weights that is not needed (a trainer's arguments); does nothing."""

    def __setstate__(self, state: object) -> None:
        pass


class _Dtype:
    """Replaces numpy's dtype."""

    def __init__(self, kind: object = "", *_: object) -> None:
        self.kind = kind

    def __setstate__(self, state: object) -> None:
        pass


def _number(dtype: object = None, content: object = b"") -> float:
    """Replaces numpy's scalar, in which trainers keep errors and rates: its value, or NaN for other content."""
    kind, raw = getattr(dtype, "kind", ""), content
    if kind in ("f8", "f4") and isinstance(raw, bytes) and len(raw) == int(kind[1]):
        return float(struct.unpack("<d" if kind == "f8" else "<f", raw)[0])
    return math.nan


@contextmanager
def _stand_ins() -> Iterator[None]:
    """Replace harmless objects that trainers store beside weights by classes that cannot run anything."""
    names: list[Any] = [(_Dtype, "numpy.dtype"), (_Passed, f"{argparse.Namespace.__module__}.Namespace")]
    names += [(_number, f"numpy.{core}.multiarray.scalar") for core in ("core", "_core")]
    with _LOADING, warnings.catch_warnings(), torch.serialization.safe_globals(names):
        warnings.simplefilter("ignore")  # torch warns about oddities in pickles; what matters is an exception
        yield


def _refuse_compressed(path: Path) -> None:
    """Raise for compressed records, which could unpack to any size; torch does not compress."""
    with zipfile.ZipFile(path) as archive:
        unpacked = sum(record.file_size for record in archive.infolist())
        names = {record.filename.split("/", 1)[-1] for record in archive.infolist()}
    if "data.pkl" in names and any(name.startswith("code/") for name in names):
        raise WeightsError(
            f"{path} is a TorchScript file, which has code, so it is not opened. Save its weights alone: "
            "torch.save(torch.jit.load(path).state_dict(), other)."
        )
    if "data.pkl" not in names:
        raise WeightsError(
            f"{path} is a zip archive, and no file of torch.save: it has no data.pkl. Give a file of weights."
        )
    if unpacked > path.stat().st_size:
        raise WeightsError(f"torch's files are not compressed, and {path} unpacks to {unpacked:,} bytes: refused.")


def _refuse_expanded(state: Mapping[str, Tensor], path: Path) -> None:
    """Raise for tensors that are larger than the file: views that repeat stored values can claim any size."""
    size = sum(value.numel() * value.element_size() for value in state.values() if value.layout == torch.strided)
    if size > path.stat().st_size:
        raise WeightsError(f"{path} has tensors of {size:,} bytes, which is more than the file: refused.")


def _find_weights(content: Any, path: Path, ema: bool) -> TorchContent:
    """Find the weights in a loaded checkpoint."""
    if isinstance(content, Mapping) and _CLASSY[0] in content:
        if ema:
            raise no_ema_error(path)
        return _classy(content, path)
    for name, average, likely in _NESTED if isinstance(content, Mapping) else ():
        if not _is_state(content.get(name)):
            continue
        has_average = _is_state(content.get(average))
        if ema and not has_average:
            break  # perhaps elsewhere
        better = has_average and _error(content, "ema_err") < _error(content, "test_err")
        notices = (
            (f"the moving average in {path.name} has the lower error and is loaded",) if better and not ema else ()
        )
        state = _tensors(content[average if ema or better else name], path)
        return TorchContent(state, likely or _trainer(content), has_average, notices, content.get("cfg"))
    if ema or not _is_state(content):
        found = find_network(dict(flat_tensors(content)), path, ema=ema)
        if found is not None:
            return TorchContent(found.state, "", found.has_average, found.notices)
    if ema:
        raise no_ema_error(path)
    return TorchContent(_tensors(content, path))


def _is_state(content: Any) -> bool:
    """Whether it is a mapping of names to tensors and nothing else."""
    return isinstance(content, Mapping) and all(isinstance(value, Tensor) for value in content.values())


def _trainer(content: Mapping[Any, Any]) -> str:
    """The library whose trainer wrote a checkpoint, by its other keys; "" where they do not tell."""
    if isinstance(content.get("arch"), str) and "version" in content:  # timm's CheckpointSaver
        return "timm"
    # torchvision's references; Lightning's keys have other names
    return "torchvision" if {"model", "optimizer", "lr_scheduler", "args"} <= content.keys() else ""


def no_ema_error(path: Path) -> WeightsError:
    """The error for a file without the wanted moving average."""
    return WeightsError(
        f"a moving average beside the weights is in .ckpt files and in checkpoints of pycls and timm, and {path} has "
        "none. Leave ema out."
    )


def _error(content: Mapping[str, Any], name: str) -> float:
    """The error in percent, as pycls writes it."""
    value = content.get(name)
    return float(value) if isinstance(value, int | float) and math.isfinite(value) else _FULL


def _tensors(content: Any, path: Path) -> dict[str, Tensor]:
    if _is_state(content):
        # a counter of torch's AveragedModel
        return {str(name): value.detach() for name, value in content.items() if name != "n_averaged"}
    inside = ", ".join(str(key)[:40] for key in list(content)[:6]) if isinstance(content, Mapping) else "no mapping"
    raise WeightsError(
        f"a torch file of weights is a mapping of names to tensors, and {path} is not ({inside}). Save the state "
        "dict alone: torch.save(module.state_dict(), path)."
    )


def _classy(content: Mapping[str, Any], path: Path) -> TorchContent:
    """The weights in a checkpoint of classy-vision or vissl (SEER): trunk and heads, without heads of pretraining."""
    inner: Any = content
    for name in _CLASSY:
        inner = inner.get(name) if isinstance(inner, Mapping) else None
    if not isinstance(inner, Mapping) or not isinstance(inner.get("trunk"), Mapping):
        raise WeightsError(
            f"{path} is from classy-vision, and has no {'.'.join(_CLASSY)}.trunk. Give a checkpoint of a training."
        )
    state, left = _tensors(inner["trunk"], path), 0
    for name, value in flat_tensors(inner.get("heads", {})):
        if "projection_head" in name or "prototypes" in name:
            left += 1
        else:
            # the classifier, whatever the name of its head
            found = re.fullmatch(r"(.*\.)?(clf\.0|fc)\.(weight|bias)", name)
            state[f"head.fc.{found[3]}" if found else f"heads.{name}"] = value
    notices = (f"{left} tensors of heads used only in pretraining are left out",) if left else ()
    return TorchContent(state, "classy", notices=notices)
