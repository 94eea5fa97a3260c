"""Folders that hold what a command made: marked, so that the charts and pictures in them are never read as images."""

from __future__ import annotations

from collections.abc import Collection
from contextlib import suppress
from pathlib import Path

__all__ = ["MARKER", "OWN_FOLDERS", "is_run_folder", "mark_run_folder"]

MARKER = ".netwright-run"

# what a command makes inside its run folder
OWN_FOLDERS = frozenset({"cache", "figures", "final", "refined", "state", "tensorboard", "weights"})

# folders of versions that wrote no marker: one of these groups of names is in each
_KNOWN = (
    {"population.sqlite"},
    {"training.yaml"},
    {"report.html", "figures"},
    {"metrics.json", "per_class.csv"},
    {"network.yaml", "result.json"},
)
_TEXT = "This folder was made by netwright. Images in it are never trained on.\n"


def mark_run_folder(folder: Path) -> None:
    """Mark a folder as a run's, if nothing else is in it: a folder of photos that is chosen as --out stays readable."""
    with suppress(OSError):  # whoever writes the results next says why nothing can be written
        if not any(folder.iterdir()):
            (folder / MARKER).write_text(_TEXT, encoding="utf-8")


def is_run_folder(names: Collection[str]) -> bool:
    """Whether a folder is a run's. names: of the files and folders in it."""
    there = set(names)
    is_cache = any(name.startswith("images-") and name.endswith(".npy") for name in there)
    return MARKER in there or is_cache or any(group <= there for group in _KNOWN)
