"""Records of a network that is often right, often wrong, and too sure of itself; and a small network with images."""

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
from fixtures.exported import exported
from torch import Tensor

from netwright.arch import Arch, Stage, Stem
from netwright.data import Skipped
from netwright.data.preprocess import Preprocessing
from netwright.data.source import IntArray, LabeledImage, Pixels
from netwright.evaluation import ImageRecords, ValidationMetrics
from netwright.evaluation.measure import records_of
from netwright.evaluation.metrics import most_wrong
from netwright.evaluation.opening import ModelRequest, open_model
from netwright.exports import export
from netwright.exports.labeled import photographs
from netwright.loader import Split
from netwright.nn import build
from netwright.recipe import TrainConfig
from netwright.runtime import Runtime
from netwright.weights import LoadedModel, load_model, save_model

__all__ = ["exported"]

Logits = tuple[Tensor, Tensor]


@pytest.fixture(scope="session")
def answers() -> Callable[..., Logits]:
    """Logits (n, classes) and targets (n,), of which about two in three are right."""

    def make(n: int, classes: int, seed: int = 0) -> Logits:
        generator = torch.Generator().manual_seed(seed)
        target = torch.randint(classes, (n,), generator=generator)
        logits = torch.randn(n, classes, generator=generator)
        logits[torch.arange(n), target] += 2.5
        return logits, target

    return make


@pytest.fixture(scope="session")
def measured(answers: Callable[..., Logits]) -> Callable[..., ValidationMetrics]:
    """A validation of n images, two more of which could not be read."""

    def make(n: int = 300, classes: int = 10, names: tuple[str, ...] = (), seed: int = 0) -> ValidationMetrics:
        logits, target = answers(n, classes, seed)
        records: ImageRecords = records_of(logits, target, np.arange(n))
        return ValidationMetrics(
            records,
            names or tuple(f"class {i}" for i in range(classes)),
            total=n + 2,
            seconds=2.0,
            wrong=most_wrong(records, np.arange(n), lambda i: f"image-{i}.png", 12),
            skipped=(Skipped("bad-1.png", "truncated"), Skipped("bad-2.png", "no image")),
        )

    return make


@dataclass(frozen=True, eq=False)
class InMemory:
    """Images of four classes in one split, as a source."""

    data: list[bytes | Pixels]
    class_names: tuple[str, ...] = ("ant", "bee", "cat", "dog")
    name: str = "memory"
    signature: str = "memory"

    @property
    def labels(self) -> IntArray:
        return np.arange(len(self.data), dtype=np.int64) % len(self.class_names)

    @property
    def splits(self) -> Mapping[str, IntArray]:
        return {"all": np.arange(len(self.data), dtype=np.int64)}

    def item_name(self, index: int) -> str:
        return f"item-{index}"

    def read(self, index: int) -> LabeledImage:
        return LabeledImage(self.data[index], int(self.labels[index]), self.item_name(index))


@pytest.fixture(scope="session")
def picture() -> Callable[..., Pixels]:
    """(height, width, 3) uint8 of some smooth colors."""

    def make(seed: int, height: int = 32, width: int = 32) -> Pixels:
        generator = np.random.default_rng(seed)
        y, x = np.mgrid[0 : 1 : height * 1j, 0 : 1 : width * 1j]
        waves = [np.sin(generator.uniform(1, 9) * x + generator.uniform(1, 9) * y + i) for i in range(3)]
        return (127 + 120 * np.stack(waves, axis=-1)).astype(np.uint8)

    return make


@pytest.fixture(scope="session")
def in_memory() -> Callable[..., Split]:
    """A split of images that are there."""

    def make(data: list[bytes | Pixels], **more: object) -> Split:
        return Split(InMemory(data, **more), np.arange(len(data), dtype=np.int64), "val")  # type: ignore[arg-type]

    return make


@pytest.fixture(scope="session")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of a small network that knows ants, bees, cats and dogs, in an order of its own."""
    stages = (Stage(1, 16, 2, group_width=8), Stage(1, 24, 2, group_width=8))
    arch = Arch(stages, stem=Stem("cifar", 8), resolution=24, num_classes=4, name="tiny")
    module = build(arch, seed=1).train()
    with torch.no_grad():  # statistics of batch norm, and answers that are not all alike
        module(torch.randn(64, 3, 24, 24, generator=torch.Generator().manual_seed(0)))
        module.head.fc.weight.mul_(40)
    path = tmp_path_factory.mktemp("weights") / "tiny.safetensors"
    preprocessing = Preprocessing(image_size=24, crop_pct=0.75, interpolation="bicubic")
    save_model(path, module, preprocessing=preprocessing, class_names=("dog", "ant", "bee", "cat"), facts={})
    return path


@pytest.fixture(scope="session")
def model(weights: Path) -> LoadedModel:
    return load_model(weights)


@pytest.fixture(scope="session")
def opened() -> Callable[..., Runtime]:
    """A loaded model in torch on the CPU, as the commands open weights."""

    def make(model: LoadedModel, precision: str = "fp32", fuse: bool = False) -> Runtime:
        training = TrainConfig().with_(val_precision=precision)
        return open_model(ModelRequest(training, fuse=fuse, model=model), torch.device("cpu")).runtime

    return make


@pytest.fixture(scope="session")
def quantized(model: LoadedModel, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """A file of the model in int8, calibrated on photographs."""

    @functools.cache
    def make(to: str) -> Path:
        images = list(photographs(model.preprocessing))
        return export(model, tmp_path_factory.mktemp("int8"), to=to, precision="int8", calibration=images).path

    return make
