"""Named rules that make a width and a group width agree.

A grouped convolution needs its width to be a multiple of its group width. Code bases round differently, so one
set of parameters means different networks there; a space names the rule that it uses.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from netwright.errors import ArchError

__all__ = ["ROUNDING", "compatible", "compatible_groups"]

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


def _pycls(inner: Floats, group_width: Ints, multiplier: Floats) -> tuple[Ints, Ints]:
    """Round half to even to the nearest non-zero multiple of g (of lcm(g, m) where the bottleneck is inverted)."""
    inner = np.floor(np.maximum(1, inner))
    group_width = np.minimum(group_width, inner.astype(np.int64))
    multiple = group_width
    inverted = multiplier > 1
    if inverted.any():
        multiple = np.where(
            inverted, np.lcm(group_width, np.maximum(1, np.rint(multiplier).astype(np.int64))), group_width
        )
    return np.maximum(multiple, np.rint(inner / multiple).astype(np.int64) * multiple), group_width


def _torchvision(inner: Floats, group_width: Ints, multiplier: Floats) -> tuple[Ints, Ints]:
    """Round half up to a multiple of g, and once more up where that lost over 10%."""
    whole = np.floor(np.maximum(1, inner)).astype(np.int64)
    group_width = np.minimum(group_width, whole)
    rounded = np.maximum(group_width, (whole + group_width // 2) // group_width * group_width)
    return np.where(rounded < 0.9 * whole, rounded + group_width, rounded), group_width


# rule -> (inner width, group width, 1 / bottleneck) -> (inner width, group width), all arrays of one shape
ROUNDING: dict[str, Callable[[Floats, Ints, Floats], tuple[Ints, Ints]]] = {
    "pycls": _pycls,
    "torchvision": _torchvision,
}


def compatible(
    width: npt.ArrayLike, bottleneck: npt.ArrayLike, group_width: npt.ArrayLike, rule: str = "pycls"
) -> tuple[Ints, Ints]:
    """The nearest widths and group widths for which width / bottleneck is a multiple of group_width.

    Args:
        width: Channels, an array of any shape; an absent stage (width 0) stays absent.
        bottleneck: Of the same shape; it divides (b of DDS).
        group_width: Of the same shape; 0 means one group.
        rule: A key of `ROUNDING`.

    Returns:
        (width, group_width), int64 of that shape.

    Raises:
        ArchError: An unknown rule.
    """
    if rule not in ROUNDING:
        raise ArchError(f"a rounding rule is one of {sorted(ROUNDING)}, not {rule!r}. Choose one of these.")
    widths = np.asarray(width, np.int64)
    ratio = np.asarray(bottleneck, np.float64)
    wanted = np.asarray(group_width, np.int64)
    wanted = np.where(wanted == 0, np.iinfo(np.int32).max, wanted)  # above any width: rules take the smaller of both
    inner, groups = ROUNDING[rule](widths / ratio, wanted, 1.0 / ratio)
    present = widths > 0
    return np.where(present, np.rint(inner * ratio).astype(np.int64), 0), np.where(present, groups, 1)


def compatible_groups(
    width: npt.ArrayLike, bottleneck: npt.ArrayLike, groups: npt.ArrayLike, rule: str = "pycls"
) -> tuple[Ints, Ints]:
    """As `compatible`, for a number of groups: the nearest widths for which width / bottleneck is a multiple of it.

    Args:
        width: Channels, an array of any shape.
        bottleneck: Of the same shape; it divides.
        groups: Of the same shape; more groups than channels are cut to the channels.
        rule: A key of `ROUNDING`.

    Returns:
        (width, group_width), int64 of that shape.
    """
    # a whole number of groups and a whole group are the same constraint
    rounded, counts = compatible(width, bottleneck, groups, rule)
    inner = np.rint(rounded / np.asarray(bottleneck, np.float64)).astype(np.int64)
    return rounded, np.maximum(1, inner // counts)
