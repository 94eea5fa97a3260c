"""Small networks with nothing as it was initialised, and every kind of file of them, written once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from netwright.arch import Arch, Stage, Stem
from netwright.data.preprocess import Preprocessing
from netwright.deploy import export
from netwright.nn import build
from netwright.weights import LoadedModel

SIDE = 16
COLOUR = Arch((Stage(2, 8, 1, 1.0, 4), Stage(1, 16, 2, 2.0, 4)), "y", Stem("cifar", 8), 0.25, SIDE, 5, 3, "small")
GRAY = Arch((Stage(1, 8, 1, 1.0, 4), Stage(1, 16, 2, 1.0, 8)), "x", Stem("simple", 8), 0.0, SIDE, 4, 1, "gray")
CLASSES = ("ant", "bee", "cat", "dog", "Erdmännchen")


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def randomised(arch: Arch, seed: int = 0) -> nn.Module:
    """Statistics of batch norm are of noise, so that the signal arrives."""
    module = build(arch, seed=seed)
    generator = torch.Generator().manual_seed(seed + 100)
    norms = [part for part in module.modules() if isinstance(part, nn.BatchNorm2d)]
    for part in norms:
        part.weight.data.copy_(torch.rand(part.weight.shape, generator=generator) * 0.6 + 0.7)
        part.bias.data.copy_(torch.rand(part.bias.shape, generator=generator) - 0.5)
        part.momentum = 1.0
    with torch.no_grad():
        module.train()(torch.randn(16, arch.in_channels, SIDE, SIDE, generator=generator))
    module.head.fc.weight.data.mul_(20.0)
    module.head.fc.bias.data.copy_(torch.randn(arch.num_classes, generator=generator))
    return module.eval()


def loaded(arch: Arch, names: tuple[str, ...] = (), facts: dict[str, object] | None = None) -> LoadedModel:
    channels = arch.in_channels
    preprocessing = Preprocessing(
        image_size=SIDE, channels=channels, crop_pct=1.0, mean=(120.0,) * channels, std=(60.0,) * channels
    )
    return LoadedModel(arch, randomised(arch), preprocessing, names, "made here", facts=facts or {})


@pytest.fixture(scope="session")
def make() -> Callable[..., LoadedModel]:
    """A network of an arch with 16 x 16 pixels, as `colour` and `gray` are."""
    return loaded


@pytest.fixture(scope="session")
def colour() -> LoadedModel:
    return loaded(COLOUR, CLASSES, {"epochs": 3})


@pytest.fixture(scope="session")
def gray() -> LoadedModel:
    return loaded(GRAY)


@pytest.fixture(scope="session")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """The path of an export, made once in a session. Copy it before changing it."""
    made: dict[tuple[object, ...], Path] = {}

    def of(model: LoadedModel, to: str, precision: str = "fp32", batch: int | str = "dynamic") -> Path:
        key = (model.arch.name, to, precision, batch)
        if key not in made:
            images = noise(model, 16) if precision == "int8" else None
            folder = tmp_path_factory.mktemp("exported")
            made[key] = export(model, folder, to=to, precision=precision, batch=batch, calibration=images).path
        return made[key]

    return of


def noise(model: LoadedModel, count: int, seed: int = 0) -> list[np.ndarray]:
    """(H, W, C) uint8 images of several sizes."""
    rng = np.random.default_rng(seed)
    channels = model.arch.in_channels
    return [rng.integers(0, 256, (SIDE + i % 3, SIDE, channels), dtype=np.uint8) for i in range(count)]


@pytest.fixture(scope="session")
def images() -> Callable[..., list[np.ndarray]]:
    return noise
