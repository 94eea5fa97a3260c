"""What a report is told: populations, what was concluded from them, the networks trained longer, and the facts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import pandas as pd

    from netwright.arch import Arch
    from netwright.stats import Comparison, Difference

__all__ = ["Contrast", "Finalist", "PopulationView", "RangeLike", "Story", "distinct"]


class RangeLike(Protocol):
    """A good range: netwright.stats.bootstrap gives one."""

    @property
    def low(self) -> float: ...
    @property
    def best(self) -> float: ...
    @property
    def high(self) -> float: ...


@dataclass(frozen=True)
class PopulationView:
    """A population as a report sees it. frame: a row a trial, of which only `error` (percent) must be there.

    Other columns that are used where they exist: trial, state (waiting, running, done, failed), reason, flops, params,
    acts, seconds, seed, the parameters, arch (JSON), curve (dicts with epoch and error).
    domains: the least and largest value of each parameter that the space allows.
    size: the number of parameter combinations; 0 where it is not known. account: how the sampling went, a count a line.
    """

    name: str
    frame: pd.DataFrame
    title: str = ""
    parameters: tuple[str, ...] = ()
    space: Mapping[str, Any] = field(default_factory=dict)
    domains: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    size: float = 0.0
    account: Mapping[str, int] = field(default_factory=dict)

    @property
    def heading(self) -> str:
        return self.title or self.name

    @cached_property
    def trials(self) -> pd.DataFrame:
        """The frame with trial, state and reason filled in where a plain table lacks them, only finite errors kept."""
        import numpy as np
        import pandas as pd

        frame = self.frame.reset_index(drop=True).copy()
        given = frame["error"] if "error" in frame else pd.Series(np.nan, index=frame.index)
        error = pd.to_numeric(given, errors="coerce").astype(float)
        frame["error"] = error.where(np.isfinite(error))
        if "trial" not in frame or not pd.api.types.is_integer_dtype(frame["trial"]):
            frame["trial"] = np.arange(len(frame))
        if "state" not in frame:
            frame["state"] = np.where(frame["error"].notna(), "done", "failed")
        if "reason" not in frame:
            frame["reason"] = None
        return frame

    @cached_property
    def done(self) -> pd.DataFrame:
        """The trials with an error, best first."""
        trials = self.trials
        done = trials[(trials["state"] == "done") & trials["error"].notna()]
        return done.sort_values(["error", "trial"], kind="stable").reset_index(drop=True)


@dataclass(frozen=True)
class Contrast:
    """The second population's errors against the first's; below 0 the second is better.

    is_refinement: the second is a fresh sample of the first's space refined, and no unrelated one.
    """

    ks: Comparison
    mean: Difference
    is_refinement: bool = True
    level: float = 0.05

    @classmethod
    def of(
        cls, before: PopulationView, after: PopulationView, *, is_refinement: bool = True, seed: int = 0
    ) -> Contrast | None:
        """The two tests; None where a population has no error to compare."""
        from netwright.stats import ks, permutation_test

        if before.done.empty or after.done.empty:
            return None
        old, new = before.done["error"].to_numpy(), after.done["error"].to_numpy()
        return cls(ks(new, old), permutation_test(new, old, seed=seed), is_refinement)

    @property
    def is_better(self) -> bool:
        return self.mean.difference < 0 and self.mean.p_value <= self.level

    @property
    def is_worse(self) -> bool:
        return self.mean.difference > 0 and self.mean.p_value <= self.level


@dataclass(frozen=True)
class Finalist:
    """A network trained longer: the pick, or a baseline of about the same cost. test_errors: percent, one a seed."""

    role: str
    name: str
    arch: Arch
    flops: int
    params: int
    acts: int
    test_errors: tuple[float, ...]
    seeds: tuple[int, ...] = ()
    curves: tuple[Sequence[Mapping[str, float]], ...] = ()
    note: str = ""
    test_images: int | None = None


@dataclass(frozen=True)
class Story:
    """All that a report tells. good_ranges come from the first population; facts are titled tables of strings."""

    title: str
    populations: tuple[PopulationView, ...]
    good_ranges: Mapping[str, RangeLike] = field(default_factory=dict)
    decisions: tuple[str, ...] = ()
    contrast: Contrast | None = None
    finalists: tuple[Finalist, ...] = ()
    facts: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


def distinct(story: Story) -> Story:
    """The story with a number added to a population's name that another has too, as of two sweeps of one space."""
    seen: Counter[str] = Counter()
    views = []
    for view in story.populations:
        seen[view.name] += 1
        again = seen[view.name]
        views.append(view if again == 1 else replace(view, name=f"{view.name} ({again})"))
    return replace(story, populations=tuple(views))
