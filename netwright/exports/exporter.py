"""Write a network as a file that runs without its training code, compared with the network before it is placed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from netwright.arch import complexity
from netwright.errors import ExportError
from netwright.exports.check import refuse_other
from netwright.exports.destination import refuse_exported, refuse_other_network, resolve_destination
from netwright.exports.elsewhere import unknown_target
from netwright.exports.exported import Check, Exported
from netwright.exports.labeled import FEW_CALIBRATION, FEWEST, MOST_CALIBRATION, Labeled, photographs
from netwright.exports.measure import accuracy_of, agreement_of, refuse_other_graph, speed_of
from netwright.exports.writers import WRITERS
from netwright.runtime.info import PRECISIONS, SUFFIXES, info_of
from netwright.runtime.onnx_graph import OPSET
from netwright.runtime.open import open_runtime
from netwright.runtime.runtime import Image, Runtime, read_image
from netwright.system.atomic_group import atomic_group
from netwright.system.extras import optional
from netwright.system.machine import available_memory, versions
from netwright.system.model_name import NAME_RULE, default_name, is_model_name

if TYPE_CHECKING:
    from netwright.data.source import Pixels
    from netwright.weights import LoadedModel

__all__ = ["TARGETS", "export"]

TARGETS = tuple(SUFFIXES)

# refused, with the reason and the cure
_CANNOT = {
    ("onnx", "bf16"): "ONNX Runtime has no convolution in bf16 for processors. Use --precision fp16 or int8, or "
    "--to openvino. Or export it in fp32 and let what opens the file compute in bf16: `netwright serve FILE.onnx "
    "--runtime openvino --precision bf16`, or for TensorRT `python -m modelopt.onnx.autocast --onnx_path FILE.onnx "
    "--low_precision_type bf16` (pip install nvidia-modelopt), then trtexec",
    ("litert", "bf16"): "LiteRT has no bf16 for processors. Use --precision fp16, or --to openvino or torch",
    ("litert", "int8"): (
        "Google's quantizer makes it of an fp32 file: pip install ai-edge-quantizer, then in Python "
        "`q = quantizer.Quantizer('FILE.tflite')`, `q.load_quantization_recipe(recipe.dynamic_wi8_afp32())`, "
        "`q.quantize().export_model('INT8.tflite')`. Or use --to openvino or --to onnx for int8"
    ),
    ("torch", "int8"): "a file for torch is fp32, bf16 or fp16. Use --to openvino or --to onnx for int8",
}
# target -> the extra that it needs, and the packages of it that the file names
_PACKAGES: dict[str, tuple[str, tuple[str, ...]]] = {
    "onnx": ("export", ("onnx",)),
    "openvino": ("export", ("onnx", "openvino")),
    "torch": ("", ()),
    "litert": ("litert", ("ai-edge-litert",)),
}
_UNSEEN = 64  # images beside those of calibration that int8 is compared on


def export(
    ref: str | Path | LoadedModel,
    destination: str | Path,
    *,
    to: str = "onnx",
    precision: str = "fp32",
    batch: int | str = "dynamic",
    calibration: Labeled | Sequence[Image] | None = None,
    evaluation: Labeled | None = None,
    measure_speed: bool = False,
    name: str = "",
    version: str = "1",
    overwrite: bool = False,
    progress: Callable[[str], None] = lambda text: None,
) -> Exported:
    """Write a network as one file (two for OpenVINO) that `open_runtime` and other programs open.

    The graph takes `input`, (N, C, H, W) float32, normalized, and gives `logits`, (N, classes) float32, whatever the
    precision in between. Batch norm is folded into the convolutions. The file has the architecture, preprocessing,
    class names, precision and the versions of what wrote it. Before it is put in its place it is opened and compared
    with the network: on the calibration images or on parts of two photographs, in int8 also on images that calibration
    did not see.

    Args:
        ref: Whatever `load_model` takes, or a loaded model.
        destination: A file (.onnx, .xml, .pt2, .tflite), or a folder for model.onnx, model.xml and so on.
        to: onnx, openvino, torch or litert.
        precision: fp32, bf16, fp16 or int8.
        batch: Images that the graph takes at once, "dynamic" for any number.
        calibration: Images for int8, at most 300.
        evaluation: Images to compare top-1 on.
        measure_speed: Whether speed is measured beside the network in torch.
        name: Of the model, for servers; by default that of the folder that `ref` is, else the network's.
        version: Of the model, for servers.
        overwrite: Whether the file of another network may be replaced; one of this network always is.
        progress: Called with what is being done.

    Returns:
        The files, and what was checked and measured.

    Raises:
        ExportError: If the export disagrees with its network, which leaves nothing written; for a precision that the
            target does not have; for int8 without calibration images; and where another network's file is in the way.
        WeightsError: As `load_model`.
        OutputError: If it cannot be written.
    """
    _check_arguments(to, precision, batch, name)
    size = batch if isinstance(batch, int) else None
    path = resolve_destination(destination, to)
    if precision == "int8" and calibration is None:
        raise ExportError(
            "int8 is calibrated on images, which show the ranges of values, and none are given. Name the images that "
            "the network was trained on: --data_dir FOLDER or --dataset NAME."
        )
    model = _loaded(ref)
    if size is not None:
        _refuse_too_many(model, size)
    name = name or default_name(ref, model.arch.name)
    info = info_of(model, name=name, version=version, precision=precision)
    info = replace(
        info,
        source=_without_folders(info.source),
        batch=size,
        opset=OPSET if to == "onnx" else 0,
        versions=_versions(to),
    )
    if not overwrite:
        refuse_other_network(path, to, info.source)
    samples = [_images(model, calibration)]
    pixels = samples[0][0]
    if precision == "int8":
        _warn_of_few(len(pixels), progress)
        # ranges that only fit the calibration images show on others
        samples.append(_unseen(model, evaluation))
    progress(f"writing the network {info.name!r} as {to}, {precision}")
    with atomic_group(path, what="the exported network", elsewhere="another --out") as partial:
        WRITERS[to](model, info, pixels if precision == "int8" else None, partial)
        with open_runtime(partial) as runtime:
            checks = _compared(model, runtime, samples, str(path), progress)
            if to == "torch":
                refuse_other_graph(model, partial, precision, size, pixels)
            accuracy = accuracy_of(model, runtime, evaluation, progress) if evaluation is not None else None
            speed = speed_of(model, runtime, progress) if measure_speed else ()
        names = sorted(each.name for each in partial.parent.iterdir())
    files = tuple(path.with_name(each) for each in names)
    source_size = sum(each.numel() * 4 for each in model.module.state_dict().values() if each.is_floating_point())
    size_written = sum(each.stat().st_size for each in files)
    return Exported(path, files, info, checks, size_written, source_size, accuracy, speed)


def _compared(
    model: LoadedModel,
    runtime: Runtime,
    samples: Sequence[tuple[Pixels, str]],
    path: str,
    progress: Callable[[str], None],
) -> tuple[Check, ...]:
    """A check per sample of images. Raises ExportError for the first that fails."""
    checks = []
    for pixels, description in samples:
        progress(f"comparing with the network on {description}")
        checks.append(Check(agreement_of(model, runtime, pixels), description))
        refuse_other(checks[-1].agreement, runtime.info.precision, path)
    return tuple(checks)


def _check_arguments(to: str, precision: str, batch: int | str, name: str) -> None:
    if to not in TARGETS:
        raise ExportError(unknown_target(to))
    if precision not in PRECISIONS:
        raise ExportError(f"a precision is one of {', '.join(PRECISIONS)}, not {precision!r}.")
    if (to, precision) in _CANNOT:
        raise ExportError(f"{to} has no {precision}: {_CANNOT[to, precision]}.")
    if batch != "dynamic" and (isinstance(batch, bool) or not isinstance(batch, int) or batch < 1):
        raise ExportError(f"a batch is a whole number of at least 1, or 'dynamic', not {batch!r}.")
    if name and not is_model_name(name):
        raise ExportError(f"the name of a model has {NAME_RULE}, and this is {name!r}. Give another --name.")


def _refuse_too_many(model: LoadedModel, batch: int) -> None:
    """A file is compared with its network, batch by batch: as many images must fit into memory at once."""
    channels, side = model.preprocessing.channels, model.preprocessing.image_size
    needed, free = batch * 4 * (channels * side**2 + int(np.sum(complexity(model.arch).acts)) // 4), available_memory()
    if free is not None and needed > free:
        raise ExportError(
            f"the images of a batch are computed at once, and {batch:,} of {channels} x {side} x {side} take about "
            f"{needed / 2**30:,.1f} GiB of {free / 2**30:,.1f} GiB of free memory. Give a smaller --batch, or "
            "'dynamic'."
        )


def _loaded(ref: str | Path | LoadedModel) -> LoadedModel:
    from netwright.nn import AnyNet
    from netwright.weights import load_model

    refuse_exported(ref)
    model = load_model(ref) if isinstance(ref, str | Path) else ref
    if not isinstance(model.module, AnyNet):
        raise ExportError(
            f"only networks of netwright.build are exported, and this is a {type(model.module).__name__}. Build it so."
        )
    return model


def _without_folders(source: str) -> str:
    """A file is given to others: of an absolute path only its last folder is kept."""
    path = Path(source)
    return "/".join(path.parts[-2:]) if path.is_absolute() else source


def _versions(to: str) -> dict[str, str]:
    extra, packages = _PACKAGES[to]
    for package in packages:
        optional(package.replace("-", "_"), extra)
    known = versions()
    wanted = {key: known[key] for key in ("netwright", "python", "torch")}
    return wanted | {package: metadata.version(package) for package in packages}


def _images(model: LoadedModel, given: Labeled | Sequence[Image] | None) -> tuple[Pixels, str]:
    """(N, H, W, C) uint8, and which images, for people."""
    if given is None:
        pixels = photographs(model.preprocessing)
        return pixels, f"{len(pixels)} parts of two photographs"
    if isinstance(given, Labeled):
        return given.pixels(model.preprocessing), given.description
    if not 1 <= len(given) <= MOST_CALIBRATION:
        raise ExportError(f"calibration takes 1 to {MOST_CALIBRATION} images, not {len(given):,}.")
    return np.stack([read_image(image, model.preprocessing) for image in given]), f"{len(given):,} images"


def _warn_of_few(count: int, progress: Callable[[str], None]) -> None:
    if count < FEW_CALIBRATION:
        progress(
            f"warning: int8 is calibrated on {count} images, and values beyond theirs are cut off. Give "
            f"{FEW_CALIBRATION} or more, better {MOST_CALIBRATION}"
        )


def _unseen(model: LoadedModel, evaluation: Labeled | None) -> tuple[Pixels, str]:
    """Images that calibration did not see: of those for evaluation, else photographs."""
    if evaluation is not None and len(evaluation.indices) >= FEWEST:
        part = evaluation.spread(_UNSEEN)
        return part.pixels(model.preprocessing), part.description
    return _images(model, None)
