"""A sweep as a program of its own, to be killed and started again: `python program.py FOLDER CACHE TRIALS EPOCHS`."""

import sys
from pathlib import Path

from netwright.arch import Arch, Stage, Stem
from netwright.data import ImageSet, load_images
from netwright.population import Population
from netwright.recipe import Recipe
from netwright.sweeps import Progress, run


def small_networks(n: int) -> list[Arch]:
    """All different, a few milliseconds a step."""
    return [
        Arch((Stage(1, 8 * (1 + i)),), stem=Stem("cifar", 8), resolution=8, num_classes=10, in_channels=1)
        for i in range(n)
    ]


def few_images(cache: Path) -> ImageSet:
    return load_images("digits", cache=cache, train_images=250)


def short(epochs: int) -> Recipe:
    return Recipe(epochs=epochs, batch_size=32, lr=0.1).resolve(resolution=8, flip_suits=False, bf16_helps=False)


def main(folder: str, cache: str, trials: str, epochs: str) -> None:
    images, recipe = few_images(Path(cache)), short(int(epochs))
    networks = small_networks(int(trials))
    identity = {"recipe": recipe.to_dict(), "data": images.fingerprint}
    with (
        Population.open_or_create(folder, networks=networks, seed=3, identity=identity) as population,
        Progress() as progress,
    ):
        run(population, images, recipe, title="program", workers=2, progress=progress)


if __name__ == "__main__":
    main(*sys.argv[1:])
