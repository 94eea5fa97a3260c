"""The training loop and what feeds it."""

from netwright.train.batches import Batches
from netwright.train.device import bf16_helps, describe, devices, resolve_device
from netwright.train.engine import Engine, Evaluation, Tally, evaluate_batches, train_epoch
from netwright.train.loop import Epoch, evaluate, fit, learning_rate

__all__ = [
    "Batches",
    "Engine",
    "Epoch",
    "Evaluation",
    "Tally",
    "bf16_helps",
    "describe",
    "devices",
    "evaluate",
    "evaluate_batches",
    "fit",
    "learning_rate",
    "resolve_device",
    "train_epoch",
]
