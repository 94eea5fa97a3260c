"""Populations: the trials of a design space, in one file on disk."""

from netwright.population.database import FILE, STATES
from netwright.population.store import Population
from netwright.population.trials import Trial, trial_seed
from netwright.system.diff import difference
from netwright.system.lock import Lock

__all__ = ["FILE", "STATES", "Lock", "Population", "Trial", "difference", "trial_seed"]
