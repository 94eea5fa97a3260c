"""The training loop, whole trainings, and their devices."""

from netwright.training.device import bf16_helps, device_name, devices, resolve_device
from netwright.training.engine import Engine, EpochMeter, Evaluation, evaluate_batches, train_epoch

__all__ = [
    "Engine",
    "EpochMeter",
    "Evaluation",
    "bf16_helps",
    "device_name",
    "devices",
    "evaluate_batches",
    "resolve_device",
    "train_epoch",
]
