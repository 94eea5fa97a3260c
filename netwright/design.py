"""The guided job: sample, train, analyse, refine, confirm, pick, train the pick longer, report. Calls, no logic."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from netwright.advice import Advice, advise, draw_refined
from netwright.arch import Arch, complexity, published, scale_to_flops
from netwright.data import ImageSet, load_images
from netwright.errors import OutputError, PopulationError
from netwright.population import Population, Trial, trial_seed
from netwright.provenance import hardware, versions
from netwright.recipe import Recipe
from netwright.space import DesignSpace, Sample, draw, load_space
from netwright.study import view
from netwright.sweep import Progress, Quiet, run

if TYPE_CHECKING:
    import pandas as pd

    from netwright.report import Contrast, Finalist, PopulationView

__all__ = ["Brief", "Result", "design", "prepare_folder", "sweep"]

Window = tuple[float, float]
_IMAGENET = (224, 400e6)  # the regime that DDS designs in: pixels, flops


@dataclass(frozen=True)
class Brief:
    """What is asked for.

    space: a name or a YAML file. flops, params, acts: (low, high) at the images' resolution; where none is given, flops
    lie within 90% and 100% of DDS's 400M scaled by pixels. trials: networks of the first sample; confirm_trials: of the
    refined space, by default half as many. final_epochs: of the pick and the baseline, by default three times `epochs`;
    final_seeds: trainings of each. train_images: at most so many for the trials; the finals use all. threads: of a
    worker. command: what was typed, for the report.
    """

    out: Path
    data_dir: str = "digits"
    space: str = "regnetx"
    flops: Window | None = None
    params: Window | None = None
    acts: Window | None = None
    trials: int = 48
    confirm_trials: int | None = None
    epochs: int = 10
    final_epochs: int | None = None
    final_seeds: int = 3
    recipe: Mapping[str, Any] = field(default_factory=dict)
    resolution: int | None = None
    train_images: int | None = None
    workers: int | None = None
    threads: int = 1
    device: str = "auto"
    seed: int = 0
    command: str = ""


@dataclass(frozen=True)
class Result:
    """The pick, the errors of both finalists on the test split (percent, one a seed), and where everything is."""

    network: Arch
    test_errors: tuple[float, ...]
    baseline: Arch
    baseline_test_errors: tuple[float, ...]
    confirmed: bool
    refined: DesignSpace
    report: Path
    folder: Path


def design(brief: Brief, progress: Quiet | None = None) -> Result:
    """Do the whole job; give the same brief again to resume it. Everything finished is in `brief.out` at any moment.

    Raises DataError, SpaceError, RecipeError and OutputError before any training, PopulationError when the folder
    holds the work of another brief.
    """
    progress = progress or Progress()
    with progress:
        job = _prepare(brief, progress)
        space, out = job.space, brief.out
        first = draw(space, brief.trials, brief.seed)
        with job.population(out, space, first, brief.seed) as population:
            job.train(population, f"1/3 {space.name}")
            before = population.frame()
        advice = advise(space, before, seed=brief.seed)
        confirming = brief.confirm_trials or max(8, brief.trials // 2)
        advice, second = draw_refined(advice, space, confirming, brief.seed + 1, first)
        with job.population(out / "refined", advice.space, second, brief.seed + 1) as population:
            job.train(population, f"2/3 {advice.space.name}")
            after = population.frame()
        pick, where = best_network(before, after, (space.name, advice.space.name))
        finals = job.finals(out / "final", pick, baseline_for(pick, space))
    views = (
        view(space.name, before, space, first.account, "The space as given"),
        view(advice.space.name, after, advice.space, second.account, "The refined space"),
    )
    return _report(job, advice, views, finals, where)


def sweep(brief: Brief, progress: Quiet | None = None) -> dict[str, int]:
    """Only the first step: sample the space and train the population in `brief.out`. State -> number of trials."""
    progress = progress or Progress()
    with progress:
        job = _prepare(brief, progress)
        sample = draw(job.space, brief.trials, brief.seed)
        with job.population(brief.out, job.space, sample, brief.seed) as population:
            job.train(population, job.space.name)
            return population.counts()


def _prepare(brief: Brief, progress: Quiet) -> _Job:
    """Everything that can be wrong with a brief is found here, before any training."""
    space = load_space(brief.space)
    prepare_folder(brief.out)
    images = load_images(
        brief.data_dir,
        resolution=brief.resolution,
        seed=brief.seed,
        cache=brief.out / "cache",
        train_images=brief.train_images,
    )
    progress.say(f"{images.name}: {images.num_classes} classes, {images.resolution} pixels. {images.provenance}")
    if images.skipped:
        progress.say(f"{len(images.skipped)} images could not be decoded, the first: {images.skipped[0].name}")
    recipe, devices = resolved(brief, images)
    return _Job(brief, budgeted(space, images, brief), images, recipe, devices, progress)


def prepare_folder(folder: Path) -> Path:
    """The folder, made and proven writable before any work; OutputError otherwise."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as probe:
            probe.write(b"\0" * 65536)
            probe.flush()
    except OSError as error:
        raise OutputError(
            f"results go to a folder that can be written; {folder} cannot: {error.strerror or error}. "
            "Choose another with --out, or make room."
        ) from error
    return folder


def budgeted(space: DesignSpace, images: ImageSet, brief: Brief) -> DesignSpace:
    """The space for these images, within the budget."""
    space = space.for_images(images.resolution, images.num_classes, images.channels)
    limits = {name: window for name in ("flops", "params", "acts") if (window := getattr(brief, name)) is not None}
    if not limits and not set(space.limits) & {"flops", "params", "acts"}:
        pixels, flops = _IMAGENET
        most = flops * (images.resolution / pixels) ** 2
        limits = {"flops": (0.9 * most, most)}
    return space.refine(**limits)


def resolved(brief: Brief, images: ImageSet) -> tuple[Recipe, tuple[str, ...]]:
    """The recipe with nothing left "auto", and the devices to train on."""
    from netwright.train import bf16_helps, devices, resolve_device

    device = resolve_device(brief.device)
    defaults = {"epochs": brief.epochs, "batch_size": 128 if len(images.train) >= 5000 else 64}
    recipe = Recipe().with_(**(defaults | dict(brief.recipe)))
    recipe = recipe.resolve(resolution=images.resolution, flip_suits=images.flip_suits, bf16_helps=bf16_helps(device))
    return recipe, devices() if brief.device == "auto" else (str(device),)


@dataclass(frozen=True)
class _Job:
    """What all sweeps of one design share."""

    brief: Brief
    space: DesignSpace
    images: ImageSet
    recipe: Recipe
    devices: tuple[str, ...]
    progress: Quiet

    def population(self, folder: Path, space: DesignSpace, sample: Sample, seed: int) -> Population:
        return Population.open_or_create(
            folder,
            networks=sample.batch,
            seed=seed,
            identity=identity(space, self.recipe, self.images, self.brief.threads),
            notes={"account": dict(sample.account), "command": self.brief.command},
        )

    def train(self, population: Population, title: str) -> None:
        run(
            population,
            self.images,
            self.recipe,
            title=title,
            workers=self.brief.workers,
            threads=self.brief.threads,
            devices=self.devices,
            progress=self.progress,
        )

    def finals(self, folder: Path, pick: Arch, baseline: Arch) -> tuple[Finalist, Finalist]:
        """Train both longer, on training and validation images, with the same seeds; look at the test split once."""
        brief = self.brief
        images = self.images
        if brief.train_images is not None:
            images = load_images(
                brief.data_dir, resolution=images.resolution, seed=brief.seed, cache=folder.parent / "cache"
            )
        longer = replace(self.recipe, epochs=brief.final_epochs or 3 * self.recipe.epochs)
        seeds = [trial_seed(brief.seed, 1_000_000 + k) for k in range(brief.final_seeds)]
        archs = [pick] * len(seeds) + [baseline] * len(seeds)
        labels = ["pick"] * len(seeds) + ["baseline"] * len(seeds)

        def weights(trial: Trial) -> Path:
            return folder / "weights" / f"{trial.label}-{trial.seed}.safetensors"

        with Population.open_or_create(
            folder,
            networks=archs,
            seed=brief.seed,
            identity=identity(None, longer, images, brief.threads),
            seeds=seeds * 2,
            labels=labels,
        ) as population:
            run(
                population,
                images,
                longer,
                title="3/3 pick and baseline",
                workers=brief.workers,
                threads=brief.threads,
                devices=self.devices,
                split="test",
                weights=weights,
                progress=self.progress,
            )
            frame = population.frame()
        return _finalist(frame, "pick", pick, images), _finalist(frame, "baseline", baseline, images)


def identity(space: DesignSpace | None, recipe: Recipe, images: ImageSet, threads: int) -> dict[str, Any]:
    """What the results of a population depend on: who resumes it has the same."""
    return {
        "space": None if space is None else space.to_dict(),
        "recipe": recipe.to_dict(),
        "data": {"name": images.name, "fingerprint": images.fingerprint, "resolution": images.resolution},
        "threads": threads,
    }


def best_network(before: pd.DataFrame, after: pd.DataFrame, names: tuple[str, str]) -> tuple[Arch, str]:
    """The network of the lowest validation error in both populations (of equals, the one of fewer flops), and where."""
    import pandas as pd

    both = pd.concat([before.assign(space=names[0]), after.assign(space=names[1])])
    done = both[both["state"] == "done"].sort_values(["error", "flops", "trial"], kind="stable")
    if done.empty:
        reasons = both["reason"].dropna().value_counts()
        why = "; ".join(f"{count} x {reason}" for reason, count in reasons.items())
        raise PopulationError(
            f"none of the {len(both)} trials was finished: {why}. Lower the learning rate or the size."
        )
    best = done.iloc[0]
    where = (
        f"The pick is network {best['trial']} of {best['space']}: the lowest validation error, {best['error']:.2f}%, "
        f"of {len(done)} networks trained ({len(both) - len(done)} failed)."
    )
    return Arch.from_json(best["arch"]), where


def baseline_for(pick: Arch, space: DesignSpace) -> Arch:
    """A published RegNet of the same block family, scaled to the pick's flops and within the budget."""
    flops = float(complexity(pick).flops[0])
    names = [name for name in _published_names() if name.split("_")[1] == pick.block]
    candidates = [
        replace(
            published(name, num_classes=pick.num_classes, in_channels=pick.in_channels, resolution=pick.resolution),
            stem=pick.stem,
        )
        for name in names
    ]
    strided = [
        replace(
            arch, stages=tuple(replace(s, stride=p.stride) for s, p in zip(arch.stages, _strides(pick), strict=True))
        )
        for arch in candidates
    ]
    nearest = min(strided, key=lambda arch: abs(np.log(float(complexity(arch).flops[0]) / flops)))
    return scale_to_flops(nearest, flops, most=space.limits.get("flops", (0.0, np.inf))[1])


def _published_names() -> tuple[str, ...]:
    from netwright.arch import PUBLISHED

    return tuple(PUBLISHED)


def _strides(pick: Arch) -> tuple[Any, ...]:
    """Four stages' worth of the pick's strides."""
    stages = pick.stages
    return (stages + (stages[-1],) * 4)[:4]


def _finalist(frame: pd.DataFrame, role: str, arch: Arch, images: ImageSet) -> Finalist:
    from netwright.report import Finalist

    mine = frame[frame["label"] == role]
    done = mine[mine["state"] == "done"]
    if done.empty:
        raise PopulationError(
            f"no final training of the {role} was finished: {'; '.join(mine['reason'].dropna().unique())}. "
            "Lower the learning rate, or see the reasons in the population of the folder 'final'."
        )
    cost = complexity(arch)
    return Finalist(
        role=role,
        name=arch.name or "pick",
        arch=arch,
        flops=int(cost.flops[0]),
        params=int(cost.params[0]),
        acts=int(cost.acts[0]),
        test_errors=tuple(done["error"]),
        seeds=tuple(int(seed) for seed in done["seed"]),
        curves=tuple(done["curve"]),
        note=f"{len(mine) - len(done)} of {len(mine)} trainings failed." if len(done) < len(mine) else "",
        test_images=len(images.test),
    )


def _report(
    job: _Job,
    advice: Advice,
    views: tuple[PopulationView, PopulationView],
    finals: tuple[Finalist, Finalist],
    where: str,
) -> Result:
    from netwright.report import Contrast, Story, write_report

    brief, images, out = job.brief, job.images, job.brief.out
    contrast = Contrast.of(*views, seed=brief.seed)
    pick, baseline = finals
    story = Story(
        title=f"Designing a network for {images.name}",
        populations=views,
        good_ranges=advice.good_ranges,
        decisions=(*advice.decisions, where),
        contrast=contrast,
        finalists=finals,
        facts=_facts(brief, images, job.recipe),
    )
    _write(out / "network.yaml", pick.arch.to_yaml())
    _write(out / "space.yaml", _yaml(views[0].space))
    _write(out / "refined_space.yaml", _yaml(views[1].space))
    best = out / "final" / "weights" / f"pick-{pick.seeds[0]}.safetensors"
    shutil.copyfile(best, out / ".weights.safetensors.new")
    os.replace(out / ".weights.safetensors.new", out / "weights.safetensors")
    result = Result(
        network=pick.arch,
        test_errors=pick.test_errors,
        baseline=baseline.arch,
        baseline_test_errors=baseline.test_errors,
        confirmed=contrast is not None and contrast.is_confirmed,
        refined=advice.space,
        report=write_report(story, out),
        folder=out,
    )
    _write(out / "result.json", json.dumps(_summary(result, contrast, pick, baseline), indent=2))
    return result


def _summary(result: Result, contrast: Contrast | None, pick: Finalist, baseline: Finalist) -> dict[str, Any]:
    tests = {} if contrast is None else {"difference": contrast.mean.difference, "p_value": contrast.mean.p_value}
    return {
        "confirmed": result.confirmed,
        "refined_against_given": tests,
        **{
            each.role: {
                "test_errors": each.test_errors,
                "seeds": each.seeds,
                "flops": each.flops,
                "params": each.params,
                "acts": each.acts,
                "arch": each.arch.to_dict(),
            }
            for each in (pick, baseline)
        },
    }


def _facts(brief: Brief, images: ImageSet, recipe: Recipe) -> dict[str, dict[str, str]]:
    bad = "; ".join(f"{skipped.name}: {skipped.reason}" for skipped in images.skipped[:20])
    return {
        "command": {"command": brief.command or f"design({brief})", "folder": str(brief.out)},
        "seeds": {
            "population": str(brief.seed),
            "confirmation": str(brief.seed + 1),
            "trial": "from the population's seed and the trial's index",
        },
        "data": {
            "images": f"{images.name}, {len(images.labels):,} images, {images.num_classes} classes, "
            f"{images.resolution} pixels, {images.channels} channel(s)",
            "splits": images.provenance,
            "skipped": f"{len(images.skipped)} images could not be decoded. {bad}" if bad else "none",
            "fingerprint": images.fingerprint,
        },
        "recipe": {key: str(value) for key, value in recipe.to_dict().items()},
        "versions": versions(),
        "hardware": hardware() | {"threads of a worker": str(brief.threads)},
    }


def _yaml(plain: Mapping[str, Any]) -> str:
    import yaml

    return yaml.safe_dump(dict(plain), sort_keys=False)


def _write(path: Path, text: str) -> None:
    draft = path.with_name(f".{path.name}.new")
    try:
        draft.write_text(text, encoding="utf-8")
        draft.replace(path)
    except OSError as error:
        raise OutputError(f"{path} cannot be written: {error}. Make room; the same command goes on.") from error
