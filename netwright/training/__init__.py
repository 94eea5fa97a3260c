"""The training loop, whole trainings, and their devices."""

from typing import TYPE_CHECKING

from netwright.system.deprecation import moved_names
from netwright.training.device import bf16_helps, device_name, devices, resolve_device
from netwright.training.engine import Engine, EpochMeter, Evaluation, evaluate_batches, train_epoch
from netwright.training.monitor import ConsoleMonitor, NullMonitor

__all__ = [
    "ConsoleMonitor",
    "Engine",
    "EpochMeter",
    "Evaluation",
    "NullMonitor",
    "bf16_helps",
    "device_name",
    "devices",
    "evaluate_batches",
    "resolve_device",
    "train_epoch",
]

if not TYPE_CHECKING:  # to a type checker, the old names are errors
    __getattr__ = moved_names(
        __name__, {"Tally": "netwright.training:EpochMeter", "describe": "netwright.training:device_name"}
    )
