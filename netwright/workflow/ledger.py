"""The time that a design has taken, over all of its sessions, and what was planned: plan.json in its folder."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from netwright.errors import PopulationError
from netwright.system.atomic import write_text

__all__ = ["LEDGER", "Ledger"]

LEDGER = "plan.json"
_VERSION = 1
_SAVE_SECONDS = 2.0  # how much a kill can hide of what was spent


class Ledger:
    """Seconds spent, options chosen and facts that the plan rests on. On disk, so that a killed design remembers them.

    Time between two sessions is not spent.

    Attributes:
        budget: Seconds in all; None where the plan has no limit.
        choices: Option of a design -> the value that was planned.
        facts: What the plan was made from.
    """

    def __init__(
        self,
        folder: Path,
        budget: float | None,
        choices: Mapping[str, Any],
        facts: Mapping[str, Any],
        spent: float = 0.0,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._path, self._now = folder / LEDGER, now
        self.budget, self.choices, self.facts = budget, dict(choices), dict(facts)
        self._before, self._began = spent, now()
        self._saved = float("-inf")

    @classmethod
    def open(cls, folder: Path) -> Ledger | None:
        """That of a design's folder; None where there is none. PopulationError where it is damaged."""
        path = folder / LEDGER
        if not path.exists():
            return None
        try:
            kept = json.loads(path.read_text(encoding="utf-8"))
            return cls(folder, kept["budget"], kept["choices"], kept["facts"], float(kept["spent"]))
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise PopulationError(
                f"the plan {path} cannot be read: {error}. Remove the file, and give the options that it had chosen."
            ) from error

    @property
    def spent(self) -> float:
        """Seconds, of this session and of those before."""
        return self._before + self._now() - self._began

    @property
    def left(self) -> float:
        """Seconds, below 0 where more was spent than the budget; infinity without one."""
        return float("inf") if self.budget is None else self.budget - self.spent

    def choose(self, **choices: Any) -> None:
        """Remember what was planned."""
        self.choices.update(choices)
        self.save()

    def tick(self) -> None:
        """Remember the time, now and then."""
        if self._now() - self._saved > _SAVE_SECONDS:
            self.save()

    def save(self) -> None:
        """Write it. OutputError where that is not possible."""
        self._saved = self._now()
        content: dict[str, Any] = {"version": _VERSION, "budget": self.budget, "spent": round(self.spent, 3)}
        content |= {"choices": self.choices, "facts": self.facts}
        self._path.parent.mkdir(parents=True, exist_ok=True)
        write_text(self._path, json.dumps(content, indent=2), what="the plan", elsewhere="another --out")
