"""A design within a limit on latency: its sampler, what its populations keep, and a pick that was measured."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from netwright.arch import Arch, ArchBatch, complexity
from netwright.errors import PopulationError, SpaceError
from netwright.options import latency_in_words
from netwright.population import FILE, Population
from netwright.space import DesignSpace, draw
from netwright.system.plural import count
from netwright.timing.measurer import Measurer
from netwright.timing.sampler import FILE as LATENCIES
from netwright.timing.sampler import LatencySampler
from netwright.workflow.config import DesignConfig
from netwright.workflow.selection import best_network

if TYPE_CHECKING:
    import pandas as pd

    from netwright.report import Finalist

__all__ = ["measuring_seconds", "quick_network", "record_latency", "refuse_too_slow", "sampler_of", "with_latency"]

_LOG = logging.getLogger(__name__)

_LOOKED_AT = 256  # networks, of which the smallest are measured to see whether any is quick enough
_MEASURED = 2
_SECONDS = 1.5  # about what it takes to measure a network
_SAMPLED = 24  # networks that a plan will draw, about


def sampler_of(config: DesignConfig, space: DesignSpace) -> LatencySampler | None:
    """The sampler within the limit of a configuration, None where it has none.

    Raises:
        PopulationError: The folder was begun with another limit, or with none.
    """
    has_networks, has_limit = (config.out / FILE).exists(), (config.out / LATENCIES).exists()
    if config.latency is None:
        if has_networks and has_limit:
            raise PopulationError(
                f"the networks in {config.out} were sampled within a limit on latency, and none is given. Give the "
                "same --max_latency as then, or choose another --out."
            )
        return None
    if has_networks and not has_limit:
        raise PopulationError(
            f"the networks in {config.out} were sampled without a limit on latency. Leave out --max_latency, or choose "
            "another --out."
        )
    return LatencySampler(config.latency, space, config.seed, config.out)


def refuse_too_slow(config: DesignConfig, space: DesignSpace) -> None:
    """SpaceError where not even the smallest networks of a space are within the limit on latency."""
    if config.latency is None:
        return
    batch = draw(space, 1, config.seed).batch
    for many in (_LOOKED_AT, 16):
        try:
            batch = draw(space, many, config.seed).batch
            break
        except SpaceError:  # it is small
            continue
    smallest = [batch[i] for i in np.argsort(complexity(batch).flops, kind="stable")[:_MEASURED]]
    with Measurer(config.latency.setting, smallest[0]) as measurer:
        quickest = min(measurer.measure(arch).ms for arch in smallest)
    if quickest > config.latency.ms:
        raise SpaceError(
            f"no network of {space.name!r} is known to take {config.latency.in_words()} at {space.setting.resolution} "
            f"pixels: the smallest of {len(batch)} takes {latency_in_words(quickest / 1e3)}. Raise --max_latency, or "
            "give a smaller --resolution."
        )


def measuring_seconds(config: DesignConfig) -> float:
    """About how long it takes to measure the networks of a predictor and of a sample; 0 without a limit on latency."""
    return 0.0 if config.latency is None else _SECONDS * (config.latency.latency_networks + _SAMPLED)


def record_latency(population: Population, latency: LatencySampler, batch: ArchBatch) -> None:
    """Write the latencies of a sample into its population, and in what they were measured."""
    known = population.frame()
    if "latency_ms" in known and known["latency_ms"].notna().all():
        return
    ms = {at: latency.latency(arch).ms for at, arch in enumerate(batch)}
    error = latency.prediction_error(batch)
    said = (
        f"{count(len(ms), 'network')} of the sample were measured: the predictions were off by {error:.1%} on average."
    )
    _LOG.info("%s", said)
    population.record_latency(ms, latency.facts() | {"sample": said})


def quick_network(latency: LatencySampler, frames: Mapping[str, pd.DataFrame]) -> tuple[Arch, str]:
    """The network of the lowest validation error that meets the limit when it is measured once more.

    Returns:
        The network, named by its population and trial, and sentences that say why.

    Raises:
        PopulationError: No trial is done, or none of them meets the limit any more.
    """
    left, slow = dict(frames), 0
    limit = latency_in_words(latency.limit.ms / 1e3)
    while any((frame["state"] == "done").any() for frame in left.values()):
        pick, why = best_network(left)
        measured = latency.confirm(pick)
        if measured.ms <= latency.limit.ms:
            why += f" Measured again, it takes {measured.in_words()}, within {limit}: {latency.in_words()}."
            if slow:
                why += f" {count(slow, 'network')} of a lower error took longer than that when measured again."
            return pick, why
        slow += 1
        name, trial = pick.name.rsplit(" ", 1)
        left[name] = left[name][left[name]["trial"] != int(trial)]
    if not slow:
        best_network(frames)  # no trial is done: its message
    raise PopulationError(
        f"a network is selected that takes at most {limit}, and each of {slow} that did so when it was sampled takes "
        "longer now. Wait until other programs have ended, or raise --max_latency in another folder."
    )


def with_latency(latency: LatencySampler | None, finalists: tuple[Finalist, ...]) -> tuple[Finalist, ...]:
    """Pick and opponents with their latencies, measured after they were chosen; the device is named."""
    if latency is None:
        return finalists
    return tuple(
        replace(each, latency=f"{latency.confirm(each.arch).in_words()}, {latency.in_words()}") for each in finalists
    )
