"""A design space as a table, for notebooks."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from netwright.space.drawn_setting import WORDS, drawn_to_dict
from netwright.space.parameter import Parameter
from netwright.space.setting import Setting
from netwright.system.html import paragraph, table

__all__ = ["short_size", "space_table"]


def space_table(
    name: str,
    summary: str,
    parameters: Iterable[Parameter],
    limits: Mapping[str, tuple[float, float]],
    setting: Setting,
    size: float,
) -> str:
    """The parameters of a space with their distributions, its limits, and what its networks have in common, as HTML."""
    rows = []
    for parameter in parameters:
        stages: dict[str, list[str]] = {}
        for number, distribution in enumerate(parameter.distributions, 1):
            as_words = parameter.name in WORDS
            values = drawn_to_dict([parameter])[parameter.name] if as_words else distribution.to_dict()
            stages.setdefault(_described(values), []).append(str(number))
        listed = [text if len(stages) == 1 else f"stage {', '.join(of)}: {text}" for text, of in stages.items()]
        drawn = (
            "once for each stage"
            if len(parameter.distributions) > 1
            else "once for all stages"
            if parameter.tied
            else "once"
        )
        order = f", {parameter.order.replace('_', '-')}" if parameter.order else ""
        rows.append((parameter.name, "; ".join(listed), drawn + order))
    heads = ("parameter", "distribution", "drawn")
    combinations = "infinitely many" if size == math.inf else f"{size:,}" if size < 1e15 else short_size(size)
    limited = "".join(f"; {low:,.10g} ≤ {limit} ≤ {high:,.10g}" for limit, (low, high) in limits.items())
    common = ", ".join(f"{key} {_value(value)}" for key, value in setting.to_dict().items())
    above = f"{name}: {summary}" if summary else name
    return table(heads, rows, above) + paragraph(f"{combinations} combinations{limited}.") + paragraph(common)


def short_size(size: float) -> str:
    """`1.8e+18`: two digits of a number of combinations, also of one that no float can hold."""
    return f"{size:.2g}" if size == math.inf or size < 1e300 else f"{Decimal(int(size)):.1e}"


def _described(values: Mapping[str, Any]) -> str:
    """`{"log_uniform": [8, 1024], "quantum": 8}` -> "log-uniform 8 to 1,024, quantum 8"."""
    (kind, ends), *rest = values.items()
    if len(set(ends)) == 1:
        return _value(ends[:1])
    if kind == "choice":
        text = f"one of {_value(ends)}"
    else:
        low, high = ends
        text = f"{kind.replace('_', '-' if kind == 'log_uniform' else ' ')} {low:,} to {high:,}"
    return ", ".join([text, *(f"{key} {_value(value)}" for key, value in rest)])


def _value(value: Any) -> str:
    return (
        ", ".join(each if isinstance(each, str) else f"{each:g}" for each in value)
        if isinstance(value, list | tuple)
        else str(value)
    )
