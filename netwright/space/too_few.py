"""Why a space gave too few networks, in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from netwright.space.predicted import PredictedLimit
from netwright.space.space import DesignSpace

__all__ = ["why_too_few"]


def why_too_few(
    space: DesignSpace,
    n: int,
    counts: Mapping[str, int],
    constraints: Sequence[str],
    extremes: Mapping[str, tuple[float, float]],
    predicted: Sequence[PredictedLimit],
) -> str:
    """What was found, what rejected most, and the cure.

    Args:
        space: Of the draws.
        n: Networks that were wanted.
        counts: Rejection counts, as `Sample` has them.
        constraints: Names of the orders and limits of the space, in these counts.
        extremes: Limit -> the least and the most that was drawn.
        predicted: Limits by a predictor.
    """
    found = counts["accepted"]
    limits = [f"{low:,.6g} <= {name} <= {high:,.6g}" for name, (low, high) in space.limits.items()]
    limits += [str(limit) for limit in predicted]
    names = (*constraints, *(limit.name for limit in predicted))
    rejected = {name: counts[name] for name in names if counts[name]}
    worst = max(rejected, key=lambda name: rejected[name], default="")
    text = (
        f"{'no network' if not found else f'only {found:,} of {n:,} distinct networks'} of {space.name!r}"
        f"{' with ' + ', '.join(limits) if limits else ''}: {found:,} in {counts['draws']:,} draws"
    )
    if worst:
        text += f"; {worst} rejected most ({rejected[worst]:,})"
    if counts["duplicate"]:
        text += f"; {counts['duplicate']:,} repeated a network"
    cure = "Sample fewer, or widen a range." if found else "Widen the limits or the ranges."
    for name, (least, most) in extremes.items():
        if name not in space.limits:
            continue
        low, high = space.limits[name]
        if low == high:
            text += f"; {name} drawn were {least:,.0f} to {most:,.0f}"
            cure = f"Exactly {low:,.6g} {name} is what hardly a network has: give a window, 360M:400M, or max_{name}."
            continue
        if least > high:
            text += f"; the smallest {name} drawn was {least:,.0f}"
            cure = f"Raise the limit on {name}, or lower depths and widths."
        elif most < low:
            text += f"; the largest {name} drawn was {most:,.0f}"
            cure = f"Lower the limit on {name}, or raise depths and widths."
        elif rejected.get(name):
            text += f"; {name} drawn were {least:,.0f} to {most:,.0f}"
    for limit in predicted:
        if limit.name in extremes and rejected.get(limit.name):
            text += limit.range_in_words(*extremes[limit.name])
            is_why = limit.name == worst or extremes[limit.name][0] > limit.most
            cure = limit.cure if limit.cure and is_why else cure
    return f"{text}. {cure}"
