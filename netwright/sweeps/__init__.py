"""Sweeps: training the trials of a population."""

from netwright.sweeps.executor import Event, Executor, Job
from netwright.sweeps.local import LocalExecutor
from netwright.sweeps.progress import Progress, Quiet
from netwright.sweeps.run import default_workers, run

__all__ = ["Event", "Executor", "Job", "LocalExecutor", "Progress", "Quiet", "default_workers", "run"]
