"""Lengths of time as people write them: 90s, 20m, 1h30m; and as sentences say them: 20 minutes."""

from __future__ import annotations

import math
import re

__all__ = ["duration_in_words", "read_duration"]

_SECONDS = {"d": 86400.0, "h": 3600.0, "m": 60.0, "s": 1.0}
# long and short names of the units; a capital M is a million, of flops say
_PART = re.compile(r"(\d+(?:\.\d+)?)\s*(days?|hours?|hrs?|minutes?|mins?|seconds?|secs?|d|h|m|s)\s*")


def read_duration(text: str | float) -> float:
    """`90s`, `20m`, `2h`, `1h30m`, `20 minutes`, or a number of seconds -> seconds. ValueError otherwise."""
    word = str(text).strip()
    if re.fullmatch(r"\d+(\.\d+)?[MGk]", word):
        raise ValueError(
            f"a length of time is like 90s, 20m or 2h, not {text!r}: a small m is minutes. "
            "Flops, parameters and activations are limited by --flops, --params and --acts"
        )
    parts = _PART.findall(word)
    if not isinstance(text, str) or not parts or _PART.sub("", word):
        seconds = float(text) if isinstance(text, int | float) and not isinstance(text, bool) else math.nan
    else:
        seconds = sum(float(number) * _SECONDS[unit[0]] for number, unit in parts)
    if not math.isfinite(seconds) or seconds <= 0:
        raise ValueError(f"a length of time is like 90s, 20m, 2h or 1h30m, not {text!r}")
    return seconds


def duration_in_words(seconds: float) -> str:
    """`45 seconds`, `1.5 minutes`, `20 minutes`, `2.5 hours`: two digits, which is as much as an estimate is worth."""
    for unit, length in (("hour", 3600.0), ("minute", 60.0)):
        if seconds >= 1.45 * length:
            return f"{_two_digits(seconds / length)} {unit}s"
    whole = max(1, round(seconds))
    return f"{whole} second" if whole == 1 else f"{whole} seconds"


def _two_digits(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0") if value < 9.95 else f"{value:,.0f}"
