"""What an engine that trains trials does: takes trials, gives events. `local` has one; others keep the same contract.

`netwright.testing.ExecutorContract` has the tests that every executor must pass.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from netwright.errors import RecipeError

__all__ = ["ENDS", "OUT_OF_MEMORY", "WOKEN", "Executor", "TrialEvent", "TrialSpec"]

OUT_OF_MEMORY = "out of memory"  # how the reason of a trial begins whose memory ran out
ENDS = ("done", "failed", "pruned", "unsaved", "lost")  # kinds of events after which nothing of a trial comes
WOKEN = "woken"  # the kind of event that `Executor.wake` makes; it is of no trial


@dataclass(frozen=True, slots=True)
class TrialSpec:
    """One training, as values that JSON can hold and that cross to another process.

    Attributes:
        index: Of the trial in its population; events carry it.
        arch: The network, as `Arch.to_dict` gives it.
        recipe: As `Recipe.to_dict` gives it, resolved: nothing is "auto".
        seed: Of the initial weights, the order of images and their augmentation.
        split: "validation" trains on the training images and evaluates after every epoch; "test" trains on training and
            validation images and evaluates once, at the end.
        weights: Where to write the trained weights (safetensors), or None.
        timeout: Seconds from its beginning until its executor ends it, whatever it does, or None.
        start: The state of a trial of fewer epochs, from which this one goes on (the epochs of the recipe are all of
            them together), or None. An executor that cannot read it, or knows nothing of it, starts anew.
        state: Where to keep its own state at its end, or None.
        fold: (k, folds): it trains on all training and validation images but the k-th of so many parts, from 0 on, and
            is evaluated on that part; None for the splits as they are.
        prunable: After each epoch but the last it waits for `Executor.answer`.
    """

    index: int
    arch: Mapping[str, Any]
    recipe: Mapping[str, Any]
    seed: int
    split: str = "validation"
    weights: str | None = None
    timeout: float | None = None
    start: str | None = None
    state: str | None = None
    fold: tuple[int, int] | None = None
    prunable: bool = False

    @property
    def timeout_reason(self) -> str:
        """Why a trial failed that was ended after `timeout` seconds."""
        return f"no result within {self.timeout:g} s (--trial_timeout)"


@dataclass(frozen=True, slots=True)
class TrialEvent:
    """Something that happened to a trial.

    Attributes:
        kind: One of

            - "began": a worker has it;
            - "epoch": an epoch is over; values: one record of `netwright.sweeps.trial.Epoch`;
            - "done": values: error (percent), seconds, curve (the records of all epochs);
            - "failed"; values: reason (one line), curve, and failure, whose fault it is: "network", or "machine" where
              memory ran out, there was no result within `TrialSpec.timeout`, or a device broke down. Where failure is
              left out, `failure_of` in `netwright.population` reads it from the reason; of any other reason it is
              the network's;
            - "pruned": `Executor.answer` ended it; values: reason, seconds, curve;
            - "unsaved": trained, but its weights could not be written; values: reason;
            - "lost": its worker died for no reason that the trial gave; values: reason, and vanished: True where its
              whole machine did. The machine's fault;
            - "woken": of no trial: somebody called `wake`.
        index: Of the trial; -1 for none.
        values: As JSON can hold them.
    """

    kind: str
    index: int
    values: Mapping[str, Any]


class Executor(ABC):
    """Trains trials. Use it in a with statement: everything that it started ends with it.

    `run`, `retry` and `close` are what an executor needs. With `slots`, `add` and `wake` a sweep can be paused,
    extended and shared with other machines while it runs: it then gives the executor no more trials than are trained
    at once.
    """

    @property
    def slots(self) -> int | None:
        """How many trials are trained at a time now; None: not known, so that it is given all trials at once."""
        return None

    @abstractmethod
    def run(self, trials: Iterable[TrialSpec]) -> Iterator[TrialEvent]:
        """Train the trials.

        A trial that was passed to `retry` is trained once more. Closing the iterator ends what is running and forgets
        what waits.

        Args:
            trials: What to train, in any order.

        Yields:
            What happens, as it happens. Each trial ends in exactly one of done, failed, pruned, unsaved and lost.

        Raises:
            PopulationError: No worker can be started.
        """

    @abstractmethod
    def retry(self, trial: TrialSpec) -> None:
        """Train a lost trial once more, before the iterator of `run` ends."""

    def add(self, trial: TrialSpec) -> None:
        """Train one more trial, before the iterator of `run` ends."""
        self.retry(trial)

    def wake(self) -> None:  # noqa: B027 - who cannot be woken does nothing
        """Have the iterator of `run` yield the event "woken" soon, where it runs. Any thread may call it."""

    def answer(self, index: int, *, stop: bool) -> None:
        """Say whether a prunable trial, whose epoch is over, ends there. Executors that cannot prune leave this out.

        Raises:
            RecipeError: This executor cannot prune.
        """
        raise RecipeError(f"{type(self).__name__} cannot prune trials. Leave out the pruner, or use local workers.")

    @abstractmethod
    def close(self) -> None:
        """End every worker."""

    def __enter__(self) -> Executor:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
