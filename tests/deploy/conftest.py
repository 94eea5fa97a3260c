"""Small networks with nothing as it was initialised, and every kind of file of them, written once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from netwright.arch import Arch, Stage, Stem
from netwright.data.digits import open_digits
from netwright.data.preprocess import Preprocessing
from netwright.deploy import export
from netwright.nn import build
from netwright.weights import LoadedModel

SIDE = 16
COLOUR = Arch((Stage(2, 8, 1, 1.0, 4), Stage(1, 16, 2, 2.0, 4)), "y", Stem("cifar", 8), 0.25, SIDE, 5, 3, "small")
GRAY = Arch((Stage(1, 8, 1, 1.0, 4), Stage(1, 16, 2, 1.0, 8)), "x", Stem("simple", 8), 0.0, SIDE, 4, 1, "gray")
DIGITS = Arch((Stage(1, 16, 1, 1.0, 8), Stage(1, 32, 2, 1.0, 8)), "x", Stem("cifar", 16), 0.0, 8, 10, 1, "digits")
CLASSES = ("ant", "bee", "cat", "dog", "Erdmännchen")


@pytest.fixture(autouse=True)
def _one_thread(one_thread: None) -> None:
    """Every test here computes with one."""


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
def digits() -> LoadedModel:
    """Trained on the bundled digits for some seconds, so that its answers mean something."""
    torch.set_num_threads(1)  # before the fixture of each test does
    source = open_digits()
    preprocessing = Preprocessing(image_size=8, channels=1, crop_pct=1.0, mean=(80.0,), std=(100.0,))
    pixels = [preprocessing.pixels(source.read(i).data) for i in range(len(source.labels))]
    x, y = preprocessing.normalise(np.stack(pixels)), torch.from_numpy(source.labels)
    module, generator = build(DIGITS, seed=0), torch.Generator().manual_seed(0)
    optimizer = torch.optim.SGD(module.train().parameters(), lr=0.1, momentum=0.9)
    for _ in range(4):
        for some in torch.randperm(len(y), generator=generator).split(64):
            optimizer.zero_grad()
            nn.functional.cross_entropy(module(x[some]), y[some]).backward()
            optimizer.step()
    return LoadedModel(DIGITS, module.eval(), preprocessing, source.class_names, "trained here", facts={})


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
