"""What differs between two nested plain values, in lines that a person reads."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["difference"]


def difference(old: Any, new: Any, path: str = "") -> list[str]:
    """One line for each leaf that differs: `space.limits.flops: [0, 4e8] -> [0, 6e8]`. Empty where they are equal."""
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        lines = []
        for key in [*old, *(key for key in new if key not in old)]:
            below = f"{path}.{key}" if path else str(key)
            if key not in new:
                lines.append(f"{below}: {old[key]!r} -> (absent)")
            elif key not in old:
                lines.append(f"{below}: (absent) -> {new[key]!r}")
            else:
                lines += difference(old[key], new[key], below)
        return lines
    return [] if old == new else [f"{path}: {old!r} -> {new!r}"]
