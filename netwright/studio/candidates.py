"""A candidate space, and what the trials that are there say of it. They proposed it, so they cannot confirm it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import accumulate, pairwise, product
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import yaml

from netwright.analysis.linear_step import NEAR, regnet_space
from netwright.analysis.refine import advise
from netwright.arch import complexity
from netwright.errors import SpaceError
from netwright.report.sections.points import values_of
from netwright.report.view import PopulationView
from netwright.space import DesignSpace, draw
from netwright.space.space import LIMITS
from netwright.stats import ks, permutation_test
from netwright.stats.shuffles import LEAST
from netwright.studio.columns import numbers
from netwright.studio.commands import as_typed, shown_path
from netwright.studio.errors import StudioError
from netwright.studio.judging import repeats_for
from netwright.studio.populations import Opened

__all__ = [
    "WARNING",
    "Change",
    "candidate_space",
    "evidence",
    "lowest_costs",
    "proposal",
    "space_of",
    "space_yaml",
    "why_empty",
]

WARNING = (
    "The same trials proposed this space and speak for it here, so this is no confirmation: a range that is chosen "
    "after looking always looks good. Only a fresh sample of the new space can confirm it."
)
_COSTS = ("flops", "params", "acts")
# parameter -> the end at which networks are cheap; of others both are tried
_CHEAP = {"depth": 0, "width": 0, "bottleneck": 1, "group_width": 0, "groups": 1, "w0": 0, "wa": 0}
_MOST_FITTED = 1000

Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Change:
    """How a space becomes a candidate.

    Attributes:
        ranges: Column of a parameter, or a limit -> (low, high).
        tie: Parameters of which all stages share one draw.
        order: Parameter -> "non_decreasing" or "non_increasing".
        linear: From AnyNet to RegNet: widths are a quantized linear function of the block.
    """

    ranges: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    tie: tuple[str, ...] = ()
    order: Mapping[str, str] = field(default_factory=dict)
    linear: bool = False

    def words(self) -> list[str]:
        """What changes, a sentence each."""
        said = [f"{name} from {low:.6g} to {high:.6g}" for name, (low, high) in self.ranges.items()]
        said += [f"{name} shared by all stages" for name in self.tie]
        said += [f"{name} {each.replace('_', '-')} from stage to stage" for name, each in self.order.items()]
        return said + (["widths are a quantized linear function of the block (RegNet)"] if self.linear else [])


def space_of(opened: Opened) -> DesignSpace:
    """The space that a population was sampled from. StudioError for a table, which has none."""
    if not opened.view.space:
        raise StudioError(422, f"{opened.entry.id} does not record the space of its networks, so none is refined.")
    return DesignSpace.from_dict(opened.view.space)


def candidate_space(opened: Opened, change: Change, name: str = "") -> DesignSpace:
    """The space with the change. SpaceError where nothing is left, or a name is none of it."""
    space = space_of(opened)
    ranges = {key: ends for key, ends in change.ranges.items() if key not in ("error", "trial", "latency_ms", "e_fit")}
    refined = space.refine(tie=change.tie, order=change.order, name=name or f"{space.name}_refined", **ranges)
    if change.linear:
        if space.family == "regnet":
            raise SpaceError(f"{space.name!r} is a RegNet space already: its widths are a quantized linear function.")
        refined = regnet_space(refined, opened.view.counted)
        refined = refined.refine(name=name or refined.name)
    return refined


def evidence(opened: Opened, change: Change) -> dict[str, Any]:
    """What the trials of a population say of a candidate.

    Returns:
        `inside` and `rest`: errors, ascending, and how many of them failed. `test`: the permutation test of their
        means, None where either has too few. `size`: orders of magnitude before and after. `lowest`: the complexity of
        the cheapest network, before and after. `yaml`, `changes`, `warning`.

    Raises:
        SpaceError: Nothing is left of the space.
        StudioError: The population has no space.
    """
    before, after = space_of(opened), candidate_space(opened, change)
    view = opened.view
    inside = _inside(opened, change, before)
    errors, failed = view.errors, np.arange(len(view.errors)) >= len(view.done)
    return {
        "name": after.name,
        "changes": change.words(),
        "inside": _errors(errors, failed, inside),
        "rest": _errors(errors, failed, ~inside),
        "test": _test(errors[inside], errors[~inside]),
        "size": [_orders(before), _orders(after)],
        "lowest": [lowest_costs(before), lowest_costs(after)],
        "limits": {name: numbers(ends) for name, ends in after.limits.items()},
        "yaml": space_yaml(after),
        "warning": WARNING,
        "seconds": _seconds(view),
        "spread": float(errors.std(ddof=1)) if len(errors) > 1 else None,
    }


def why_empty(space: DesignSpace) -> str:
    """Why no networks can be drawn of a space; empty where they can."""
    try:
        draw(space, 2)
    except SpaceError as error:
        return str(error)
    return ""


def proposal(opened: Opened, policy: str) -> dict[str, Any]:
    """What `netwright refine` proposes, as a change.

    Returns:
        `ranges`, `order`, `decisions`, and whether the step to RegNet is supported (`linear`), with the reason.
    """
    space = space_of(opened)
    repeats = repeats_for(len(opened.view.errors))
    frame = opened.whole().trials
    advice = advise(space, frame, policy=policy, repeats=repeats)
    narrowed = {each.parameter: each.proposed for each in advice.findings if each.proposed is not None}
    was = {each.name: each.order for each in space.parameters}
    step = advice.linear_step
    return {
        "ranges": {name: numbers(ends) for name, ends in narrowed.items()},
        "order": {each.name: each.order for each in advice.space.parameters if each.order and not was[each.name]},
        "decisions": list(advice.decisions),
        "linear": step is not None and step.space is not None,
        "why_not_linear": "" if step is None else step.why_not,
        "command": as_typed(
            ["netwright", "refine", shown_path(opened.entry.folder), "--policy", policy, "--out", "narrower.yaml"]
        ),
    }


def space_yaml(space: DesignSpace) -> str:
    """As a file that every command takes."""
    return str(yaml.safe_dump(space.to_dict(), sort_keys=False, default_flow_style=None))


def _inside(opened: Opened, change: Change, space: DesignSpace) -> Bools:
    """(n,): which networks that count are in the candidate."""
    rows = opened.view.counted
    inside = np.ones(len(rows), bool)
    own = {parameter.name: parameter.columns for parameter in space.parameters}
    for key, (low, high) in change.ranges.items():
        for column in own.get(key, (key,)):
            if column in rows:
                values = values_of(rows, column)
                inside &= (values >= low) & (values <= high)
    for name in change.tie:
        columns = [values_of(rows, column) for column in own.get(name, ())]
        inside &= np.logical_and.reduce([a == b for a, b in pairwise(columns)], initial=True)
    for name, direction in change.order.items():
        columns = [values_of(rows, column) for column in own.get(name, ())]
        pairs = pairwise(columns if direction == "non_decreasing" else columns[::-1])
        inside &= np.logical_and.reduce([a <= b for a, b in pairs], initial=True)
    return inside & _near_line(opened, rows) if change.linear else inside


def _near_line(opened: Opened, rows: pd.DataFrame) -> Bools:
    if len(opened.view.frame) > _MOST_FITTED:
        raise StudioError(
            422,
            f"e_fit is computed of at most {_MOST_FITTED:,} trials here, and this population has "
            f"{len(opened.view.frame):,}. `netwright refine` computes it of all.",
        )
    whole = opened.whole().trials.set_index("trial")["e_fit"]
    return np.asarray(whole.loc[rows["trial"]].to_numpy(float) <= NEAR)


def _errors(errors: npt.NDArray[np.float64], failed: Bools, chosen: Bools) -> dict[str, Any]:
    return {
        "errors": numbers(errors[chosen]),
        "n_failed": int(failed[chosen].sum()),
        "mean": float(errors[chosen].mean()) if chosen.any() else None,
    }


def _test(inside: npt.NDArray[np.float64], rest: npt.NDArray[np.float64]) -> dict[str, Any] | None:
    if min(len(inside), len(rest)) < LEAST:
        return None
    found = permutation_test(inside, rest, repeats=repeats_for(len(inside) + len(rest)))
    distance = ks(inside, rest)
    return {
        "difference": found.difference,
        "interval": None if found.interval is None else list(found.interval),
        "p": found.p_value,
        "ks": distance.statistic,
        "ks_p": distance.p_value,
        "superiority": distance.effect.superiority,
        "cohen": distance.effect.standardized,
    }


def _orders(space: DesignSpace) -> float | None:
    """log10 of the number of combinations; None where that is infinite."""
    size = space.size()
    return None if size == math.inf or size <= 0 else math.log10(size)


def lowest_costs(space: DesignSpace) -> dict[str, float]:
    """The complexity of the cheapest network, within the limits of the space."""
    ends = []
    for parameter in space.parameters:
        low, high = (list(each) for each in zip(*(each.bounds for each in parameter.distributions), strict=True))
        corners = [_ordered(low, parameter.order, max), _ordered(high, parameter.order, min)]
        cheap = _CHEAP.get(parameter.name)
        ends.append([(parameter, corner) for corner in (corners if cheap is None else [corners[cheap]])])
    found: dict[str, float] = {}
    bare = space.refine(name="cheapest")
    for corner in product(*ends):
        fixed: dict[str, Any] = {
            column: (value, value)
            for parameter, values in corner
            for column, value in zip(parameter.columns, values, strict=True)
        }
        try:
            without = DesignSpace.from_dict(bare.to_dict() | {"limits": _stages_alone(space), "recipe": {}})
            cost = complexity(draw(without.refine(**fixed), 1).batch)
        except SpaceError:
            continue  # this corner is outside an order or the number of stages
        for name in _COSTS:
            value = float(getattr(cost, name)[0])
            found[name] = min(found.get(name, math.inf), value)
    return {name: max(value, space.limits.get(name, (0.0, 0.0))[0]) for name, value in found.items()}


def _ordered(values: list[float], order: str | None, end: Callable[[float, float], float]) -> list[float]:
    """The nearest values of the stages that keep the order; end: max raises values, min lowers them."""
    if order is None:
        return values
    forward = (order == "non_decreasing") == (end is max)
    kept = list(accumulate(values if forward else values[::-1], end))
    return kept if forward else kept[::-1]


def _stages_alone(space: DesignSpace) -> dict[str, list[float]]:
    return {name: list(ends) for name, ends in space.limits.items() if name not in LIMITS or name == "num_stages"}


def _seconds(view: PopulationView) -> float | None:
    """Mean training time of a trial."""
    if "seconds" not in view.trials:
        return None
    seconds = values_of(view.trials, "seconds")
    return float(np.nanmean(seconds)) if np.isfinite(seconds).any() else None
