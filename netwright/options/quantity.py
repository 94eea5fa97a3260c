"""Quantities as people write them: 400M, 1.5G, 360M:400M."""

from __future__ import annotations

import math

__all__ = ["read_quantity", "read_window"]

_UNITS = {"": 1.0, "k": 1e3, "m": 1e6, "g": 1e9, "b": 1e9, "t": 1e12}


def read_quantity(text: str) -> float:
    """`400M`, `1.5G`, `8e6`, `5200000` -> a number. ValueError otherwise."""
    word = str(text).strip().lower().replace("_", "").replace(",", "")
    unit = word[-1:] if word[-1:] in _UNITS and word[-1:] else ""
    try:
        value = float(word[: len(word) - len(unit)]) * _UNITS[unit]
    except (ValueError, KeyError):
        value = math.nan
    if not math.isfinite(value) or value < 0:
        raise ValueError(f"a quantity is a number like 400M, 1.5G or 5200000, not {text!r}")
    return value


def read_window(text: str) -> tuple[float, float]:
    """`360M:400M` -> (low, high). ValueError otherwise."""
    parts = str(text).split(":")
    if len(parts) != 2:
        raise ValueError(f"a window is LOW:HIGH like 360M:400M, not {text!r}")
    low, high = read_quantity(parts[0] or "0"), read_quantity(parts[1])
    if low > high:
        raise ValueError(f"a window's low end is not above its high end: {text!r}")
    return low, high
