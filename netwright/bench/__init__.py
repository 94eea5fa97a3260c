"""Measure how fast networks train and answer on this machine, beside those of other libraries in one run."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from netwright.system.deprecation import moved_names

if TYPE_CHECKING:
    from netwright.bench.contender import LIBRARIES, BuiltNetwork, Contender, build_contender, contenders, rival_name
    from netwright.bench.run import Benchmark, BenchmarkRow, measure
    from netwright.bench.settings import Settings
    from netwright.bench.table import to_csv, to_json, to_table

__all__ = [
    "LIBRARIES",
    "Benchmark",
    "BenchmarkRow",
    "BuiltNetwork",
    "Contender",
    "Settings",
    "build_contender",
    "contenders",
    "measure",
    "rival_name",
    "to_csv",
    "to_json",
    "to_table",
]

# public name -> its module, imported when first used: all but the settings need torch
_HOME = {
    **dict.fromkeys(
        ("LIBRARIES", "Contender", "BuiltNetwork", "contenders", "build_contender", "rival_name"), "contender"
    ),
    **dict.fromkeys(("Benchmark", "BenchmarkRow", "measure"), "run"),
    "Settings": "settings",
    **dict.fromkeys(("to_csv", "to_json", "to_table"), "table"),
}
_old_name = moved_names(
    __name__,
    {
        "Network": "netwright.bench:BuiltNetwork",
        "open_network": "netwright.bench:build_contender",
        "Measured": "netwright.bench:BenchmarkRow",
        "peer_of": "netwright.bench:rival_name",
    },
)


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        return _old_name(name)
    return getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)
