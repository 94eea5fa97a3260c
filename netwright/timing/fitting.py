"""A predictor for one space: networks are drawn from it, measured, and fitted."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from netwright.arch import Arch, ArchBatch, batch_of
from netwright.errors import SpaceError
from netwright.space import DesignSpace, draw
from netwright.space.predicted import PredictedLimit
from netwright.timing.predictor import LEAST, Predictor, fit_predictor
from netwright.timing.timed import Latency

__all__ = ["FittedSpace", "fit_space", "limit_on"]

_LOG = logging.getLogger(__name__)

_SEED = 7_919  # beside that of a sample, so that a sample is not what its own predictor was fitted on
_TOLD = 10  # each so many-th measurement is said, to who waits
_NEAR = 2.0  # the second half of the networks is predicted to take at most so many times the limit


@dataclass(frozen=True, eq=False)
class FittedSpace:
    """Measured networks of a space, and the predictor that they make.

    Attributes:
        batch: The networks.
        ms: (n,) milliseconds.
        predictor: Fitted on them.
    """

    batch: ArchBatch
    ms: np.ndarray
    predictor: Predictor


def fit_space(
    space: DesignSpace, measure: Callable[[Arch], Latency], n: int, *, seed: int = 0, most_ms: float | None = None
) -> FittedSpace:
    """Measure networks of a space and fit a predictor.

    Half of them are drawn as the space has it. Of the other half, those are drawn that the first half's predictor puts
    near the limit and below: there the predictor has to be right.

    Args:
        space: With its limits on costs.
        measure: A network -> its latency.
        n: How many networks.
        seed: Of the sample that will be drawn; these have another.
        most_ms: The limit; None: all are drawn as the space has it.

    Raises:
        SpaceError: The space has too few networks.
        StatsError: The predictor is too bad.
        ExportError: A network cannot be measured.
    """
    first = n if most_ms is None else max(LEAST, n // 2)
    batch = draw(space, first, seed + _SEED).batch
    ms = [_measured(measure, arch, at, n) for at, arch in enumerate(batch)]
    if most_ms is not None and n > first:
        more = _near(space, batch, fit_predictor(batch, ms, worst=np.inf), most_ms, n - first, seed)
        ms += [_measured(measure, arch, first + at, n) for at, arch in enumerate(more)]
        batch = _joined(batch, more)
    cure = f"--latency_networks {2 * n}" if most_ms is not None else f"--n {2 * n}"
    return FittedSpace(batch, np.array(ms), fit_predictor(batch, ms, cure=cure))


def limit_on(predictor: Predictor, most_ms: float) -> PredictedLimit:
    """The constraint that a sampler takes."""
    cure = "Raise --max_latency, lower the limits on costs, or choose smaller images (--resolution)."
    return PredictedLimit("latency", predictor.predict, most_ms, "ms", cure)


def _near(space: DesignSpace, batch: ArchBatch, rough: Predictor, most_ms: float, n: int, seed: int) -> ArchBatch:
    """Other networks near the limit and below. rough: of the first ones, too few to judge a predictor by."""
    try:
        return draw(space, n, seed + _SEED + 1, exclude=batch, predicted=(limit_on(rough, _NEAR * most_ms),)).batch
    except SpaceError:
        # the same with the limit itself, for its message; or the few that there are
        draw(space, 1, seed + _SEED + 1, exclude=batch, predicted=(limit_on(rough, most_ms),))
        raise


def _measured(measure: Callable[[Arch], Latency], arch: Arch, at: int, n: int) -> float:
    latency = measure(arch)
    _LOG.log(
        logging.INFO if (at + 1) % _TOLD == 0 else logging.DEBUG, "latency %d of %d: %s", at + 1, n, latency.in_words()
    )
    return latency.ms


def _joined(first: ArchBatch, second: ArchBatch) -> ArchBatch:
    """Both, whatever their numbers of stage columns."""
    joined = batch_of([*first, *second])
    names = first.parameters.keys() & second.parameters.keys()
    return replace(
        joined, parameters={name: np.concatenate([first.parameters[name], second.parameters[name]]) for name in names}
    )
