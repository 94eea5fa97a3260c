"""The state that a training goes on from: a folder that is there whole or not at all. No pickle."""

from __future__ import annotations

import errno
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import Tensor

from netwright.errors import OutputError, WeightsError

__all__ = ["State", "explain_write", "latest_state", "save_state", "write_whole"]

_FORMAT = 1
_TENSORS, _PLAIN = "tensors.safetensors", "state.json"
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@dataclass(frozen=True, slots=True)
class State:
    """tensors: name -> value, on the CPU. plain: what JSON can hold; floats keep every digit in it."""

    tensors: dict[str, Tensor]
    plain: dict[str, Any]


def save_state(folder: Path, name: str, state: State) -> Path:
    """Write folder/name, then remove older states: at each moment one is whole. Names sort by age.

    Raises OutputError where there is no room; an older state is then still there.
    """
    final, partial = folder / name, folder / f".{name}.{os.getpid()}.partial"
    if (final / _PLAIN).is_file():
        return final  # the same moment of the same training
    with explain_write(folder):
        folder.mkdir(parents=True, exist_ok=True)
        for rest in folder.glob(".*.partial"):  # of a killed process: one at a time trains here
            shutil.rmtree(rest)
        try:
            partial.mkdir()
            _write(partial / _TENSORS, save({key: _plain_copy(value) for key, value in state.tensors.items()}))
            _write(partial / _PLAIN, json.dumps({"format": _FORMAT} | state.plain).encode())
            os.rename(partial, final)
            _sync(folder)
        except BaseException:
            shutil.rmtree(partial, ignore_errors=True)
            raise
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


def write_whole(path: Path, content: bytes) -> None:
    """Write a file, or leave the old one as it was."""
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    with explain_write(path.parent):
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            _write(partial, content)
            os.replace(partial, path)
        finally:
            partial.unlink(missing_ok=True)


@contextmanager
def explain_write(folder: Path) -> Iterator[None]:
    """OSErrors of writing -> OutputError, with the room that is left."""
    try:
        yield
    except OSError as error:
        cure = "Choose another --out."
        if error.errno in _FULL:
            there = next(place for place in (folder, *folder.absolute().parents) if place.is_dir())
            cure = f"{shutil.disk_usage(there).free:,} bytes are free there. Free some, or choose another --out."
        raise OutputError(
            f"a training writes to its folder, and {folder} cannot be written: {error}. {cure}"
        ) from error


def _states(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    return sorted(path for path in folder.iterdir() if not path.name.startswith(".") and (path / _PLAIN).is_file())


def _plain_copy(value: Tensor) -> Tensor:
    """On the CPU and contiguous, which safetensors want; shared with nothing."""
    return value.detach().to("cpu", copy=True).contiguous(memory_format=torch.contiguous_format)


def _write(path: Path, content: bytes) -> None:
    with open(path, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _sync(folder: Path) -> None:
    """The new name survives a loss of power, where the system lets folders be synced."""
    if hasattr(os, "O_DIRECTORY"):
        handle = os.open(folder, os.O_DIRECTORY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
