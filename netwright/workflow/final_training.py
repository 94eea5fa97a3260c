"""The final training of the pick and its opponents: longer, with the same seeds. Only they see test images."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from netwright.arch import Arch, complexity
from netwright.data import ImageSet, load_images
from netwright.errors import PopulationError
from netwright.population import FILE, Population, trial_seed
from netwright.sweeps import run
from netwright.sweeps.session import guess_error
from netwright.system.atomic import write_text
from netwright.workflow.continuing import keep_finals_of
from netwright.workflow.final_recipe import to_yaml
from netwright.workflow.prepare import PreparedDesign, identity, machine_failures, retry_command

if TYPE_CHECKING:
    import pandas as pd

    from netwright.report import Finalist

__all__ = ["RECIPE", "train_finalists", "weights_of", "with_kept_recipe"]

_LOG = logging.getLogger(__name__)

RECIPE = "recipe.yaml"  # beside the final trainings: --final_recipe takes it, changed
_FIRST_SEED = 1_000_000  # beyond the index of any trial: no final training repeats one


def with_kept_recipe(prepared: PreparedDesign, pick: Arch, baseline: Arch) -> PreparedDesign:
    """The design with the recipe of its final trainings: that by which they were begun, if they can be used again."""
    recipe = keep_finals_of(prepared.config, pick, baseline, prepared.final_recipe)
    return replace(prepared, final_recipe=recipe)


def train_finalists(
    prepared: PreparedDesign, networks: Mapping[str, Arch], starts: Mapping[str, Path] | None = None
) -> tuple[Finalist, ...]:
    """Train all on the training and validation images; the test error is that of the last epoch.

    Args:
        prepared: The design.
        networks: Role -> network: the pick, the baseline, and other opponents.
        starts: Role -> the state from which its trainings begin, such as published weights.

    Returns:
        In the order of the networks; all but the pick may be without test errors.

    Raises:
        PopulationError: No training of the pick is finished.
    """
    config, folder = prepared.config, prepared.config.out / "final"
    images = prepared.images
    if config.train_images is not None:
        images = load_images(
            config.data_dir,
            resolution=images.resolution,
            seed=config.seed,
            cache=config.out / "cache",
            **config.preparation,
        )
        # a part of the images may be all gray, and the whole not
        networks = {role: replace(arch, in_channels=images.channels) for role, arch in networks.items()}
    order, begins = _order(folder, networks, config.final_seeds), dict(starts or {})
    with Population.open_or_create(
        folder,
        networks=[arch for _, _, arch in order],
        seed=config.seed,
        identity=identity(None, prepared.final_recipe, images, config.threads),
        seeds=[trial_seed(config.seed, _FIRST_SEED + k) for _, k, _ in order],
        labels=[role for role, _, _ in order],
    ) as population:
        write_text(folder / RECIPE, to_yaml(prepared.final_recipe), what="the recipe", elsewhere="another --out")
        run(
            population,
            images,
            prepared.final_recipe,
            title="3/3 pick and baseline" if len(networks) == 2 else "3/3 pick and opponents",
            workers=config.workers,
            threads=config.threads,
            devices=prepared.devices,
            trial_timeout=_timeout(prepared, images),
            retry_failed=config.retried,
            command=config.command,
            split="test",
            weights=lambda trial: weights_of(folder, trial.label, trial.seed),
            start=lambda trial: begins.get(trial.label),
            progress=prepared.progress,
            executor=prepared.executor if images is prepared.images else None,
        )
        frame = population.frame()
        if failures := machine_failures(population):
            again = f"`{retry_command(config.command)}`" if config.command else "retry_failed=True"
            _LOG.warning("final trainings: %s. %s trains them again", failures, again)
    finalists = tuple(_finalist(frame, role, arch, images) for role, arch in networks.items())
    if not finalists[0].test_errors:
        cure = "Lower the learning rate, in another folder."
        if (frame["failure"] == "machine").any():
            cure = "The same command with --retry_failed trains it again."
        raise PopulationError(f"no training of the pick is finished. {finalists[0].note} {cure}")
    return finalists


def _order(folder: Path, networks: Mapping[str, Arch], seeds: int) -> list[tuple[str, int, Arch]]:
    """Role, number of the seed and network of each training: those that the folder has, in order, then the others.

    Raises:
        PopulationError: The folder has more seeds.
    """
    held: Counter[tuple[str, Arch]] = Counter()
    order: list[tuple[str, int, Arch]] = []
    if (folder / FILE).exists():
        with Population.open(folder) as population:
            frame = population.frame()
        for role, text in zip(frame["label"], frame["arch"], strict=True):
            arch = Arch.from_json(text)
            order.append((str(role), held[str(role), arch], arch))
            held[str(role), arch] += 1
    if (most := max(held.values(), default=0)) > seeds:
        raise PopulationError(
            f"final trainings are added and never taken away: {folder} has {most} of each network, and "
            f"--final_seeds is {seeds}. Give {most} or more, or choose another folder."
        )
    return order + [(role, k, arch) for role, arch in networks.items() for k in range(held[role, arch], seeds)]


def _timeout(prepared: PreparedDesign, images: ImageSet) -> float | None:
    """That of a trial, in proportion to the epochs and the images."""
    config = prepared.config
    if config.trial_timeout is None:
        return None
    share = (len(images.train) + len(images.validation)) / len(prepared.images.train)
    return float(np.ceil(config.trial_timeout * share * config.final / config.epochs))


def weights_of(folder: Path, label: str, seed: int) -> Path:
    """Where the weights of a final training are. label: its role, such as "pick" or "baseline"."""
    return folder / "weights" / f"{label}-{seed}.safetensors"


def _finalist(frame: pd.DataFrame, role: str, arch: Arch, images: ImageSet) -> Finalist:
    from netwright.report import Finalist

    is_mine = [
        label == role and Arch.from_json(text) == arch
        for label, text in zip(frame["label"], frame["arch"], strict=True)
    ]
    mine = frame[is_mine]
    done = mine[mine["state"] == "done"]
    cost = complexity(arch)
    return Finalist(
        role=role,
        name=arch.name,
        arch=arch,
        flops=int(cost.flops[0]),
        params=int(cost.params[0]),
        acts=int(cost.acts[0]),
        test_errors=tuple(done["error"]),
        seeds=tuple(int(seed) for seed in done["seed"]),
        curves=tuple(done["curve"]),
        note=_failures(len(mine), list(mine["reason"].dropna())),
        test_images=len(images.test),
        test_guess=100 - guess_error(images, images.test),
    )


def _failures(trainings: int, reasons: Sequence[str]) -> str:
    return f"{len(reasons)} of {trainings} trainings failed: {'; '.join(dict.fromkeys(reasons))}." if reasons else ""
