"""The state from which a training resumes: a folder that is complete or not there. No pickle."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import Tensor

from netwright.errors import WeightsError
from netwright.system.atomic import atomic_folder, explain_errors
from netwright.weights.save import cpu_copy

__all__ = ["State", "latest_metadata", "latest_state", "save_state"]

_FORMAT = 1
_TENSORS, _METADATA = "tensors.safetensors", "state.json"


@dataclass(frozen=True, slots=True)
class State:
    """A state of a training.

    Attributes:
        tensors: By name, on the CPU.
        metadata: Values that JSON can hold; floats keep all digits.
    """

    tensors: dict[str, Tensor]
    metadata: dict[str, Any]


def save_state(folder: Path, name: str, state: State) -> Path:
    """Save a state as folder/name, then remove older ones, so that one is complete at any moment.

    Args:
        folder: Of the states.
        name: Names sort by age.
        state: The state.

    Raises:
        OutputError: It cannot be written; an older state is kept.
    """
    final = folder / name
    if (final / _METADATA).is_file():
        return final  # the same step of the same training
    what, elsewhere = "the training state", "another --out"
    with explain_errors(final, what=what, elsewhere=elsewhere):
        for rest in folder.glob(".*.partial"):  # left by a killed process; only one trains here at a time
            shutil.rmtree(rest)
        with atomic_folder(final, what=what, elsewhere=elsewhere) as partial:
            (partial / _TENSORS).write_bytes(save({key: cpu_copy(value) for key, value in state.tensors.items()}))
            (partial / _METADATA).write_bytes(json.dumps({"format": _FORMAT} | state.metadata).encode())
        for other in _states(folder):
            if other.name < name:
                shutil.rmtree(other)
    return final


def latest_metadata(folder: Path) -> dict[str, Any] | None:
    """The metadata of the newest state in a folder, without its tensors; None where there is none that can be read."""
    states = _states(folder)
    try:
        metadata = json.loads((states[-1] / _METADATA).read_text(encoding="utf-8")) if states else None
    except (OSError, ValueError):  # said when the state is read
        return None
    return metadata if isinstance(metadata, dict) else None


def latest_state(folder: Path) -> State | None:
    """Read the newest state in a folder.

    Returns:
        The state; None where there is none.

    Raises:
        WeightsError: It is damaged, or of another version.
    """
    states = _states(folder)
    if not states:
        return None
    path = states[-1]
    try:
        metadata = json.loads((path / _METADATA).read_text(encoding="utf-8"))
        if metadata["format"] != _FORMAT:
            raise ValueError(f"format {metadata['format']}, and this version reads {_FORMAT}")
        return State(load_file(path / _TENSORS), metadata)
    except (OSError, ValueError, KeyError, TypeError, SafetensorError) as error:
        raise WeightsError(
            f"the training state {path} is damaged: {error}. Remove it to start from the beginning, or start from "
            "saved weights with --checkpoint and another --out."
        ) from error


def _states(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    return sorted(path for path in folder.iterdir() if not path.name.startswith(".") and (path / _METADATA).is_file())
