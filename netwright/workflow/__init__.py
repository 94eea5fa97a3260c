"""The guided job: sample, train, analyze, refine, confirm, pick, train the pick longer, report."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from netwright.workflow.config import DesignConfig
    from netwright.workflow.result import Result
    from netwright.workflow.steps import design, sweep

__all__ = ["DesignConfig", "Result", "design", "sweep"]

# public name -> its module, imported when first used: help needs only the configuration
_HOME = {"DesignConfig": "config", "Result": "result", "design": "steps", "sweep": "steps"}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)
