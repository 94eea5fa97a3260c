"""A population as a report sees it: its trials, which of them count, and how they were trained."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from netwright.arch import e_fit_of
from netwright.report.provenance import Provenance
from netwright.report.text import count

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pandas as pd

    from netwright.stats import Outcomes

__all__ = ["SURVIVORS", "PopulationView", "distinct", "on_one_scale"]

SURVIVORS = "networks that did not fail"


@dataclass(frozen=True)
class PopulationView:
    """A population as a report sees it.

    Attributes:
        name: Short name, used in sentences and legends.
        frame: One row for each trial. Only the column `error` (percent) is required. These are used where they exist:
            trial, state (waiting, running, done, failed), reason, failure ("network" or "machine"), flops, params,
            acts, seconds, seed, the parameters, arch (JSON), e_fit, and curve (dicts with epoch and error).
        title: Longer name, for headings.
        parameters: The columns of the parameters that were sampled.
        space: The design space as a dict.
        bounds: Parameter -> the smallest and the largest value that the space allows.
        size: Number of parameter combinations, 0 where it is unknown.
        rejections: How sampling went: the number of draws, of accepted networks, and of rejections by each constraint.
        categories: Parameter -> its words, in no order; the frame has 0 for the first of them, 1 for the second, ...
        notices: How a table was understood, in sentences: units, states, which columns are no parameters and why.
        provenance: How the networks were trained, None where nothing records it.
        survivors: Whether failed networks are left out (the conditional view, see `of_survivors`); else they count.
        worst: What a failed network counts as, percent; by default 100, or the highest error where that is higher.
        repeats: Trainings of some of these networks with other seeds, None where there are none: `network` is the
            trial, and `repeat`, `state`, `failure` and `error` are those of the training. Networks count once.
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
    provenance: Provenance | None = None
    survivors: bool = False
    worst: float | None = None
    repeats: pd.DataFrame | None = None

    @property
    def heading(self) -> str:
        return self.title or self.name

    def of_survivors(self) -> PopulationView:
        """The same population without the networks that failed. Its name says so, in every title and sentence."""
        if self.survivors:
            return self
        title = f"{self.title} ({SURVIVORS})" if self.title else ""
        return replace(self, name=f"{self.name} ({SURVIVORS})", title=title, survivors=True)

    @cached_property
    def trials(self) -> pd.DataFrame:
        """The frame with trial, state, reason and e_fit filled in where they are missing; an error is finite or NaN."""
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
        if "arch" in frame and "e_fit" not in frame:
            frame["e_fit"] = e_fit_of(frame["arch"])
        return frame

    @cached_property
    def outcomes(self) -> Outcomes:
        """What each trial came to: which count, which of these failed, how many are not known."""
        from netwright.stats import outcomes

        return outcomes(self.trials)

    @cached_property
    def failures(self) -> pd.DataFrame:
        """The trials that failed, by the network's fault or the machine's."""
        trials = self.trials
        is_done = (trials["state"] == "done") & trials["error"].notna()
        return trials[~is_done & ~trials["state"].isin(("waiting", "running", "pruned"))]

    @cached_property
    def done(self) -> pd.DataFrame:
        """The trials with an error, lowest error first."""
        trials = self.trials
        done = trials[(trials["state"] == "done") & trials["error"].notna()]
        return done.sort_values(["error", "trial"], kind="stable").reset_index(drop=True)

    @cached_property
    def counted(self) -> pd.DataFrame:
        """The networks that the statistics are of: `done`, and behind these the failed ones with the worst error.

        The first len(done) rows did not fail. Of `survivors`, these are all.
        """
        found = self.outcomes
        if self.survivors or not found.n_failed:
            return self.done
        import numpy as np

        rows = self.trials[found.rows].assign(error=np.where(found.failed, self.failure_error, found.errors))
        return rows.iloc[np.lexsort((rows["trial"], rows["error"], found.failed))].reset_index(drop=True)

    @cached_property
    def errors(self) -> npt.NDArray[np.float64]:
        """(n,) of the networks that count, ascending; of a failed one it is the worst."""
        import numpy as np

        return self.counted["error"].to_numpy(np.float64)

    @property
    def n_failed(self) -> int:
        """How many of the networks that count failed; 0 of `survivors`."""
        return len(self.counted) - len(self.done)

    @property
    def failure_error(self) -> float:
        """Percent: what a failed network counts as."""
        return max(self.outcomes.worst, self.worst or 0.0)

    def tally(self) -> str:
        """What became of the trials: `88 of 100 trials done, 9 failed (they count as errors of 100%), ...`."""
        found = self.outcomes
        parts = [f"{len(self.done):,} of {count(len(self.trials), 'trial')} done"]
        if found.n_failed:
            counts = f"they count as errors of {self.failure_error:g}%, behind all others"
            parts.append(f"{found.n_failed:,} failed ({'they are left out' if self.survivors else counts})")
        if found.lost:
            parts.append(f"{found.lost:,} failed by the machine (nothing is known of these networks)")
        if found.unfinished:
            parts.append(f"{found.unfinished:,} not finished (in no figure)")
        if found.pruned:
            parts.append(f"{found.pruned:,} pruned (in no figure: the others are the better ones)")
        return ", ".join(parts)

    def legend(self) -> str:
        """The papers' legend, with the failures: `[100 | 31.0 | 44.2 | 12 failed]`."""
        from netwright.stats import edf

        return edf(self.errors).legend(self.n_failed)


def distinct(views: Sequence[PopulationView]) -> tuple[PopulationView, ...]:
    """The same populations, no two of one name."""
    seen: Counter[str] = Counter()
    named = []
    for view in views:
        seen[view.name] += 1
        times = seen[view.name]
        named.append(view if times == 1 else replace(view, name=f"{view.name} ({times})"))
    return tuple(named)


def on_one_scale(views: Sequence[PopulationView]) -> tuple[PopulationView, ...]:
    """The same populations, in all of which a failed network counts as the same error, behind every other one."""
    worst = max((view.outcomes.worst for view in views), default=0.0)
    return tuple(view if view.outcomes.worst == worst else replace(view, worst=worst) for view in views)
