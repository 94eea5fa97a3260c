"""The states of trials, in the words of other programs: Optuna's COMPLETE, Ray Tune's TERMINATED, SLURM's TIMEOUT."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from netwright.errors import StatsError
from netwright.stats.checks import BoolArray

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["FAILURES", "TrialStates", "trial_states"]

# our word -> theirs, in lower case
_WORDS = {
    "done": ("complete", "completed", "done", "finished", "ok", "passed", "succeeded", "success", "terminated"),
    "failed": ("crashed", "diverged", "early_stopped", "error", "errored", "fail", "failed", "failure", "pruned"),
    "running": ("in_progress", "running", "started"),
    "waiting": ("created", "not_started", "paused", "pending", "queued", "scheduled", "submitted", "waiting"),
}
# failures that say nothing about the network
_MACHINE = ("aborted", "cancelled", "canceled", "killed", "node_fail", "oom", "out_of_memory", "preempted")
_STATE_OF = {word: state for state, words in _WORDS.items() for word in words} | dict.fromkeys(_MACHINE, "failed")
FAILURES = frozenset(_WORDS["failed"])  # words for networks that failed
_COLUMNS = ("state", "status", "trial_state", "trial_status")


@dataclass(frozen=True, slots=True, eq=False)
class TrialStates:
    """The states of a table.

    Attributes:
        column: Where they are.
        states: (rows,) words: done, failed, running or waiting; an empty cell is waiting, since nothing is known of it.
        machine: (rows,) bool, the failed trials that the machine failed.
        words: (rows,) as the table has them.
    """

    column: str
    states: npt.NDArray[np.str_]
    machine: BoolArray
    words: npt.NDArray[Any]

    @property
    def done(self) -> BoolArray:
        """(rows,) bool, the finished ones."""
        return np.asarray(self.states == "done")

    def counts(self) -> str:
        """`3 COMPLETE, 2 FAIL`."""
        return ", ".join(f"{count} {word or 'empty'}" for word, count in Counter(self.words.tolist()).most_common())

    def notices(self) -> tuple[str, ...]:
        """What was understood, where the words are not ours."""
        meant: dict[str, str] = {}
        for word, state, by_machine in zip(self.words, self.states, self.machine, strict=True):
            if str(word) != state:
                meant[str(word)] = "failed by the machine, which is no result" if by_machine else str(state)
        if not meant:
            return ()
        read = ", ".join(f"{word or 'an empty cell'} is {state}" for word, state in meant.items())
        pruned = " A pruned trial counts as one that failed." if any("prune" in word.lower() for word in meant) else ""
        return (f"states in '{self.column}': {read}.{pruned}",)


def trial_states(frame: pd.DataFrame) -> TrialStates | None:
    """The states of a table's rows, None where it has no column of states.

    Raises:
        StatsError: A column called "state" has words that are not known. One called "status" may mean anything else.
    """
    for name in _COLUMNS:
        column = next((c for c in frame.columns if str(c).lower() == name), None)
        if column is None:
            continue
        words = np.array(["" if word is None or word != word else str(word) for word in frame[column]], dtype=object)
        plain = [_plain(word) for word in words]
        unknown = sorted({str(word) for word, key in zip(words, plain, strict=True) if key and key not in _STATE_OF})
        if unknown and name != "state":
            continue
        if unknown:
            known = "; ".join(f"{state}: {', '.join(each)}" for state, each in _WORDS.items())
            raise StatsError(
                f"'{column}' must hold states of trials, and {', '.join(map(repr, unknown[:5]))} is not known. These "
                f"are, in upper case too: {known}; failed by the machine: {', '.join(_MACHINE)}. Rename the states, or "
                f"the column where it is something else (--ignore {column} reads the table without it)."
            )
        states = np.array([_STATE_OF.get(key, "waiting") for key in plain], dtype=np.str_)
        return TrialStates(str(column), states, np.isin(plain, _MACHINE), words)
    return None


def _plain(word: str) -> str:
    """`TrialState.COMPLETE` and `Complete ` are both `complete`."""
    return word.strip().rsplit(".", 1)[-1].lower().replace(" ", "_").replace("-", "_")
