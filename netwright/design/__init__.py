"""The guided job: sample, train, analyse, refine, confirm, pick, train the pick longer, report."""

from netwright.design.brief import Brief
from netwright.design.result import Result
from netwright.design.steps import design, sweep

__all__ = ["Brief", "Result", "design", "sweep"]
