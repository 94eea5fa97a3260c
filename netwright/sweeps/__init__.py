"""Sweeps: training the trials of a population."""

from netwright.sweeps.executor import Executor, TrialEvent, TrialSpec
from netwright.sweeps.local import LocalExecutor
from netwright.sweeps.progress import NullProgress, Progress
from netwright.sweeps.run import default_workers, run

__all__ = [
    "Executor",
    "LocalExecutor",
    "NullProgress",
    "Progress",
    "TrialEvent",
    "TrialSpec",
    "default_workers",
    "run",
]
