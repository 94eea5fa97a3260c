"""Populations: trials of a design space, on disk."""

from netwright.population.difference import difference
from netwright.population.lock import Lock
from netwright.population.store import FILE, STATES, Population, Trial, trial_seed

__all__ = ["FILE", "STATES", "Lock", "Population", "Trial", "difference", "trial_seed"]
