"""Two populations that are looked at while they grow, and whether they are alike enough: what the terminal shows."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np
import numpy.typing as npt

from netwright.analysis.in_order import errors_in_order
from netwright.analysis.planning import in_points
from netwright.errors import StatsError
from netwright.report.comparison import CAUTION, FEW, LEVEL, REPEATS, holm
from netwright.report.view import PopulationView
from netwright.stats import (
    Equivalence,
    GroupSequential,
    equivalence_test,
    group_sequential,
    price_of_looking,
    sequential_half_width,
    sequential_ks,
    sequential_ks_gap,
    sequential_means,
)
from netwright.stats.shuffles import LEAST
from netwright.stats.time_uniform import START

__all__ = ["equivalence_lines", "sequential_band_line", "sequential_lines"]

Floats = npt.NDArray[np.float64]

_CONFIDENCE = 1 - LEVEL
_LOOKS = 5  # of the group-sequential test of a planned number of networks
_WIDTH = 15


def equivalence_lines(
    views: Sequence[PopulationView], names: Sequence[str], margin: float, *, seed: int = 0, repeats: int = REPEATS
) -> list[str]:
    """Whether the means of each pair are closer than a margin, a line each.

    Args:
        views: Two or more, on one scale.
        names: What they are called here, likewise.
        margin: In points.
        seed: Of the tests.
        repeats: Shuffles of each.
    """
    pairs = list(combinations(range(len(views)), 2))
    found = [equivalence_test(views[j].errors, views[i].errors, margin, repeats=repeats, seed=seed) for i, j in pairs]
    corrected = holm([each.p_value for each in found])
    lines = [
        f"closer than {in_points(margin)}? {names[j]} - {names[i]}: {_equivalence(each, p, len(pairs))}"
        for (i, j), each, p in zip(pairs, found, corrected, strict=True)
    ]
    few = [p <= LEVEL and min(each.n_a, each.n_b) < FEW for each, p in zip(found, corrected, strict=True)]
    return [*lines, CAUTION.lower()] if any(few) else lines


def _equivalence(found: Equivalence, p: float, pairs: int) -> str:
    of = "TOST" if pairs == 1 else f"TOST, Holm's correction for {pairs} pairs"
    interval = (
        "no interval of so few" if found.interval is None else "90% interval {:+.2f} to {:+.2f}".format(*found.interval)
    )
    if p <= LEVEL:
        verdict = "yes, their means are equivalent within the margin"
    elif found.is_beyond:
        verdict = "no, they are further apart"
    else:
        verdict = "not shown, and the opposite is not shown either"
    return f"{verdict} ({interval}, {of} p = {p:.2g})"


def sequential_lines(
    views: Sequence[PopulationView], names: Sequence[str], *, margin: float | None = None, most: int | None = None
) -> list[str]:
    """What may be said of each pair by somebody who looks after every trial.

    Args:
        views: Two or more, on one scale.
        names: What they are called here, likewise.
        margin: A difference that does not matter, in points.
        most: Networks of each that were planned before the first look.

    Raises:
        StatsError: More networks than planned, or a plan too small.
    """
    if most is not None and most < START:
        raise StatsError(f"--most must be at least {START} networks of each, not {most}: fewer bound nothing.")
    pairs = list(combinations(range(len(views)), 2))
    ordered = [errors_in_order(view) for view in views]
    confidence = 1 - (1 - _CONFIDENCE) / len(pairs)
    many = f" and {len(pairs)} pairs" if len(pairs) > 1 else ""
    wrong = f"each line is wrong in at most {1 - _CONFIDENCE:.0%} of cases, over all looks{many} together"
    lines = [f"looked at after every trial ({wrong}):"]
    for i, j in pairs:
        a, b = ordered[j].errors, ordered[i].errors
        if len(pairs) > 1:
            lines.append(f"  {names[j]} - {names[i]}")
        bounds = (0.0, max(100.0, *(view.failure_error for view in views)))
        means = sequential_means(a, b, confidence, margin, bounds)
        low, high = means.interval
        lines.append(
            f"  {'means':<{_WIDTH}}{low:+.2f} to {high:+.2f} points after {means.pairs} pairs: "
            f"{_words(means.decision, names[j], names[i], margin)}"
        )
        lines.append(f"  {'distributions':<{_WIDTH}}{_gap(a, b, confidence, most)}")
        if most is not None:
            lines.append(f"  {f'{_LOOKS} looks':<{_WIDTH}}{_group(a, b, confidence, margin, most, names[j], names[i])}")
    lines.append(
        "  means: betting, errors within 0 and 100; distributions: Kolmogorov-Smirnov for all looks"
        + (f"; {_LOOKS} looks: O'Brien-Fleming, of {most} networks" if most is not None else "")
    )
    notices = [each.notice(name) for each, name in zip(ordered, names, strict=True)]
    return [*lines, *(f"  {notice}" for notice in notices if notice)]


def sequential_band_line(n: int, most: int | None) -> str:
    """How wide a band of n networks is that holds at all looks."""
    if n < START:
        return f"from {START} networks on"
    half, price = sequential_half_width(n, _CONFIDENCE, most=most), price_of_looking(n, _CONFIDENCE, most=most)
    return f"within {half:.3f}, at this n and all others at once: {price:.2f} times the band of a single look"


def _gap(a: Floats, b: Floats, confidence: float, most: int | None) -> str:
    found = sequential_ks(a, b, confidence, most=most)
    n = min(found.n_a, found.n_b)
    if n < START:
        return f"from {START} networks of each on"
    enough = sequential_ks_gap(n, confidence, most=most)
    earlier = ", as an earlier look showed" if found.statistic < enough else ""
    shown = f"they differ{earlier}" if found.decision == "different" else "undecided"
    gap = f"largest gap {found.statistic:.2f} (a gap of {enough:.2f} shows a difference)"
    return f"{gap}, p = {found.p_value:.2g}: {shown}"


def _group(a: Floats, b: Floats, confidence: float, margin: float | None, most: int, name: str, other: str) -> str:
    """The looks of a planned test that are due."""
    test: GroupSequential = group_sequential(most, confidence, margin=margin)
    known, taken = min(len(a), len(b)), 0
    for look in range(1, _LOOKS + 1):
        until = round(look * most / _LOOKS)
        if until > known:
            break
        if until >= LEAST:
            test, taken = test.update(a[taken:until], b[taken:until]), until
    if not test.looks:
        return f"the first one is due at {max(LEAST, round(most / _LOOKS))} networks of each"
    low, high = test.interval
    words = _words(test.decision, name, other, margin)
    return f"{low:+.2f} to {high:+.2f} points at {taken} of {most} networks: {words}"


def _words(decision: str, name: str, other: str, margin: float | None) -> str:
    return {
        "better": f"{name} is better",
        "worse": f"{other} is better",
        "equivalent": f"closer than {in_points(margin)}" if margin is not None else "",
        "undecided": "undecided",
    }[decision]
