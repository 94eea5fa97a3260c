"""A network that replicas open."""

from pathlib import Path

import pytest

from netwright.exports import export


@pytest.fixture(scope="package")
def network(weights: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file that replicas open without torch: they start in half the time."""
    path = tmp_path_factory.mktemp("ray") / "tiny.onnx"
    export(weights, path, name="tiny")
    return path
