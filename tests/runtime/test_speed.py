"""Speeds of runtimes beside each other."""

import numpy as np

from netwright.runtime import Runtime, open_runtime
from netwright.runtime.info import info_of
from netwright.runtime.speed import images_per_second
from netwright.weights import LoadedModel


def test_each_runtime_has_a_figure_a_turn(gray: LoadedModel) -> None:
    with open_runtime(gray) as one, open_runtime(gray, runtime="onnx") as other:
        rates = images_per_second({"one": one, "other": other}, (1, 4), seconds=0.0, repeats=3)
    assert {name: {batch: len(turns) for batch, turns in of.items()} for name, of in rates.items()} == {
        "one": {1: 3, 4: 3},
        "other": {1: 3, 4: 3},
    }
    assert all(rate > 0 for of in rates.values() for turns in of.values() for rate in turns)


def test_they_take_turns_after_a_first_call(gray: LoadedModel) -> None:
    said: list[str] = []

    class Named:
        def __init__(self, name: str) -> None:
            self.name = name

        def __call__(self, inputs: np.ndarray) -> np.ndarray:
            said.append(self.name)
            return np.zeros((len(inputs), 4), dtype=np.float32)

        def close(self) -> None:
            pass

    runtimes = {name: Runtime(info_of(gray), "torch", Named(name)) for name in "ab"}
    images_per_second(runtimes, (2,), seconds=0.0, repeats=3)
    assert "".join(said) == "aabb" + "ab" + "ba" + "ab"
