"""`netwright plan`: how many networks a comparison needs, and what more of them buy, before anything is trained."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from netwright.errors import StatsError
from netwright.report.text import count
from netwright.report.view import PopulationView
from netwright.stats import (
    GroupPlan,
    betting_trials,
    detectable_difference,
    efficiency,
    equivalence_trials,
    group_plan,
    power_of,
    sequential_half_width,
    trials_for,
)
from netwright.stats.bounds import dkw_half_width
from netwright.stats.checks import check_points
from netwright.stats.outcomes import WORST
from netwright.stats.plots import draw_power, to_svg
from netwright.stats.shuffles import LEAST

if TYPE_CHECKING:
    import altair as alt

__all__ = ["SPREAD", "PlanRow", "TrialPlan", "in_points", "plan"]

SPREAD = 4.0  # points: of three published populations it is 1.4 (RegNetX), 3.3 (Accel-NASBench) and 5.4 (NAAP-440)
_SIZES = (16, 32, 50, 100, 200, 500, 1000)
_RESAMPLES = 2000


@dataclass(frozen=True, slots=True)
class PlanRow:
    """What a number of networks buys.

    Attributes:
        n: Networks of each population.
        band: Half-width of the EDF's 95% band, for one look.
        band_all_looks: Likewise, for a look after every trial.
        detectable: The difference of two means that is shown with the power wanted, in points.
        power: The probability that the difference planned for is shown.
        best: Expected lowest error of so many; None without a pilot of as many.
        seconds: Training time of both populations on one worker, as the pilot's; None where it is not known.
    """

    n: int
    band: float
    band_all_looks: float
    detectable: float
    power: float
    best: float | None
    seconds: float | None


@dataclass(frozen=True, slots=True)
class TrialPlan:
    """How many networks of each population a comparison of two needs.

    Attributes:
        pilot: Its name; "" where the spread was given or assumed.
        pilot_networks: How many it has.
        pilot_failed: How many of them failed; they count as 100%.
        spread: Standard deviation of errors, in points.
        spread_range: Its 95% interval, from the pilot (percentile bootstrap); None without one.
        spread_of_survivors: Without failures; None where there are none.
        difference: Of the means, in points.
        power: Probability that it is shown.
        confidence: 1 - the level of the test.
        trials: Networks of each, in one look at the end.
        trials_range: Likewise, for both ends of `spread_range`.
        groups: With looks on the way.
        every_trial: About how many with a look after every trial, errors bounded by 0 and 100 and nothing else assumed.
        margin: A difference that does not matter, in points; None where equivalence is not planned.
        equivalence: Networks of each that show a difference below the margin, where there is none.
        rows: What numbers of networks buy.
    """

    pilot: str
    pilot_networks: int
    pilot_failed: int
    spread: float
    spread_range: tuple[float, float] | None
    spread_of_survivors: float | None
    difference: float
    power: float
    confidence: float
    trials: int
    trials_range: tuple[int, int] | None
    groups: tuple[GroupPlan, ...]
    every_trial: int
    margin: float | None
    equivalence: int | None
    rows: tuple[PlanRow, ...]

    def to_dict(self) -> dict[str, Any]:
        """The plan as plain values, for JSON."""
        return {"format": 1} | asdict(self)

    def plot(self) -> alt.LayerChart:
        """The power over the number of networks, for half, once and twice the difference, as an Altair chart."""
        sizes = np.unique(np.geomspace(LEAST, max(2 * self.trials, 100), 60).astype(int)).tolist()
        curves = {
            in_points(times * self.difference): [
                power_of(n, times * self.difference, self.spread, self.confidence) for n in sizes
            ]
            for times in (0.5, 1.0, 2.0)
        }
        return draw_power(sizes, curves, self.trials, self.power)

    def _repr_html_(self) -> str:
        return to_svg(self.plot())


def plan(
    pilot: str | Path | PopulationView | npt.ArrayLike | None = None,
    *,
    difference: float = 1.0,
    power: float = 0.8,
    confidence: float = 0.95,
    spread: float | None = None,
    margin: float | None = None,
    looks: int = 5,
    sizes: Sequence[int] = (),
) -> TrialPlan:
    """How many networks of each population show a difference of their mean errors, and what other numbers show.

    Args:
        pilot: A population like those that will be compared: a run folder, a table, what `read` returns, or (n,)
            errors. Its networks that failed count, as 100%.
        difference: The difference of the means that must not be missed, in points of error.
        power: Probability that it is shown.
        confidence: 1 - the probability that a difference is shown where there is none.
        spread: Standard deviation of errors, in points; by default the pilot's, or 4.
        margin: Plan for equivalence too: that the difference is smaller than this, in points.
        looks: Of the group-sequential tests, equally far apart.
        sizes: Numbers of networks to describe, beside the usual ones.

    Raises:
        StatsError: A number that makes no sense, or a pilot of fewer than five networks or without any spread.
        PopulationError: There is no population in the folder.
    """
    name, errors, failed, seconds = _pilot(pilot)
    worst = WORST if errors is None else max(WORST, float(errors.max()))
    check_points(difference, "difference", worst)
    check_points(margin, "margin", worst)
    if spread is not None and spread > worst / 2:
        raise StatsError(
            f"spread must be at most {worst / 2:g} points, not {spread:g}: errors from 0 to {worst:g}% vary by no "
            "more. 4 is usual."
        )
    if spread is None:
        spread = SPREAD if errors is None else float(errors.std(ddof=1))
    ranges = None if errors is None else _spread_range(errors)
    fixed = trials_for(difference, spread, power, confidence)
    both = None if ranges is None else tuple(trials_for(difference, each, power, confidence) for each in ranges)
    like = errors if errors is not None else _normal(spread)
    return TrialPlan(
        pilot=name,
        pilot_networks=0 if errors is None else errors.size,
        pilot_failed=int(failed.sum()),
        spread=spread,
        spread_range=ranges,
        spread_of_survivors=_of_survivors(errors, failed),
        difference=abs(difference),
        power=power,
        confidence=confidence,
        trials=fixed,
        trials_range=None if both is None else (both[0], both[1]),
        groups=tuple(
            group_plan(difference, spread, power, confidence, looks, spending)
            for spending in ("obrien_fleming", "pocock")
        ),
        every_trial=betting_trials(like, difference, power, confidence, (0.0, worst)),
        margin=margin,
        equivalence=None if margin is None else equivalence_trials(margin, spread, power, confidence),
        rows=_rows(sorted({*_SIZES, *sizes, fixed}), spread, difference, power, confidence, errors, seconds),
    )


def _pilot(
    pilot: str | Path | PopulationView | npt.ArrayLike | None,
) -> tuple[str, npt.NDArray[np.float64] | None, npt.NDArray[np.bool_], float | None]:
    """Name, errors, which of them are of failed networks, and the median training time in seconds."""
    none = np.zeros(0, dtype=np.bool_)
    if pilot is None:
        return "", None, none, None
    if isinstance(pilot, str | Path):
        from netwright.analysis.reading import read

        pilot = read(pilot)
    seconds: float | None = None
    if isinstance(pilot, PopulationView):
        name, errors = pilot.name, pilot.errors
        failed = np.arange(errors.size) >= len(pilot.done)
        if "seconds" in pilot.done and pilot.done["seconds"].notna().any():
            seconds = float(pilot.done["seconds"].median())
    else:
        from netwright.stats.checks import check_sample

        name, errors = "the pilot", np.sort(check_sample(pilot))
        failed = np.zeros(errors.size, dtype=np.bool_)
    if errors.size < LEAST or np.ptp(errors) == 0:
        raise StatsError(
            f"a pilot needs {LEAST} networks or more with different errors, not {count(errors.size, 'network')} of "
            f"{name}: train some more, or give the spread of errors (--spread)."
        )
    return name, errors, failed, seconds


def _spread_range(errors: npt.NDArray[np.float64]) -> tuple[float, float]:
    rng = np.random.default_rng(0)
    drawn = [errors[rng.integers(errors.size, size=errors.size)].std(ddof=1) for _ in range(_RESAMPLES)]
    low, high = np.quantile(drawn, [0.025, 0.975])
    return float(low), float(high)


def _of_survivors(errors: npt.NDArray[np.float64] | None, failed: npt.NDArray[np.bool_]) -> float | None:
    return float(errors[~failed].std(ddof=1)) if errors is not None and failed.any() and (~failed).sum() > 1 else None


def _normal(spread: float) -> npt.NDArray[np.float64]:
    """Errors of such a spread, half way between 0 and 100."""
    from scipy.special import ndtri

    return np.clip(50 + spread * np.asarray(ndtri((np.arange(200) + 0.5) / 200)), 0, 100)


def _rows(
    sizes: Sequence[int],
    spread: float,
    difference: float,
    power: float,
    confidence: float,
    errors: npt.NDArray[np.float64] | None,
    seconds: float | None,
) -> tuple[PlanRow, ...]:
    if sizes[0] < 2:
        raise StatsError(f"a number of networks must be at least 2, not {sizes[0]}: one shows no spread.")
    known = [] if errors is None else [n for n in sizes if n <= errors.size]
    best = (
        dict(zip(known, efficiency(errors, known).mean.tolist(), strict=True)) if errors is not None and known else {}
    )
    return tuple(
        PlanRow(
            n=n,
            band=dkw_half_width(n, confidence),
            band_all_looks=sequential_half_width(n, confidence),
            detectable=detectable_difference(n, spread, power, confidence),
            power=power_of(n, difference, spread, confidence),
            best=best.get(n),
            seconds=None if seconds is None else 2 * n * seconds,
        )
        for n in sizes
    )


def in_points(value: float) -> str:
    """`1 point`, `0.5 points`."""
    return f"{value:g} point{'' if value == 1 else 's'}"
