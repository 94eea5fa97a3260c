"""A sweep within a time: no trial begins that would end after it."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from netwright.sweeps.costs import TrialCosts

__all__ = ["TimeBudget"]

_LOG = logging.getLogger(__name__)


class TimeBudget:
    """Which trials still begin. Trials begin in their order: a short one never overtakes a long one that does not fit,
    for then the population would be no random sample any more.

    Args:
        seconds: From now on.
        costs: Of a trial, as the probes say.
        now: A clock in seconds.
    """

    def __init__(self, seconds: float, costs: TrialCosts, now: Callable[[], float] = time.monotonic) -> None:
        self._now, self._end, self._probed = now, now() + seconds, costs
        self._flops: list[float] = []
        self._seconds: list[float] = []
        self.is_over = False

    @property
    def costs(self) -> TrialCosts:
        """As far as is known now."""
        return self._probed.corrected(self._flops, self._seconds)

    def done(self, flops: float, seconds: float) -> None:
        """A trial is finished: estimates follow from it."""
        self._flops.append(flops)
        self._seconds.append(seconds)

    def allows(self, flops: float) -> bool:
        """Whether a trial begins; once one does not, none does any more."""
        left = self._end - self._now()
        if not self.is_over and float(self.costs.seconds(flops)) > left:
            self.is_over = True
            _LOG.info("no more trials begin: the next one would end after the budget of time")
        return not self.is_over
