"""The time that a design has taken, over all of its sessions, and what was planned: plan.json in its folder."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from netwright.errors import OutputError, PopulationError
from netwright.system.atomic import write_text

__all__ = ["LEDGER", "Ledger"]

LEDGER = "plan.json"
_VERSION = 1
_MISSED = 0.05  # of the budget
_SAVE_SECONDS = 3.0  # how much a kill can hide of what was spent


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
        self._writing = threading.Lock()

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

    def has_time(self, seconds: float) -> bool:
        """Whether what can be left out, and takes so many seconds, still fits; the budget may be missed by a little."""
        return self.budget is None or (self.left > 0 and seconds <= self.left + _MISSED * self.budget)

    def choose(self, **choices: Any) -> None:
        """Remember what was planned."""
        self.choices.update(choices)
        self.save()

    @contextmanager
    def running(self) -> Iterator[None]:
        """Within it the time is remembered every few seconds, so that a kill hides little of it."""
        over = threading.Event()

        def remember() -> None:
            while not over.wait(_SAVE_SECONDS):
                with suppress(OutputError):  # a full disk is said by what has results to keep
                    self.save()

        thread = threading.Thread(target=remember, name="ledger", daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()
            with suppress(OutputError):
                self.save()

    def save(self) -> None:
        """Write it. OutputError where that is not possible."""
        with self._writing:
            content: dict[str, Any] = {"version": _VERSION, "budget": self.budget, "spent": round(self.spent, 3)}
            content |= {"choices": dict(self.choices), "facts": dict(self.facts)}
            text = json.dumps(content, indent=2)
            self._path.parent.mkdir(parents=True, exist_ok=True)
            write_text(self._path, text, what="the plan", elsewhere="another --out")
