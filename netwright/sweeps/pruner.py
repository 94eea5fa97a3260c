"""What decides while trials are trained which of them end early."""

from __future__ import annotations

from typing import Protocol

__all__ = ["TrialPruner"]


class TrialPruner(Protocol):
    """Sees the errors of all epochs of all trials of a sweep, in the order in which they come."""

    def should_stop(self, index: int, epoch: int, error: float) -> bool:
        """Whether a trial ends after this epoch.

        Args:
            index: Of the trial.
            epoch: 1, 2, ...; never the last one.
            error: Percent, of the validation split.
        """

    def finished(self, index: int, state: str, error: float | None) -> None:
        """A trial has ended. state: done, failed or pruned; error: of a trial that is done."""
