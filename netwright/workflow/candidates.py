"""Sizes of images and networks that a plan chooses from, with the speed of each on this machine."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

import numpy as np
from scipy.optimize import nnls

from netwright.arch import Arch, complexity
from netwright.data import ImageSource
from netwright.data.shape import ImageShape
from netwright.errors import SpaceError
from netwright.recipe import Recipe
from netwright.space import DesignSpace, draw, load_space
from netwright.workflow.budgeted import budgeted, default_flops, has_costs
from netwright.workflow.config import LIMITS, DesignConfig
from netwright.workflow.latency import refuse_too_slow
from netwright.workflow.plan import Candidate
from netwright.workflow.speed import Speed, measure_speeds

__all__ = ["QUICK_SPACE", "measured_candidates"]

# considered beside the default space where no space and no limit is given: in short trainings of photos what its
# networks gain in epochs and flops by being quick is worth more (docs/log.md)
QUICK_SPACE = "regnetbasic_quick"

_SIZES = (32, 64, 96, 128, 160, 192, 224)
_SHRUNK = (1.0, 0.5, 0.25)  # of the default flops: in short trainings a larger image is worth more than these
_LEAST_FLOPS = 2e6  # below it a space has hardly any networks
_LEAST_QUICK = 6e7  # flops below which the quick space has few networks
_DRAWN = 6  # networks of a size, whose mean speed counts
_MEASURED = 3  # of these, at both ends


@dataclass(frozen=True)
class _Size:
    """Networks of one size. flops: within which they are drawn, where the plan chooses them; share: of the default;
    space: the name of another space than the configuration's."""

    resolution: int
    flops: tuple[float, float] | None
    share: float
    networks: Sequence[Arch]
    space: str | None = None


def measured_candidates(
    config: DesignConfig, source: ImageSource, shape: ImageShape, recipe: Recipe, machine: tuple[int, str, float]
) -> tuple[list[Candidate], float]:
    """Candidates, and the seconds that a worker takes to start.

    Several networks of the largest and the smallest size of each space are measured, and one of each other size, as
    far as there is time. Seconds grow with blocks, activations, flops (as DDS finds for accelerators, activations
    tell most) and narrow groups; what these cost here is fitted to the measurements.

    Args:
        config: What is given of it is not chosen.
        source: The images.
        shape: Their own.
        recipe: Of trials, resolved.
        machine: Workers, their device, and the seconds after which no further network is measured.

    Returns:
        From the largest images on, and of one size from the most flops on.
    """
    sizes = _sizes(config, source, shape, recipe)
    workers, device, seconds = machine
    measured = _measured(sizes)
    speeds, start = measure_speeds(
        [network for _, network in measured],
        [recipe] * len(measured),
        workers=workers,
        threads=config.threads,
        device=device,
        seconds=seconds,
    )
    known = [(name, net, speed) for (name, net), speed in zip(measured, speeds, strict=True) if speed is not None]
    share = float(np.median([speed.evaluate / speed.train for _, _, speed in known]))
    found = []
    for size in sizes:
        own = [(net, speed) for name, net, speed in known if name == size.space]
        rates = _rates(own if len(own) >= _MEASURED else [(net, speed) for _, net, speed in known])
        image = float(np.mean([_costs(network) @ rates for network in size.networks]))
        found.append(Candidate(size.resolution, size.flops, Speed(image, share * image), size.share, size.space))
    return found, start


def _measured(sizes: Sequence[_Size]) -> list[tuple[str | None, Arch]]:
    """Networks in the order in which they are measured, with the names of their spaces."""
    by_space: dict[str | None, list[_Size]] = {}
    for size in sizes:
        by_space.setdefault(size.space, []).append(size)
    # the largest and the smallest first: what lies between them can be told from these
    ends = {id(end): end for each in by_space.values() for end in (each[0], each[-1])}
    first = [(end.space, end.networks[k]) for k in range(_MEASURED) for end in ends.values()]
    return first + [(size.space, size.networks[0]) for size in sizes if id(size) not in ends]


def _rates(known: Sequence[tuple[Arch, Speed]]) -> Any:
    """Seconds of each of the costs, from networks that were measured; relative errors count."""
    costs, train = np.array([_costs(network) for network, _ in known]), np.array([speed.train for _, speed in known])
    return nnls(costs / train[:, None], np.ones(len(known)))[0]


def _costs(network: Arch) -> Any:
    """What seconds grow with, each of about the same size: blocks, activations, flops, narrow groups.

    A convolution of narrow groups does little with what it loads: at equal flops a network of groups of 2 takes twice
    the time of one of groups of 16 (RegNetX at 128 pixels, bf16).
    """
    cost = complexity(network)
    blocks = sum(stage.depth for stage in network.stages)
    side, outputs = math.ceil(network.resolution / network.stem.stride), 0.0
    for stage in network.stages:
        side = math.ceil(side / stage.stride)
        outputs += stage.depth * stage.width / stage.bottleneck * side**2 / (stage.group_width or stage.width)
    return np.array([blocks / 10, float(cost.acts[0]) / 1e6, float(cost.flops[0]) / 1e8, outputs / 1e5])


def _sizes(config: DesignConfig, source: ImageSource, shape: ImageShape, recipe: Recipe) -> list[_Size]:
    """SpaceError where the limits that were given suit no size."""
    space = config.space if isinstance(config.space, DesignSpace) else load_space(config.space)
    resolutions = [shape.resolution]
    if "resolution" not in config.fixed:
        resolutions += [size for size in _SIZES[::-1] if size < shape.resolution]
    free = not any(getattr(config, name) for name in LIMITS) and not has_costs(space) and config.latency is None
    spaces: list[tuple[str | None, DesignSpace]] = [(None, space)]
    if free and "space" not in config.fixed and recipe.crop_scale:  # a recipe for photos
        spaces.append((QUICK_SPACE, load_space(QUICK_SPACE)))
    found, failure = [], None
    for resolution in resolutions:
        low, high = default_flops(resolution)
        for (name, each), by in product(spaces, _SHRUNK if free else (1.0,)):
            if (by < 1 or name) and by * high < (_LEAST_FLOPS if name is None else _LEAST_QUICK):
                continue
            flops = (low * by, high * by) if free else None
            limited = replace(config, flops=flops) if free else config
            try:
                fitted = budgeted(each, resolution, len(source.class_names), shape.channels, limited)
                refuse_too_slow(config, fitted)
                found.append(_Size(resolution, flops, by, list(draw(fitted, _DRAWN, config.seed).batch), name))
            except SpaceError as error:  # the limits that were given suit another size
                failure = error
    if not found:
        assert failure is not None
        raise failure
    return found
