"""Compare trials per hour: a sweep with persistent workers, a fresh process per trial, and an Optuna study.

    python benchmarks/sweep.py [--trials 10] [--epochs 6] [--repeats 3] [--seed 0] [--data digits|DIR]

All three train the same networks with the same seeds, recipe and loop (`train_trial`) on all processors:

sweep    `netwright.sweeps.run`: one worker with one thread per processor; images are decoded once
process  a process per trial with all threads, as scripts and pycls do: it imports torch, loads the images, trains
optuna   a study in one process with all threads; images are decoded once, results are kept in SQLite

Each contender runs as a program of its own, so that its imports count. They take turns in rotating order.

The number of threads changes how sums are rounded, and training amplifies that as another seed would. So the errors of
contenders with the same number of threads must be equal; those of the others are only shown.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

from environment import as_line, environment  # beside this file

from netwright.arch import Arch
from netwright.data import ImageSet, load_images
from netwright.population import Population, trial_seed
from netwright.recipe import Recipe
from netwright.space import draw, load_space
from netwright.system.machine import processors

GOALS = {"process": 2.0, "optuna": 1.3}
_IMAGENET = (224, 400e6)  # pixels and flops of the networks in DDS


def networks_for(images: ImageSet, options: argparse.Namespace) -> list[Arch]:
    """Draw RegNetX networks with 90% to 100% of DDS's 400M flops, scaled to the size of the images."""
    pixels, flops = _IMAGENET
    largest = flops * (images.resolution / pixels) ** 2
    space = load_space("regnetx").for_images(images.resolution, images.num_classes, images.channels)
    return list(draw(space.refine(flops=(0.9 * largest, largest)), options.trials, options.seed).batch)


def recipe_for(images: ImageSet, options: argparse.Namespace) -> Recipe:
    recipe = Recipe(epochs=options.epochs, batch_size=128 if len(images.train) >= 5000 else 32)
    return recipe.resolve(resolution=images.resolution, flip_suits=images.flip_suits, bf16_helps=False)


def trial_for(images: ImageSet, options: argparse.Namespace, index: int) -> dict[str, Any]:
    return {
        "index": index,
        "arch": networks_for(images, options)[index].to_dict(),
        "recipe": recipe_for(images, options).to_dict(),
        "seed": trial_seed(options.seed, index),
        "split": "validation",
        "weights": None,
    }


# -- the contenders: each prints the errors (percent) of all trials as one JSON line -----------------------------


def sweep(options: argparse.Namespace, folder: Path) -> list[float]:
    from netwright.sweeps import run

    images = load_images(options.data, seed=options.seed, cache=folder / "cache")
    networks = networks_for(images, options)
    with Population.create(folder / "sweep", networks=networks, seed=options.seed, identity={}) as population:
        run(population, images, recipe_for(images, options))
        return [float(error) for error in population.frame()["error"]]


def process(options: argparse.Namespace, folder: Path) -> list[float]:
    """A process per trial."""
    return [_run_program("one", options, folder, "--index", str(index))[0] for index in range(options.trials)]


def one(options: argparse.Namespace, folder: Path) -> list[float]:
    """Train one trial: what each process of `process` does."""
    import torch

    from netwright.sweeps.worker import train_trial

    torch.set_num_threads(options.threads)
    images = load_images(options.data, seed=options.seed)
    return [train_trial(trial_for(images, options, options.index), images, torch.device("cpu"))["error"]]


def optuna(options: argparse.Namespace, folder: Path) -> list[float]:
    import optuna
    import torch

    from netwright.sweeps.worker import train_trial

    torch.set_num_threads(options.threads)
    images = load_images(options.data, seed=options.seed)
    networks, recipe = networks_for(images, options), recipe_for(images, options).to_dict()

    def objective(trial: optuna.Trial) -> float:
        index = trial.suggest_int("network", trial.number, trial.number)
        values = {"arch": networks[index].to_dict(), "recipe": recipe, "seed": trial_seed(options.seed, index)}
        result = train_trial(values | {"split": "validation", "weights": None}, images, torch.device("cpu"))
        return float(result["error"])

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(storage=f"sqlite:///{folder / 'optuna.sqlite'}", direction="minimize")
    study.optimize(objective, n_trials=options.trials)
    return [float(trial.values[0]) for trial in study.trials]


CONTENDERS = {"sweep": sweep, "process": process, "optuna": optuna, "one": one}


def _run_program(contender: str, options: argparse.Namespace, folder: Path, *more: str) -> list[float]:
    flags = [f"--{name}={getattr(options, name)}" for name in ("trials", "epochs", "seed", "data")]
    command = [sys.executable, __file__, f"--contender={contender}", f"--folder={folder}", *flags, *more]
    output = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout
    return list(json.loads(output.splitlines()[-1]))


# -- the comparison ----------------------------------------------------------------------------------------------


def compare(options: argparse.Namespace) -> None:
    names = ["sweep", *GOALS]
    seconds: dict[str, list[float]] = {name: [] for name in names}
    errors: dict[str, list[float]] = {}
    print(
        f"{options.trials} trials of {options.epochs} epochs on {options.data}, {options.repeats} runs, "
        f"seed {options.seed}\n" + as_line(environment("optuna")),
        flush=True,
    )
    for repeat in range(options.repeats):
        for name in names[repeat % 3 :] + names[: repeat % 3]:
            with tempfile.TemporaryDirectory() as folder:
                began = time.perf_counter()
                measured = _run_program(name, options, Path(folder))
                seconds[name].append(time.perf_counter() - began)
            assert errors.setdefault(name, measured) == measured, f"the errors of {name} differ from its first run"
            print(f"run {repeat + 1}: {name:8} {seconds[name][-1]:7.1f} s", flush=True)
    print()
    for name in names:
        typical = median(seconds[name])
        print(f"{name:8} {typical:7.1f} s, {3600 * options.trials / typical:8,.0f} trials per hour (medians)")
    for name, goal in GOALS.items():
        ratios = [rival / own for rival, own in zip(seconds[name], seconds["sweep"], strict=True)]
        verdict = "met" if median(ratios) >= goal else "not met"
        print(
            f"sweep against {name}: {median(ratios):.2f} times as many trials per hour, "
            f"{min(ratios):.2f} to {max(ratios):.2f} in {len(ratios)} runs; goal {goal}: {verdict}"
        )
    _compare_errors(options, errors)


def _compare_errors(options: argparse.Namespace, errors: dict[str, list[float]]) -> None:
    for name in GOALS:
        gaps = [abs(rival - own) for rival, own in zip(errors[name], errors["sweep"], strict=True)]
        mean = sum(gaps) / len(gaps)
        print(f"errors of sweep and {name} differ by at most {max(gaps):.2f} points, by {mean:.2f} on average")
    gap = max(abs(a - b) for a, b in zip(errors["process"], errors["optuna"], strict=True))
    print(f"errors of process and optuna, with the same threads, differ by at most {gap:.2f} points")
    with tempfile.TemporaryDirectory() as folder:
        [alone] = _run_program("one", options, Path(folder), "--index=0", "--threads=1")
    gap = abs(alone - errors["sweep"][0])
    print(f"errors of sweep and process for network 0, both with one thread, differ by {gap:.2f} points")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=10)
    parser.add_argument("--epochs", type=int, default=6)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--data", default="digits", help="digits, or a folder of images")
    parser.add_argument("--contender", choices=CONTENDERS, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--index", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--threads", type=int, default=processors(), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.contender is None:
        compare(options)
    else:
        print(json.dumps(CONTENDERS[options.contender](options, options.folder)))


if __name__ == "__main__":
    main()
