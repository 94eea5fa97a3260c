"""The training loop, whole trainings, and the devices that they run on."""

from netwright.training.device import bf16_helps, describe, devices, resolve_device
from netwright.training.engine import Engine, Evaluation, Tally, evaluate_batches, train_epoch

__all__ = [
    "Engine",
    "Evaluation",
    "Tally",
    "bf16_helps",
    "describe",
    "devices",
    "evaluate_batches",
    "resolve_device",
    "train_epoch",
]
