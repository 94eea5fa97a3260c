"""The weights that a sweep keeps are those of any other training, and give the error that the trial measured."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import netwright
from netwright.arch import Arch, Stage, Stem
from netwright.cli.main import main
from netwright.data import ImageSet, load_images
from netwright.population import Population
from netwright.recipe import Recipe
from netwright.sweeps import run
from netwright.sweeps.trial_batches import Batches
from netwright.sweeps.weights import preprocessing_for

CLASSES = ("ant", "bee", "cat", "dog")
SIDE = 16


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Patterns that can be told apart, though not always, of several formats and shapes; none is a square."""
    root, rng = tmp_path_factory.mktemp("photos"), np.random.default_rng(0)
    for split, count in (("train", 40), ("test", 20)):
        for label, name in enumerate(CLASSES):
            (root / split / name).mkdir(parents=True)
            for i in range(count):
                height, width = ((96, 131), (75, 41), (20, 33))[i % 3]
                wave = np.sin(np.arange(width) * 6.3 / width * (label + 1) + rng.uniform(0, 6))
                pixels = 128 + 60 * wave[None, :, None] + rng.normal(0, 60, (height, width, 3))
                path = root / split / name / f"{i:02d}.{'jpg' if i % 2 else 'png'}"
                Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(path)
    return root


@pytest.fixture(scope="module")
def seen(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> ImageSet:
    return load_images(photos, resolution=SIDE, seed=3, cache=tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="module")
def trained(seen: ImageSet, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], tuple[Path, list[float]]]:
    """split -> where the weights of two trials are, and their errors."""
    found: dict[str, tuple[Path, list[float]]] = {}

    def train(split: str) -> tuple[Path, list[float]]:
        if split not in found:
            folder = tmp_path_factory.mktemp("sweep")
            networks = [
                Arch((Stage(1, width),), stem=Stem("cifar", 8), resolution=SIDE, num_classes=4, name=f"w{width}")
                for width in (8, 16)
            ]
            recipe = Recipe(epochs=2, batch_size=16, lr=0.05).resolve(
                resolution=SIDE, flip_suits=True, bf16_helps=False
            )
            with Population.create(folder, networks=networks, seed=5, identity={}) as population:
                run(
                    population,
                    seen,
                    recipe,
                    split=split,
                    workers=1,
                    weights=lambda each: folder / f"{each.index}.safetensors",
                )
                found[split] = folder, population.errors()
        return found[split]

    return train


@pytest.mark.slow
@pytest.mark.parametrize("split", ["validation", "test"])
def test_weights_of_a_sweep_carry_what_all_weights_do(
    split: str, trained: Callable[[str], tuple[Path, list[float]]], seen: ImageSet
) -> None:
    folder, errors = trained(split)
    for index, error in enumerate(errors):
        model = netwright.load_model(folder / f"{index}.safetensors")
        assert (model.arch.name, model.class_names, model.notices) == (f"w{8 + 8 * index}", CLASSES, ())
        assert model.preprocessing == preprocessing_for(seen)
        facts = model.facts
        assert (facts["trial"], facts["epoch"], facts["epochs"], facts["weights"]) == (index, 2, 2, "as trained")
        assert facts["recipe"]["batch_size"] == 16
        assert 100 - facts[split]["top1"] == pytest.approx(error)
        assert {"validation", "test"} & facts.keys() == {split}
        assert (facts["dataset"], facts["splits"]) == (seen.name, seen.provenance)
        assert (facts["netwright"], facts["torch"]) == (netwright.__version__, torch.__version__)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("split", "flags"),
    [
        ("validation", ["--val_fraction", "0.2", "--train_split", "train", "--seed", "3"]),
        ("test", ["--split", "test"]),
    ],
)
def test_validate_gives_the_error_of_the_trial(
    split: str,
    flags: list[str],
    trained: Callable[[str], tuple[Path, list[float]]],
    photos: Path,
    tmp_path: Path,
) -> None:
    folder, errors = trained(split)
    assert 0 < errors[0] < 75, "some are right and some are wrong"
    common = ["--data_dir", str(photos), "--workers", "0", "--device", "cpu", "--out", str(tmp_path)]
    assert main(["validate", str(folder / "0.safetensors"), *common, *flags]) == 0
    measured = json.loads((tmp_path / "metrics.json").read_text())
    assert measured["images"] == (32 if split == "validation" else 80)
    assert 100 - 100 * measured["top1"] == pytest.approx(errors[0])


def test_images_are_prepared_as_they_were_for_the_trial(seen: ImageSet, photos: Path) -> None:
    """To the last bit, whatever their shape and format."""
    preprocessing = preprocessing_for(seen)
    batches = Batches(seen.images, seen.labels, np.arange(len(seen.labels)), seen.mean, seen.std, torch.device("cpu"))
    source = netwright.data.open_source(photos)
    pixels = np.stack([preprocessing.pixels(source.read(index).data) for index in range(len(source.labels))])
    assert np.array_equal(pixels, seen.images)
    x, _ = next(batches.evaluate(len(pixels)))
    assert torch.equal(preprocessing.normalize(pixels), x)
