"""A fast predictor of latency, fitted on measured networks of a space, with its error on networks it has not seen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from netwright.arch import ArchBatch
from netwright.errors import StatsError
from netwright.timing.features import FEATURES, work_of

__all__ = ["LEAST", "WORST", "HeldOut", "Predictor", "fit_predictor"]

Floats = npt.NDArray[np.float64]

LEAST = 15  # measured networks
WORST = 0.25  # mean held-out error beyond which a predictor is refused
_FOLDS = 5


@dataclass(frozen=True, slots=True)
class HeldOut:
    """How far off predictions are for networks that the predictor has not seen: five-fold cross-validation.

    Attributes:
        networks: Measured networks, each predicted by a fit on the others.
        mean: Of |predicted / measured - 1|.
        p90: Nine of ten are nearer than this.
        flops_alone: The mean where flops alone predict, as a line through the same networks.
    """

    networks: int
    mean: float
    p90: float
    flops_alone: float

    def in_words(self) -> str:
        """A sentence."""
        return (
            f"Latency is predicted to within {self.mean:.1%} on average, and {self.p90:.1%} for nine of ten networks, "
            f"of networks that the predictor has not seen ({_FOLDS}-fold cross-validation on {self.networks} measured "
            f"networks; flops alone: {self.flops_alone:.1%})."
        )


@dataclass(frozen=True, eq=False)
class Predictor:
    """Predicts milliseconds from the work of a network's stages.

    Attributes:
        held_out: Its error.
    """

    held_out: HeldOut
    _model: Any

    def predict(self, batch: ArchBatch) -> Floats:
        """(n,) milliseconds."""
        return _predict(self._model, work_of(batch))


def fit_predictor(batch: ArchBatch, ms: Sequence[float] | Floats, *, cure: str = "", worst: float = WORST) -> Predictor:
    """Fit a predictor.

    Latency is a sum over kinds of work, each with a rate that is not negative (linear regression by relative errors);
    a Gaussian process corrects what this leaves, as far as the measurements show it. Both are scikit-learn's.

    Args:
        batch: n networks of one space.
        ms: (n,) their measured milliseconds.
        cure: How more networks are measured, for messages.
        worst: The mean held-out error beyond which it is refused.

    Raises:
        StatsError: Too few networks, or predictions that are too bad to sample with.
    """
    measured = np.asarray(ms, np.float64)
    if len(measured) < LEAST or len(batch) != len(measured):
        raise StatsError(f"a predictor of latency is fitted on {LEAST} measured networks or more, not {len(measured)}.")
    work = work_of(batch)
    held_out = _held_out(work, measured)
    if held_out.mean > worst:
        raise StatsError(
            f"a predictor of latency is used where it is right within {worst:.0%} on average. {held_out.in_words()} "
            f"Measure on a quiet machine, measure more networks{f' ({cure})' if cure else ''}, or limit flops too, so "
            "that the networks are more alike."
        )
    return Predictor(held_out, _fit(work, measured))


def _held_out(work: Floats, ms: Floats) -> HeldOut:
    fold = np.random.default_rng(0).permutation(len(ms)) % _FOLDS
    predicted, by_flops = np.empty_like(ms), np.empty_like(ms)
    flops = work[:, [FEATURES.index(f"{kind}flops") for kind in ("dense ", "grouped ", "odd grouped ")]]
    flops = flops.sum(axis=1, keepdims=True)
    for k in range(_FOLDS):
        seen, unseen = fold != k, fold == k
        predicted[unseen] = _predict(_fit(work[seen], ms[seen]), work[unseen])
        by_flops[unseen] = _line(flops[seen], ms[seen]).predict(flops[unseen])
    off, alone = np.abs(predicted / ms - 1), np.abs(by_flops / ms - 1)
    return HeldOut(len(ms), float(off.mean()), float(np.quantile(off, 0.9)), float(alone.mean()))


def _line(work: Floats, ms: Floats) -> Any:
    from sklearn.linear_model import LinearRegression

    return LinearRegression(positive=True).fit(work, ms, sample_weight=ms**-2)  # relative errors count


def _fit(work: Floats, ms: Floats) -> tuple[Any, Any]:
    """(the sum over kinds of work, the correction of its logarithm)."""
    import warnings

    from sklearn.exceptions import ConvergenceWarning
    from sklearn.gaussian_process import GaussianProcessRegressor
    from sklearn.gaussian_process.kernels import RBF, ConstantKernel, WhiteKernel
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    line = _line(work, ms)
    left = np.log(ms / _floor(line.predict(work), ms))
    kernel = ConstantKernel(0.01, (1e-6, 1.0)) * RBF(2.0, (0.5, 20.0)) + WhiteKernel(1e-3, (1e-6, 1.0))
    process = make_pipeline(StandardScaler(), GaussianProcessRegressor(kernel, random_state=0))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # a bound that is reached: nothing is left to correct
        process.fit(np.log1p(work), left)
    return line, process


def _predict(model: tuple[Any, Any], work: Floats) -> Floats:
    line, process = model
    found: Floats = np.maximum(line.predict(work), 1e-6) * np.exp(process.predict(np.log1p(work)))
    return found


def _floor(predicted: Floats, ms: Floats) -> Floats:
    """Predictions above 0, so that their logarithm exists."""
    found: Floats = np.maximum(predicted, 1e-3 * ms.min())
    return found
