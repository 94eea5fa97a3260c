"""The smallest networks and settings: nothing here is timed, only that it runs and adds up."""

from collections.abc import Callable
from pathlib import Path

import pytest

from netwright.arch import Arch, Stage, Stem
from netwright.bench import Benchmark, BenchmarkRow, Contender, Settings


@pytest.fixture(autouse=True)
def _one_thread(one_thread: None) -> None:
    """Every test here computes with one."""


@pytest.fixture
def tiny_yaml(tmp_path: Path) -> str:
    """A network file."""
    path = tmp_path / "network.yaml"
    arch = Arch((Stage(1, 8, group_width=4),), stem=Stem("cifar", 8), resolution=8, num_classes=5, in_channels=1)
    path.write_text(arch.to_yaml())
    return str(path)


@pytest.fixture
def quick() -> Callable[..., Settings]:
    """Settings of one small batch a repeat."""

    def make(**changes: object) -> Settings:
        plain = {"batch_size": 2, "precision": "fp32", "threads": 1, "seconds": 0.0, "repeats": 2, "memory": False}
        return Settings(**(plain | {"device": "cpu"} | changes))

    return make


@pytest.fixture
def made_up() -> Benchmark:
    """Two networks whose figures are easy to reckon with: 100M multiply-adds, a peak of 100 GFLOP/s."""
    ours = BenchmarkRow(
        Contender("regnet_x_200mf"),
        flops=100_000_000,
        params=2_000_000,
        image_size=32,
        train=(40.0, 50.0, 60.0),
        infer=(200.0, 250.0, 300.0),
        single=(1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0, 11.0),
        train_memory=300 * 2**20,
        infer_memory=None,
    )
    own_name = BenchmarkRow(
        Contender("timm:regnetx_002", rival_of="regnet_x_200mf"),
        flops=100_000_000,
        params=2_000_000,
        image_size=32,
        train=(40.0, 40.0, 40.0),
        infer=(250.0, 250.0, 250.0),
        single=(4.0,),
        train_memory=200 * 2**20,
        infer_memory=100 * 2**20,
    )
    settings = Settings(batch_size=4, repeats=3, seconds=1.0)
    return Benchmark(settings, {"device": "a machine", "threads": "2"}, 1e11, (ours, own_name), ("something to know",))
