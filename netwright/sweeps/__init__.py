"""Sweeps: training the trials of a population."""

from netwright.sweeps.executor import Executor, TrialEvent, TrialSpec
from netwright.sweeps.joining import join_sweep
from netwright.sweeps.local import LocalExecutor
from netwright.sweeps.pausing import control
from netwright.sweeps.progress import NullProgress, Progress
from netwright.sweeps.run import default_workers, run
from netwright.sweeps.sharing import LEASE, share

__all__ = [
    "LEASE",
    "Executor",
    "LocalExecutor",
    "NullProgress",
    "Progress",
    "TrialEvent",
    "TrialSpec",
    "control",
    "default_workers",
    "join_sweep",
    "run",
    "share",
]
