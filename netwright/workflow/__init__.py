"""The guided job: sample, train, analyse, refine, confirm, pick, train the pick longer, report."""

from netwright.workflow.config import Brief
from netwright.workflow.result import Result
from netwright.workflow.steps import design, sweep

__all__ = ["Brief", "Result", "design", "sweep"]
