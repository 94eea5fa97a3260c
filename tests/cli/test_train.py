"""`netwright train` and its relatives, where they print the recipe that they would follow."""

from collections.abc import Callable
from typing import Any

import pytest

from netwright.recipe import load_training

Run = Callable[..., Any]


@pytest.mark.parametrize("words", [("train",), ("validate",), ("predict", "photo.png")])
def test_the_recipe_that_is_printed_reads_back_as_the_same(netwright: Run, words: tuple[str, ...], tmp_path):
    flags = ("--checkpoint", "w.safetensors", "--wd", "0.125", "--input-size", "1", "32", "32", "--print_config")
    done = netwright(*words, *flags)
    assert (done.status, done.err) == (0, "")
    path = tmp_path / "recipe.yaml"
    path.write_text(done.out)
    read = load_training(path).training
    assert (read.optimization.weight_decay, read.network.in_channels, read.augmentation.image_size) == (0.125, 1, 32)
    path.write_text(netwright("train", "-c", path, "--print_config").out)
    assert load_training(path).training == read
