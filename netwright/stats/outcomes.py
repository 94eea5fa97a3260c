"""What each trial of a population came to: an error, a failure that counts as one, or nothing that can be known."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from netwright.stats.checks import BoolArray, FloatArray

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["WORST", "Outcomes", "outcomes"]

WORST = 100.0  # percent: the error of a network that never learned anything


@dataclass(frozen=True, slots=True, eq=False)
class Outcomes:
    """The trials of a table, sorted by what they tell about their space.

    Attributes:
        rows: (trials,) bool, the rows that count: networks with an error, and networks that failed.
        errors: (n,) of these rows; of a failed network it is `worst`.
        failed: (n,) bool, which of them failed.
        worst: What a failure counts as: 100%, or the highest error of the table where that is higher. No error is
            above it, so by rank a failure is behind all others.
        lost: Number of trials that the machine failed (out of memory, killed, a full disk): nothing is known of them.
        unfinished: Number of trials that wait or run.
        pruned: Number of trials that were ended early because others did better. They have no error of the last epoch,
            so no figure has them, and the figures are of networks that are better than the others of their space.
    """

    rows: BoolArray
    errors: FloatArray
    failed: BoolArray
    worst: float
    lost: int
    unfinished: int
    pruned: int = 0

    @property
    def n_failed(self) -> int:
        """Number of networks that failed."""
        return int(self.failed.sum())

    @property
    def survivors(self) -> FloatArray:
        """(n - n_failed,) errors of the networks that did not fail: the conditional view, to be labeled as such."""
        return self.errors[~self.failed]


def outcomes(frame: pd.DataFrame, error: str = "error") -> Outcomes:
    """Sort the trials of a table.

    A network that diverged, raised an error or has no finite error is a result: it counts as the worst one. Left out
    they would make a space look the better, the more of its networks fail.

    Args:
        frame: One row for each trial, with these columns where they exist: `state` (done, failed, waiting, running,
            pruned) and `failure` (of a failed trial: "network", or "machine" where it was not the network's fault).
            Without `state`, a row without a finite error is a network that failed.
        error: The column of errors, in percent.
    """
    values = frame[error].to_numpy(dtype=np.float64, na_value=np.nan)
    finite = np.isfinite(values)
    done = np.ones(len(frame), dtype=np.bool_)
    waiting, lost, pruned = ~done, ~done, ~done
    if "state" in frame.columns:
        state = frame["state"].astype(str).to_numpy()
        done = state == "done"
        waiting, pruned = np.isin(state, ("waiting", "running")), state == "pruned"
    if "failure" in frame.columns:
        lost = ~done & ~waiting & ~pruned & (frame["failure"].astype(str).to_numpy() == "machine")
    rows = ~waiting & ~lost & ~pruned
    failed = rows & ~(done & finite)
    worst = max(WORST, float(values[rows & ~failed].max(initial=WORST)))
    errors = np.where(failed, worst, values)[rows]
    counts = {"lost": int(lost.sum()), "unfinished": int(waiting.sum()), "pruned": int(pruned.sum())}
    return Outcomes(rows, errors, failed[rows], worst, **counts)
