"""Of which trials of a sweep the states are kept: the best, and only as long as they are that."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["KeptStates"]


class KeptStates:
    """The states of the best trials; of the others they are removed as soon as it is known that they are not.

    Args:
        path: Index of a trial -> its file.
        most: How many stay.
        frame: The population.
    """

    def __init__(self, path: Callable[[int], Path], most: int, frame: pd.DataFrame) -> None:
        done = frame[frame["state"] == "done"]
        self._path, self._most = path, most
        self._errors = {int(at): float(error) for at, error in zip(done["trial"], done["error"], strict=True)}

    def done(self, index: int, error: float) -> None:
        """A trial is done."""
        self._errors[index] = error
        order = sorted(self._errors, key=lambda at: (self._errors[at], at))
        for late in order[self._most :]:
            with suppress(OSError):  # it only takes room
                self._path(late).unlink(missing_ok=True)
