"""Where a trial stopped: its weights, its momentum and its curve, so that a longer one goes on from there."""

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

from netwright.recipe import Recipe
from netwright.system.atomic import remove_abandoned, write_bytes
from netwright.weights.save import cpu_copy

__all__ = ["TrialState", "read_state", "restarted", "write_state"]

_MODULE, _MOMENTUM = "module.", "momentum."
_FORMAT = "1"


@dataclass(frozen=True, slots=True, eq=False)
class TrialState:
    """A trial after some epochs.

    Attributes:
        tensors: The weights and statistics of its network by name, with "module." before it; and the momentum of its
            parameters, with "momentum.".
        epochs: That it was trained.
        curve: One record for each of them.
    """

    tensors: Mapping[str, Tensor]
    epochs: int
    curve: tuple[Mapping[str, Any], ...]

    def load(self, module: nn.Module, optimizer: torch.optim.Optimizer) -> None:
        """Put it into a network and its optimizer, wherever these are."""
        weights = {name[len(_MODULE) :]: value for name, value in self.tensors.items() if name.startswith(_MODULE)}
        module.load_state_dict(weights)
        for name, parameter in module.named_parameters():
            if (value := self.tensors.get(_MOMENTUM + name)) is not None:
                # as the parameter is laid out in memory, so that the optimizer does one step for all
                optimizer.state[parameter]["momentum_buffer"] = torch.empty_like(parameter).copy_(value)


def write_state(
    path: Path, module: nn.Module, optimizer: torch.optim.Optimizer | None, curve: Sequence[Mapping[str, Any]]
) -> None:
    """Keep where a trial is. OutputError where the file cannot be written, which is whole or not there."""
    tensors = {_MODULE + name: value for name, value in module.state_dict().items()}
    states: Mapping[Any, Any] = {} if optimizer is None else optimizer.state
    for name, parameter in module.named_parameters():
        momentum = states.get(parameter, {}).get("momentum_buffer")
        if momentum is not None:
            tensors[_MOMENTUM + name] = momentum
    facts = {"format": _FORMAT, "curve": json.dumps(list(curve))}
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
            return TrialState({name: file.get_tensor(name) for name in file.keys()}, len(curve), curve)  # noqa: SIM118
    return None


def restarted(recipe: Recipe, epochs: int) -> Recipe:
    """The recipe of the epochs that are left: its learning rate rises and falls once more.

    Warm restarts (arXiv 1608.03983): what is trained so far had its whole schedule, so that it can be judged, and goes
    on from there. Measured against a constant rate with a short decay for each rung: docs/log.md.

    Args:
        recipe: Of the whole training, resolved.
        epochs: That are done.
    """
    left = recipe.epochs - epochs
    return recipe.with_(epochs=left, warmup_epochs=float(recipe.warmup_epochs) * left / recipe.epochs)
