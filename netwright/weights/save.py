"""Save weights in netwright's format (safetensors with everything that is needed to use them) or another library's."""

from __future__ import annotations

import io
import json
from collections import OrderedDict
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
from netwright.weights.embedded import KEY, embed
from netwright.weights.match import STEM_WEIGHT
from netwright.weights.names import Naming, rename_from_netwright
from netwright.weights.pycls_config import pycls_config, sees_rgb
from netwright.weights.stable import stable_safetensors
from netwright.weights.timm_config import CONFIG, timm_config
from netwright.weights.to_format import FormatModel, to_format

if TYPE_CHECKING:
    from netwright.data.preprocess import Preprocessing

__all__ = [
    "ELSEWHERE",
    "TIMM_WEIGHTS",
    "WRITERS",
    "ModelToSave",
    "cpu_copy",
    "model_bytes",
    "save_ckpt",
    "save_model",
    "save_pycls",
    "save_timm",
    "save_torchvision",
    "write_as",
]

_COUNTER = "num_batches_tracked"
TIMM_WEIGHTS = "model.safetensors"
ELSEWHERE = "another folder"


@dataclass(frozen=True, slots=True, eq=False)
class ModelToSave:
    """A model to save: tensors by netwright's names, and the facts that `save_model` stores with them.

    preprocessing is None where it is not known, which formats of other libraries allow.
    """

    arch: Arch
    state: Mapping[str, Tensor]
    preprocessing: Preprocessing | None = None
    class_names: tuple[str, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.class_names and len(self.class_names) != self.arch.num_classes:
            raise WeightsError(
                f"a network of {self.arch.num_classes:,} classes has as many class names, not "
                f"{len(self.class_names):,}. Give the names of its outputs in their order, or none."
            )

    def config(self) -> str:
        """The configuration in netwright's files, as JSON; without the preprocessing where it is not known."""
        content: dict[str, Any] = {"arch": self.arch.to_dict()}
        if self.preprocessing is not None:
            content["preprocessing"] = self.preprocessing.to_dict()
        return json.dumps(content | {"class_names": list(self.class_names), "facts": dict(self.facts)})


def save_model(
    path: str | Path,
    module: nn.Module,
    *,
    preprocessing: Preprocessing,
    class_names: Sequence[str] = (),
    facts: Mapping[str, Any] | None = None,
) -> None:
    """Save a network with its arch, preprocessing, class names and facts, for `load_model`.

    The file is complete or not there.

    Args:
        path: A .safetensors file.
        module: A network of `build` or `create_model`.
        preprocessing: Of its input.
        class_names: Of its outputs in order, or none.
        facts: Anything else that JSON can hold.

    Raises:
        WeightsError: The arguments contradict each other.
        OutputError: The file cannot be written.
    """
    write_as("netwright", Path(path), _model_to_save(module, preprocessing, class_names, facts))


def model_bytes(
    module: nn.Module,
    *,
    preprocessing: Preprocessing,
    class_names: Sequence[str] = (),
    facts: Mapping[str, Any] | None = None,
) -> bytes:
    """The content of the file that `save_model` writes. Arguments and errors as there."""
    return _to_bytes(_model_to_save(module, preprocessing, class_names, facts))


def save_timm(
    folder: str | Path,
    module: nn.Module,
    *,
    preprocessing: Preprocessing,
    class_names: Sequence[str] = (),
    facts: Mapping[str, Any] | None = None,
) -> str:
    """Save a folder that `timm.create_model("local-dir:FOLDER", pretrained=True)` opens, and `load_model` too.

    It has model.safetensors by timm's names, and config.json with preprocessing and class names. A network that timm
    does not have by name is described there by arguments (model_args).

    Args:
        folder: The destination.
        module: A network of `build` or `create_model`.
        preprocessing: Of its input.
        class_names: Of its outputs in order, or none.
        facts: Anything else that JSON can hold.

    Returns:
        The call by which timm builds the network without the folder.

    Raises:
        WeightsError: timm cannot build the network, or the arguments contradict each other.
        OutputError: The folder cannot be written.
    """
    return write_as("timm", Path(folder), _model_to_save(module, preprocessing, class_names, facts)).call


def save_torchvision(path: str | Path, module: nn.Module) -> str:
    """Save a state dict by torchvision's names, as torch.save does.

    Returns:
        The call by which torchvision builds the network.

    Raises:
        WeightsError: torchvision cannot build the network.
        OutputError: The file cannot be written.
    """
    return write_as("torchvision", Path(path), _model_to_save(module)).call


def save_pycls(path: str | Path, module: nn.Module) -> None:
    """Save a checkpoint of pycls, with `model_state` and `cfg`.

    Its first convolution is for BGR, as pycls reads ImageNet; with the stem "cifar" for RGB, as pycls reads CIFAR.

    Raises:
        WeightsError: pycls cannot build the network.
        OutputError: The file cannot be written.
    """
    write_as("pycls", Path(path), _model_to_save(module))


def save_ckpt(path: str | Path, module: nn.Module) -> None:
    """Save MindCV's `.ckpt`, by its names.

    Raises:
        WeightsError: MindCV cannot build the network.
        OutputError: The file cannot be written.
    """
    write_as("mindcv", Path(path), _model_to_save(module))


def write_as(format: str, path: Path, model: ModelToSave) -> FormatModel:
    """Write a model in a format.

    Args:
        format: A key of WRITERS.
        path: The file, or the folder for timm.
        model: The model.

    Returns:
        How the library of the format builds the network.

    Raises:
        WeightsError: The library cannot build the network.
        OutputError: The file cannot be written.
    """
    target = to_format(model.arch, format)
    WRITERS[format](path, model, target)
    return target


def _write_netwright(path: Path, model: ModelToSave, _: FormatModel) -> None:
    write_bytes(path, _to_bytes(model), what="the weights", elsewhere=ELSEWHERE)


def _to_bytes(model: ModelToSave) -> bytes:
    metadata = {"format": "netwright", "version": "1", "config": model.config()}
    return stable_safetensors({name: cpu_copy(value) for name, value in model.state.items()}, metadata)


def _write_timm(folder: Path, model: ModelToSave, target: FormatModel) -> None:
    from netwright.data.preprocess import Preprocessing

    rename = target.naming.from_netwright
    config = timm_config(
        target.architecture,
        target.arguments,
        model.arch,
        model.preprocessing or Preprocessing(),
        model.class_names,
        rename(STEM_WEIGHT).removesuffix(".weight"),
        rename("head.fc.weight").removesuffix(".weight"),
    )
    # "format" is for other programs; the rest is for load_model, which does not need the config.json
    metadata = {"format": "pt", **embed(model.config())}
    _write_safetensors(folder / TIMM_WEIGHTS, _renamed(model.state, target.naming), metadata)
    text = json.dumps(config, indent=2, ensure_ascii=False)
    write_text(folder / CONFIG, text, what="the description of the weights", elsewhere=ELSEWHERE)


def _write_torchvision(path: Path, model: ModelToSave, target: FormatModel) -> None:
    state = OrderedDict(_renamed(model.state, target.naming))
    # the versions of modules, which torch keeps there, are looked up by the modules' names
    state._metadata = {KEY: embed(model.config())}  # type: ignore[attr-defined]
    _write_torch(path, state)


def _write_pycls(path: Path, model: ModelToSave, target: FormatModel) -> None:
    state = _renamed(model.state, target.naming)
    config = pycls_config(model.arch)
    if model.arch.in_channels == 3 and not sees_rgb(config):
        state[STEM_WEIGHT] = state[STEM_WEIGHT].flip(1)
    _write_torch(path, {"epoch": 0, "model_state": state, "cfg": config, KEY: embed(model.config())})


def _write_mindcv(path: Path, model: ModelToSave, target: FormatModel) -> None:
    # the format has no counters
    state = {name: value for name, value in model.state.items() if not name.endswith(_COUNTER)}
    save_entries(path, rename_from_netwright(state, target.naming), json.dumps(embed(model.config())))


# format -> how it is written; "classy" and MindCV's ResNets are read only
WRITERS: dict[str, Callable[[Path, ModelToSave, FormatModel], None]] = {
    "netwright": _write_netwright,
    "timm": _write_timm,
    "torchvision": _write_torchvision,
    "pycls": _write_pycls,
    "mindcv": _write_mindcv,
}


def _renamed(state: Mapping[str, Tensor], naming: Naming) -> dict[str, Tensor]:
    """By another library's names, with the counters of torch's batch norm, which MindSpore does not have."""
    full = {name: cpu_copy(value) for name, value in state.items()}
    for name in state:
        if name.endswith("running_var"):
            full.setdefault(name.replace("running_var", _COUNTER), torch.zeros((), dtype=torch.int64))
    return rename_from_netwright(full, naming)


def _write_safetensors(path: Path, state: dict[str, Tensor], metadata: dict[str, str]) -> None:
    content = stable_safetensors(state, metadata)
    # not by the library's own writer, which hides what error occurred
    write_bytes(path, content, what="the weights", elsewhere=ELSEWHERE)


def _write_torch(path: Path, content: object) -> None:
    buffer = io.BytesIO()
    torch.save(content, buffer)
    write_bytes(path, buffer.getbuffer(), what="the weights", elsewhere=ELSEWHERE)


def _model_to_save(
    module: nn.Module,
    preprocessing: Preprocessing | None = None,
    class_names: Sequence[str] = (),
    facts: Mapping[str, Any] | None = None,
) -> ModelToSave:
    arch = getattr(module, "arch", None)
    if not isinstance(arch, Arch):
        raise WeightsError(
            f"what is saved is a network of netwright.build, not {type(module).__name__}. Give the network itself, not "
            "its wrapper (module.module of DistributedDataParallel)."
        )
    if getattr(module, "is_fused", False):
        raise WeightsError("a fused network has no batch norm left to save. Save the network that it was made from.")
    return ModelToSave(arch, module.state_dict(), preprocessing, tuple(class_names), dict(facts or {}))


def cpu_copy(value: Tensor) -> Tensor:
    """A copy on the CPU, contiguous and in memory of its own, as safetensors needs it."""
    return value.detach().to("cpu", copy=True).contiguous(memory_format=torch.contiguous_format)
