"""The list of what there is: a line for each population, whatever state it is in, and for each training."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from netwright.population import STATES, mark_of
from netwright.population.snapshot import Mark
from netwright.studio.columns import described
from netwright.studio.commands import place_of, words_of_run
from netwright.studio.entries import Entry
from netwright.studio.errors import StudioError
from netwright.studio.populations import KINDS, Populations
from netwright.studio.steering import now

__all__ = ["Overview", "curve_of"]

_MOST_EPOCHS = 2000
_INTERVAL = "top1_interval"


class Overview:
    """Lines of the list, each kept until its file changes."""

    def __init__(self, populations: Populations, jobs: Callable[[], list[dict[str, Any]]]) -> None:
        self._jobs = jobs
        self._populations = populations
        self._lines: dict[str, tuple[Mark, dict[str, Any]]] = {}
        self._lock = threading.Lock()

    def populations(self) -> list[dict[str, Any]]:
        """A dict for each population and table, the latest first; one that cannot be read has `problem`."""
        entries = [each for each in self._populations.entries.all().values() if each.kind in KINDS]
        jobs = {job["id"]: job for job in self._jobs()}
        lines = [self._line(entry) | now(entry) | {"job": jobs.get(entry.id)} for entry in entries]
        known = self._populations.entries.all()
        lines += [_begun(job) for job in jobs.values() if job["is_sweep"] and job["id"] not in known]
        return sorted(lines, key=lambda each: -each["changed"])

    def trainings(self) -> list[dict[str, Any]]:
        """A dict for each run of `netwright train` and `netwright validate`, the latest first."""
        entries = [each for each in self._populations.entries.all().values() if each.kind not in KINDS]
        return sorted((_training(entry) for entry in entries), key=lambda each: -each["changed"])

    def _line(self, entry: Entry) -> dict[str, Any]:
        mark = mark_of(entry.path)
        with self._lock:
            kept = self._lines.get(entry.id)
        if kept is not None and kept[0] == mark:
            return kept[1]
        line: dict[str, Any] = {"id": entry.id, "kind": entry.kind, "changed": mark[0] / 1e9 if mark else 0.0}
        line |= {"place": place_of(entry)}
        try:
            opened = self._populations.open(entry.id)
            line |= {"space": opened.space, **described(opened)}
        except StudioError as problem:
            line |= {"problem": str(problem)}
        with self._lock:
            self._lines[entry.id] = (mark, line)
        return line


def _begun(job: dict[str, Any]) -> dict[str, Any]:
    """A line for a program that has made no population yet."""
    counts = dict.fromkeys(STATES, 0)
    known = {"counts": counts, "n": 0, "best": None, "mean": None, "seconds": None, "space": "", "process": None}
    known |= {"told": "running", "is_shared": False, "workers": 0, "place": ""}
    return {"id": job["id"], "kind": "job", "changed": job["began"], **known, "job": job}


def _training(entry: Entry) -> dict[str, Any]:
    line: dict[str, Any] = {"id": entry.id, "kind": entry.kind, "changed": _changed(entry.path)}
    line |= {"place": place_of(entry), "command": words_of_run(entry.folder)}
    try:
        if entry.kind == "validation":
            return line | {"metrics": _metrics(entry.path)}
        records = curve_of(entry.path)
    except (OSError, ValueError, RecursionError) as error:
        return line | {"problem": f"{entry.path.name} cannot be read: {error}"}
    errors = [each["error"] for each in records if each.get("error") is not None]
    return line | {"epochs": len(records), "error": errors[-1] if errors else None, "best": min(errors, default=None)}


def curve_of(path: Path) -> list[dict[str, Any]]:
    """The epochs of a training: epoch, loss, lr, train_error, and error on the validation images (percent).

    Raises:
        OSError, ValueError: The file cannot be read.
    """
    records = []
    for line in path.read_text(encoding="utf-8").splitlines()[:_MOST_EPOCHS]:
        try:
            record = json.loads(line)
        except ValueError:
            continue  # its last line is being written
        judged = record.get("validation") or {}
        accuracy = judged.get("top1")
        records.append(
            {name: record.get(name) for name in ("epoch", "loss", "lr", "train_error")}
            | {"error": None if accuracy is None else 100 - accuracy}
        )
    return records


def _metrics(path: Path) -> dict[str, Any]:
    found = json.loads(path.read_text(encoding="utf-8"))
    return {name: value for name, value in found.items() if isinstance(value, int | float | str) or name == _INTERVAL}


def _changed(path: Path) -> float:
    mark = mark_of(path)
    return mark[0] / 1e9 if mark else 0.0
