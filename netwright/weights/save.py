"""Writing weights: ours (safetensors, with all that using the network takes), and those of other code bases."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from netwright.arch import Arch
from netwright.errors import WeightsError
from netwright.system.atomic import write_bytes, write_text
from netwright.weights.ckpt import save_entries
from netwright.weights.express import Expression, expressed
from netwright.weights.match import STEM
from netwright.weights.names import Naming, theirs_of
from netwright.weights.pycls_config import pycls_config, sees_rgb
from netwright.weights.timm_config import CONFIG, timm_config

if TYPE_CHECKING:
    from netwright.data.preprocess import Preprocessing

__all__ = ["WRITERS", "Described", "save_ckpt", "save_model", "save_pycls", "save_timm", "save_torchvision", "write_as"]

_COUNTER = "num_batches_tracked"
TIMM_WEIGHTS = "model.safetensors"
_ELSEWHERE = "another folder"


@dataclass(frozen=True, slots=True, eq=False)
class Described:
    """What is written: state by our names, and what else is known of its network, as `save_model` has it."""

    arch: Arch
    state: Mapping[str, Tensor]
    preprocessing: Preprocessing
    class_names: tuple[str, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.class_names and len(self.class_names) != self.arch.num_classes:
            raise WeightsError(
                f"a network of {self.arch.num_classes:,} classes has as many class names, not "
                f"{len(self.class_names):,}. Give the names of its outputs in their order, or none."
            )

    def config(self) -> str:
        """What our files say of themselves, as JSON."""
        return json.dumps(
            {
                "arch": self.arch.to_dict(),
                "preprocessing": self.preprocessing.to_dict(),
                "class_names": list(self.class_names),
                "facts": dict(self.facts),
            }
        )


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
    write_as("netwright", Path(path), _described(module, preprocessing, class_names, facts))


def save_timm(
    folder: str | Path,
    module: nn.Module,
    *,
    preprocessing: Preprocessing,
    class_names: Sequence[str] = (),
    facts: Mapping[str, Any] | None = None,
) -> str:
    """Write a folder that `timm.create_model("local-dir:FOLDER", pretrained=True)` opens, and load_model its file too.

    It has model.safetensors by timm's names, and config.json with preprocessing and class names; a network that timm
    does not have by name is described there by arguments (model_args). Returns how timm makes the network without the
    folder, in words. Raises WeightsError for networks that timm cannot build, and as save_model.
    """
    return write_as("timm", Path(folder), _described(module, preprocessing, class_names, facts)).call


def save_torchvision(path: str | Path, module: nn.Module) -> str:
    """Write a state dict by torchvision's names, as torch.save does; returns how torchvision makes the network.

    Raises WeightsError for networks that torchvision cannot build, OutputError without room.
    """
    return write_as("torchvision", Path(path), _described(module)).call


def save_pycls(path: str | Path, module: nn.Module) -> None:
    """Write a checkpoint of pycls (`model_state` and `cfg`). Raises as save_torchvision.

    Its first convolution is for BGR, as pycls reads ImageNet; with the stem "cifar" for RGB, as pycls reads CIFAR.
    """
    write_as("pycls", Path(path), _described(module))


def save_ckpt(path: str | Path, module: nn.Module) -> None:
    """Write the weights of a network of ours as MindCV's `.ckpt`, by its names. Raises as save_torchvision."""
    write_as("mindcv", Path(path), _described(module))


def write_as(format: str, path: Path, what: Described) -> Expression:
    """Write in a format, a key of WRITERS; returns how the network is made there. Raises as the functions above."""
    expression = expressed(what.arch, format)
    WRITERS[format](path, what, expression)
    return expression


def _write_ours(path: Path, what: Described, _: Expression) -> None:
    metadata = {"format": "netwright", "version": "1", "config": what.config()}
    _write_safetensors(path, {name: _plain(value) for name, value in what.state.items()}, metadata)


def _write_timm(folder: Path, what: Described, expression: Expression) -> None:
    theirs = expression.naming.theirs
    config = timm_config(
        expression.architecture,
        expression.arguments,
        what.arch,
        what.preprocessing,
        what.class_names,
        theirs(STEM).removesuffix(".weight"),
        theirs("head.fc.weight").removesuffix(".weight"),
    )
    # other programs look for "format"; what is ours says the rest to load_model, without the config.json
    metadata = {"format": "pt", "netwright": "1", "config": what.config()}
    _write_safetensors(folder / TIMM_WEIGHTS, _named(what.state, expression.naming), metadata)
    text = json.dumps(config, indent=2, ensure_ascii=False)
    write_text(folder / CONFIG, text, what="the description of the weights", elsewhere=_ELSEWHERE)


def _write_torchvision(path: Path, what: Described, expression: Expression) -> None:
    _write_torch(path, _named(what.state, expression.naming))


def _write_pycls(path: Path, what: Described, expression: Expression) -> None:
    state = _named(what.state, expression.naming)
    config = pycls_config(what.arch)
    if what.arch.in_channels == 3 and not sees_rgb(config):
        state[STEM] = state[STEM].flip(1)
    _write_torch(path, {"epoch": 0, "model_state": state, "cfg": config})


def _write_mindcv(path: Path, what: Described, expression: Expression) -> None:
    # counters are no part of the format
    state = {name: value for name, value in what.state.items() if not name.endswith(_COUNTER)}
    save_entries(path, theirs_of(state, expression.naming))


# format -> how it is written; "classy" and MindCV's ResNets are read only
WRITERS: dict[str, Callable[[Path, Described, Expression], None]] = {
    "netwright": _write_ours,
    "timm": _write_timm,
    "torchvision": _write_torchvision,
    "pycls": _write_pycls,
    "mindcv": _write_mindcv,
}


def _named(state: Mapping[str, Tensor], naming: Naming) -> dict[str, Tensor]:
    """By other names, with the counters that torch's batch norm has and MindSpore's lacks."""
    full = {name: _plain(value) for name, value in state.items()}
    for name in state:
        if name.endswith("running_var"):
            full.setdefault(name.replace("running_var", _COUNTER), torch.zeros((), dtype=torch.int64))
    return theirs_of(full, naming)


def _write_safetensors(path: Path, state: dict[str, Tensor], metadata: dict[str, str]) -> None:
    from safetensors.torch import save

    content = save(state, metadata)
    # written here, because the library's own writer hides which error it met
    write_bytes(path, content, what="the weights", elsewhere=_ELSEWHERE)


def _write_torch(path: Path, content: object) -> None:
    buffer = io.BytesIO()
    torch.save(content, buffer)
    write_bytes(path, buffer.getbuffer(), what="the weights", elsewhere=_ELSEWHERE)


def _described(
    module: nn.Module,
    preprocessing: Preprocessing | None = None,
    class_names: Sequence[str] = (),
    facts: Mapping[str, Any] | None = None,
) -> Described:
    from netwright.data.preprocess import Preprocessing

    arch = getattr(module, "arch", None)
    if not isinstance(arch, Arch):
        raise WeightsError(
            f"what is saved is a network of netwright.build, not {type(module).__name__}. Give the network itself, not "
            "what wraps it (module.module of DistributedDataParallel)."
        )
    if getattr(module, "is_fused", False):
        raise WeightsError("a fused network has no batch norm left to save. Save the network that it was made of.")
    return Described(arch, module.state_dict(), preprocessing or Preprocessing(), tuple(class_names), dict(facts or {}))


def _plain(value: Tensor) -> Tensor:
    """On the CPU, contiguous and of its own memory, as safetensors want it."""
    return value.detach().to("cpu", copy=True).contiguous(memory_format=torch.contiguous_format)
