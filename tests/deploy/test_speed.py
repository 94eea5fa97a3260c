"""Speeds of runtimes beside each other."""

from netwright.deploy import open_runtime
from netwright.deploy.speed import images_per_second, medians
from netwright.weights import LoadedModel


def test_each_runtime_has_a_figure_a_turn(gray: LoadedModel) -> None:
    with open_runtime(gray) as one, open_runtime(gray, runtime="onnx") as other:
        rates = images_per_second({"one": one, "other": other}, (1, 4), seconds=0.0, repeats=3)
    assert {name: {batch: len(turns) for batch, turns in of.items()} for name, of in rates.items()} == {
        "one": {1: 3, 4: 3},
        "other": {1: 3, 4: 3},
    }
    assert all(rate > 0 for of in rates.values() for turns in of.values() for rate in turns)
    assert medians({2: (5.0, 1.0, 3.0)}) == {2: 3.0}
