"""A few small networks, and populations of them."""

from collections.abc import Callable
from pathlib import Path

import pytest

from netwright.arch import Arch, Stage, Stem
from netwright.population import Population

IDENTITY = {"space": {"name": "s", "limits": {"flops": [0, 4e8]}}, "recipe": {"epochs": 3}}


def small_networks(n: int) -> list[Arch]:
    """All different."""
    return [
        Arch((Stage(1 + i % 3, 8 * (1 + i)),), stem=Stem("cifar", 8), resolution=8, num_classes=10, in_channels=1)
        for i in range(n)
    ]


@pytest.fixture
def networks() -> Callable[[int], list[Arch]]:
    return small_networks


@pytest.fixture
def create(tmp_path: Path) -> Callable[..., Population]:
    """A population of so many networks in tmp_path."""

    def make(n: int = 4, **changes: object) -> Population:
        return Population.create(
            tmp_path, **({"networks": small_networks(n), "seed": 7, "identity": IDENTITY} | changes)
        )

    return make


@pytest.fixture
def resume(tmp_path: Path) -> Callable[..., Population]:
    """The same by open_or_create."""

    def make(n: int = 4, **changes: object) -> Population:
        return Population.open_or_create(
            tmp_path, **({"networks": small_networks(n), "seed": 7, "identity": IDENTITY} | changes)
        )

    return make
