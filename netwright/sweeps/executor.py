"""What an engine that trains trials does: takes jobs, gives events. `local` is one; others keep the same promises."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["Event", "Executor", "Job"]


@dataclass(frozen=True, slots=True)
class Job:
    """One training, as plain values that cross to another process.

    arch, recipe: as their `to_dict` gives them; the recipe is resolved. split: "validation" trains on the training
    images and evaluates after every epoch; "test" trains on training and validation images and evaluates once, at
    the end. weights: where to write the trained weights (safetensors), or None.
    """

    index: int
    arch: Mapping[str, Any]
    recipe: Mapping[str, Any]
    seed: int
    split: str = "validation"
    weights: str | None = None


@dataclass(frozen=True, slots=True)
class Event:
    """What became of a job.

    kind: "began" | "epoch" (values: one record) | "done" (values: error, seconds, curve) | "failed" (values: reason,
    curve) | "unsaved" (values: reason): trained, but its weights could not be written | "lost" (values: reason): the
    worker died under it, by no fault that the job told of.
    """

    kind: str
    index: int
    values: Mapping[str, Any]


class Executor(ABC):
    """Use it in a with statement: whatever it started ends with it."""

    @abstractmethod
    def run(self, jobs: Iterable[Job]) -> Iterator[Event]:
        """Events of all jobs, as they happen; each job ends in exactly one of done, failed, unsaved or lost.

        A job put back by `again` is run once more. Closing the iterator ends what is running. Raises PopulationError
        when no worker can be started.
        """

    @abstractmethod
    def again(self, job: Job) -> None:
        """Run a lost job once more, before the iterator ends."""

    @abstractmethod
    def close(self) -> None:
        """End every worker."""

    def __enter__(self) -> Executor:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
