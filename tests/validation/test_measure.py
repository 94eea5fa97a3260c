from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from netwright.train import evaluate_batches
from netwright.validation import Records
from netwright.validation.measure import judge, measure

Answers = Callable[..., tuple[Tensor, Tensor]]


def judged(logits: list[list[float]], target: list[int]) -> Records:
    return judge(torch.tensor(logits), torch.tensor(target), np.arange(len(target)))


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
    records = judge(logits.to(kind), target, np.arange(40))
    expected = nn.functional.cross_entropy(logits.to(kind).double(), target, reduction="none")
    assert records.loss.dtype == np.float64
    assert records.loss.tolist() == pytest.approx(expected.tolist(), rel=1e-12)
    assert records.predicted.tolist() == logits.to(kind).argmax(1).tolist()


def test_counts_are_those_that_training_prints(answers: Answers) -> None:
    x, target = answers(64, 8)
    batches = [(x[i : i + 10], target[i : i + 10], np.arange(64)[i : i + 10]) for i in range(0, 64, 10)]
    module = nn.Linear(8, 8).train()
    records = measure(module, batches, np.arange(8))
    evaluation = evaluate_batches(module, [batch[:2] for batch in batches])
    assert not module.training
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
