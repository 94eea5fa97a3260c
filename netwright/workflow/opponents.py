"""What the pick is compared with: networks that somebody would have had without a design, at the same flops.

Each is trained by the same recipe, for as many epochs and with the same seeds as the pick.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from netwright.arch import Arch
from netwright.data import ImageSet
from netwright.errors import ArchError, RecipeError, SpaceError, WeightsError
from netwright.population import Population, trial_seed
from netwright.sweeps import run
from netwright.system.plural import count
from netwright.workflow.baseline import is_same_network, resnet18_like
from netwright.workflow.config import DesignConfig
from netwright.workflow.opponent_names import given_opponents
from netwright.workflow.picking import Picked
from netwright.workflow.prepare import PreparedDesign, identity
from netwright.workflow.rungs import Rung, rungs_cost
from netwright.workflow.selection import best_network

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Opponents", "OwnNetworks", "opponents_of", "own_networks"]

_LOG = logging.getLogger(__name__)

_FOLDER, _START = "random", "pretrained.safetensors"


@dataclass(frozen=True)
class OwnNetworks:
    """The opponents that a user gave, for the images of the design.

    Attributes:
        networks: Role -> network: "against" and "pretrained".
        starts: Role -> the state from which its trainings begin.
    """

    networks: Mapping[str, Arch]
    starts: Mapping[str, Path]


@dataclass(frozen=True)
class Opponents:
    """All opponents of a pick.

    Attributes:
        networks: Role -> network; the baseline is not among them.
        starts: Role -> the state from which its trainings begin.
        sentences: What must be known of them.
    """

    networks: Mapping[str, Arch]
    starts: Mapping[str, Path]
    sentences: tuple[str, ...] = ()


def own_networks(config: DesignConfig, images: ImageSet) -> OwnNetworks:
    """Find what --against and --pretrained name, before anything is trained.

    Raises:
        RecipeError: It is no network, its weights cannot be had, or its images are smaller than it can take.
        OutputError: The folder cannot be written.
    """
    networks: dict[str, Arch] = {}
    starts: dict[str, Path] = {}
    for role in ("against", "pretrained"):
        ref = getattr(config, role)
        if ref is None:
            continue
        try:
            if role == "against":
                networks[role] = _fitted(_network_of(ref), images, ref)
            else:
                networks[role], starts[role] = _weights_of(ref, images, config.out)
        except (ArchError, WeightsError) as error:
            raise RecipeError(f"--{role} {ref}: {error}") from error
    return OwnNetworks(networks, starts)


def opponents_of(
    prepared: PreparedDesign,
    frames: Mapping[str, pd.DataFrame],
    picked: Picked,
    own: OwnNetworks,
    baseline: Arch | None = None,
) -> Opponents:
    """The networks that were chosen as opponents; the best of random search may have to be trained first.

    A network that is the baseline is not trained as another opponent too.

    Args:
        prepared: The design.
        frames: Name of a population -> its frame, that of the given space first.
        picked: The pick, whose flops they have, and its rungs: random search gets the compute of all.
        own: What the user gave.
        baseline: What the pick is compared with in any case.
    """
    pick = picked.arch
    roles = given_opponents(prepared.config.opponents, None, None) or ()
    networks: dict[str, Arch] = {}
    sentences = []
    most = prepared.space.limits.get("flops", (0.0, float("inf")))[1]
    if "resnet18" in roles:
        networks["resnet18"] = resnet18_like(pick, most)
        if baseline is not None and is_same_network(networks["resnet18"], baseline):
            del networks["resnet18"]
            sentences.append(
                f"The baseline, {baseline.name}, is the ResNet-18 of the pick's cost as well: it is trained once, and "
                "there is no other."
            )
    if "random" in roles:
        networks["random"], said = _best_of_random(prepared, frames, picked.rungs)
        if networks["random"] == pick:
            del networks["random"]
            said += " This is the pick itself, so it is not trained again."
        sentences.append(said)
    if "brief" in roles and picked.finals is not None and picked.finals.brief != pick.name:
        networks["brief"] = _named(frames, picked.finals.brief)
    return Opponents(networks | dict(own.networks), dict(own.starts), tuple(sentences))


def _named(frames: Mapping[str, pd.DataFrame], name: str) -> Arch:
    population, _, trial = name.rpartition(" ")
    frame = frames[population]
    return replace(Arch.from_json(frame.loc[frame["trial"] == int(trial), "arch"].iloc[0]), name=name)


def _best_of_random(
    prepared: PreparedDesign, frames: Mapping[str, pd.DataFrame], rungs: tuple[Rung, ...]
) -> tuple[Arch, str]:
    """The lowest validation error of as many random networks as the whole search had compute for."""
    config, space = prepared.config, prepared.space
    (name, first), *rest = frames.items()
    whole = sum(len(frame) for _, frame in rest) * config.epochs + rungs_cost(rungs, config.epochs)
    more = round(whole / config.epochs)
    found: dict[str, pd.DataFrame] = {name: first}
    if more:
        try:
            sample = prepared.draw(space, len(first) + more, config.seed)
            found[_FOLDER] = _trained(prepared, list(sample.batch)[len(first) :], len(first))
        except SpaceError as error:  # it is small
            _LOG.warning("random search has no more networks to draw: %s", error)
            more = 0
    best, _ = best_network(found)
    said = (
        f"Random search at the same compute: the best of {count(len(first) + more, 'random network')} of {name}, "
        f"{config.epochs} epochs each, is {best.name}."
    )
    return best, said


def _trained(prepared: PreparedDesign, networks: list[Arch], first: int) -> pd.DataFrame:
    config, folder = prepared.config, prepared.config.out / _FOLDER
    with Population.open_or_create(
        folder,
        networks=networks,
        seed=config.seed,
        identity=identity(prepared.space, prepared.recipe, prepared.images, config.threads) | {"first": first},
        seeds=[trial_seed(config.seed, first + k) for k in range(len(networks))],
    ) as population:
        run(
            population,
            prepared.images,
            prepared.recipe,
            title="random search at the same compute",
            workers=config.workers,
            threads=config.threads,
            devices=prepared.devices,
            trial_timeout=config.trial_timeout,
            retry_failed=config.retried,
            command=config.command,
            progress=prepared.progress,
            executor=prepared.executor,
        )
        return population.frame()


def _network_of(ref: str) -> Arch:
    from netwright.weights import load_model, resolve_arch

    if Path(ref).is_dir() or (Path(ref).is_file() and Path(ref).suffix not in (".yaml", ".yml")):
        return load_model(ref).arch
    try:
        return resolve_arch(ref)
    except ArchError:
        if "/" not in ref and ":" not in ref:
            raise
        return load_model(ref).arch


def _fitted(arch: Arch, images: ImageSet, ref: str) -> Arch:
    """The network for these images, otherwise as it is."""
    own: dict[str, Any] = {
        "num_classes": images.num_classes,
        "in_channels": images.channels,
        "resolution": images.resolution,
    }
    return replace(arch, **own, name=arch.name or ref)


def _weights_of(ref: str, images: ImageSet, out: Path) -> tuple[Arch, Path]:
    """The network of weights, and a state with them: a training starts from it as from its own epoch 0."""
    from netwright.nn import build
    from netwright.sweeps.state import write_state
    from netwright.weights import load_model, load_weights

    arch = _fitted(load_model(ref).arch, images, ref)
    module = build(arch, seed=0)
    for notice in load_weights(module, ref, adapt=True, class_names=images.class_names):
        _LOG.info("--pretrained %s: %s", ref, notice)
    write_state(path := out / _START, module, None, [])
    return replace(arch, name=f"{arch.name} fine-tuned"), path
