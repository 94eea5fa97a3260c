"""Batch norm is folded where that pays and changes nothing else."""

import pytest
import torch
from torch import nn

from netwright.evaluation.folding import is_foldable
from netwright.weights import LoadedModel


@pytest.mark.parametrize(
    ("device", "precision", "is_folded"),
    [
        ("cpu", "fp32", True),
        ("cpu", "bf16", True),
        ("cpu", "fp16", False),
        ("cuda", "fp32", False),
        ("meta", "bf16", False),
    ],
)
def test_on_processors_in_two_precisions(device: str, precision: str, is_folded: bool, model: LoadedModel) -> None:
    assert is_foldable(model.module, torch.device(device), precision) is is_folded


def test_networks_of_others_are_left_as_they_are() -> None:
    assert not is_foldable(nn.Linear(2, 2), torch.device("cpu"), "fp32")
