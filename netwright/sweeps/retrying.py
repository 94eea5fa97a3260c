"""Which failed trials of a population are trained again."""

from __future__ import annotations

import logging

from netwright.errors import RecipeError
from netwright.population import Population

__all__ = ["retried", "retry"]

_LOG = logging.getLogger(__name__)


def retried(retry_failed: bool | str) -> str:
    """Which failures are trained again: "", "machine" or "all". RecipeError for another word."""
    kinds = {False: "", True: "machine", "": "", "machine": "machine", "all": "all"}
    if retry_failed not in kinds:
        raise RecipeError(f"retry_failed is true, false, 'machine' or 'all', not {retry_failed!r}. Correct it.")
    return kinds[retry_failed]


def retry(population: Population, retry_failed: bool | str, title: str) -> None:
    """Let those trials wait again, and say how many."""
    kinds = retried(retry_failed)
    if kinds and (count := population.retry_failed(kinds)):
        _LOG.info("%s: %d failed %s trained again", title, count, "trial is" if count == 1 else "trials are")
