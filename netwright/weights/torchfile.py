"""Files of torch, read without running what a pickle may ask for: which of their mappings the weights are."""

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
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from netwright.errors import WeightsError

__all__ = ["TorchContent", "damaged", "read_torch"]

# (weights, their moving average, format that it tells): where trainers put them, the first that is there counts
_NESTED = (
    ("model_state", "ema_state", "pycls"),
    ("state_dict", "state_dict_ema", ""),  # timm, Lightning
    ("model", "model_ema", ""),  # torchvision's references, DeiT
    ("model_state_dict", "ema_state_dict", ""),
)
_CLASSY = ("classy_state_dict", "base_model", "model")
_LOADING = threading.Lock()  # torch's list of what may be loaded is of the whole process
_FULL = 100.0  # percent: what pycls takes an error for that it does not know


@dataclass(frozen=True, slots=True, eq=False)
class TorchContent:
    """state: tensors by the names of the file. likely: the format that the nesting tells, "" for none. notices: what a
    user should know, in words. settings: what the trainer wrote beside the weights, as pycls does, else None."""

    state: dict[str, Tensor]
    likely: str = ""
    has_average: bool = False
    notices: tuple[str, ...] = ()
    settings: object = None


def read_torch(path: Path, ema: bool) -> TorchContent:
    """What a file of torch.save holds as weights. ema: their moving average. Raises WeightsError."""
    try:
        if zipfile.is_zipfile(path):
            _refuse_compressed(path)
        with open(path, "rb") as file, _stand_ins():  # of a path, torch would look at the suffix
            content = torch.load(file, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        what = re.search(r"GLOBAL ([\w.]{1,100})", str(error))
        raise WeightsError(
            f"{path} holds Python objects{f' ({what[1]})' if what else ''} that could run code, so it is not opened. "
            "Save a plain state dict: torch.save(module.state_dict(), path)."
        ) from error
    except (WeightsError, OSError, MemoryError):
        raise
    except Exception as error:  # torch's reader meets arbitrary bytes and raises nearly anything on them
        raise damaged(path, error) from error
    found = _chosen(content, path, ema)
    _refuse_expanded(found.state, path)
    return found


def damaged(path: Path, error: Exception) -> WeightsError:
    """What to say of a file that its own library cannot read."""
    return WeightsError(
        f"{path} is cut short or damaged: {type(error).__name__}: {str(error)[:200]}. Compare its size and checksum "
        "with the original's, and copy or download it again."
    )


class _Passed:
    """Stands for an object beside the weights that nobody needs here (a trainer's arguments): it does nothing."""

    def __setstate__(self, state: object) -> None:
        pass


class _Dtype:
    """Stands for numpy's dtype."""

    def __init__(self, kind: object = "", *_: object) -> None:
        self.kind = kind

    def __setstate__(self, state: object) -> None:
        pass


def _number(dtype: object = None, content: object = b"") -> float:
    """Stands for a number of numpy, as trainers keep errors and rates: its value, or NaN where it is another thing."""
    kind, raw = getattr(dtype, "kind", ""), content
    if kind in ("f8", "f4") and isinstance(raw, bytes) and len(raw) == int(kind[1]):
        return float(struct.unpack("<d" if kind == "f8" else "<f", raw)[0])
    return math.nan


@contextmanager
def _stand_ins() -> Iterator[None]:
    """Harmless kinds of objects that trainers leave beside weights are replaced by what cannot run anything."""
    names: list[Any] = [(_Dtype, "numpy.dtype"), (_Passed, f"{argparse.Namespace.__module__}.Namespace")]
    names += [(_number, f"numpy.{core}.multiarray.scalar") for core in ("core", "_core")]
    with _LOADING, warnings.catch_warnings(), torch.serialization.safe_globals(names):
        warnings.simplefilter("ignore")  # of what torch finds odd in a pickle, it raises what matters
        yield


def _refuse_compressed(path: Path) -> None:
    """torch stores its records as they are; compressed ones could unpack to any size."""
    with zipfile.ZipFile(path) as archive:
        unpacked = sum(record.file_size for record in archive.infolist())
    if unpacked > path.stat().st_size:
        raise WeightsError(f"torch's files are not compressed, and {path} unpacks to {unpacked:,} bytes: refused.")


def _refuse_expanded(state: Mapping[str, Tensor], path: Path) -> None:
    """Tensors may be views that repeat what is stored: of any size that a few bytes can claim."""
    size = sum(value.numel() * value.element_size() for value in state.values() if value.layout == torch.strided)
    if size > path.stat().st_size:
        raise WeightsError(f"{path} has tensors of {size:,} bytes, which is more than itself: refused.")


def _chosen(content: Any, path: Path, ema: bool) -> TorchContent:
    """The weights in what was loaded."""
    if isinstance(content, Mapping) and _CLASSY[0] in content:
        if ema:
            raise no_average(path)
        return _classy(content, path)
    for name, average, likely in _NESTED if isinstance(content, Mapping) else ():
        if not isinstance(content.get(name), Mapping):
            continue
        has_average = isinstance(content.get(average), Mapping)
        if ema and not has_average:
            raise no_average(path)
        better = has_average and _error(content, "ema_err") < _error(content, "test_err")
        notices = (
            (f"the moving average in {path.name} has the lower error, and is taken",) if better and not ema else ()
        )
        state = _tensors(content[average if ema or better else name], path)
        return TorchContent(state, likely, has_average, notices, content.get("cfg"))
    if ema:
        raise no_average(path)
    return TorchContent(_tensors(content, path))


def no_average(path: Path) -> WeightsError:
    """What to say where a moving average was asked for and there is none."""
    return WeightsError(
        f"a moving average beside the weights is in .ckpt files and in checkpoints of pycls and timm, and {path} has "
        "none. Leave ema out."
    )


def _error(content: Mapping[str, Any], name: str) -> float:
    """In percent, as pycls writes it."""
    value = content.get(name)
    return float(value) if isinstance(value, int | float) and math.isfinite(value) else _FULL


def _tensors(content: Any, path: Path) -> dict[str, Tensor]:
    if isinstance(content, Mapping) and all(isinstance(value, Tensor) for value in content.values()):
        # what torch's AveragedModel counts with
        return {str(name): value.detach() for name, value in content.items() if name != "n_averaged"}
    inside = ", ".join(str(key)[:40] for key in list(content)[:6]) if isinstance(content, Mapping) else "no mapping"
    raise WeightsError(
        f"a torch file of weights is a mapping of names to tensors, and {path} is not ({inside}). Save the state "
        "dict alone: torch.save(module.state_dict(), path)."
    )


def _classy(content: Mapping[str, Any], path: Path) -> TorchContent:
    """classy-vision and vissl (SEER) keep the body as trunk, and heads, of which those of pretraining are left out."""
    inner: Any = content
    for name in _CLASSY:
        inner = inner.get(name) if isinstance(inner, Mapping) else None
    if not isinstance(inner, Mapping) or not isinstance(inner.get("trunk"), Mapping):
        raise WeightsError(
            f"{path} is of classy-vision, and has no {'.'.join(_CLASSY)}.trunk. Give a checkpoint of it."
        )
    state, left = _tensors(inner["trunk"], path), 0
    for name, value in _flat(inner.get("heads", {})):
        if "projection_head" in name or "prototypes" in name:
            left += 1
        else:
            # the classifier, whatever the head around it is called
            found = re.fullmatch(r"(.*\.)?(clf\.0|fc)\.(weight|bias)", name)
            state[f"head.fc.{found[3]}" if found else f"heads.{name}"] = value
    notices = (f"{left} tensors of heads that only pretraining used are left out",) if left else ()
    return TorchContent(state, "classy", notices=notices)


def _flat(content: Any, prefix: str = "", depth: int = 0) -> Iterator[tuple[str, Tensor]]:
    """Tensors of nested mappings, by their names joined with dots."""
    if isinstance(content, Mapping) and depth < 8:
        for name, value in content.items():
            if isinstance(value, Tensor):
                yield f"{prefix}{name}", value.detach()
            else:
                yield from _flat(value, f"{prefix}{name}.", depth + 1)
