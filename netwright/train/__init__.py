"""The training loop and what feeds it."""

from netwright.train.batches import Batches
from netwright.train.device import bf16_helps, describe, devices, resolve_device
from netwright.train.loop import Epoch, Evaluation, evaluate, fit, learning_rate

__all__ = [
    "Batches",
    "Epoch",
    "Evaluation",
    "bf16_helps",
    "describe",
    "devices",
    "evaluate",
    "fit",
    "learning_rate",
    "resolve_device",
]
