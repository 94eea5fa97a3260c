"""What all sweeps of one design share: the images, the space within the budget, the recipes, the workers."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from netwright.data import ImageSet, load_images
from netwright.data.data_path import require_images_of_run
from netwright.data.remembered import remember_images
from netwright.data.summarize import announcer
from netwright.data.summary import DataSummary
from netwright.errors import PopulationError
from netwright.population import FILE, Population
from netwright.recipe import Recipe
from netwright.space import DesignSpace, Sample, draw, load_space
from netwright.stats.guessing import guessing_sentence
from netwright.sweeps import Executor, LocalExecutor, NullProgress, default_workers, run
from netwright.sweeps.clusters import ray_executor
from netwright.sweeps.pruner import TrialPruner
from netwright.sweeps.session import guess_error
from netwright.sweeps.time_budget import TimeBudget
from netwright.system.atomic import require_writable
from netwright.system.plural import count
from netwright.system.run_folder import mark_run_folder
from netwright.timing.sampler import LatencySampler
from netwright.workflow.again import keep_options
from netwright.workflow.budgeted import BATCHES, budgeted
from netwright.workflow.config import DesignConfig
from netwright.workflow.final_recipe import ImageFacts, final_values
from netwright.workflow.latency import record_latency, sampler_of

__all__ = [
    "PreparedDesign",
    "identity",
    "machine_failures",
    "prepare",
    "retry_command",
    "what_is_left",
    "with_final",
]

_LOG = logging.getLogger(__name__)

_MOST_REASONS = 3  # that are said


@dataclass(frozen=True)
class PreparedDesign:
    """A design whose images are decoded and whose workers can start.

    Attributes:
        config: What the design was given.
        space: For these images, within the budget.
        images: Decoded, on disk.
        recipe: Of trials, resolved.
        final_recipe: Of the final trainings, resolved.
        devices: To train on.
        progress: Where sweeps show how far they are.
        executor: Its workers import torch once for all sweeps of the design; the caller of `prepare` closes it.
        latency: Draws within the limit on latency; None where there is none. The caller of `prepare` closes it too.
        options: What the design was given by name, kept in its folder once that is known to be its own.
    """

    config: DesignConfig
    space: DesignSpace
    images: ImageSet
    recipe: Recipe
    final_recipe: Recipe
    devices: tuple[str, ...]
    progress: NullProgress
    executor: Executor
    latency: LatencySampler | None = None
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def draw(self) -> Callable[..., Sample]:
        """Draws networks, as `netwright.space.draw`; within the limit on latency, measured, where there is one."""
        return draw if self.latency is None else self.latency.draw

    @property
    def draw_unmeasured(self) -> Callable[..., Sample]:
        """Likewise, within what is predicted: to see whether there are enough networks."""
        return draw if self.latency is None else self.latency.draw_predicted

    def population(
        self,
        folder: Path,
        space: DesignSpace,
        sample: Sample,
        seed: int,
        *,
        sampler: str = "",
        pruner: str = "",
        **notes: Any,
    ) -> Population:
        """The population of these networks in a folder, resumed where the folder has it.

        Args:
            folder: Where its file is.
            space: From which the networks were drawn.
            sample: The networks.
            seed: Of the population.
            sampler: Who proposed the networks, where they were not drawn independently.
            pruner: Which one ends trials early, where one does.
            **notes: What else is kept with it.

        Raises:
            PopulationError: The folder has a population of more networks, or of others.
        """
        population = Population.open_or_create(
            folder,
            networks=sample.batch,
            seed=seed,
            identity=identity(space, self.recipe, self.images, self.config.threads)
            | ({"sampler": sampler} if sampler else {})
            | ({"pruner": pruner} if pruner else {}),
            notes={"account": dict(sample.rejection_counts), "command": self.config.command, **notes},
        )
        held, wanted = len(population), len(sample.batch)
        if held > wanted:
            population.close()
            raise PopulationError(
                f"a population grows and never shrinks: the one in {folder} has {held} trials, and {wanted} are "
                f"wanted. Give {held} or more, or choose another folder."
            )
        # not before: who is refused finds the folder as it was
        self._remember_images()
        if self.latency is not None:
            record_latency(population, self.latency, sample.batch)
        if self.options:
            keep_options(self.config.out, self.options)
        return population

    def _remember_images(self) -> None:
        """Keep where the images are and how they were split, for `netwright validate`."""
        cut = self.images.cut
        remember_images(self.config.out, self.config.data_dir, {} if cut is None else cut.to_dict())

    def train(
        self,
        population: Population,
        title: str,
        budget: TimeBudget | None = None,
        *,
        states: tuple[Callable[[int], Path], int] | None = None,
        pruner: TrialPruner | None = None,
    ) -> None:
        """Train every waiting trial on the training split, and those that failed where they are to be retried.

        What the machine failed is said at the end. With a budget of time, trials that would end after it stay waiting.
        states: which states are kept, as `run` takes it. pruner: ends trials early.
        """
        config = self.config
        retried = config.retried
        later = self._begun_after(population.folder)
        if retried and later is not None:
            if population.counts()["failed"]:
                _LOG.warning("%s: failed trials stay as they are, because %s rests on the others already", title, later)
            retried = ""
        run(
            population,
            self.images,
            self.recipe,
            title=title,
            workers=config.workers,
            threads=config.threads,
            devices=self.devices,
            trial_timeout=config.trial_timeout,
            retry_failed=retried,
            command=config.command,
            states=states,
            progress=self.progress,
            executor=self.executor,
            budget=budget,
            pruner=pruner,
        )
        if failures := machine_failures(population):
            _LOG.warning("%s: %s. What the machine failed is no result", title, failures)

    def tell_guessing(self, title: str, errors: Sequence[float]) -> None:
        """Say once, when all are trained, how many networks with these validation errors only guess."""
        if guessing := self.guessing(errors):
            _LOG.warning("%s: %s", title, guessing)

    def guessing(self, errors: Sequence[float]) -> str:
        """How many networks with these validation errors are no better than a guess, where these are many; else ''."""
        return guessing_sentence(errors, len(self.images.validation), guess_error(self.images))

    def _begun_after(self, folder: Path) -> Path | None:
        """The step of the design that follows from the population of a folder, where it is begun."""
        following = {self.config.out: "refined", self.config.out / "refined": "final"}
        later = self.config.out / following.get(folder, "final")
        return later if (later / FILE).exists() else None


def prepare(
    config: DesignConfig, progress: NullProgress, announce: Callable[[DataSummary], None] | None = None
) -> PreparedDesign:
    """Decode the images and fit space and recipes to them. All mistakes in a config are found here, before training.

    Args:
        config: What was given and planned.
        progress: Shows how far sweeps are.
        announce: Called with what the images are; by default it is logged.

    Raises:
        SpaceError: No such space.
        OutputError: The folder cannot be written.
        DataError: No such images, or none that can be used.
        RecipeError: No such device.
    """
    space = config.space if isinstance(config.space, DesignSpace) else load_space(config.space)
    require_writable(config.out, what="the results", elsewhere="another --out")
    mark_run_folder(config.out)
    if (config.out / FILE).exists():
        require_images_of_run(config.data_dir, config.out)
    images = load_images(
        config.data_dir,
        resolution=config.resolution or _drawn_resolution(space),
        seed=config.seed,
        cache=config.out / "cache",
        train_images=config.train_images,
        announce=announce or announcer(_LOG),
        **config.preparation,
    )
    _LOG.info("%s: decoded to %d x %d pixels", images.name, images.resolution, images.resolution)
    if images.skipped:
        first = images.skipped[0]
        _LOG.warning(
            "%s could not be decoded, the first: %s (%s). %s",
            count(len(images.skipped), "image"),
            first.name,
            first.reason,
            what_is_left(images),
        )
    for notice in images.notices:
        _LOG.warning("%s", notice)
    recipe, final_recipe, devices = _resolved(config, images)
    space = budgeted(space, images.resolution, images.num_classes, images.channels, config)
    latency = sampler_of(config, space)
    assert images.path is not None, "a cache was given"
    executor = _executor(config, images.path, devices)
    return PreparedDesign(config, space, images, recipe, final_recipe, devices, progress, executor, latency)


def _drawn_resolution(space: DesignSpace) -> int | None:
    """The largest of those that a space draws: images are decoded to it. None where all networks have one."""
    drawn = any("resolution" in each.name for each in space.drawn_setting)
    return space.setting.resolution if drawn else None


def _executor(config: DesignConfig, manifest: Path, devices: tuple[str, ...]) -> Executor:
    if config.executor == "local":
        workers = config.workers or default_workers(config.threads, devices)
        return LocalExecutor(manifest, workers=workers, threads=config.threads, devices=devices)
    return ray_executor(
        manifest,
        workers=config.workers,
        threads=config.threads,
        devices=devices,
        address=config.address,
        cpus=config.trial_cpus,
        gpus=config.trial_gpus,
    )


def with_final(prepared: PreparedDesign, *, epochs: int, seeds: int, opponents: str) -> PreparedDesign:
    """The design with other final trainings."""
    config = replace(prepared.config, final_epochs=epochs, final_seeds=seeds, opponents=opponents)
    _, final_recipe, _ = _resolved(config, prepared.images)
    return replace(prepared, config=config, final_recipe=final_recipe)


def what_is_left(images: ImageSet) -> str:
    """How many images of each split are there without those that could not be decoded."""
    return (
        f"What is left: {len(images.train):,} to train on, {len(images.validation):,} to validate on, "
        f"{len(images.test):,} to test on"
    )


def machine_failures(population: Population) -> str:
    """How many trials the machine failed, and why, as a sentence; empty where none."""
    reasons = population.failures()["machine"]
    if not reasons:
        return ""
    many = sum(reasons.values())
    why = "; ".join(f"{count} x {reason}" for reason, count in list(reasons.items())[:_MOST_REASONS])
    more = f"; and {len(reasons) - _MOST_REASONS} other reasons" if len(reasons) > _MOST_REASONS else ""
    whose = "1 trial was failed by the machine, not by its network"
    if many > 1:
        whose = f"{many} trials were failed by the machine, not by their networks"
    return f"{whose}: {why}{more}"


def retry_command(command: str) -> str:
    """The command that trains the machine's failures again. command: that of the sweep or design."""
    return command if "--retry_failed" in command else f"{command} --retry_failed"


def identity(space: DesignSpace | None, recipe: Recipe, images: ImageSet, threads: int) -> dict[str, Any]:
    """What the results of a population depend on; to resume it, all of this is the same."""
    return {
        "space": None if space is None else space.to_dict(),
        "recipe": recipe.to_dict(),
        "data": {"name": images.name, "fingerprint": images.fingerprint, "resolution": images.resolution},
        "threads": threads,
    }


def _resolved(config: DesignConfig, images: ImageSet) -> tuple[Recipe, Recipe, tuple[str, ...]]:
    """The resolved recipes of trials and of final trainings, and the devices to train on."""
    from netwright.training import bf16_helps, devices, resolve_device

    device = resolve_device(config.device)
    batch_size = next(size for least, size in BATCHES if len(images.train) >= least)
    given = {"batch_size": batch_size} | dict(config.recipe)
    facts = ImageFacts(len(images.train) + len(images.validation), images.resolution, images.flip_suits)
    own = {name: value for name, value in config.recipe.items() if name not in config.planned}
    made = final_values(facts, config.final, {**own, **config.final_values})
    if config.train_images is not None:  # final trainings use all images, and how many these are is not known here
        made.pop("batch_size", None)
    made = given | made | own | config.final_values
    trial, final = (
        Recipe()
        .with_(**values | {"epochs": epochs})
        .resolve(resolution=images.resolution, flip_suits=images.flip_suits, bf16_helps=bf16_helps(device))
        for values, epochs in ((given, config.epochs), (made, config.final))
    )
    return trial, final, devices() if config.device == "auto" else (str(device),)
