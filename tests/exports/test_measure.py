"""An export beside its network."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from netwright.arch import Arch, Stage, Stem
from netwright.errors import ExportError
from netwright.exports import export, labeled_images
from netwright.exports.measure import accuracy_of, agreement_of, speed_of
from netwright.runtime import Runtime, open_runtime
from netwright.runtime.info import info_of
from netwright.weights import LoadedModel

DIGITS = Arch((Stage(1, 16, 1, 1.0, 8),), "x", Stem("cifar", 16), 0, 16, 10, 1, "d")


def quiet(said: str) -> None:
    pass


@pytest.mark.slow
def test_the_graph_in_a_pt2_file_is_compared_too(
    color: LoadedModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The weights are right, so that `open_runtime` answers rightly, and the graph that other programs run is not."""
    from netwright.runtime import torch_file

    usual = torch_file.graph_program

    class Turned(torch.nn.Module):
        def __init__(self, network: torch.nn.Module) -> None:
            super().__init__()
            self.network = network

        def forward(self, input: torch.Tensor) -> torch.Tensor:
            return self.network(input.flip(3))

    def program(module: torch.nn.Module, *given: object) -> object:
        module.network = Turned(module.network)  # type: ignore[assignment]
        return usual(module, *given)  # type: ignore[arg-type]

    monkeypatch.setattr(torch_file, "graph_program", program)
    monkeypatch.setattr(torch_file, "_PREFIX", "network.network.")
    with pytest.raises(ExportError, match=r"model\.pt2 was not written"):
        export(color, tmp_path, to="torch")
    assert list(tmp_path.iterdir()) == []


def test_top1_of_both_on_the_same_images(make: Callable[..., LoadedModel]) -> None:
    model, other = make(DIGITS), make(DIGITS)
    other.module.head.fc.bias.data[3] += 1000.0
    _, evaluation = labeled_images("digits", "", (), 10, calibration=300, evaluation=200)
    with open_runtime(other) as runtime:
        found = accuracy_of(model, runtime, evaluation, quiet)
    right = []
    for each in (model, other):
        pixels, outputs = next(evaluation.batches(each.preprocessing, 200))
        with torch.inference_mode():
            right.append(each.module(each.preprocessing.normalize(pixels)).argmax(1).numpy() == outputs)
    assert found is not None
    counts = [int((right[0] == one).astype(int) @ (right[1] == two)) for one, two in ((1, 1), (1, 0), (0, 1), (0, 0))]
    pairs = found.pairs
    assert [pairs.both, pairs.only_source, pairs.only_exported, pairs.neither] == counts
    assert pairs.only_source != pairs.only_exported
    assert (found.source, found.exported) == (right[0].mean(), right[1].mean())


def test_labels_that_are_not_the_networks_give_no_top1(color: LoadedModel) -> None:
    _, evaluation = labeled_images("digits", "", (), 5, calibration=300, evaluation=20)
    said: list[str] = []
    with open_runtime(color) as runtime:
        assert accuracy_of(color, runtime, evaluation, said.append) is None
    assert said[0].startswith(
        "top-1 is not compared, as a network has one output per class, and this one has 5 outputs"
    )


@pytest.mark.parametrize("wrong", [slice(0, 1), slice(1, 4), slice(4, 20), slice(20, 25)])
def test_every_image_is_compared_however_many_come_at_once(color: LoadedModel, wrong: slice) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (25, 16, 16, 3), dtype=np.uint8)
    place = 0

    class Backend:
        def __call__(self, inputs: np.ndarray) -> np.ndarray:
            nonlocal place
            with torch.inference_mode():
                logits = color.module(torch.from_numpy(inputs)).numpy().copy()
            logits[[each in range(*wrong.indices(25)) for each in range(place, place + len(inputs))]] += 1.0
            place += len(inputs)
            return logits

        def close(self) -> None:
            pass

    found = agreement_of(color, Runtime(info_of(color), "torch", Backend()), pixels)
    assert found.images == place == 25
    assert found.difference > 1e-3


@pytest.mark.slow
def test_speeds_are_the_networks_and_the_exports(color: LoadedModel) -> None:
    class Slow:
        def __call__(self, inputs: np.ndarray) -> np.ndarray:
            time.sleep(0.05)
            return np.zeros((len(inputs), 5), dtype=np.float32)

        def close(self) -> None:
            pass

    (found,) = speed_of(color, Runtime(replace(info_of(color), batch=2), "onnx", Slow()), quiet)
    assert found.batch == 2
    assert len(found.source_turns) == len(found.exported_turns) == 5
    assert found.exported < 41 < found.source


@pytest.mark.slow
def test_the_source_is_not_changed(color: LoadedModel, tmp_path: Path) -> None:
    before = copy.deepcopy(color.module.state_dict())
    export(color, tmp_path, to="torch", precision="bf16")
    after = color.module.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)
