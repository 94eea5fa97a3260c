"""What a report is made from: populations, what was concluded, the networks trained longer, and the facts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import pandas as pd

    from netwright.arch import Arch
    from netwright.stats import KsTest, PermutationTest

__all__ = ["Comparison", "Finalist", "PopulationView", "RangeLike", "ReportData", "with_distinct_names"]


class RangeLike(Protocol):
    """A good range, such as `netwright.stats.bootstrap` returns."""

    @property
    def low(self) -> float: ...
    @property
    def best(self) -> float: ...
    @property
    def high(self) -> float: ...


@dataclass(frozen=True)
class PopulationView:
    """A population as a report sees it.

    Attributes:
        name: Short name, used in sentences and legends.
        frame: One row for each trial. Only the column `error` (percent) is required. These are used where they exist:
            trial, state (waiting, running, done, failed), reason, flops, params, acts, seconds, seed, the parameters,
            arch (JSON), and curve (dicts with epoch and error).
        title: Longer name, for headings.
        parameters: The columns of the parameters that were sampled.
        space: The design space as a dict.
        bounds: Parameter -> the smallest and the largest value that the space allows.
        size: Number of parameter combinations, 0 where it is unknown.
        rejections: How sampling went: the number of draws, of accepted networks, and of rejections by each constraint.
        categories: Parameter -> its words, in no order; the frame has 0 for the first of them, 1 for the second, ...
        notices: How a table was understood, in sentences: units, states, which columns are no parameters and why.
    """

    name: str
    frame: pd.DataFrame
    title: str = ""
    parameters: tuple[str, ...] = ()
    space: Mapping[str, Any] = field(default_factory=dict)
    bounds: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    size: float = 0.0
    rejections: Mapping[str, int] = field(default_factory=dict)
    categories: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    notices: tuple[str, ...] = ()

    @property
    def heading(self) -> str:
        return self.title or self.name

    @cached_property
    def trials(self) -> pd.DataFrame:
        """The frame with trial, state and reason filled in where they are missing; an error is finite or NaN."""
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
        """The trials with an error, lowest error first."""
        trials = self.trials
        done = trials[(trials["state"] == "done") & trials["error"].notna()]
        return done.sort_values(["error", "trial"], kind="stable").reset_index(drop=True)


@dataclass(frozen=True)
class Comparison:
    """The errors of a second population against those of a first one; a negative difference: the second is better.

    Attributes:
        ks: The Kolmogorov-Smirnov test.
        mean: The permutation test of the means.
        is_refinement: Whether the second is a new sample of the first one's space, refined, and not an unrelated one.
        level: p-value at or below which a difference counts as shown.
    """

    ks: KsTest
    mean: PermutationTest
    is_refinement: bool = True
    level: float = 0.05

    @classmethod
    def of(
        cls, before: PopulationView, after: PopulationView, *, is_refinement: bool = True, seed: int = 0
    ) -> Comparison | None:
        """Run both tests; None where a population has no error to compare."""
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
    """A network that was trained longer: the pick, or a baseline of about the same cost.

    Attributes:
        role: "pick" or "baseline".
        flops: Multiply-adds of one image.
        params: Trainable parameters.
        acts: Activations: outputs of all convolutions, linear layers and pools.
        test_errors: Percent, one for each seed.
        seeds: In the order of `test_errors`.
        curves: For each seed, one record for each epoch.
        test_images: Size of the test split, None where it is unknown.
    """

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
class ReportData:
    """Everything that a report shows.

    Attributes:
        good_ranges: Parameter -> good range, from the first population.
        decisions: One sentence for each decision.
        comparison: Of the last population with the first one.
        facts: Title -> a table of strings.
    """

    title: str
    populations: tuple[PopulationView, ...]
    good_ranges: Mapping[str, RangeLike] = field(default_factory=dict)
    decisions: tuple[str, ...] = ()
    comparison: Comparison | None = None
    finalists: tuple[Finalist, ...] = ()
    facts: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


def with_distinct_names(data: ReportData) -> ReportData:
    """The same data, with a number added to each population name that is used before, as in two sweeps of one space."""
    seen: Counter[str] = Counter()
    views = []
    for view in data.populations:
        seen[view.name] += 1
        times = seen[view.name]
        views.append(view if times == 1 else replace(view, name=f"{view.name} ({times})"))
    return replace(data, populations=tuple(views))
