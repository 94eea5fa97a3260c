from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from netwright.errors import DataError, WeightsError
from netwright.evaluation import ImageRecords, match_classes
from netwright.evaluation.measure import measure, measure_split, records_of
from netwright.loader import Split
from netwright.runtime import Runtime
from netwright.runtime.torch_backend import TorchBackend
from netwright.training import evaluate_batches
from netwright.weights import LoadedModel

Answers = Callable[..., tuple[Tensor, Tensor]]
Open = Callable[..., Runtime]
CPU = torch.device("cpu")


def judged(logits: list[list[float]], target: list[int]) -> ImageRecords:
    return records_of(torch.tensor(logits), torch.tensor(target), np.arange(len(target)))


def test_a_network_that_says_nothing_is_right_about_one_class_only() -> None:
    records = judged([[0.0] * 6] * 6, [0, 1, 2, 3, 4, 5])
    assert records.predicted.tolist() == [0] * 6
    assert records.rank.tolist() == [0, 1, 2, 3, 4, 5]


def test_what_is_not_a_number_is_not_right() -> None:
    nan = float("nan")
    records = judged([[nan, 1, 2], [1, nan, 2], [nan, nan, nan], [1, 3, 2]], [1, 2, 0, 1])
    assert (records.rank > 0).tolist() == [True, True, True, False]
    assert np.isfinite(records.loss).tolist() == [False, False, False, True]


@pytest.mark.parametrize("kind", [torch.float32, torch.bfloat16, torch.float16])
def test_any_type_of_logits_is_judged_in_float64(answers: Answers, kind: torch.dtype) -> None:
    logits, target = answers(40, 6)
    records = records_of(logits.to(kind), target, np.arange(40))
    expected = nn.functional.cross_entropy(logits.to(kind).double(), target, reduction="none")
    assert records.loss.dtype == np.float64
    assert records.loss.tolist() == pytest.approx(expected.tolist(), rel=1e-12)
    assert records.predicted.tolist() == logits.to(kind).argmax(1).tolist()


def test_counts_are_those_that_training_prints(answers: Answers) -> None:
    x, target = answers(64, 8)
    x = x[:, :, None, None]
    batches = [(x[i : i + 10], target[i : i + 10], np.arange(64)[i : i + 10]) for i in range(0, 64, 10)]
    module = nn.Sequential(nn.Flatten(), nn.Linear(8, 8)).train()
    records = measure(TorchBackend(module), batches, np.arange(8))
    assert not module.training
    evaluation = evaluate_batches(module, [batch[:2] for batch in batches])
    assert int((records.rank == 0).sum()) == evaluation.correct
    assert int((records.rank < 5).sum()) == evaluation.correct5
    assert records.loss.sum() == pytest.approx(evaluation.loss_sum, rel=1e-6)


def test_labels_become_outputs(answers: Answers) -> None:
    logits, target = answers(30, 5)
    outputs = np.array([3, 0, 4, 1, 2])
    shuffled = torch.empty_like(logits)
    shuffled[:, outputs] = logits
    done: list[int] = []
    records = measure(nn.Identity(), [(shuffled, target, np.arange(30))], outputs, after_batch=done.append)
    assert (records.rank == 0).tolist() == (logits.argmax(1) == target).tolist()
    assert done == [30]


@dataclass
class Rank:
    """One of several ranks, each of which runs in turn: what they add up is added as it comes."""

    rank: int
    world: int
    total: list[np.ndarray]
    device: torch.device = CPU
    is_primary: bool = True

    def all_reduce_sum(self, values: np.ndarray) -> np.ndarray:
        self.total.append(values)
        return np.sum(self.total, axis=0)

    def gather(self, value: Any) -> list[Any]:
        return [value]

    def broadcast(self, value: Any) -> Any:
        return value

    def heartbeat(self) -> None:
        pass


@pytest.mark.parametrize("world", [1, 2, 3, 5])
def test_each_image_counts_once_on_any_number_of_ranks(
    model: LoadedModel, opened: Open, picture: Callable[..., Any], in_memory: Callable[..., Split], world: int
) -> None:
    data = [picture(i) for i in range(11)]
    data[4] = b"broken"
    split = in_memory(data)
    classes = match_classes(model.class_names, 4, split.class_names)
    runtime = opened(model)
    whole = measure_split(runtime, split, classes, group=Rank(0, 1, []), batch_size=3)  # type: ignore[arg-type]
    parts: list[np.ndarray] = []
    for rank in range(world):
        group: Any = Rank(rank, world, parts)
        found = measure_split(runtime, split, classes, group=group, batch_size=3)
    assert found.images == whole.images == 10
    assert [bad.name for bad in whole.skipped] == ["item-4"]
    assert found.confusion == whole.confusion
    assert (found.correct(), found.correct(5)) == (whole.correct(), whole.correct(5))
    assert found.loss == pytest.approx(whole.loss, rel=1e-6)


def test_a_split_of_broken_images_is_told(model: LoadedModel, opened: Open, in_memory: Callable[..., Split]) -> None:
    split = in_memory([b"broken"] * 5)
    classes = match_classes(model.class_names, 4, split.class_names)
    with pytest.raises(DataError, match="none of the 5 images of val could be read"):
        measure_split(opened(model), split, classes, group=Rank(0, 1, []), batch_size=3)  # type: ignore[arg-type]


def test_damaged_weights_are_told(
    model: LoadedModel, opened: Open, picture: Callable[..., Any], in_memory: Callable[..., Split]
) -> None:
    split = in_memory([picture(i) for i in range(4)])
    module = deepcopy(model.module)
    with torch.no_grad():
        next(module.parameters()).fill_(float("nan"))
    classes = match_classes(model.class_names, 4, split.class_names)
    with pytest.raises(WeightsError, match=r"for 4 of 4 images these are not \('item-0' first\)"):
        measure_split(opened(replace(model, module=module)), split, classes, group=Rank(0, 1, []), batch_size=3)  # type: ignore[arg-type]


@pytest.mark.parametrize(("precision", "near"), [("fp32", 1e-5), ("bf16", 0.1)])
def test_folded_batch_norm_gives_the_same_answers(
    precision: str,
    near: float,
    model: LoadedModel,
    opened: Open,
    picture: Callable[..., Any],
    in_memory: Callable[..., Split],
) -> None:
    split = in_memory([picture(i) for i in range(24)])
    classes = match_classes(model.class_names, 4, split.class_names)
    names = model.module.state_dict().keys()
    plain, folded = (
        measure_split(opened(model, precision, fuse), split, classes, group=Rank(0, 1, []), batch_size=8)  # type: ignore[arg-type]
        for fuse in (False, True)
    )
    one, other = plain.records, folded.records
    assert np.abs(one.probability - other.probability).max() < near
    assert np.abs(one.loss - other.loss).max() < near * max(1.0, one.loss.max())
    assert np.mean(one.predicted == other.predicted) >= (1.0 if precision == "fp32" else 0.9)
    assert not np.array_equal(one.loss, other.loss), "another way to the same"
    assert model.module.state_dict().keys() == names, "of a copy"
