"""Tiny images and networks: a few milliseconds a step."""

from collections.abc import Callable, Iterator

import numpy as np
import pytest
import torch

from netwright.arch import Arch, Stage, Stem
from netwright.data import ImageSet, load_images
from netwright.recipe import Recipe
from netwright.train import Batches

CPU = torch.device("cpu")


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> Iterator[None]:
    """Networks this small are slower with more."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="session")
def digits() -> ImageSet:
    return load_images("digits")


@pytest.fixture(scope="session")
def split(digits: ImageSet) -> Callable[..., Batches]:
    """Batches of some indices of the digits."""

    def make(index: np.ndarray, **options: object) -> Batches:
        return Batches(digits.images, digits.labels, index, digits.mean, digits.std, CPU, **options)

    return make


@pytest.fixture(scope="session")
def tiny() -> Arch:
    return Arch(
        stages=(Stage(1, 16, stride=1, group_width=8), Stage(1, 32, group_width=8)),
        stem=Stem("cifar", 8),
        resolution=8,
        num_classes=10,
        in_channels=1,
    )


@pytest.fixture
def recipe() -> Recipe:
    return Recipe(epochs=2, batch_size=64, lr=0.1).resolve(resolution=8, flip_suits=False, bf16_helps=False)
