"""The state that a training goes on from: a folder that is there whole or not at all. No pickle."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import Tensor

from netwright.errors import WeightsError
from netwright.system.atomic import atomic_folder, explain_errors

__all__ = ["State", "latest_state", "save_state"]

_FORMAT = 1
_TENSORS, _PLAIN = "tensors.safetensors", "state.json"


@dataclass(frozen=True, slots=True)
class State:
    """tensors: name -> value, on the CPU. plain: what JSON can hold; floats keep every digit in it."""

    tensors: dict[str, Tensor]
    plain: dict[str, Any]


def save_state(folder: Path, name: str, state: State) -> Path:
    """Write folder/name, then remove older states: at each moment one is whole. Names sort by age.

    Raises OutputError where there is no room; an older state is then still there.
    """
    final = folder / name
    if (final / _PLAIN).is_file():
        return final  # the same moment of the same training
    what, elsewhere = "the training state", "another --out"
    with explain_errors(final, what=what, elsewhere=elsewhere):
        for rest in folder.glob(".*.partial"):  # of a killed process: one at a time trains here
            shutil.rmtree(rest)
        with atomic_folder(final, what=what, elsewhere=elsewhere) as partial:
            (partial / _TENSORS).write_bytes(save({key: _plain_copy(value) for key, value in state.tensors.items()}))
            (partial / _PLAIN).write_bytes(json.dumps({"format": _FORMAT} | state.plain).encode())
        for other in _states(folder):
            if other.name < name:
                shutil.rmtree(other)
    return final


def latest_state(folder: Path) -> State | None:
    """The newest state in a folder, or None. Raises WeightsError when it is damaged or of another version."""
    states = _states(folder)
    if not states:
        return None
    path = states[-1]
    try:
        plain = json.loads((path / _PLAIN).read_text(encoding="utf-8"))
        if plain["format"] != _FORMAT:
            raise ValueError(f"format {plain['format']}, and this version reads {_FORMAT}")
        return State(load_file(path / _TENSORS), plain)
    except (OSError, ValueError, KeyError, TypeError, SafetensorError) as error:
        raise WeightsError(
            f"the training state {path} is damaged: {error}. Remove it, and the training starts afresh; or go on from "
            "saved weights with --checkpoint and another --out."
        ) from error


def _states(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    return sorted(path for path in folder.iterdir() if not path.name.startswith(".") and (path / _PLAIN).is_file())


def _plain_copy(value: Tensor) -> Tensor:
    """On the CPU and contiguous, which safetensors want; shared with nothing."""
    return value.detach().to("cpu", copy=True).contiguous(memory_format=torch.contiguous_format)
