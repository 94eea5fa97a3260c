"""Open the network that a command or a call names, ready to compute: weights, or an exported file."""

from __future__ import annotations

import copy
from collections.abc import Set
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from netwright.errors import DataError, ExportError, WeightsError
from netwright.evaluation.loading import load_for, override_preprocessing
from netwright.recipe import TrainConfig
from netwright.recipe.pixel_scale import to_pixel_scale
from netwright.runtime.info import info_of, name_outputs
from netwright.runtime.open import find_export, open_runtime
from netwright.runtime.runtime import Runtime

if TYPE_CHECKING:
    import torch
    from torch import nn

    from netwright.weights import LoadedModel

__all__ = ["ModelRequest", "OpenedModel", "can_fuse", "device_of", "open_model", "request_of"]

# on CPUs convolution, addition and activation become one operation then: 1.2 to 1.4 times the images per second
# (log.md); in fp16 folded weights could leave its range, and other devices were not measured
_FUSED_PRECISIONS = ("fp32", "bf16")
# keys that choose weights or their network; an exported file has both
_OF_WEIGHTS = ("model", "pretrained", "ema", "num_classes", "in_channels", "stem")


@dataclass(frozen=True, slots=True, eq=False)
class ModelRequest:
    """Which network is opened, and how it is computed.

    Attributes:
        training: Its keys name the weights or the exported file, the preparation of images and the machine.
        given: The keys that the user gave, in a recipe or as flags.
        explicit: Those that the user gave as flags: a recipe says how a network was trained.
        fuse: Whether batch norm is folded into the convolutions; None: where that is faster.
        runtime: auto, torch, onnx, openvino or litert, as in `open_runtime`.
        model: A loaded model, instead of the weights that `training` names.
        class_order: natural, string, or a file with a class name a line: the outputs of weights without class names.
    """

    training: TrainConfig
    given: Set[str] = field(default_factory=frozenset)
    explicit: Set[str] = field(default_factory=frozenset)
    fuse: bool | None = None
    runtime: str = "auto"
    model: LoadedModel | None = None
    class_order: str = ""

    @property
    def precision(self) -> str | None:
        """What the user wants it to compute in, where that was said."""
        return self.training.precision.val_precision if "val_precision" in self.explicit else None

    def exported_file(self) -> Path | None:
        """The exported file that is named; None for weights, also for a folder that has both."""
        from netwright.weights.locate import locate

        ref = self.training.network.checkpoint
        if self.model is not None or not ref:
            return None
        if Path(ref).is_dir():
            try:
                locate(ref)
            except WeightsError:
                return find_export(ref)
            return None
        return find_export(ref)


@dataclass(frozen=True, slots=True, eq=False)
class OpenedModel:
    """A network that is ready to compute.

    Attributes:
        runtime: Computes it; close it.
        class_names: Of its outputs as the weights or the file have them; empty where they are unknown.
        source: Where the weights are from, or the exported file.
        notices: What the user should know.
        is_fused: Whether batch norm is folded into the convolutions.
        is_export: Whether it is an exported file.
    """

    runtime: Runtime
    class_names: tuple[str, ...]
    source: str
    notices: tuple[str, ...] = ()
    is_fused: bool = True
    is_export: bool = False


def request_of(ref: str | Path | LoadedModel, keys: dict[str, Any], **more: Any) -> ModelRequest:
    """The request of a call from Python. keys: of a training, None where they are not given."""
    chosen = {key: value for key, value in keys.items() if value is not None}
    chosen |= to_pixel_scale({key: chosen[key] for key in ("mean", "std") if key in chosen})[0]
    model = None if isinstance(ref, str | Path) else ref
    training = TrainConfig().with_(**chosen, checkpoint="" if model is not None else str(ref))
    return ModelRequest(training, frozenset(chosen), frozenset(chosen), model=model, **more)


def device_of(request: ModelRequest) -> str:
    """The name of the device that computes: the processors for all but weights in torch.

    Raises ExportError if another one was given for these.
    """
    device = request.training.machine.device
    path = request.exported_file()
    if path is None and request.runtime in ("auto", "torch"):
        return device
    if "device" in request.explicit and device.split(":")[0] not in ("auto", "cpu"):
        what = f"the exported file {path}" if path else f"the runtime {request.runtime}"
        raise ExportError(
            f"{what} computes on the processors, not on {device}. Leave --device out, or name weights and the runtime "
            "torch."
        )
    return "cpu"


def open_model(request: ModelRequest, device: torch.device | None = None) -> OpenedModel:
    """Open what is requested. device: of weights in torch; None is the one of the request.

    Raises:
        ExportError: For an exported file that cannot be opened, and for what does not apply to it.
        WeightsError: For weights that cannot be loaded, and where none are named.
        DataError: For a class_order that the network cannot have.
    """
    opened = _open(request, device)
    if not request.class_order:
        return opened
    try:
        info = name_outputs(opened.runtime.info, request.class_order)
    except DataError:
        opened.runtime.close()
        raise
    is_named = info is not opened.runtime.info
    opened.runtime.info = info
    return replace(opened, class_names=info.class_names) if is_named else opened


def _open(request: ModelRequest, device: torch.device | None) -> OpenedModel:
    path = request.exported_file()
    if path is not None:
        return _open_export(path, request)
    in_torch = request.runtime in ("auto", "torch")
    if in_torch and device is None:  # before weights are downloaded
        from netwright.training import resolve_device

        device = resolve_device(device_of(request))
    # a recipe's number of classes says how a network was trained; the weights may know others
    is_free = request.model is None and "num_classes" not in request.explicit
    training = request.training.with_(num_classes=None) if is_free else request.training
    model, notices = load_for(training, request.given, request.model)
    wanted = request.training.network.num_classes
    if is_free and wanted not in (None, model.arch.num_classes):
        text = (
            f"The recipe is for {wanted:,} classes, and the weights know {model.arch.num_classes:,}, which are taken."
        )
        notices = (*notices, text)
    if in_torch:
        assert device is not None, "resolved above"
        return _open_in_torch(model, notices, request, device)
    device_of(request)
    if request.fuse is False:
        raise ExportError(
            f"the runtime {request.runtime} computes networks with folded batch norm, and --fuse is false. Leave it "
            "out, or use the runtime torch."
        )
    runtime = open_runtime(
        model,
        runtime=request.runtime,
        precision=_named_precision(request),
        threads=request.training.machine.threads,
    )
    return OpenedModel(runtime, model.class_names, model.source, notices)


def can_fuse(module: nn.Module, device: torch.device, precision: str) -> bool:
    """Whether folding batch norm is faster and gives the same answers apart from rounding. precision: resolved."""
    from netwright.nn import AnyNet

    return isinstance(module, AnyNet) and device.type == "cpu" and precision in _FUSED_PRECISIONS


def _open_in_torch(
    model: LoadedModel, notices: tuple[str, ...], request: ModelRequest, device: torch.device
) -> OpenedModel:
    from netwright.nn import AnyNet, fuse
    from netwright.runtime.torch_backend import TorchBackend
    from netwright.training.precision import resolve_precision

    training = request.training
    precision, notice = resolve_precision(training.precision.val_precision, device)
    module = model.module
    is_fused = request.fuse is not False and can_fuse(module, device, precision)
    if is_fused:
        assert isinstance(module, AnyNet), "can_fuse says so"
        module = fuse(module)
    elif request.model is not None:
        module = copy.deepcopy(module)  # the caller's stays where it is
    backend = TorchBackend(module, training.machine.threads, device=device, autocast=precision)
    runtime = Runtime(info_of(model), "torch", backend, precision)
    return OpenedModel(runtime, model.class_names, model.source, (*notices, *filter(None, [notice])), is_fused)


def _open_export(path: Path, request: ModelRequest) -> OpenedModel:
    training = request.training
    if other := next((key for key in _OF_WEIGHTS if key in request.explicit), None):
        raise ExportError(
            f"--{other} is for weights, and {path} is an exported file, which has its network and weights in it. Leave "
            f"--{other} out, or name the weights."
        )
    if request.fuse is not None:
        raise ExportError(
            f"--fuse is for weights, and in the exported file {path} batch norm is folded already. Leave --fuse out, "
            "or name the weights."
        )
    device_of(request)
    runtime = open_runtime(
        path, runtime=request.runtime, precision=_named_precision(request), threads=training.machine.threads
    )
    own = runtime.info.preprocessing
    preprocessing, notice = override_preprocessing(own, training, request.given)
    if preprocessing.image_size != own.image_size:
        runtime.close()
        raise ExportError(
            f"the exported file {path} is for images of {own.image_size} pixels, not {preprocessing.image_size}. Leave "
            "image_size out, or export the network for that size."
        )
    runtime.use_preprocessing(preprocessing)
    return OpenedModel(
        runtime, runtime.info.class_names, str(path), tuple(filter(None, [notice])), is_fused=True, is_export=True
    )


def _named_precision(request: ModelRequest) -> str | None:
    precision = request.precision
    if precision in ("half", "auto"):
        raise ExportError(
            f"--val_precision {precision} depends on the device, and is for weights in torch. Leave it out, or give "
            "fp32, bf16 or fp16."
        )
    return precision
