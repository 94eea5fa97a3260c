"""Writing weights: ours (safetensors, with all that using the network takes), and MindSpore's `.ckpt`."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from netwright.arch import Arch
from netwright.errors import WeightsError
from netwright.weights.ckpt import save_entries
from netwright.weights.names import MINDCV
from netwright.weights.write import writing

if TYPE_CHECKING:
    from netwright.data.preprocess import Preprocessing

__all__ = ["save_ckpt", "save_model"]


def save_model(
    path: str | Path,
    module: nn.Module,
    *,
    preprocessing: Preprocessing,
    class_names: Sequence[str] = (),
    facts: Mapping[str, Any] | None = None,
) -> None:
    """Write the weights of a network of ours, with its arch, preprocessing, class names and facts, for `load_model`.

    facts: what else is known, as JSON can hold it. The file is whole or not there. Raises WeightsError for what
    contradicts itself, and OutputError where there is no room.
    """
    from safetensors.torch import save

    path, arch = Path(path), _arch_of(module)
    if class_names and len(class_names) != arch.num_classes:
        raise WeightsError(
            f"a network of {arch.num_classes:,} classes has as many class names, not {len(class_names):,}. Give the "
            "names of its outputs in their order, or none."
        )
    config = {
        "arch": arch.to_dict(),
        "preprocessing": preprocessing.to_dict(),
        "class_names": list(class_names),
        "facts": dict(facts or {}),
    }
    metadata = {"format": "netwright", "version": "1", "config": json.dumps(config)}
    content = save({name: _plain(value) for name, value in module.state_dict().items()}, metadata)
    # written here, because the library's own writer hides which error it met
    with writing(path, len(content)) as file:
        file.write(content)


def save_ckpt(path: str | Path, module: nn.Module) -> None:
    """Write the weights of a network of ours as MindCV's `.ckpt`, by its names. Raises OutputError without room."""
    _arch_of(module)
    state = {name: value for name, value in module.state_dict().items() if value.is_floating_point()}
    save_entries(Path(path), {MINDCV.theirs(name): value for name, value in state.items()})


def _arch_of(module: nn.Module) -> Arch:
    arch = getattr(module, "arch", None)
    if not isinstance(arch, Arch):
        raise WeightsError(
            f"what is saved is a network of netwright.build, not {type(module).__name__}. Give the network itself, not "
            "what wraps it (module.module of DistributedDataParallel)."
        )
    return arch


def _plain(value: Tensor) -> Tensor:
    """On the CPU, contiguous and of its own memory, as safetensors want it."""
    return value.detach().to("cpu", copy=True).contiguous(memory_format=torch.contiguous_format)
