"""Whoever calls Netwright from Python has the process as it was before, whatever a training or a measurement set."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from netwright import predict, train, validate
from netwright.arch import Arch
from netwright.bench.contender import Contender
from netwright.bench.run import measure
from netwright.bench.settings import Settings
from netwright.recipe.training import RuntimeConfig
from netwright.training.monitor import NullMonitor
from netwright.training.process import process_settings
from netwright.training.records import EpochRecord
from netwright.training.run import _settings


def is_flushing() -> bool:
    return sys.float_info.min * 0.5 == 0


def settings_of_process() -> tuple[int, bool, bool]:
    return torch.get_num_threads(), torch.are_deterministic_algorithms_enabled(), is_flushing()


@pytest.fixture
def two_threads() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


@pytest.mark.usefixtures("two_threads")
def test_settings_end_with_their_block_also_where_it_fails() -> None:
    inside = []

    def fail() -> None:
        with process_settings(threads=1, deterministic=True, flush_denormal=True):
            inside.append(settings_of_process())
            raise ValueError("inside")

    with pytest.raises(ValueError, match="inside"):
        fail()
    assert inside == [(1, True, True)]
    assert settings_of_process() == (2, False, False)


@pytest.mark.usefixtures("two_threads")
def test_what_the_caller_had_set_stays_set() -> None:
    torch.set_flush_denormal(True)
    try:
        with process_settings(flush_denormal=True):
            assert is_flushing()
        assert is_flushing()
    finally:
        torch.set_flush_denormal(False)
    with process_settings():
        assert settings_of_process() == (2, False, False)


def products() -> tuple[str, bool]:
    """How CUDA computes products of fp32: of matrices, and in convolutions."""
    return torch.get_float32_matmul_precision(), torch.backends.cudnn.allow_tf32


@pytest.mark.parametrize(("tf32", "inside"), [(True, ("high", True)), (False, ("highest", False)), (None, None)])
def test_tf32_is_for_all_products_or_for_none(tf32: bool | None, inside: tuple[str, bool] | None) -> None:
    before = products()
    with process_settings(tf32=tf32):
        assert products() == (inside or before)
    assert products() == before


def test_tf32_is_of_nvidia_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    before = products()
    monkeypatch.setattr("netwright.training.run.keep_memory", lambda: None)
    for device, inside in (("cuda:0", ("high", True)), ("cpu", before), ("xpu:0", before)):
        with _settings(RuntimeConfig(), SimpleNamespace(device=torch.device(device), launch=None), tf32=True):  # type: ignore[arg-type]
            assert products() == inside, device


@pytest.mark.usefixtures("two_threads")
def test_a_training_leaves_the_process_as_it_was(tiny: Arch, tmp_path: Path) -> None:
    network, inside = tmp_path / "tiny.yaml", []
    network.write_text(tiny.to_yaml())

    class Watch(NullMonitor):
        def end_epoch(self, record: EpochRecord) -> None:
            inside.append(settings_of_process())

    keys: dict[str, Any] = {"dataset": "digits", "image_size": 8, "in_channels": 1, "mean": (127.5,), "std": (127.5,)}
    keys |= {"random_crop": "padded", "color_jitter": None, "hflip": 0.0, "num_samples": 64, "batch_size": 32}
    keys |= {"epochs": 1, "workers": 0, "threads": 1, "deterministic": True, "device": "cpu"}
    trained = train(model=str(network), out=str(tmp_path / "run"), monitor=Watch(), **keys)
    assert inside == [(1, True, True)]
    assert settings_of_process() == (2, False, False)
    # so do the jobs that compute with it
    validate(trained.folder, split="train", threads=1, device="cpu")
    predict(trained.folder, np.zeros((8, 8), np.uint8), threads=1, device="cpu")
    assert settings_of_process() == (2, False, False)


@pytest.mark.usefixtures("two_threads")
def test_so_does_a_benchmark() -> None:
    quick = Settings(batch_size=1, image_size=32, threads=1, seconds=0, repeats=1, memory=False, train=False)
    measure([Contender("regnet_x_200mf")], replace(quick, device="cpu"), matmul_side=8)
    assert settings_of_process() == (2, False, False)
