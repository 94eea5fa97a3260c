from collections.abc import Callable

import pytest
import torch

from netwright.bench import Contender, Settings, measure
from netwright.bench.run import ratios
from netwright.bench.timed_network import TimedNetwork
from netwright.errors import RecipeError

Quick = Callable[..., Settings]


def test_everything_of_a_row_is_measured(tiny_yaml: str, quick: Quick) -> None:
    lines: list[str] = []
    benchmark = measure([Contender(tiny_yaml)], quick(), on_progress=lines.append, matmul_side=16)
    row = benchmark.row(tiny_yaml)
    assert (len(row.train), len(row.infer)) == (2, 2)
    assert len(row.single) >= 2
    assert min(*row.train, *row.infer, *row.single, benchmark.peak) > 0
    assert (row.train_memory, row.infer_memory) == (None, None)
    assert benchmark.facts["threads"] == "1"
    assert benchmark.facts["torch"] == torch.__version__.split("+")[0]
    assert lines == [f"warming up {tiny_yaml}", "repeat 1 of 2", "repeat 2 of 2"]


@pytest.mark.parametrize("name", ["timm:test_resnet", "torchvision:squeezenet1_1"])
def test_networks_of_other_libraries_run(name: str, quick: Quick) -> None:
    row = measure([Contender(name)], quick(image_size=32, repeats=1), matmul_side=16).row(name)
    assert (len(row.train), len(row.infer), row.image_size) == (1, 1, 32)
    assert row.flops > 0


@pytest.mark.parametrize(("train", "infer"), [(True, False), (False, True)])
def test_what_is_not_asked_for_is_not_measured(tiny_yaml: str, quick: Quick, train: bool, infer: bool) -> None:
    row = measure([Contender(tiny_yaml)], quick(train=train, infer=infer), matmul_side=16).row(tiny_yaml)
    assert (bool(row.train), bool(row.infer), bool(row.single)) == (train, infer, infer)
    assert (row.train_share(1e9) is None, row.infer_share(1e9) is None) == (not train, not infer)


def test_they_take_turns_and_the_order_turns_too(tiny_yaml: str, quick: Quick, monkeypatch: pytest.MonkeyPatch) -> None:
    order: list[int] = []

    def train_rate(self: TimedNetwork, seconds: float) -> float:
        order.append(id(self))
        return 1.0

    monkeypatch.setattr(TimedNetwork, "train_rate", train_rate)
    measure([Contender(tiny_yaml), Contender(tiny_yaml, "again")], quick(infer=False), matmul_side=16)
    first, second = order[:2]
    assert first != second
    assert order == [first, second, second, first]


def test_bf16_is_bf16(tiny_yaml: str, quick: Quick, monkeypatch: pytest.MonkeyPatch) -> None:
    used: list[torch.dtype] = []

    def train(self: TimedNetwork, steps: int) -> None:
        with self._autocast():
            used.append(self.module(self.x).dtype)

    monkeypatch.setattr(TimedNetwork, "train", train)
    benchmark = measure([Contender(tiny_yaml)], quick(precision="bf16", infer=False), matmul_side=16)
    assert set(used) == {torch.bfloat16}
    assert benchmark.facts["precision"] == "bf16"


def test_too_large_a_batch_is_explained(tiny_yaml: str, quick: Quick, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(self: TimedNetwork, seconds: float) -> float:
        raise torch.OutOfMemoryError

    monkeypatch.setattr(TimedNetwork, "train_rate", full)
    with pytest.raises(RecipeError, match=r"a batch of 2 does not fit the memory of .*\. Lower --batch_size\."):
        measure([Contender(tiny_yaml)], quick(), matmul_side=16)


def test_ratios_are_of_the_same_repeat() -> None:
    # the second repeat was slow for both: the ratio of medians would be 3
    assert ratios([30.0, 10.0, 40.0], [20.0, 5.0, 10.0]) == (2.0, 1.5, 4.0)


def test_a_rival_that_is_another_network_is_told(quick: Quick) -> None:
    found = [Contender("regnet_x_400mf"), Contender("torchvision:regnet_x_400mf", "regnet_x_400mf")]
    [notice] = measure(found, quick(image_size=32, repeats=1, train=False), matmul_side=16).notices
    assert "torchvision:regnet_x_400mf is another network than regnet_x_400mf: 5,495,976 parameters" in notice
