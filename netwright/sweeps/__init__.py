"""Sweeps: training the trials of a population."""

from netwright.sweeps.executor import Event, Executor, Job
from netwright.sweeps.local import LocalExecutor
from netwright.sweeps.progress import NullProgress, Progress
from netwright.sweeps.run import default_workers, run

__all__ = ["Event", "Executor", "Job", "LocalExecutor", "NullProgress", "Progress", "default_workers", "run"]
