"""Where a trial stopped: weights, what its optimizer remembers, and its curve; a longer one goes on from there."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from netwright.system.atomic import remove_abandoned, write_bytes
from netwright.weights.save import cpu_copy

__all__ = ["TrialState", "read_state", "write_state"]

_MODULE, _OPTIMIZER = "module.", "optimizer."
_FORMAT = "1"


@dataclass(frozen=True, slots=True, eq=False)
class TrialState:
    """A trial after some epochs.

    Attributes:
        tensors: The weights and statistics of its network by name, with "module." before it; and what the optimizer has
            for each parameter, such as momentum, as "optimizer.KEY.NAME".
        numbers: Likewise what is no tensor.
        epochs: That it was trained.
        curve: One record for each of them.
    """

    tensors: Mapping[str, Tensor]
    numbers: Mapping[str, float]
    epochs: int
    curve: tuple[Mapping[str, Any], ...]

    def load(self, module: nn.Module, optimizer: torch.optim.Optimizer) -> None:
        """Put it into a network and its optimizer, wherever these are."""
        weights = {name[len(_MODULE) :]: value for name, value in self.tensors.items() if name.startswith(_MODULE)}
        module.load_state_dict(weights)
        parameters = dict(module.named_parameters())
        for label, value in {**self.tensors, **self.numbers}.items():
            if not label.startswith(_OPTIMIZER):
                continue
            key, _, name = label[len(_OPTIMIZER) :].partition(".")
            parameter = parameters[name]
            if isinstance(value, Tensor) and value.shape == parameter.shape:
                # as the parameter is laid out in memory, so that the optimizer does one step for all
                value = torch.empty_like(parameter, requires_grad=False).copy_(value)
            optimizer.state[parameter][key] = value


def write_state(
    path: Path, module: nn.Module, optimizer: torch.optim.Optimizer | None, curve: Sequence[Mapping[str, Any]]
) -> None:
    """Keep where a trial is. OutputError where the file cannot be written, which is whole or not there."""
    tensors = {_MODULE + name: value for name, value in module.state_dict().items()}
    states: Mapping[Any, Any] = {} if optimizer is None else optimizer.state
    numbers: dict[str, float] = {}
    for name, parameter in module.named_parameters():
        for key, value in states.get(parameter, {}).items():
            if isinstance(value, Tensor):
                tensors[f"{_OPTIMIZER}{key}.{name}"] = value
            elif value is not None:
                numbers[f"{_OPTIMIZER}{key}.{name}"] = value
    facts = {"format": _FORMAT, "curve": json.dumps(list(curve)), "numbers": json.dumps(numbers)}
    content = save({name: cpu_copy(value) for name, value in tensors.items()}, facts)
    path.parent.mkdir(parents=True, exist_ok=True)
    remove_abandoned(path, 0.0)  # of a killed worker: one at a time trains a trial
    write_bytes(path, content, what="the state of a trial", elsewhere="another --out")


def read_state(path: str | Path | None) -> TrialState | None:
    """That of a file; None where there is none, or none that this version reads: then the training starts anew."""
    if path is None:
        return None
    with suppress(OSError, ValueError, KeyError, SafetensorError), safe_open(path, framework="pt") as file:
        facts = file.metadata()
        if facts["format"] == _FORMAT:
            curve = tuple(json.loads(facts["curve"]))
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            return TrialState(tensors, json.loads(facts["numbers"]), len(curve), curve)
    return None
