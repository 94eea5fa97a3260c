"""A network as a file that runs without the code that trained it, compared with the network before it is written."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from netwright.deploy.check import Agreement, compare, refuse_other
from netwright.deploy.exported import Accuracy, Exported, Speed
from netwright.deploy.extras import extra
from netwright.deploy.info import PRECISIONS, ModelInfo, info_of
from netwright.deploy.labelled import MOST_CALIBRATION, Labelled, photographs
from netwright.deploy.onnx_graph import OPSET
from netwright.deploy.open import open_runtime
from netwright.deploy.place import SUFFIXES, placing, resolve_destination
from netwright.deploy.runtime import FloatArray, Image, Runtime
from netwright.deploy.speed import images_per_second, medians
from netwright.errors import ExportError
from netwright.provenance import versions

if TYPE_CHECKING:
    from netwright.data.source import Pixels
    from netwright.weights import LoadedModel

__all__ = ["TARGETS", "export"]

TARGETS = tuple(SUFFIXES)

# of what each can hold; others are refused with the reason
_CANNOT = {
    ("onnx", "bf16"): "ONNX Runtime has no convolution in bf16 for processors. Take --precision fp16 or int8, or "
    "--to openvino",
    ("torch", "int8"): "a file for torch is fp32, bf16 or fp16. Take --to openvino or --to onnx for int8",
}
_CHECKED_AT_ONCE = 16
_SPEED_BATCHES = (1, 32)


def export(
    ref: str | Path | LoadedModel,
    destination: str | Path,
    *,
    to: str = "onnx",
    precision: str = "fp32",
    batch: int | str = "dynamic",
    calibration: Labelled | Sequence[Image] | None = None,
    evaluation: Labelled | None = None,
    measure_speed: bool = False,
    name: str = "",
    version: str = "1",
    progress: Callable[[str], None] = lambda said: None,
) -> Exported:
    """Write a network as one file (two for OpenVINO) that `open_runtime` and other programs open.

    The graph takes `input`, (N, C, H, W) float32, normalised, and gives `logits`, (N, classes) float32, whatever the
    precision between them. Batch norm is folded. The file says its architecture, preprocessing, class names, precision
    and what made it. ref: whatever load_model takes, or what it gave. destination: a file (.onnx, .xml, .pt2), or a
    folder for model.onnx and so on. batch: the images that the graph takes at once, "dynamic" for any number.
    calibration: images for int8, at most 300. evaluation: images to compare top-1 on. name, version: of the model.

    It is opened and compared with the network first, on the calibration images or on parts of two photographs:
    ExportError where it disagrees, and then nothing is written; also for a precision that the target has not, and
    without calibration images for int8. WeightsError as load_model; OutputError where there is no room.
    """
    _check_arguments(to, precision, batch)
    size = batch if isinstance(batch, int) else None
    path = resolve_destination(destination, to)
    if precision == "int8" and calibration is None:
        raise ExportError(
            "int8 is made with images, from which the ranges of values are seen, and none are given. Name the images "
            "that the network was trained on: --data_dir FOLDER or --dataset NAME."
        )
    model = _loaded(ref)
    info = replace(
        info_of(model, name=name, version=version, precision=precision),
        batch=size,
        opset=OPSET if to == "onnx" else 0,
        made=_made(to),
    )
    pixels, checked = _images(model, calibration)
    progress(f"writing {info.name} for {to} in {precision}")
    with placing(path) as partial:
        _WRITERS[to](model, info, pixels if precision == "int8" else None, partial)
        progress(f"comparing with the network on {checked}")
        agreement = _agreement(model, partial, to, pixels)
        refuse_other(agreement, precision, str(path))
        with open_runtime(partial) as runtime:
            accuracy = _accuracy(model, runtime, evaluation, progress) if evaluation is not None else None
            speed = _speed(model, runtime, progress) if measure_speed else ()
        names = sorted(each.name for each in partial.parent.iterdir())
    files = tuple(path.with_name(each) for each in names)
    source_size = sum(each.numel() * 4 for each in model.module.state_dict().values() if each.is_floating_point())
    size_written = sum(each.stat().st_size for each in files)
    return Exported(path, files, info, agreement, checked, size_written, source_size, accuracy, speed)


def _check_arguments(to: str, precision: str, batch: int | str) -> None:
    for what, value, known in (("target", to, TARGETS), ("precision", precision, PRECISIONS)):
        if value not in known:
            raise ExportError(f"a {what} is one of {', '.join(known)}, not {value!r}.")
    if (to, precision) in _CANNOT:
        raise ExportError(f"{to} has no {precision}: {_CANNOT[to, precision]}.")
    if batch != "dynamic" and (isinstance(batch, bool) or not isinstance(batch, int) or batch < 1):
        raise ExportError(f"a batch is a whole number of at least 1, or 'dynamic', not {batch!r}.")


def _loaded(ref: str | Path | LoadedModel) -> LoadedModel:
    from netwright.nn import AnyNet
    from netwright.weights import load_model

    model = load_model(ref) if isinstance(ref, str | Path) else ref
    if not isinstance(model.module, AnyNet):
        raise ExportError(f"what is exported is a network of netwright.build, not {type(model.module).__name__}.")
    return model


def _made(to: str) -> dict[str, str]:
    packages = {"onnx": ("onnx",), "openvino": ("onnx", "openvino"), "torch": ()}[to]
    for package in packages:
        extra(package)
    known = versions()
    wanted = {key: known[key] for key in ("netwright", "python", "torch")}
    return wanted | {package: metadata.version(package) for package in packages}


def _images(model: LoadedModel, given: Labelled | Sequence[Image] | None) -> tuple[Pixels, str]:
    """(N, H, W, C) uint8, and which these are, in words."""
    if given is None:
        pixels = photographs(model.preprocessing)
        return pixels, f"{len(pixels)} parts of two photographs"
    if isinstance(given, Labelled):
        return given.pixels(model.preprocessing), given.said
    if not 1 <= len(given) <= MOST_CALIBRATION:
        raise ExportError(f"calibration takes 1 to {MOST_CALIBRATION} images, not {len(given):,}.")
    with Runtime(info_of(model), "none", _Nothing()) as reader:
        return np.stack([reader.pixels(image) for image in given]), f"{len(given):,} images"


class _Nothing:
    """An engine for a runtime that only reads images."""

    def __call__(self, inputs: FloatArray) -> FloatArray:
        raise AssertionError("nothing is computed here")

    def close(self) -> None:
        pass


# -- writing -----------------------------------------------------------------------------------------------------


def _write_onnx(model: LoadedModel, info: ModelInfo, pixels: Pixels | None, path: Path) -> None:
    from netwright.deploy.onnx_file import onnx_bytes
    from netwright.deploy.quantise import quantise_onnx

    proto = _proto(model, info, None if pixels is not None else info.batch)
    if pixels is not None:
        proto = quantise_onnx(proto, _singles(model, pixels))
        if info.batch is not None:
            for value in (proto.graph.input[0], proto.graph.output[0]):
                value.type.tensor_type.shape.dim[0].dim_value = info.batch
            del proto.graph.value_info[:]  # shapes of what is between say any number
    path.write_bytes(onnx_bytes(proto, info))


def _write_openvino(model: LoadedModel, info: ModelInfo, pixels: Pixels | None, path: Path) -> None:
    from netwright.deploy.openvino_engine import openvino_core
    from netwright.deploy.openvino_file import write_openvino
    from netwright.deploy.quantise import quantise_openvino

    proto = _proto(model, replace(info, precision="fp32"), None if pixels is not None else info.batch)
    network = openvino_core().read_model(proto.SerializeToString())
    if pixels is not None:
        network = quantise_openvino(network, _singles(model, pixels))
        if info.batch is not None:
            network.reshape({"input": [info.batch, *info.input_shape]})
    write_openvino(network, info, path)


def _write_torch(model: LoadedModel, info: ModelInfo, pixels: Pixels | None, path: Path) -> None:
    from netwright.deploy.torch_file import torch_bytes
    from netwright.nn import fuse

    path.write_bytes(torch_bytes(fuse(_any_net(model), channels_last=False), info))


_WRITERS = {"onnx": _write_onnx, "openvino": _write_openvino, "torch": _write_torch}


def _proto(model: LoadedModel, info: ModelInfo, batch: int | None) -> Any:
    from netwright.deploy.onnx_graph import onnx_model
    from netwright.nn import fuse

    fused = fuse(_any_net(model), channels_last=False)
    return onnx_model(fused, info.input_shape, batch, half=info.precision == "fp16")


def _any_net(model: LoadedModel) -> Any:
    return model.module


def _singles(model: LoadedModel, pixels: Pixels) -> list[FloatArray]:
    normalised = np.ascontiguousarray(model.preprocessing.normalise(pixels).numpy())
    return [normalised[i : i + 1] for i in range(len(normalised))]


# -- looking at what was written ---------------------------------------------------------------------------------


def _source_logits(model: LoadedModel, pixels: Pixels) -> FloatArray:
    with torch.inference_mode():
        logits: FloatArray = model.module.eval()(model.preprocessing.normalise(pixels)).numpy()
    return logits


def _agreement(model: LoadedModel, path: Path, to: str, pixels: Pixels) -> Agreement:
    """Of the file as it is read again, whole batches, odd ones and single images alike."""
    source, found = [], []
    parts = [pixels[:1], pixels[1:4], *_parts(pixels[4:], _CHECKED_AT_ONCE)]
    parts = [part for part in parts if len(part)]
    with open_runtime(path) as runtime:
        for part in parts:
            source.append(_source_logits(model, part))
            found.append(runtime.logits(runtime.normalise(part)))
        info = runtime.info
    agreement = compare(np.concatenate(source), np.concatenate(found), info.precision)
    if to != "torch":
        return agreement
    # other programs run the graph in the file, not what open_runtime makes of its weights
    call = torch.export.load(path).module()
    n = info.batch or min(4, len(pixels))
    chosen = np.resize(pixels, (n, *pixels.shape[1:]))
    with torch.inference_mode():
        graph = call(model.preprocessing.normalise(chosen).contiguous()).numpy()
    refuse_other(compare(_source_logits(model, chosen), graph, info.precision), info.precision, path.name)
    return agreement


def _parts(pixels: Pixels, size: int) -> list[Pixels]:
    return [pixels[start : start + size] for start in range(0, len(pixels), size)]


def _accuracy(
    model: LoadedModel, runtime: Runtime, evaluation: Labelled, progress: Callable[[str], None]
) -> Accuracy | None:
    """None where the labels of the images are not the network's."""
    if not len(evaluation.outputs) or not len(evaluation.indices):
        return None
    progress(f"measuring top-1 on {evaluation.said}")
    right, right_before, seen = 0, 0, 0
    for pixels, outputs in evaluation.batches(model.preprocessing, 32):
        right_before += int((_source_logits(model, pixels).argmax(1) == outputs).sum())
        right += int((runtime.logits(runtime.normalise(pixels)).argmax(1) == outputs).sum())
        seen += len(outputs)
    return Accuracy(seen, right_before / seen, right / seen, evaluation.said) if seen else None


def _speed(model: LoadedModel, runtime: Runtime, progress: Callable[[str], None]) -> tuple[Speed, ...]:
    progress("measuring speed")
    batches = sorted({runtime.info.batch or each for each in _SPEED_BATCHES})
    with open_runtime(model, runtime="torch") as source:
        rates = images_per_second({"source": source, "exported": runtime}, batches, seconds=0.3, repeats=5)
    before, after = (medians(rates[name]) for name in ("source", "exported"))
    return tuple(Speed(each, before[each], after[each]) for each in batches)
