"""How much of the time an executor's workers train: trials of about 1 s and of 10 s, against the ideal.

    python benchmarks/executor.py [--executor local ray] [--seconds 1 10] [--minutes 1] [--workers 2] [--seed 0]

The ideal is the sum of the seconds that the trials themselves took, over the number of workers: nothing between trials,
and no worker idle at the end. Trials go through `netwright.sweeps.run` into a population, as in a sweep. Workers are
there and warm: a first trial of each is not counted. Goals: local 90% for trials of 1 s and 98% for 10 s, Ray 80% and
95%.

A trial trains one small network on a few of the bundled digits, with one thread, for as many epochs as take so long.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from environment import as_line, environment  # beside this file

from netwright.arch import Arch, Stage, Stem
from netwright.data import ImageSet, load_images
from netwright.population import Population
from netwright.recipe import Recipe
from netwright.sweeps import Executor, LocalExecutor, run

GOALS = {("local", 1.0): 0.90, ("local", 10.0): 0.98, ("ray", 1.0): 0.80, ("ray", 10.0): 0.95}
NETWORK = Arch((Stage(1, 32),), stem=Stem("cifar", 16), resolution=8, num_classes=10, in_channels=1)


def local(images: Path, workers: int) -> Executor:
    return LocalExecutor(images, workers=workers, threads=1)


def ray(images: Path, workers: int) -> Executor:
    from netwright.sweeps.ray_executor import RayExecutor

    return RayExecutor(images, address="local", workers=workers, threads=1)


EXECUTORS: dict[str, Callable[[Path, int], Executor]] = {"local": local, "ray": ray}


def train(executor: Executor, images: ImageSet, trials: int, epochs: int, seed: int) -> tuple[float, list[float]]:
    """Wall seconds of a sweep, and the seconds of each trial."""
    recipe = Recipe(epochs=epochs, batch_size=32).resolve(resolution=8, flip_suits=False, bf16_helps=False)
    with (
        tempfile.TemporaryDirectory() as folder,
        Population.create(folder, networks=[NETWORK] * trials, seed=seed, identity={}) as population,
    ):
        began = time.perf_counter()
        run(population, images, recipe, executor=executor)
        wall = time.perf_counter() - began
        return wall, [float(each) for each in population.frame()["seconds"]]


def measure(name: str, images: ImageSet, options: argparse.Namespace) -> bool:
    assert images.path is not None
    is_met = True
    with EXECUTORS[name](images.path, options.workers) as executor:
        _, warm = train(executor, images, 2 * options.workers, 20, options.seed)
        epoch = min(warm) / 20
        for seconds in options.seconds:
            epochs, trials = (
                max(1, round(seconds / epoch)),
                max(2, round(60 * options.minutes / seconds)) * options.workers,
            )
            wall, each = train(executor, images, trials, epochs, options.seed)
            ideal = sum(each) / options.workers
            goal = GOALS.get((name, seconds), 0.0)
            is_met &= ideal / wall >= goal
            print(
                f"{name:6} {trials:4} trials of {sum(each) / trials:5.2f} s ({epochs} epochs), {options.workers} "
                f"workers: {wall:6.1f} s, ideal {ideal:6.1f} s: {ideal / wall:6.1%} (goal {goal:.0%})",
                flush=True,
            )
    return is_met


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--executor", nargs="+", default=list(EXECUTORS), choices=list(EXECUTORS))
    parser.add_argument("--seconds", nargs="+", type=float, default=[1.0, 10.0])
    parser.add_argument("--minutes", type=float, default=1.0)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    print(as_line(environment()), flush=True)
    with tempfile.TemporaryDirectory() as cache:
        images = load_images("digits", cache=Path(cache), train_images=250)
        met = [measure(name, images, options) for name in options.executor]
    return 0 if all(met) else 1


if __name__ == "__main__":
    raise SystemExit(main())
