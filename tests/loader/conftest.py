"""Small folders of noise, a color a class, and trainings that read them."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from netwright.recipe import TrainConfig

COLORS = {"ant": (200, 40, 40), "bee": (40, 200, 40), "cow": (40, 40, 200)}
CPU = torch.device("cpu")


def fill(folder: Path, counts: dict[str, int], size: tuple[int, int] = (40, 30), suffix: str = "jpg") -> Path:
    """So many images in each class folder; other sizes by turns, so that shapes are not taken for granted."""
    for label, (name, count) in enumerate(counts.items()):
        (folder / name).mkdir(parents=True, exist_ok=True)
        for number in range(count):
            rng = np.random.default_rng([label, number])
            shape = (size[1] + number % 3, size[0] - number % 2, 3)
            pixels = np.array(COLORS.get(name, (90, 90, 90))) + rng.integers(-20, 21, shape)
            Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(folder / name / f"{number:03d}.{suffix}")
    return folder


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    """train: 11 images a class, val: 5."""
    fill(tmp_path / "train", dict.fromkeys(COLORS, 11))
    fill(tmp_path / "val", dict.fromkeys(COLORS, 5))
    return tmp_path


@pytest.fixture
def training(data_dir: Path) -> Callable[..., TrainConfig]:
    def make(**changes: Any) -> TrainConfig:
        plain = {
            "data_dir": str(data_dir),
            "image_size": 16,
            "batch_size": 4,
            "workers": 0,
            "validate": True,
            "seed": 3,
        }
        return TrainConfig().with_(**(plain | changes))

    return make


@pytest.fixture
def joined() -> Callable[[Iterable[tuple[torch.Tensor, torch.Tensor]]], tuple[torch.Tensor, torch.Tensor]]:
    """All batches of an epoch as two tensors."""

    def join(batches: Iterable[tuple[torch.Tensor, torch.Tensor]]) -> tuple[torch.Tensor, torch.Tensor]:
        x, target = zip(*batches, strict=True)
        return torch.cat(x), torch.cat(target)

    return join
