"""e_fit: how far a network's block widths are from the nearest quantized linear function. DDS, section 3.3, Figure 8.

With the depth fixed, w0, wa and wm minimize the mean of |log(fitted width / width)| over blocks. Which block has which
step depends on wa / w0 and wm alone, and networks of one depth have a few thousand such patterns; for a pattern, w0
and wm are a line through the logarithms of the widths. So instead of a grid over three parameters, all patterns are
compared by least squares, in one product of matrices; the most promising ones are then fitted by absolute differences.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from netwright.arch.batch import ArchBatch
from netwright.arch.regnet import quantized_linear
from netwright.arch.spec import Arch
from netwright.errors import ArchError

__all__ = ["LinearFit", "LinearFits", "e_fit_of", "fit", "fit_batch", "fit_widths"]

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Singles = npt.NDArray[np.float32]
_Columns = tuple[Floats, Floats, Floats, Floats]

_LOG_STEPS = np.linspace(math.log(1.5), math.log(3.0), 121)  # of wm, whose range is that of DDS
_STEEPEST = 64.0  # wa / w0 at most: w0 from 4, wa to 256
_MOST_ENDS = 512  # of one wm: deeper networks have more patterns than are worth telling apart
_ROWS = 32  # networks at a time; always as many, so that one network gives the same bits in any batch
_NEAR = 0.02  # an e_fit below is not looked at again
_LEFT_OUT = 3  # stages without which patterns are compared, too
_PROMISING, _BEST = 32, 8  # patterns that are kept by least squares, and then by absolute differences
_ZOOM, _ZOOMS = 7, 4  # values of log wm that are tried at a time, and how often


@dataclass(frozen=True, slots=True)
class LinearFit:
    """The quantized linear function nearest to a network's block widths.

    Attributes:
        w0: Initial width.
        wa: Slope.
        wm: Width multiplier, from 1.5 to 3.
        e_fit: Mean over blocks of |log(fitted width / width)|; 0 for a RegNet up to the rounding of its widths.
        widths: Fitted width of each block, not rounded.
    """

    w0: float
    wa: float
    wm: float
    e_fit: float
    widths: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class LinearFits:
    """w0, wa, wm and e_fit of n networks, as in `LinearFit`: each (n,) float64."""

    w0: Floats
    wa: Floats
    wm: Floats
    e_fit: Floats

    def __len__(self) -> int:
        return len(self.e_fit)


def fit(network: Arch | ArchBatch) -> LinearFit | list[LinearFit]:
    """The quantized linear function nearest to one network, or to each network of a batch (DDS, section 3.3).

    `fit_batch` gives the parameters of a batch as columns.
    """
    archs = [network] if isinstance(network, Arch) else list(network)
    widths = [arch.block_widths for arch in archs]
    fits = fit_widths(widths)
    found = []
    for i, observed in enumerate(widths):
        w0, wa, wm = (float(column[i]) for column in (fits.w0, fits.wa, fits.wm))
        ks, of_step = quantized_linear(len(observed), *(np.array([value]) for value in (w0, wa, wm)))
        found.append(LinearFit(w0, wa, wm, float(fits.e_fit[i]), tuple(of_step[0, ks[0]].tolist())))
    return found[0] if isinstance(network, Arch) else found


def fit_batch(batch: ArchBatch) -> LinearFits:
    """The nearest quantized linear function of each network of a batch, as columns; thousands of networks a second."""
    depth = batch.depth.sum(axis=1)
    widths = np.zeros((len(batch), int(depth.max(initial=0))), np.int64)
    widths[np.arange(widths.shape[1]) < depth[:, None]] = np.repeat(batch.width.ravel(), batch.depth.ravel())
    return _fit_columns(widths, depth)


def fit_widths(widths: Sequence[Sequence[int]]) -> LinearFits:
    """Likewise, of networks that are given as the width of each block, first to last, each above 0."""
    depth = np.array([len(each) for each in widths], np.int64)
    columns = np.zeros((len(depth), int(depth.max(initial=0))), np.int64)
    columns[np.arange(columns.shape[1]) < depth[:, None]] = [width for each in widths for width in each]
    return _fit_columns(columns, depth)


def e_fit_of(texts: Iterable[object]) -> Floats:
    """e_fit of networks as `Arch.to_json` writes them: (n,), NaN for what is no such text."""
    widths = [_widths_of(text) for text in texts]
    e_fit = np.full(len(widths), np.nan)
    known = [i for i, each in enumerate(widths) if each]
    e_fit[known] = fit_widths([widths[i] for i in known]).e_fit
    return e_fit


def _widths_of(text: object) -> tuple[int, ...]:
    if not isinstance(text, str) or not text:
        return ()
    try:
        return Arch.from_json(text).block_widths
    except ArchError:
        return ()  # another program's notation


def _fit_columns(widths: Ints, depth: Ints) -> LinearFits:
    """widths: (n, most), 0 beyond a network's depth; depth: (n,)."""
    w0, wa, wm, e_fit = (np.full(len(depth), np.nan) for _ in range(4))
    for blocks in np.unique(depth).tolist():
        [rows] = np.nonzero(depth == blocks)
        # a space of few widths has many networks that differ in other things only
        distinct, place = np.unique(widths[rows, :blocks], axis=0, return_inverse=True)
        logs, patterns = np.log(distinct), _patterns(blocks)
        for start in range(0, len(logs), _ROWS):
            found = _fit_equal_depth(logs[start : start + _ROWS], patterns)
            here = (place.ravel() >= start) & (place.ravel() < start + _ROWS)
            for column, values in zip((w0, wa, wm, e_fit), found, strict=True):
                column[rows[here]] = values[place.ravel()[here] - start]
    return LinearFits(w0, wa, wm, e_fit)


@dataclass(frozen=True, slots=True)
class _Patterns:
    """All ways in which the blocks of a network of one depth take steps.

    Attributes:
        steps: (patterns, depth) float32, round(s_j) of each block: 0 for the first one, never falling.
        squares: Likewise, their squares.
        low, high: (patterns,) smallest and largest log wm at which the pattern was seen.
    """

    steps: Singles
    squares: Singles
    low: Singles
    high: Singles


def _patterns(depth: int) -> _Patterns:
    compact, low, high = _steps_of(depth)
    steps = compact.astype(np.float32)
    return _Patterns(steps, steps**2, low, high)


@lru_cache(maxsize=256)  # int8: some 20 MB for all depths up to 64
def _steps_of(depth: int) -> tuple[npt.NDArray[np.int8], Singles, Singles]:
    """The steps, low and high of `_Patterns`.

    For each wm, the slopes at which a block takes another step are known; between two of them nothing changes.
    """
    blocks = np.arange(depth)
    found, at = [], []
    for log_wm in _LOG_STEPS:
        halves = np.arange(0.5, math.log1p(_STEEPEST * (depth - 1)) / log_wm + 0.5)
        ends = np.unique(np.expm1(halves * log_wm)[:, None] / blocks[1:])
        ends = np.concatenate([[0.0], ends[ends < _STEEPEST], [_STEEPEST]])
        if len(ends) > _MOST_ENDS:
            ends = ends[np.linspace(0, len(ends) - 1, _MOST_ENDS).round().astype(np.intp)]
        slopes = np.concatenate([[0.0], (ends[:-1] + ends[1:]) / 2])
        found.append(np.rint(np.log1p(slopes[:, None] * blocks) / log_wm))
        at.append(np.full(len(slopes), log_wm))
    steps, log_wms = np.concatenate(found), np.concatenate(at)
    # equal rows have equal sums with random weights
    sums = steps @ np.random.default_rng(0).random(depth)
    order = np.argsort(sums, kind="stable")
    first = np.flatnonzero(np.diff(sums[order], prepend=-1.0) > 1e-9)
    steps, log_wms = steps[order][first], log_wms[order]
    low, high = np.minimum.reduceat(log_wms, first), np.maximum.reduceat(log_wms, first)
    return steps.astype(np.int8), low.astype(np.float32), high.astype(np.float32)


def _fit_equal_depth(logs: Floats, patterns: _Patterns) -> _Columns:
    """w0, wa, wm and e_fit, each (n,). logs: (n, depth) logarithms of block widths, at most `_ROWS` rows."""
    found = _fit_promising(logs, patterns, [np.ones_like(logs)])
    # squares follow a short stage that is far away, which differences give up: compare without each of those, too
    [far] = np.nonzero(found[-1] > _NEAR)
    if len(far):
        again = _fit_promising(logs[far], patterns, _without_short_stages(logs[far]))
        better = again[-1] < found[-1][far]
        for column, values in zip(found, again, strict=True):
            column[far[better]] = values[better]
    return found


def _without_short_stages(logs: Floats) -> list[Floats]:
    """Weights of blocks, each (n, depth): 0 in one of the shortest stages, 1 in all others."""
    n, depth = logs.shape
    stage = np.cumsum(np.diff(logs, axis=1, prepend=logs[:, :1]) != 0, axis=1)
    sizes = np.zeros((n, depth))
    np.add.at(sizes, (np.arange(n)[:, None], stage), 1.0)
    shortest = np.argsort(np.where(sizes > 0, sizes, np.inf), axis=1, kind="stable")[:, :_LEFT_OUT]
    weights = [np.where(stage == shortest[:, [i]], 0.0, 1.0) for i in range(shortest.shape[1])]
    return [np.where(each.any(axis=1, keepdims=True), each, 1.0) for each in weights]


def _fit_promising(logs: Floats, patterns: _Patterns, weights: Sequence[Floats]) -> _Columns:
    """As `_fit_equal_depth`, by the patterns that are promising under any of the weights of blocks."""
    screened = [_screened(logs, each, patterns) for each in weights]
    kept, log_wm = (np.concatenate(columns, axis=1) for columns in zip(*screened, strict=True))
    steps, low, high = (column[kept].astype(np.float64) for column in (patterns.steps, patterns.low, patterns.high))
    # the least squares and the least differences may be at other log wm
    tried = np.stack([low, log_wm, high], axis=-1)
    found = _distance(logs[:, None, None], steps[:, :, None], tried)
    at = np.argmin(found, axis=-1)[..., None]
    log_wm, distance = (np.take_along_axis(each, at, axis=-1)[..., 0] for each in (tried, found))
    best = _smallest(distance, _BEST)
    steps = np.take_along_axis(steps, best[:, :, None], axis=1)
    log_wm, distance, low, high = (np.take_along_axis(each, best, axis=1) for each in (log_wm, distance, low, high))
    log_wm, distance = _zoomed(logs, steps, log_wm, distance, low, high)
    of_all = (np.arange(len(logs)), np.argmin(distance, axis=1))
    return _parameters(logs, steps[of_all], log_wm[of_all], distance[of_all])


def _screened(logs: Floats, weights: Floats, patterns: _Patterns) -> tuple[npt.NDArray[np.intp], Floats]:
    """The patterns of least weighted squares, and the log wm of each there: (n, many). weights: as logs."""
    n, depth = logs.shape
    widths, of_blocks = np.zeros((_ROWS, depth), np.float32), np.zeros((_ROWS, depth), np.float32)
    of_blocks[:n] = weights
    whole = weights.sum(axis=1, keepdims=True)
    widths[:n] = weights * (logs - (weights * logs).sum(axis=1, keepdims=True) / whole)
    shared = (widths @ patterns.steps.T)[:n]
    spread = (of_blocks @ patterns.squares.T)[:n]
    spread -= (of_blocks @ patterns.steps.T)[:n] ** 2 / whole.astype(np.float32)
    np.maximum(spread, np.float32(1e-6), out=spread)
    log_wm = shared / spread
    np.clip(log_wm, patterns.low, patterns.high, out=log_wm)
    # less what the widths alone have, which is the same for all patterns
    spread *= log_wm
    spread -= 2 * shared
    spread *= log_wm
    kept = _smallest(spread, _PROMISING)
    return kept, np.take_along_axis(log_wm, kept, axis=1).astype(np.float64)


def _smallest(values: npt.NDArray[np.floating], many: int) -> npt.NDArray[np.intp]:
    """(n, many) places of the smallest values of each row, in the order of the row. values: (n, m)."""
    many = min(many, values.shape[1])
    return np.sort(np.argpartition(values, many - 1, axis=1)[:, :many], axis=1)


def _distance(logs: Floats, steps: Floats, log_wm: Floats) -> Floats:
    """Mean absolute difference to the widths of each pattern, with the best w0, which is a median: (...)."""
    left = logs - steps * log_wm[..., None]
    left.sort(axis=-1)
    depth = left.shape[-1]
    # the upper half less the lower half is the sum of distances to the median
    sums = left[..., (depth + 1) // 2 :].sum(axis=-1) - left[..., : depth // 2].sum(axis=-1)
    return np.asarray(sums / depth)


def _zoomed(
    logs: Floats, steps: Floats, log_wm: Floats, distance: Floats, low: Floats, high: Floats
) -> tuple[Floats, Floats]:
    """The best log wm of each pattern, and the distance there; the distance is a convex function of it.

    logs: (n, depth); steps: (n, p, depth); the others, as the results: (n, p).
    """
    start, end = low, high
    for _ in range(_ZOOMS):
        tried = np.linspace(start, end, _ZOOM, axis=-1)
        found = _distance(logs[:, None, None], steps[:, :, None], tried)
        at = np.argmin(found, axis=-1)[..., None]
        here, there = (np.take_along_axis(each, at, axis=-1)[..., 0] for each in (found, tried))
        log_wm, distance = np.where(here < distance, there, log_wm), np.minimum(here, distance)
        start = np.take_along_axis(tried, np.maximum(at - 1, 0), axis=-1)[..., 0]
        end = np.take_along_axis(tried, np.minimum(at + 1, _ZOOM - 1), axis=-1)[..., 0]
    return log_wm, distance


def _parameters(logs: Floats, steps: Floats, log_wm: Floats, distance: Floats) -> _Columns:
    """w0, wa, wm, e_fit of a pattern and a log wm for each network. logs, steps: (n, depth)."""
    w0 = np.exp(np.median(logs - steps * log_wm[:, None], axis=1))
    blocks = np.arange(1, logs.shape[1])
    scaled = steps[:, 1:]
    lowest = (np.expm1((scaled - 0.5) * log_wm[:, None]) / blocks).max(axis=1, initial=0.0)
    highest = (np.expm1((scaled + 0.5) * log_wm[:, None]) / blocks).min(axis=1, initial=_STEEPEST)
    return w0, w0 * (lowest + highest) / 2, np.exp(log_wm), distance
