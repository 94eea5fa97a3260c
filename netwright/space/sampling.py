"""Drawing networks from a design space: vectorized rejection sampling that counts what was rejected, and why."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from importlib import import_module
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from netwright.arch import BLOCKS, ArchBatch, Kind, block_widths, compatible, complexity, join, stages_of
from netwright.arch.divisible import compatible_groups
from netwright.arch.regnet import steps_taken
from netwright.errors import SpaceError
from netwright.space.drawn_setting import WORDS, with_se, words
from netwright.space.predicted import PredictedLimit, within
from netwright.space.setting import Setting
from netwright.space.space import LIMITS, DesignSpace
from netwright.space.too_few import why_too_few
from netwright.system.deprecation import renamed_attribute
from netwright.system.html import paragraph

__all__ = ["Sample", "broken_constraint", "draw", "networks_of", "sample"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

_CHUNK = 16_384  # draws at a time: large enough to be fast, small enough for the cache
_GIVE_UP_EMPTY = 1_000_000  # draws without one network
_GIVE_UP = 50_000_000  # draws without enough of them
_STALE = 100  # chunks in a row that brought nothing new
_COSTS = ("flops", "params", "acts")


@dataclass(frozen=True)
class Sample:
    """Networks of a space, and what became of every draw.

    Attributes:
        batch: The networks, with what was drawn for each in `.parameters`.
        rejection_counts: `draws`, and what became of them, which adds up to it: `accepted`; `duplicate`, networks drawn
            before; `unused`, good ones of the last chunk that were not needed; and for each order and limit of the
            space the draws that break it first.
    """

    batch: ArchBatch
    rejection_counts: Mapping[str, int]

    account = renamed_attribute("Sample", "account", "rejection_counts")

    def _repr_html_(self) -> str:
        counts = ", ".join(f"{name} {many:,}" for name, many in self.rejection_counts.items() if many)
        return self.batch._repr_html_() + paragraph(f"Sampling: {counts}.")


def sample(space: DesignSpace, n: int, seed: int = 0) -> ArchBatch:
    """n distinct networks of a space.

    The same seed gives the same networks, and a larger n the same ones first.

    Args:
        space: What to draw from.
        n: How many networks.
        seed: 0 or more.

    Returns:
        The networks, with what was drawn for each in `.parameters`: column -> (n,).

    Raises:
        SpaceError: The space is empty, or has fewer than n networks within its limits.
    """
    return draw(space, n, seed).batch


def draw(
    space: DesignSpace,
    n: int,
    seed: int = 0,
    *,
    exclude: ArchBatch | None = None,
    predicted: Sequence[PredictedLimit] = (),
) -> Sample:
    """As `sample`, with what became of every draw.

    Args:
        space: What to draw from.
        n: How many networks.
        seed: 0 or more.
        exclude: Networks that count as drawn before, for example those of an earlier sample.
        predicted: Limits on what a predictor says, after those of the space; latency, for example.

    Raises:
        SpaceError: The space is empty, or has fewer than n other networks within its limits.
    """
    if n < 1:
        raise SpaceError(f"at least 1 network is drawn, not {n}. Give a positive number.")
    if seed < 0:
        raise SpaceError(f"a seed is a whole number of at least 0, not {seed}. Leave out its sign.")
    if space.family == "union":
        # not a plain import: it draws the members by this function
        of_members: Sample = import_module("netwright.space.union_sampling").draw_union(
            space, n, seed, exclude=exclude, predicted=predicted
        )
        return of_members
    if space.size() < n:
        raise SpaceError(
            f"{space.name!r} has {space.size():,} combinations of parameters, fewer than the {n:,} networks wanted. "
            "Sample fewer, or widen a range."
        )
    constraints = (*_constraint_names(space), *(limit.name for limit in predicted))
    counts = dict.fromkeys(("draws", *constraints, "duplicate", "accepted", "unused"), 0)
    seen: set[bytes] = set()
    excluded = set() if exclude is None else {_key(row) for row in exclude.identity()}
    extremes: dict[str, tuple[float, float]] = {}
    found: list[ArchBatch] = []
    stale = 0
    for chunk in range(_GIVE_UP // _CHUNK):
        rng = np.random.default_rng([seed, chunk])
        candidates = within(_candidates(space, rng, counts, extremes), predicted, counts, extremes)
        counts["draws"] += _CHUNK
        fresh: list[int] = []
        if candidates is not None:
            distinct = _distinct(candidates, seen, excluded, [each.name for each in space.recipe])
            fresh = distinct[: n - counts["accepted"]]
            counts["duplicate"] += len(candidates) - len(distinct)
            counts["unused"] += len(distinct) - len(fresh)
            if fresh:
                found.append(candidates[np.array(fresh)])
        counts["accepted"] += len(fresh)
        stale = 0 if fresh else stale + 1
        if counts["accepted"] >= n:
            return Sample(join(found), counts)
        nothing = not counts["accepted"] and counts["draws"] >= _GIVE_UP_EMPTY and not counts["duplicate"]
        if nothing or (stale >= _STALE and counts["duplicate"]):
            break
    raise SpaceError(why_too_few(space, n, counts, _constraint_names(space), extremes, predicted))


def _constraint_names(space: DesignSpace) -> list[str]:
    ordered = [f"{parameter.name} {parameter.order}" for parameter in space.parameters if parameter.order]
    limits = [limit for limit in LIMITS if limit in space.limits]
    # where a RegNet breaks both, the number of stages counts first
    at = 1 if "num_stages" in limits else 0
    return ordered + limits[:at] + (["every_step"] if space.every_step else []) + limits[at:]


def _candidates(
    space: DesignSpace, rng: np.random.Generator, counts: dict[str, int], extremes: dict[str, tuple[float, float]]
) -> ArchBatch | None:
    """One chunk of draws, less those that break a constraint; None where nothing is left."""
    drawn = {column: distribution.draw(rng, _CHUNK) for column, distribution in space.distributions.items()}
    return _kept(space, drawn, counts, extremes)


def _kept(
    space: DesignSpace,
    drawn: dict[str, Floats],
    counts: dict[str, int],
    extremes: dict[str, tuple[float, float]],
) -> ArchBatch | None:
    """The networks of draws that break no constraint; None where there are none."""
    kept = np.ones(len(next(iter(drawn.values()))), bool)
    for parameter in space.parameters:
        if parameter.order:
            values = [drawn[column] for column in parameter.columns]
            if parameter.order == "non_increasing":
                values.reverse()
            holds = np.logical_and.reduce([a <= b for a, b in pairwise(values)])
            counts[f"{parameter.name} {parameter.order}"] += int(np.count_nonzero(kept & ~holds))
            kept &= holds
    drawn = {column: values[kept] for column, values in drawn.items()}
    batch = _anynets(space, drawn) if space.family == "anynet" else _regnets(space, drawn, counts)
    limits = {name: ends for name, ends in space.limits.items() if name in _COSTS}
    if limits and len(batch):
        cost = complexity(batch)
        mask = np.ones(len(batch), bool)
        for name in _COSTS:
            if name in limits:
                value, (low, high) = getattr(cost, name), limits[name]
                reached = value[mask]
                if reached.size:
                    least, most = extremes.get(name, (math.inf, -math.inf))
                    extremes[name] = (min(least, float(reached.min())), max(most, float(reached.max())))
                holds = (value >= low) & (value <= high)
                counts[name] += int(np.count_nonzero(mask & ~holds))
                mask &= holds
        batch = batch[mask]
    return batch if len(batch) else None


def _regnets(space: DesignSpace, drawn: dict[str, Floats], counts: dict[str, int]) -> ArchBatch:
    widths = block_widths(*(drawn[name] for name in ("depth", "w0", "wa", "wm")))
    if "num_stages" in space.limits:
        low, high = space.limits["num_stages"]
        stages = _stage_count(widths)
        holds = (stages >= low) & (stages <= high)
        counts["num_stages"] += int(np.count_nonzero(~holds))
        widths = widths[holds]
        drawn = {column: values[holds] for column, values in drawn.items()}
    if space.every_step:
        holds = steps_taken(*(drawn[name] for name in ("depth", "w0", "wa", "wm"))) == _stage_count(widths)
        counts["every_step"] += int(np.count_nonzero(~holds))
        widths = widths[holds]
        drawn = {column: values[holds] for column, values in drawn.items()}
    depth, width = stages_of(widths)
    once = [name for name in ("bottleneck", "group_width", "groups") if name in drawn]
    columns = {name: np.repeat(drawn[name][:, None], depth.shape[1], axis=1) for name in once}
    return _batch(space, drawn, columns | {"depth": depth, "width": width})


def _stage_count(widths: Ints) -> Ints:
    """(n,) runs of equal width, of (n, d) widths with 0 beyond a network's end."""
    return np.asarray(1 + np.count_nonzero((widths[:, 1:] != widths[:, :-1]) & (widths[:, 1:] > 0), axis=1))


def _anynets(space: DesignSpace, drawn: dict[str, Floats]) -> ArchBatch:
    stages = space.stages or 1
    columns: dict[str, npt.NDArray[Any]] = {}
    for parameter in space.parameters:
        values = np.stack([drawn[column] for column in parameter.columns], axis=1)
        columns[parameter.name] = np.repeat(values, stages, axis=1) if parameter.tied else values
    return _batch(space, drawn, columns)


def _batch(space: DesignSpace, drawn: dict[str, Floats], columns: dict[str, npt.NDArray[Any]]) -> ArchBatch:
    """The networks, with widths and groups that agree. columns: parameter -> (n, stages) of those that a stage has."""
    setting = space.setting
    depth, width = columns["depth"], columns["width"]
    n, stages = depth.shape
    bottleneck = columns.get("bottleneck", np.ones((n, stages)))
    if "groups" in columns:
        rounded, group_width = compatible_groups(width, bottleneck, columns["groups"], space.rounding)
    else:
        one_group = np.zeros((n, stages))
        rounded, group_width = compatible(width, bottleneck, columns.get("group_width", one_group), space.rounding)
    strides = np.array([setting.stride(s) for s in range(stages)], np.int64)
    batch = ArchBatch(
        depth=depth.astype(np.int64),
        width=rounded,
        stride=np.broadcast_to(strides, (n, stages)),
        bottleneck=bottleneck,
        group_width=group_width,
        stem_width=np.full(n, setting.stem_width, np.int64),
        resolution=np.asarray(drawn.get("resolution", np.full(n, setting.resolution))).astype(np.int64),
        block=setting.block,
        stem=setting.stem,
        se_ratio=setting.se_ratio or 0.0,
        head_width=setting.head_width,
        num_classes=setting.num_classes,
        in_channels=setting.in_channels,
        activation=setting.activation,
        parameters={name: words(name, values) for name, values in drawn.items()},
    )
    return _of_kinds(
        batch, setting, {name: drawn[name] for name in ("stem", "se_ratio", "activation") if name in drawn}
    )


def _of_kinds(batch: ArchBatch, setting: Setting, drawn: dict[str, Floats]) -> ArchBatch:
    """The networks with what of their kind was drawn for each."""
    if not drawn or not len(batch):
        return batch
    rows, place = np.unique(np.column_stack(list(drawn.values())), axis=0, return_inverse=True)
    kinds = []
    for row in rows:
        values = dict(zip(drawn, row.tolist(), strict=True))
        block, ratio = setting.block, setting.se_ratio or 0.0
        if "se_ratio" in values:
            block, ratio = with_se(setting, values["se_ratio"])
        stem, activation = (
            WORDS[name][int(values[name])] if name in values else str(getattr(setting, name))
            for name in ("stem", "activation")
        )
        own = "" if activation == BLOCKS[block].activation else activation
        kinds.append(Kind(block, stem, ratio, setting.head_width, own))
    known = list(dict.fromkeys(kinds))
    kind = np.array([known.index(each) for each in kinds], np.int64)[place.ravel()]
    return replace(batch, kinds=tuple(known), kind=kind, **asdict(known[0]))


def _distinct(batch: ArchBatch, seen: set[bytes], excluded: set[bytes], recipe: Sequence[str]) -> list[int]:
    """Indices of those not seen yet, in order; marks them as seen.

    A network is another one with another recipe, where options of it are drawn.
    """
    fresh = []
    columns = [np.asarray(batch.parameters[name], np.float64) for name in recipe]
    for i, row in enumerate(batch.identity()):
        network = _key(row)
        key = network + b"".join(b"|" + column[i].tobytes() for column in columns)
        if network not in excluded and key not in seen:
            seen.add(key)
            fresh.append(i)
    return fresh


def _key(identity: npt.NDArray[Any]) -> bytes:
    # batches differ in how many stage columns they have: absent stages, zeros at the end, must not matter
    return identity.tobytes().rstrip(b"\0")


def broken_constraint(space: DesignSpace, drawn: dict[str, Floats]) -> str:
    """The first constraint of a space that one draw breaks, with its value; empty where it keeps all.

    Args:
        space: Of the draw.
        drawn: Column -> (1,).
    """
    counts = dict.fromkeys(("draws", *_constraint_names(space)), 0)
    extremes: dict[str, tuple[float, float]] = {}
    if _kept(space, drawn, counts, extremes) is not None:
        return ""
    name = next(name for name, many in counts.items() if many)
    if name not in space.limits:
        return f"the draw is not {name.replace('_', ' ')}"
    low, high = space.limits[name]
    value = f"{extremes[name][0]:,.0f} " if name in extremes else ""
    return f"{value}{name} is not within {low:,.6g} to {high:,.6g}"


def networks_of(space: DesignSpace, drawn: dict[str, Floats]) -> ArchBatch:
    """The networks of draws that break no constraint. drawn: column -> (n,)."""
    kept = _kept(space, drawn, dict.fromkeys(_constraint_names(space), 0), {})
    assert kept is not None, "no draw breaks a constraint"
    return kept
