"""One population of several that were trained apart: on other machines, by other seeds, or as parts of one sample."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from netwright.errors import PopulationError
from netwright.population.making import make_file, refuse_taken
from netwright.population.provenance import KEY, merged_sessions
from netwright.population.resume import unlike_identity
from netwright.population.sessions import COLUMN as SESSION
from netwright.population.sessions import add_session_column
from netwright.population.store import Population

__all__ = ["Merged", "merge"]

_COLUMNS = (
    *("state", "reason", "failure", "error", "flops", "params", "acts", "seconds", "seed", "attempts"),
    *("parameters", "arch", "curve", "label", "started", "finished", SESSION),
)
_RANK = {"done": 0, "pruned": 1, "failed": 2, "running": 3, "waiting": 4}  # which of two trainings of one trial is kept


@dataclass
class Merged:
    """What a merge did.

    Attributes:
        folder: Of the merged population.
        counts: State -> number of trials.
        same: Trials that several had, each of which counts once.
        unlike: Of these, the ones that were done more than once with different errors: (trial, error, other error).
        notices: What a reader must know, in sentences.
    """

    folder: Path
    counts: dict[str, int] = field(default_factory=dict)
    same: int = 0
    unlike: list[tuple[int, float, float]] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)


def merge(runs: Sequence[str | Path], out: str | Path) -> Merged:
    """Make one population of several.

        netwright.merge(["runs/a", "runs/b"], "runs/all")

    A trial that several have (the same network with the same seed) counts once: a training that is done goes before one
    that failed, and that before one that waits. The networks, seeds and results stay as they are, and each trial keeps
    what trained it.

    Args:
        runs: Run folders or files, two or more; of one space, recipe, images and number of threads.
        out: A folder without a population.

    Raises:
        OutputError: The folder cannot be written.
        PopulationError: They differ in what results depend on (the message says in what), one has no networks, or the
            folder has a population.
    """
    if len(runs) < 2:
        raise PopulationError(f"a merge takes 2 populations or more, not {len(runs)}. Name them all.")
    out = Path(out)
    refuse_taken(out)
    result, sources = Merged(out), [_read(run) for run in runs]
    _refuse_unlike(runs, sources)
    rows = _rows(sources, result)
    first = sources[0]
    notes = dict(first["notes"]) | {"merged": [str(run) for run in runs]}
    if any(source["notes"].get(KEY) for source in sources):
        notes[KEY] = dict(next(s["notes"][KEY] for s in sources if s["notes"].get(KEY)))
        notes[KEY] |= {
            "sessions": _sessions(sources)[0],
            "unrecorded": sum(source["notes"].get(KEY, {}).get("unrecorded", 0) for source in sources),
        }

    def fill(db: sqlite3.Connection) -> None:
        add_session_column(db)
        marks = ", ".join("?" * (1 + len(_COLUMNS)))
        db.executemany(
            f"INSERT INTO trials (trial, {', '.join(_COLUMNS)}) VALUES ({marks})",
            [(index, *(row[name] for name in _COLUMNS)) for index, row in enumerate(rows)],
        )

    make_file(out, {"seed": first["seed"], "identity": first["identity"], "notes": notes}, fill)
    with Population.open(out) as population:
        result.counts = population.counts()
    return result


def _read(run: str | Path) -> dict[str, Any]:
    """seed, identity, notes, and a row for each trial."""
    with Population.open(run) as population:
        table = population._db.execute("SELECT * FROM trials ORDER BY trial")
        names = [each[0] for each in table.description]
        rows = [dict.fromkeys(_COLUMNS) | dict(zip(names, row, strict=True)) for row in table]
        if any(not row["arch"] for row in rows):
            raise PopulationError(
                f"{run} has trials without networks, as imported tables do, so nobody knows which are the same. Merge "
                "populations that netwright trained."
            )
        return {"seed": population.seed, "identity": population.identity, "notes": population.notes, "rows": rows}


def _refuse_unlike(runs: Sequence[str | Path], sources: Sequence[Mapping[str, Any]]) -> None:
    for run, source in zip(runs[1:], sources[1:], strict=True):
        if lines := unlike_identity(sources[0]["identity"], source["identity"]):
            raise PopulationError(
                f"{runs[0]} and {run} are populations of different things:\n  "
                + "\n  ".join(lines)
                + "\nOnly what was sampled and trained alike can be one population. `netwright compare` compares them."
            )


def _sessions(sources: Sequence[Mapping[str, Any]]) -> tuple[list[dict[str, Any]], list[list[int]]]:
    """All sessions, each once, and for each source the places of its own among them."""
    return merged_sessions([source["notes"].get(KEY, {}).get("sessions", ()) for source in sources])


def _rows(sources: Sequence[Mapping[str, Any]], result: Merged) -> list[dict[str, Any]]:
    """The trials of all, each once: those of the first, then what the second has more, and so on."""
    places = _sessions(sources)[1]
    found: dict[tuple[str, int], dict[str, Any]] = {}
    networks: dict[str, int] = {}
    again = 0
    for source, own in zip(sources, places, strict=True):
        seen: dict[str, int] = {}
        for row in source["rows"]:
            row = row | {SESSION: _place(row, own)}
            if row["state"] == "running":
                row |= {"state": "waiting", "attempts": max(0, row["attempts"] - 1)}
            network = json.dumps(json.loads(row["arch"]), sort_keys=True)
            key = network, row["seed"]
            seen[network] = seen.get(network, 0) + 1
            if key not in found:
                again += network in networks
                found[key] = row
                continue
            result.same += 1
            before = found[key]
            if before["state"] == row["state"] == "done" and before["error"] != row["error"]:
                result.unlike.append((list(found).index(key), before["error"], row["error"]))
            if _RANK[row["state"]] < _RANK[before["state"]]:
                found[key] = row
        networks |= seen
    _tell(result, again, len({source["seed"] for source in sources}))
    return list(found.values())


def _place(row: Mapping[str, Any], own: Sequence[int]) -> int | None:
    """Of the session that trained a trial, among those of all; where its file does not say, the only one there is."""
    if row[SESSION] is not None:
        return own[int(row[SESSION])]
    return own[0] if len(own) == 1 and row["state"] in ("done", "pruned", "failed") else None


def _tell(result: Merged, again: int, seeds: int) -> None:
    if result.unlike:
        trial, one, other = result.unlike[0]
        many = len(result.unlike)
        result.notices.append(
            f"{many} of {result.same} trials that several had ended with different errors, as on other processors "
            f"(trial {trial}: {one:.2f} and {other:.2f}); the first is kept"
        )
    if again:
        result.notices.append(
            f"{again} networks were drawn by several seeds, and count for each: they are independent trainings"
        )
    if seeds > 1:
        result.notices.append("samples of several seeds: to grow it, sweep another seed and merge again")
