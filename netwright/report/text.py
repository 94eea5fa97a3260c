"""Numbers and names, formatted for a reader."""

from __future__ import annotations

import re
from collections.abc import Sequence

from netwright.system.plural import count

__all__ = ["amount", "count", "listing", "meaning", "number", "p_value", "percent", "points", "ratio", "signed", "span"]

_SCALES = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))

# DDS section 3.3; spaces that draw a parameter for each stage add an underscore and the number of the stage
_MEANINGS = {
    "depth": "number of blocks",
    "width": "channels of a block",
    "w0": "channels of the first block",
    "wa": "channels added per block",
    "wm": "width ratio of neighboring stages",
    "bottleneck": "block width ÷ inner width",
    "group_width": "channels per group",
    "groups": "groups of the 3x3 convolution",
    "flops": "multiply-adds",
    "params": "trainable parameters",
    "acts": "activations",
    "latency_ms": "milliseconds of an answer",
}


def amount(value: float) -> str:
    """Three significant figures and a suffix: 1.23M, 45.6k, 12; above trillions as a power of ten."""
    if abs(value) >= 1e15:
        mantissa, exponent = f"{value:.1e}".split("e")
        return f"{mantissa}×10^{int(exponent)}"
    for scale, letter in _SCALES:
        if abs(value) >= scale * 0.9995:
            return f"{value / scale:.3g}{letter}"
    return f"{value:.3g}"


def number(value: float) -> str:
    """A parameter's value: whole numbers and large ones as such, others with three significant figures."""
    if (abs(value - round(value)) < 1e-9 or abs(value) >= 1000) and abs(value) < 1e15:
        return f"{round(value):,}"
    return f"{value:.3g}"


def span(ends: tuple[float, float]) -> str:
    """`8 to 32`, or the one value where both ends are equal."""
    low, high = (number(end) for end in ends)
    return low if low == high else f"{low} to {high}"


def percent(value: float) -> str:
    """`1.85%`."""
    return f"{value:.2f}%"


def points(value: float) -> str:
    """A difference of percentages, without its sign: `0.42 points`."""
    return f"{abs(value):.2f} points"


def signed(value: float) -> str:
    """`+0.42` or `−0.42`, with a true minus sign."""
    return f"{round(value, 2) or 0.0:+.2f}".replace("-", "−")  # zero has no minus


def ratio(value: float) -> str:
    """`8.7`, or `1,234` from 10 on."""
    return f"{value:,.0f}" if value >= 10 else f"{value:.2g}"


def p_value(value: float) -> str:
    """`p = 0.03`, or `p < 0.001`."""
    return "p < 0.001" if value < 0.001 else f"p = {value:.2g}"


def listing(items: Sequence[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    if len(items) < 2:
        return "".join(items)
    return f"{', '.join(items[:-1])} and {items[-1]}"


def meaning(parameter: str) -> str:
    """What a parameter of the papers means, in a few words; empty for an unknown one."""
    if parameter in _MEANINGS:
        return _MEANINGS[parameter]
    stage = re.fullmatch(r"([a-z_]+)_(\d+)", parameter)
    if stage and stage[1] in _MEANINGS:
        return f"{_MEANINGS[stage[1]]}, stage {stage[2]}"
    return ""
