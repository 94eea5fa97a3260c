"""Trials given to an executor as it has room for them, so that a sweep can change while it runs."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

from netwright.sweeps.executor import ENDS, WOKEN, Executor, TrialEvent, TrialSpec

__all__ = ["feed"]


def feed(engine: Executor, take: Callable[[], TrialSpec | None], record: Callable[[TrialEvent], bool]) -> None:
    """Train what `take` gives, until it gives nothing and nothing is trained any more.

    Args:
        engine: Trains. One without `slots` is given all trials at once.
        take: Called whenever a trial could begin, and when somebody wakes the executor: the next trial, or None where
            there is none now.
        record: Called with each event of a trial: whether it is to be tried again, where it was lost.
    """
    held: dict[int, TrialSpec] = {}

    def taken() -> list[TrialSpec]:
        found = []
        while engine.slots is None or len(held) < engine.slots:
            trial = take()
            if trial is None:
                break
            held[trial.index] = trial
            found.append(trial)
        return found

    while first := taken():
        events = engine.run(first)
        try:
            for event in events:
                if event.kind != WOKEN and record(event):
                    engine.retry(held[event.index])
                elif event.kind in ENDS:
                    held.pop(event.index, None)
                for trial in taken():
                    engine.add(trial)
        finally:
            with suppress(AttributeError):  # an iterator that is no generator
                events.close()  # type: ignore[attr-defined]
        held.clear()  # what an executor never ended
