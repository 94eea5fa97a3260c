"""Populations: the trials of a design space, in one file on disk."""

from netwright.population.copying import is_population
from netwright.population.database import FILE, STATES
from netwright.population.failure import FAILURES, failure_of
from netwright.population.imported import ImportedTrial
from netwright.population.merging import Merged, merge
from netwright.population.provenance import mixed_sessions
from netwright.population.snapshot import mark_of, snapshot
from netwright.population.store import Population
from netwright.population.trials import Trial, trial_seed
from netwright.system.diff import difference
from netwright.system.lock import Lock

__all__ = [
    "FAILURES",
    "FILE",
    "STATES",
    "ImportedTrial",
    "Lock",
    "Merged",
    "Population",
    "Trial",
    "difference",
    "failure_of",
    "is_population",
    "mark_of",
    "merge",
    "mixed_sessions",
    "snapshot",
    "trial_seed",
]
