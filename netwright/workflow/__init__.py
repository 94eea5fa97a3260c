"""The guided job: sample, train, analyze, refine, confirm, pick, train the pick longer, report."""

from netwright.workflow.config import DesignConfig
from netwright.workflow.result import Result
from netwright.workflow.steps import design, sweep

__all__ = ["DesignConfig", "Result", "design", "sweep"]
