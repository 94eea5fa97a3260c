"""A design that goes on by the name of its folder: what it was given is kept there."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from netwright.errors import PopulationError, RecipeError
from netwright.options import read_duration
from netwright.system.atomic import write_text
from netwright.workflow.ledger import LEDGER, Ledger

__all__ = ["OPTIONS", "keep_options", "kept_options"]

OPTIONS = "options.json"
_NOT_KEPT = ("out", "command", "workers", "retry_failed", "trial_timeout")  # of one session


def keep_options(folder: Path, options: Mapping[str, Any]) -> None:
    """Keep what a design was given by name, as far as JSON can hold it. OutputError where it cannot be written."""
    kept: dict[str, Any] = {}
    for name, value in options.items():
        if name in _NOT_KEPT or value is None:
            continue
        plain = value.to_dict() if hasattr(value, "to_dict") else str(value) if isinstance(value, Path) else value
        try:
            kept[name] = json.loads(json.dumps(plain))
        except TypeError:
            continue
    write_text(
        folder / OPTIONS, json.dumps(kept, indent=2), what="the options of the design", elsewhere="another --out"
    )


def kept_options(folder: str | Path, now: Mapping[str, Any]) -> dict[str, Any]:
    """What the design of a folder was given, with what is given now.

    A budget is added to that of a finished design; one that was interrupted has its own still.

    Args:
        folder: Of the design.
        now: Options by name.

    Raises:
        PopulationError: The folder is no design's, or is one of an earlier version.
        RecipeError: A budget that is no time.
    """
    from netwright.space import DesignSpace

    path = Path(folder) / OPTIONS
    try:
        kept = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        began = "was begun by an earlier version" if (Path(folder) / LEDGER).exists() else "has no design that goes on"
        raise PopulationError(
            f"{folder} {began}: there is no {OPTIONS} that can be read in it. Give the command of the design again, "
            "with its --out and a larger --budget, more --trials or --final_seeds."
        ) from error
    if isinstance(kept.get("space"), dict):
        kept["space"] = DesignSpace.from_dict(kept["space"])
    for name, value in kept.items():
        kept[name] = tuple(value) if isinstance(value, list) else value
    changed = {name: value for name, value in now.items() if value is not None}
    ledger = Ledger.open(Path(folder))
    if ledger is not None and ledger.budget is not None and "budget" in changed:
        try:
            more = read_duration(changed.pop("budget"))
        except ValueError as error:
            raise RecipeError(f"budget: {error}. Correct 'budget'.") from error
        kept["budget"] = ledger.budget + more if ledger.facts.get("finished") else ledger.budget
    return {**kept, **changed, "out": str(folder)}
