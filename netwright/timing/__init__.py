"""How long networks take to answer on this device: measured beside a reference, and predicted while sampling."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from netwright.timing.latencies import Latencies, LatencyRow, latency
    from netwright.timing.limit import LatencyLimit
    from netwright.timing.measurer import Measurer
    from netwright.timing.predictor import HeldOut, Predictor, fit_predictor
    from netwright.timing.sampler import LatencySampler
    from netwright.timing.setting import LatencySetting
    from netwright.timing.timed import Latency

__all__ = [
    "HeldOut",
    "Latencies",
    "Latency",
    "LatencyLimit",
    "LatencyRow",
    "LatencySampler",
    "LatencySetting",
    "Measurer",
    "Predictor",
    "fit_predictor",
    "latency",
]

# public name -> its module, imported when first used: a command that only declares its flags needs none of them
_HOME = {
    **dict.fromkeys(("Latencies", "LatencyRow", "latency"), "latencies"),
    **dict.fromkeys(("HeldOut", "Predictor", "fit_predictor"), "predictor"),
    "Latency": "timed",
    "LatencyLimit": "limit",
    "LatencySampler": "sampler",
    "LatencySetting": "setting",
    "Measurer": "measurer",
}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)
