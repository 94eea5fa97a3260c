"""Trials that others trained, as rows of a population's file."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from netwright.arch import Arch
from netwright.population.repeats import insert_repeats

__all__ = ["ImportedTrial", "insert_imported"]


@dataclass(frozen=True, slots=True)
class ImportedTrial:
    """A trial of somebody else's table, with what is known of it.

    Attributes:
        index: Its place in the population.
        state: "done", "failed", "waiting" or "running".
        error: Percent; None where it has none.
        reason: Why it failed.
        failure: Whose fault that is, "network" or "machine".
        flops: Multiply-adds, None where it is unknown; likewise the others of its costs.
        params: Trainable parameters.
        acts: Activations.
        seconds: Of training.
        seed: Its own.
        attempts: Trainings begun.
        label: What the table calls it.
        parameters: Name -> value, a number, a word or a truth.
        extra: What else the table has, as JSON can hold it.
        curve: One record for each epoch.
        arch: The network.
        repeats: Trainings of its network with other seeds, as a copy has them.
    """

    index: int
    state: str
    error: float | None = None
    reason: str | None = None
    failure: str | None = None
    flops: int | None = None
    params: int | None = None
    acts: int | None = None
    seconds: float | None = None
    seed: int | None = None
    attempts: int = 0
    label: str = ""
    parameters: Mapping[str, Any] = field(default_factory=dict)
    extra: Mapping[str, Any] = field(default_factory=dict)
    curve: Sequence[Any] = ()
    arch: Arch | None = None
    repeats: Sequence[Mapping[str, Any]] = ()


_PLAIN = (*("state", "error", "reason", "failure", "flops", "params", "acts", "seconds", "seed", "attempts", "label"),)


def insert_imported(db: sqlite3.Connection, trials: Sequence[ImportedTrial]) -> None:
    """Their rows, in a file that `make_tables(db, imported=True)` made."""
    columns = ("trial", *_PLAIN, "parameters", "extra", "curve", "arch")
    rows = [
        (
            trial.index,
            *(getattr(trial, name) for name in _PLAIN),
            json.dumps(dict(trial.parameters)),
            json.dumps(dict(trial.extra)),
            json.dumps(list(trial.curve)),
            None if trial.arch is None else trial.arch.to_json(),
        )
        for trial in trials
    ]
    db.executemany(f"INSERT INTO trials ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})", rows)
    if repeats := {trial.index: trial.repeats for trial in trials if trial.repeats}:
        insert_repeats(db, repeats)
