"""The guided design: sample, train, analyze, refine, confirm, select, train the selected network longer, report."""

from netwright.system.deprecation import moved_names
from netwright.workflow.config import DesignConfig
from netwright.workflow.result import DesignResult
from netwright.workflow.steps import design, sweep

__all__ = ["DesignConfig", "DesignResult", "design", "sweep"]

__getattr__ = moved_names("netwright.workflow", {"Result": "netwright.workflow.result:DesignResult"})
