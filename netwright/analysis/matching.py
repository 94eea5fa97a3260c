"""The networks that two populations have in common: the same architecture, whatever images they were trained on."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Hashable, Sequence

import pandas as pd

from netwright.errors import StatsError
from netwright.report.view import PopulationView

__all__ = ["match_networks"]

_OF_THE_IMAGES = ("resolution", "num_classes", "in_channels", "name")
_DIGITS = 9  # of numbers that were written to a table and read again


def match_networks(a: PopulationView, b: PopulationView) -> tuple[pd.DataFrame, pd.DataFrame, str]:
    """The networks that have an error in both, in the same order.

    Returns:
        Rows of a, rows of b, and by what they were matched. A network that either has twice is left out.

    Raises:
        StatsError: Nothing says which networks are the same.
    """
    first, second = a.done, b.done
    keys: list[Sequence[Hashable]]
    if _has_archs(first) and _has_archs(second):
        # a network that was trained by two drawn recipes is there twice: the recipe tells which is which
        drawn = [name for name in a.space.get("recipe", ()) if name in b.space.get("recipe", ())]
        keys = [list(zip(_by_arch(view.done), _by_parameters(view, drawn), strict=True)) for view in (a, b)]
        how = " and ".join(["architecture", *drawn])
    else:
        shared = [name for name in a.parameters if name in b.parameters]
        if not shared:
            raise StatsError(
                f"the networks of {a.name} and {b.name} cannot be matched: neither an architecture nor a parameter is "
                "in both. Name the parameters that both have, with --parameters."
            )
        keys = [_by_parameters(view, shared) for view in (a, b)]
        how = ", ".join(shared)
    once = [{key for key, times in Counter(each).items() if times == 1} for each in keys]
    places = {key: row for row, key in enumerate(keys[1])}
    rows = [row for row, key in enumerate(keys[0]) if key in once[0] & once[1]]
    return first.iloc[rows], second.iloc[[places[keys[0][row]] for row in rows]], how


def _has_archs(frame: pd.DataFrame) -> bool:
    return "arch" in frame and bool(frame["arch"].map(lambda cell: isinstance(cell, str) and cell != "").all())


def _by_arch(frame: pd.DataFrame) -> list[Hashable]:
    return [_plain(text) for text in frame["arch"]]


def _plain(text: str) -> str:
    """The network without what the images decide; text as it is where it is no JSON of ours."""
    try:
        arch = json.loads(text)
    except ValueError:
        return text
    if not isinstance(arch, dict):
        return text
    return json.dumps({key: value for key, value in arch.items() if key not in _OF_THE_IMAGES}, sort_keys=True)


def _by_parameters(view: PopulationView, names: Sequence[str]) -> list[tuple[Hashable, ...]]:
    """Words as such: two tables may number them differently. Of no names, all are alike."""
    if not names:
        return [()] * len(view.done)
    columns = []
    for name in names:
        words = view.categories.get(name)
        cells = pd.to_numeric(view.done[name], errors="coerce")
        columns.append([words[int(x)] if words and x == x else float(f"{x:.{_DIGITS}g}") for x in cells])
    return list(zip(*columns, strict=True))
