"""The guided design: sample, train, analyze, refine, confirm, select, train the selected network longer, report."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from netwright.system.deprecation import moved_names

if TYPE_CHECKING:
    from netwright.workflow.config import DesignConfig
    from netwright.workflow.result import DesignResult
    from netwright.workflow.steps import design, sweep

__all__ = ["DesignConfig", "DesignResult", "design", "sweep"]

# public name -> its module, imported when first used: help needs only the configuration
_HOME = {"DesignConfig": "config", "DesignResult": "result", "design": "steps", "sweep": "steps"}
_renamed = moved_names(__name__, {"Result": "netwright.workflow.result:DesignResult"})


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        return _renamed(name)
    return getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)
