"""A trial of a population, and its row in the file."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from netwright.arch import Arch, ArchBatch, complexity

__all__ = ["Networks", "Trial", "insert_trials", "trial_seed"]

Networks = ArchBatch | Sequence[Arch]
_AT_ONCE = 2000  # rows


@dataclass(frozen=True, slots=True)
class Trial:
    """A network to be trained.

    Attributes:
        index: Its place in the population.
        arch: The network.
        seed: Its own.
        attempts: Trainings begun, less those that ended because the whole program did.
        label: What the population calls it; empty in a sweep.
        parameters: What was drawn for it: column of the space -> value.
    """

    index: int
    arch: Arch
    seed: int
    attempts: int = 0
    label: str = ""
    parameters: Mapping[str, Any] = field(default_factory=dict)


def trial_seed(seed: int, index: int, repeat: int = 0) -> int:
    """A trial's seed: from the population's seed and its index alone, so that workers and order do not matter.

    Args:
        seed: Of the population.
        index: Of the trial.
        repeat: 0 for the trial itself, 1, 2, ... for the repeats of it.
    """
    return int(np.random.SeedSequence([seed, index, repeat] if repeat else [seed, index]).generate_state(1)[0])


def insert_trials(
    db: sqlite3.Connection,
    start: int,
    networks: Networks,
    seed: int,
    seeds: Sequence[int] | None,
    labels: Sequence[str] | None,
) -> None:
    """Rows of the trials from `start` on, all of which wait. A few of them are in memory at a time."""
    for first in range(start, len(networks), _AT_ONCE):
        some = networks[first : first + _AT_ONCE]
        costs, parameters = _costs(some), _parameters(some)
        rows = []
        for place, arch in enumerate(some):
            index = first + place
            rows.append(
                (
                    index,
                    *costs[place],
                    trial_seed(seed, index) if seeds is None else seeds[index],
                    json.dumps(parameters[place]),
                    arch.to_json(),
                    "" if labels is None else labels[index],
                )
            )
        db.executemany(
            "INSERT INTO trials (trial, flops, params, acts, seed, parameters, arch, label) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            rows,
        )


def _costs(networks: Networks) -> list[tuple[int, int, int]]:
    """flops, params, acts of each network."""
    if isinstance(networks, ArchBatch):
        cost = complexity(networks)
        return list(zip(cost.flops.tolist(), cost.params.tolist(), cost.acts.tolist(), strict=True))
    each = [complexity(arch) for arch in networks]
    return [(int(cost.flops[0]), int(cost.params[0]), int(cost.acts[0])) for cost in each]


def _parameters(networks: Networks) -> list[dict[str, Any]]:
    """What was drawn for each network; whole numbers as such."""
    columns = networks.parameters if isinstance(networks, ArchBatch) else {}
    rows: list[dict[str, Any]] = [{} for _ in range(len(networks))]
    for name, values in columns.items():
        for row, value in zip(rows, np.asarray(values).tolist(), strict=True):
            if value != value or value == "":  # a parameter that only other networks have
                continue
            row[name] = value if isinstance(value, str) else int(value) if float(value).is_integer() else float(value)
    return rows
