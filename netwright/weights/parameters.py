"""Find RegNet parameters (depth, w0, wa, wm) with which timm builds exactly the stages of a network."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from netwright.arch import Arch

__all__ = ["RegNetParameters", "regnet_parameters"]

_QUANTUM = 8  # widths before the rounding to groups are multiples of this
_STEPS = 10  # powers of wm that are tried; neighboring stages are mostly one power apart
_GRID = 300  # values of wm that are tried
_MARGIN = 1e-5  # relative distance of wa to its bounds: more than the rounding of float32, in which timm computes


@dataclass(frozen=True, slots=True)
class RegNetParameters:
    """Parameters of a RegNet, as in DDS (arXiv 2003.13678).

    Attributes:
        depth: Number of blocks.
        w0: Initial width.
        wa: Slope.
        wm: Width multiplier.
        group_width: Of all stages, but at most a stage's inner width.
        is_upward: Whether inner widths are rounded to multiples of the group width as in torchvision: up where more
            than a tenth would be lost.
    """

    depth: int
    w0: int
    wa: float
    wm: float
    group_width: int
    is_upward: bool


def regnet_parameters(arch: Arch) -> RegNetParameters | None:
    """Find parameters that give the depths, widths and groups of a network.

    Widths w0 * wm ** k bound wm for each choice of powers k, and the blocks at which k changes bound wa for each wm.
    The middle of what is left is taken, so that rounding of floating point does not matter.

    Returns:
        The parameters; None where there are none, or bottlenecks differ between stages.
    """
    stages = arch.stages
    if len({stage.bottleneck for stage in stages}) > 1:
        return None
    group_width = max(stage.group_width for stage in stages)
    depths = [stage.depth for stage in stages]
    for is_upward, nearest in ((False, _nearest), (True, _upward)):
        raw = [
            _unrounded(stage.width, stage.group_width, 1 / stage.bottleneck, group_width, nearest) for stage in stages
        ]
        for w0 in raw[0] if all(raw) else ():
            for powers in combinations(range(1, _STEPS), len(stages) - 1):
                found = _slope(depths, raw, w0, powers)
                if found is not None:
                    return RegNetParameters(sum(depths), w0, *found, group_width, is_upward)
    return None


def _nearest(value: int, divisor: int) -> int:
    return round(value / divisor) * divisor


def _upward(value: int, divisor: int) -> int:
    rounded = max(1, int(value + divisor / 2) // divisor * divisor)
    return rounded + divisor if rounded < 0.9 * value else rounded


def _unrounded(
    width: int, own_group: int, multiplier: float, group_width: int, rounded: Callable[[int, int], int]
) -> list[int]:
    """Widths that rounding to groups of own_group channels turns into `width`, ascending."""
    reach = int(group_width / multiplier) + 2 * _QUANTUM
    found = []
    for raw in range(max(1, (width - reach) // _QUANTUM) * _QUANTUM, width + reach + 1, _QUANTUM):
        inner = int(raw * multiplier)
        group = min(group_width, inner)
        if group >= 1 and group == own_group and int(rounded(inner, group) / multiplier) == width:
            found.append(raw)
    return found


def _slope(depths: list[int], raw: list[list[int]], w0: int, powers: tuple[int, ...]) -> tuple[float, float] | None:
    """(wa, wm) with which stage i >= 1 has the width w0 * wm ** powers[i - 1]; None where there are none."""
    half = 0.4995 * _QUANTUM  # exactly half a quantum could be rounded either way
    bounds = [
        (((widths[0] - half) / w0) ** (1 / k), ((widths[-1] + half) / w0) ** (1 / k))
        for widths, k in zip(raw[1:], powers, strict=True)
    ]
    low, high = max(1.001, *(bound[0] for bound in bounds)), min(bound[1] for bound in bounds)
    if low >= high:
        return None
    wm = np.linspace(low, high, _GRID + 2)[1:-1]
    short = np.unique(wm.round(3))  # also with fewer digits, which are easier to read
    wm = np.concatenate([wm, short[(short > low) & (short < high)]])
    # blocks of a power k: k - 1/2 < log(1 + wa * j / w0) / log(wm) < k + 1/2 for its first and its last block j
    starts = np.cumsum([0, *depths])
    least, most = np.zeros_like(wm), np.full_like(wm, np.inf)
    for first, last, k in zip(starts[:-1], starts[1:] - 1, (0, *powers), strict=True):
        if first:
            least = np.maximum(least, w0 * (wm ** (k - 0.5) - 1) / first)
        if last:
            most = np.minimum(most, w0 * (wm ** (k + 0.5) - 1) / last)
    margin = (most - least) / (most + least)
    at = int(np.argmax(margin))
    if margin[at] < _MARGIN:
        return None
    wide = margin[_GRID:] > margin[at] / 2
    if wide.any():
        at = _GRID + int(np.argmax(wide))
    middle = float(least[at] + most[at]) / 2
    digits = next((n for n in range(2, 8) if abs(round(middle, n) - middle) < (most[at] - least[at]) / 8), 8)
    return round(middle, digits), float(wm[at])
