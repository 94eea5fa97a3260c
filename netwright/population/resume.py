"""Whether a population may be resumed with what is given."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping, Sequence
from typing import Any

from netwright.arch import Arch
from netwright.population.trials import trial_seed
from netwright.system.diff import difference

__all__ = ["unlike_identity", "unlike_trials"]


def unlike_identity(stored: Mapping[str, Any], wanted: Mapping[str, Any]) -> list[str]:
    """What differs between identities, a line each."""
    return difference(_comparable(stored), _comparable(json.loads(json.dumps(wanted))))


def unlike_trials(
    db: sqlite3.Connection, archs: Sequence[Arch], seed: int, seeds: Sequence[int] | None, labels: Sequence[str] | None
) -> list[str]:
    """What differs in the first trial that is not as given; empty where none differs. seed: of the population."""
    stored = db.execute("SELECT arch, seed, label FROM trials ORDER BY trial LIMIT ?", (len(archs),))
    for index, (text, own_seed, label) in enumerate(stored):
        was = {"network": json.loads(text), "seed": own_seed, "label": label}
        wanted = {
            "network": archs[index].to_dict(),
            "seed": trial_seed(seed, index) if seeds is None else seeds[index],
            "label": "" if labels is None else labels[index],
        }
        if was != wanted:
            return difference(was, wanted, f"trial {index}")
    return []


def _comparable(identity: Mapping[str, Any]) -> dict[str, Any]:
    """Without the line of text about the space, on which no result depends."""
    space = identity.get("space")
    if not isinstance(space, Mapping):
        return dict(identity)
    return dict(identity) | {"space": {key: value for key, value in space.items() if key != "summary"}}
