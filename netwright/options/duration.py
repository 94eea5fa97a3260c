"""Lengths of time as people write them: 90s, 20m, 1h30m, 5ms; and as sentences say them: 20 minutes, 4.87 ms."""

from __future__ import annotations

import math
import re

__all__ = ["duration_in_words", "latency_in_words", "read_duration", "read_latency"]

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


# of a network's answer: a bare 5 could be seconds or milliseconds, and 5m is five minutes
_LATENCY = re.compile(r"(\d+(?:\.\d+)?|\.\d+)\s*(us|µs|μs|ms|s)", re.IGNORECASE)
_LATENCY_SECONDS = {"us": 1e-6, "µs": 1e-6, "μs": 1e-6, "ms": 1e-3, "s": 1.0}


def read_latency(text: str | float) -> float:
    """`5ms`, `0.8 ms`, `250us`, `1s`, or a number of seconds that is no text -> seconds. ValueError otherwise."""
    if isinstance(text, str):
        found = _LATENCY.fullmatch(text.strip())
        seconds = float(found[1]) * _LATENCY_SECONDS[found[2].lower()] if found else math.nan
    else:
        seconds = math.nan if isinstance(text, bool) else float(text)
    if not math.isfinite(seconds) or seconds <= 0:
        raise ValueError(f"a latency is a time with its unit, like 5ms, 0.8ms or 250us, not {text!r}")
    return seconds


def latency_in_words(seconds: float) -> str:
    """`4.87 ms`, `0.213 ms`, `1,240 ms`: three digits."""
    ms = 1e3 * seconds
    if ms >= 99.95:
        return f"{ms:,.0f} ms"
    digits = 1 if ms >= 9.995 else 2 if ms >= 0.9995 else 3
    return f"{ms:.{digits}f} ms"
