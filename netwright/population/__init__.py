"""Populations: trials of a design space, on disk."""

from netwright.population.database import FILE, STATES
from netwright.population.difference import difference
from netwright.population.lock import Lock
from netwright.population.store import Population, Trial, trial_seed

__all__ = ["FILE", "STATES", "Lock", "Population", "Trial", "difference", "trial_seed"]
