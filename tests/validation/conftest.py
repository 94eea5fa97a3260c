"""Records of a network that is often right, often wrong, and too sure of itself."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor

from netwright.data import Skipped
from netwright.validation import Measured, Records
from netwright.validation.measure import judge
from netwright.validation.measured import most_wrong

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
def measured(answers: Callable[..., Logits]) -> Callable[..., Measured]:
    """A validation of n images, two more of which could not be read."""

    def make(n: int = 300, classes: int = 10, names: tuple[str, ...] = (), seed: int = 0) -> Measured:
        logits, target = answers(n, classes, seed)
        records: Records = judge(logits, target, np.arange(n))
        return Measured(
            records,
            names or tuple(f"class {i}" for i in range(classes)),
            total=n + 2,
            seconds=2.0,
            wrong=most_wrong(records, np.arange(n), lambda i: f"image-{i}.png", 12),
            skipped=(Skipped("bad-1.png", "truncated"), Skipped("bad-2.png", "no image")),
        )

    return make
