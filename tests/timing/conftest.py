"""A measurer that measures nothing (tests/fixtures/latency.py), and a tiny network."""

import pytest
from fixtures.latency import pretended

from netwright.arch import Arch, Stage, Stem

__all__ = ["pretended", "tiny"]


@pytest.fixture
def tiny() -> Arch:
    """Of two blocks, for gray images of 8 pixels."""
    stages = (Stage(1, 8, group_width=4), Stage(1, 16, group_width=8))
    return Arch(stages, stem=Stem("cifar", 8), resolution=8, num_classes=5, in_channels=1, name="tiny")
