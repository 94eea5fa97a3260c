"""Scaling a network to a budget: each rule says how much of the change goes to depth, and how much to widths."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from netwright.arch.batch import ArchBatch
from netwright.arch.costs import complexity
from netwright.arch.counting import Complexity
from netwright.arch.divisible import compatible
from netwright.arch.spec import Arch
from netwright.errors import ArchError
from netwright.system.suggest import suggest

__all__ = ["COSTS", "RULES", "ScalingRule", "scale_to", "scale_to_flops"]

Floats = npt.NDArray[np.float64]

COSTS = ("flops", "params", "acts")
_OFF = np.geomspace(1 / 1.2, 1.2, 9)  # factors of depth that are tried beside what the rule says


@dataclass(frozen=True, slots=True)
class ScalingRule:
    """How a network changes with its flops, at its own resolution: flops grow as depth * width ** 2.

    Attributes:
        depth: depth grows as flops to this power.
        text: The rule in words.
    """

    depth: float
    text: str

    @property
    def width(self) -> float:
        """Widths and group widths grow as flops to this power."""
        return (1 - self.depth) / 2


# arXiv 2103.06877, whose powers of a change s are: fast d = s ** 0.1, w = s ** 0.4, r = s ** 0.05 (alpha = 0.8), and
# uniform d = s ** (1 / 3), w = r = s ** (1 / 6); each has the power that is left where the resolution r stays
RULES: Mapping[str, ScalingRule] = {
    "fast": ScalingRule(0.1 / 0.9, "most into width, so that activations grow about as the root of flops"),
    "uniform": ScalingRule(0.5, "depth and width alike: each takes half of the flops"),
    "width": ScalingRule(0.0, "width alone"),
    "depth": ScalingRule(1.0, "depth alone"),
}


def scale_to_flops(arch: Arch, flops: float, *, most: float = np.inf) -> Arch:
    """The network scaled to about `flops` multiply-adds at its own resolution by the rule "fast": see `scale_to`.

    Args:
        arch: The network.
        flops: Multiply-adds to reach, above 0.
        most: Multiply-adds never to exceed.

    Raises:
        ArchError: A budget that is not positive, or that no scaled network meets.
    """
    return scale_to(arch, flops, most={"flops": most})


def scale_to(
    arch: Arch, budget: float, *, cost: str = "flops", rule: str = "fast", most: Mapping[str, float] | None = None
) -> Arch:
    """The network scaled to about a budget at its own resolution, and never above limits.

    Fast compound scaling (arXiv 2103.06877) gives most of the change to the widths, so that activations grow about as
    the square root of flops. Group widths grow as widths. The stem, the head's convolution, bottlenecks and strides
    stay. Widths come in coarse steps where groups are wide, so where a rule changes both, depths up to a fifth smaller
    or larger are tried too: of all that are tried the nearest to the budget is taken, and of two that are about as near
    the one that changes the depth less.

    Args:
        arch: The network.
        budget: Flops (or params or acts) to reach, above 0.
        cost: What the budget is of: "flops", "params" or "acts".
        rule: A key of `RULES`.
        most: Cost -> what is never exceeded.

    Raises:
        ArchError: No such rule or cost, a budget that is not positive, or one that no scaled network meets.
    """
    limits = dict.fromkeys(COSTS, np.inf) | dict(most or {})
    if rule not in tuple(RULES):
        raise ArchError(f"a network is scaled by one of {', '.join(RULES)}, not {rule!r}: {suggest(rule, RULES)}")
    if cost not in COSTS or len(limits) > len(COSTS):
        raise ArchError(
            f"a budget and limits are of {', '.join(COSTS)}, not {cost!r} and {[*limits]}. Choose of these."
        )
    if not (0 < budget < np.inf and all(limit > 0 for limit in limits.values())):
        raise ArchError(
            f"{cost} and their limit are positive, not {budget:,.0f} and {limits[cost]:,.0f}. Correct them."
        )
    now = float(getattr(complexity(arch), cost)[0])
    off = _OFF if 0 < RULES[rule].depth < 1 else np.ones(1)
    change = budget / now
    if cost == "flops":
        ends, tried = (change / 64, change * 64), 1001
    else:  # acts grow more slowly than flops, by the rule "fast" as their root
        ends, tried = (min(change, change**2) / 64, max(change, change**2) * 64), 2001
    grid = np.meshgrid(np.geomspace(*ends, tried), off)
    s, off = (axis.reshape(-1, 1) for axis in grid)
    candidates = _scaled(arch, s, off, RULES[rule])
    reached = complexity(candidates)
    fits = np.logical_and.reduce([getattr(reached, name) <= limit for name, limit in limits.items()])
    if not fits.any():
        raise ArchError(_too_small(arch, reached, limits))
    distance = np.abs(np.log(getattr(reached, cost) / budget)) + 0.1 * np.abs(np.log(off[:, 0]))
    scaled = candidates[int(np.argmin(np.where(fits, distance, np.inf)))]
    return replace(scaled, name=f"{arch.name}, scaled" if arch.name else "scaled")


def _scaled(arch: Arch, s: Floats, off: Floats, rule: ScalingRule) -> ArchBatch:
    """The networks with s times the flops, and depths that are off by a factor. s, off: (n, 1)."""
    base = ArchBatch.from_archs([arch])
    bottleneck = np.repeat(base.bottleneck, len(s), axis=0)
    widening = s**rule.width
    if rule.width:
        width = np.maximum(8, np.rint(base.width * widening / 8).astype(np.int64) * 8)
        group_width = np.maximum(1, np.rint(base.group_width * widening)).astype(np.int64)
        # 1, 2, 4 or a multiple of 8, as the paper's code has them
        rounded = np.where(group_width <= 5, 4, np.rint(group_width / 8).astype(np.int64) * 8)
        wanted = np.where(group_width <= 2, group_width, rounded) if arch.family.is_grouped else 0 * group_width
        width, group_width = compatible(width, bottleneck, wanted)
    else:
        width, group_width = (np.repeat(each, len(s), axis=0) for each in (base.width, base.group_width))
    return replace(
        base,
        depth=np.maximum(1, np.rint(base.depth * off * s**rule.depth).astype(np.int64)),
        width=width,
        group_width=group_width,
        bottleneck=bottleneck,
        stride=np.repeat(base.stride, len(s), axis=0),
        stem_width=np.repeat(base.stem_width, len(s)),
        resolution=np.repeat(base.resolution, len(s)),
    )


def _too_small(arch: Arch, reached: Complexity, limits: Mapping[str, float]) -> str:
    """Why no scaled network meets the limits."""
    given = {name: limit for name, limit in limits.items() if math.isfinite(limit)}
    least = " and ".join(f"{getattr(reached, name).min():,} {name}" for name in given)
    most = " and ".join(f"{limit:,.0f}" for limit in given.values())
    return (
        f"{arch.name or 'this network'} cannot be scaled below {least} at {arch.resolution} pixels; the limit is "
        f"{most}. Raise the limit or lower the resolution."
    )
