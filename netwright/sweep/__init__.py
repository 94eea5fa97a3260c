"""Sweeps: training the trials of a population."""

from netwright.sweep.executor import Event, Executor, Job
from netwright.sweep.local import LocalExecutor
from netwright.sweep.progress import Progress, Quiet
from netwright.sweep.run import default_workers, run

__all__ = ["Event", "Executor", "Job", "LocalExecutor", "Progress", "Quiet", "default_workers", "run"]
