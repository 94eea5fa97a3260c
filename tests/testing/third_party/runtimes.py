"""A backend that somebody else wrote, right and wrong in several ways; run by ../test_contracts.py."""

import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from netwright.runtime import Runtime
from netwright.runtime.info import info_of
from netwright.testing import RuntimeContract
from netwright.weights import LoadedModel

torch.set_num_threads(1)


class Plain:
    """torch without anything around it."""

    takes_tensors = False

    def __init__(self, module: Any) -> None:
        self.module = module

    def __call__(self, inputs: Any) -> Any:
        with torch.inference_mode():
            return self.module(torch.from_numpy(np.array(inputs))).numpy()

    def close(self) -> None:
        self.module = None


class OfPlain(RuntimeContract):
    kind: type[Plain] = Plain

    def make_runtime(self, model: LoadedModel, folder: Path) -> Runtime:
        return Runtime(info_of(model), "plain", self.kind(model.module))


class TestRight(OfPlain):
    pass


class Imprecise(Plain):
    def __call__(self, inputs: Any) -> Any:
        return np.round(super().__call__(inputs), 1)


class TestImprecise(OfPlain):
    kind = Imprecise


class Double(Plain):
    def __call__(self, inputs: Any) -> Any:
        return super().__call__(inputs).astype(np.float64)


class TestDouble(OfPlain):
    kind = Double


class OneBuffer(Plain):
    """Gives the same memory each time."""

    buffer = np.zeros((32, 5), np.float32)

    def __call__(self, inputs: Any) -> Any:
        found = super().__call__(inputs)
        self.buffer[: len(found), : found.shape[1]] = found
        return self.buffer[: len(found), : found.shape[1]]


class TestOneBuffer(OfPlain):
    kind = OneBuffer


class ChangesInputs(Plain):
    def __call__(self, inputs: Any) -> Any:
        found = super().__call__(inputs)
        if inputs.flags.writeable:
            inputs *= 0
        return found


class TestChangesInputs(OfPlain):
    kind = ChangesInputs


class OneCaller(Plain):
    """Has one place for what it computes."""

    place: Any = None

    def __call__(self, inputs: Any) -> Any:
        self.place = np.array(inputs)
        time.sleep(0.002)
        return super().__call__(self.place)


class TestOneCaller(OfPlain):
    kind = OneCaller


class SeesNeighbors(Plain):
    def __call__(self, inputs: Any) -> Any:
        return super().__call__(inputs - inputs.mean(axis=0) * 0.1)


class TestSeesNeighbors(OfPlain):
    kind = SeesNeighbors


class TestForgetsNames(OfPlain):
    def make_runtime(self, model: LoadedModel, folder: Path) -> Runtime:
        return Runtime(replace(info_of(model), class_names=()), "plain", Plain(model.module))


class TakesAnything(Runtime):
    def logits(self, inputs: Any) -> Any:
        return np.zeros((len(inputs), 5), np.float32)


class TestTakesAnything(OfPlain):
    def make_runtime(self, model: LoadedModel, folder: Path) -> Runtime:
        return TakesAnything(info_of(model), "plain", Plain(model.module))


class NeverCloses(Runtime):
    def close(self) -> None:
        pass


class TestNeverCloses(OfPlain):
    def make_runtime(self, model: LoadedModel, folder: Path) -> Runtime:
        return NeverCloses(info_of(model), "plain", Plain(model.module))
