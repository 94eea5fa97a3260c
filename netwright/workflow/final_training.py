"""The final training of pick and baseline: longer, with the same seeds. Only here the test images are looked at."""

from __future__ import annotations

import logging
from collections.abc import Sequence
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


def train_finalists(prepared: PreparedDesign, pick: Arch, baseline: Arch) -> tuple[Finalist, Finalist]:
    """Train both on all training and validation images; the test error is that of the last epoch.

    Returns:
        Pick and baseline; the baseline may be without test errors.

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
        pick, baseline = (replace(arch, in_channels=images.channels) for arch in (pick, baseline))
    order = _order(folder, config.final_seeds)
    networks = {"pick": pick, "baseline": baseline}
    with Population.open_or_create(
        folder,
        networks=[networks[role] for role, _ in order],
        seed=config.seed,
        identity=identity(None, prepared.final_recipe, images, config.threads),
        seeds=[trial_seed(config.seed, _FIRST_SEED + k) for _, k in order],
        labels=[role for role, _ in order],
    ) as population:
        write_text(folder / RECIPE, to_yaml(prepared.final_recipe), what="the recipe", elsewhere="another --out")
        run(
            population,
            images,
            prepared.final_recipe,
            title="3/3 pick and baseline",
            workers=config.workers,
            threads=config.threads,
            devices=prepared.devices,
            trial_timeout=_timeout(prepared, images),
            retry_failed=config.retried,
            command=config.command,
            split="test",
            weights=lambda trial: weights_of(folder, trial.label, trial.seed),
            progress=prepared.progress,
            executor=prepared.executor if images is prepared.images else None,
        )
        frame = population.frame()
        if failures := machine_failures(population):
            again = f"`{retry_command(config.command)}`" if config.command else "retry_failed=True"
            _LOG.warning("final trainings: %s. %s trains them again", failures, again)
    finalists = _finalist(frame, "pick", pick, images), _finalist(frame, "baseline", baseline, images)
    if not finalists[0].test_errors:
        cure = "Lower the learning rate, in another folder."
        if (frame["failure"] == "machine").any():
            cure = "The same command with --retry_failed trains it again."
        raise PopulationError(f"no training of the pick is finished. {finalists[0].note} {cure}")
    return finalists


def _order(folder: Path, seeds: int) -> list[tuple[str, int]]:
    """Role and number of the seed of each training: those that the folder has, in their order, then the others.

    Raises:
        PopulationError: The folder has more seeds.
    """
    held = 0
    order: list[tuple[str, int]] = []
    if (folder / FILE).exists():
        with Population.open(folder) as population:
            labels = list(population.frame()["label"])
        held = len(labels) // 2
        order = [(label, labels[:at].count(label)) for at, label in enumerate(labels)]
    if held > seeds:
        raise PopulationError(
            f"final trainings are added and never taken away: {folder} has {held} of each network, and "
            f"--final_seeds is {seeds}. Give {held} or more, or choose another folder."
        )
    return order + [(role, k) for role in ("pick", "baseline") for k in range(held, seeds)]


def _timeout(prepared: PreparedDesign, images: ImageSet) -> float | None:
    """That of a trial, in proportion to the epochs and the images."""
    config = prepared.config
    if config.trial_timeout is None:
        return None
    share = (len(images.train) + len(images.validation)) / len(prepared.images.train)
    return float(np.ceil(config.trial_timeout * share * config.final / config.epochs))


def weights_of(folder: Path, label: str, seed: int) -> Path:
    """Where the weights of a final training are. label: "pick" or "baseline"."""
    return folder / "weights" / f"{label}-{seed}.safetensors"


def _finalist(frame: pd.DataFrame, role: str, arch: Arch, images: ImageSet) -> Finalist:
    from netwright.report import Finalist

    mine = frame[frame["label"] == role]
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
