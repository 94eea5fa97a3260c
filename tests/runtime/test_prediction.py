"""From logits to the likeliest classes."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from netwright.runtime import Prediction
from netwright.runtime.prediction import softmax


def test_equals_are_in_order_and_descriptions_come_along() -> None:
    answer = Prediction(np.array([[0.25, 0.5, 0.25]], dtype=np.float32), ("a", "b", "c"), ("A", "B", "C"))
    assert [(each.index, each.name, each.description) for each in answer.top(9)[0]] == [
        (1, "b", "B"),
        (0, "a", "A"),
        (2, "c", "C"),
    ]
    assert len(answer.top(0)[0]) == 1


def test_softmax_is_that_of_torch_in_float64() -> None:
    logits = np.random.default_rng(0).normal(0, 30, (20, 7)).astype(np.float32)
    found = softmax(logits)
    assert found.dtype == np.float64
    assert found == pytest.approx(torch.from_numpy(logits).double().softmax(1).numpy(), rel=1e-12)
    assert logits.dtype == np.float32


def test_what_is_not_finite_shows() -> None:
    infinite, nan = float("inf"), float("nan")
    found = softmax(np.array([[0, nan], [infinite, 0], [-infinite, 0], [-infinite, -infinite]], dtype=np.float32))
    assert np.isnan(found).all(axis=1).tolist() == [True, True, False, True]
    assert found[2].tolist() == [0.0, 1.0]
