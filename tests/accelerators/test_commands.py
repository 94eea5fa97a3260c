"""Commands with --device npu, and what is printed where its package is missing."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from netwright.errors import RecipeError
from netwright.training.device import resolve_device

Command = Callable[..., subprocess.CompletedProcess[str]]


def test_the_package_of_a_device_is_named() -> None:
    with pytest.raises(
        RecipeError, match=r"the device npu needs the package torch_npu, which is not installed\. Install"
    ):
        resolve_device("npu:0")


@pytest.mark.slow
def test_what_was_trained_is_validated_predicted_and_measured(command: Command, tmp_path: Path) -> None:
    train = "train --data_dir digits --model regnet_x_200mf --image_size 16 --epochs 1 --num_samples 64 --batch_size 32"
    done = command(*train.split(), "--val_fraction", "0.2", "--device", "npu", "--out", "run")
    assert done.returncode == 0, done.stderr[-2000:]
    bench = "bench regnet_x_200mf --image_size 32 --batch_size 2 --seconds 0.01 --repeats 1 --memory false"
    done = command(*bench.split(), "--device", "npu")
    assert done.returncode == 0, done.stderr[-2000:]
    on = [command(*f"validate run --device {device} --out on_{device}".split()).stdout for device in ("cpu", "npu")]
    assert [line for line in on[0].splitlines() if "top-1" in line] == [
        line for line in on[1].splitlines() if "top-1" in line
    ]
