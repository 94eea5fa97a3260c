"""Open a runtime for whatever names a network: an exported file, a folder with one, or weights."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from netwright.errors import ExportError
from netwright.runtime.info import PRECISIONS, SUFFIXES, ModelInfo
from netwright.runtime.runtime import Backend, Runtime

if TYPE_CHECKING:
    from netwright.weights import LoadedModel

__all__ = ["RUNTIMES", "find_export", "open_runtime"]

RUNTIMES = ("auto", "torch", "onnx", "openvino", "litert")

_TARGETS = {suffix: target for target, suffix in SUFFIXES.items()}


def find_export(ref: str | Path) -> Path | None:
    """Find the exported file that a path means.

    Args:
        ref: A path.

    Returns:
        The path itself where its suffix is one of an exported file; the only such file in a folder, or model.onnx,
        model.xml, model.pt2 or model.tflite where exactly one of these is there; else None.

    Raises:
        ExportError: If a folder has several.
    """
    path = Path(ref)
    if path.suffix in _TARGETS:
        return path
    if not path.is_dir():
        return None
    found = sorted(each for each in path.iterdir() if each.suffix in _TARGETS and each.is_file())
    named = [each for each in found if each.stem == "model"]
    chosen = named if len(named) == 1 else found
    if len(chosen) > 1:
        raise ExportError(
            f"a folder has one exported file, and {path} has {', '.join(each.name for each in found)}. Name one."
        )
    return chosen[0] if chosen else None


def open_runtime(
    ref: str | Path | LoadedModel,
    *,
    runtime: str = "auto",
    precision: str | None = None,
    threads: int | None = None,
    device: str = "cpu",
    name: str = "",
    version: str = "",
) -> Runtime:
    """Open a network to run it. Close it, or use it in a `with`. Nothing in a file is run as code.

    Args:
        ref: A file that `export` wrote, a folder with one, whatever `load_model` takes, or a loaded model.
        runtime: torch, onnx (ONNX Runtime), openvino or litert; auto is the one that the file is for, and torch for
            weights. ONNX files run in OpenVINO too, and weights in any.
        precision: What it computes in: fp32 or bf16, and fp16 in torch; None is the file's own, and fp32 for weights.
        threads: Of one call; None leaves it to the runtime.
        device: cpu; of torch also cuda, cuda:1, ..., and auto, the first accelerator where there is one.
        name: Of the model, instead of the file's own.
        version: Of the model, instead of the file's own.

    Raises:
        ExportError: For a file that `export` did not write or that is damaged, and for what a runtime cannot do.
        WeightsError: As `load_model`.
    """
    if runtime not in RUNTIMES:
        raise ExportError(f"a runtime is one of {', '.join(RUNTIMES)}, not {runtime!r}.")
    if precision is not None and precision not in PRECISIONS:
        raise ExportError(f"a precision is one of {', '.join(PRECISIONS)}, not {precision!r}.")
    if threads is not None and threads < 1:
        raise ExportError(f"threads are 1 or more, not {threads}. Leave them out for as many as there are processors.")
    path = find_export(ref) if isinstance(ref, str | Path) else None
    on_torch = runtime == "torch" or (runtime == "auto" and (path is None or path.suffix == SUFFIXES["torch"]))
    if not on_torch and device not in ("auto", "cpu"):
        what = f"{path or ref}" if runtime == "auto" else f"the runtime {runtime}"
        raise ExportError(f"{what} computes on the processors, not on {device}. Take weights and the runtime torch.")
    place = device if on_torch else "cpu"
    try:
        if path is None:
            info, kind, backend, computed = _open_weights(ref, runtime, precision, threads, place)
        else:
            info, kind, backend, computed = _OPEN[_TARGETS[path.suffix]](path, runtime, precision, threads, place)
    except ModuleNotFoundError as error:
        if error.name != "torch":
            raise
        raise _without_torch(ref, path) from error
    info = replace(info, name=name or info.name, version=version or info.version)
    opened = Runtime(info, kind, backend, computed)
    _probe(opened, ref)
    return opened


def _probe(opened: Runtime, ref: object) -> None:
    """Compute one image, so that a graph that cannot be computed is found here and not by a request."""
    try:
        logits = opened.logits(np.zeros((1, *opened.info.input_shape), dtype=np.float32))
    except Exception as error:  # the libraries have many types
        opened.close()
        reason = (str(error).strip().splitlines() or [""])[0][:300]
        raise ExportError(f"{ref} opens in {opened.kind} and cannot be computed: {reason}. Export it again.") from error
    if logits.shape != (1, opened.info.arch.num_classes) or logits.dtype != np.float32:
        opened.close()
        raise ExportError(f"{ref} describes another network than it holds. Export it again.")


# the description, the kind of the runtime, what computes, and in which precision
_Opened = tuple[ModelInfo, str, Backend, str]


def _open_onnx(path: Path, runtime: str, precision: str | None, threads: int | None, _: str) -> _Opened:
    from netwright.runtime.onnx_file import read_onnx

    if runtime == "torch":
        raise _other_file(path, runtime)
    content, info = read_onnx(path)
    return _run_onnx(content, info, "onnx" if runtime == "auto" else runtime, precision, threads, str(path))


def _run_onnx(
    content: bytes, info: ModelInfo, runtime: str, precision: str | None, threads: int | None, path: str
) -> _Opened:
    """An ONNX graph in ONNX Runtime or in OpenVINO."""
    if runtime == "onnx":
        if precision not in (None, info.precision):
            raise ExportError(
                f"ONNX Runtime computes in the file's precision, and {path} is {info.precision}, not {precision}. "
                f"Export it with --precision {precision}, or use the runtime openvino or torch."
            )
        from netwright.runtime.onnx_backend import OnnxBackend

        return info, "onnx", OnnxBackend(content, threads, path), info.precision
    from netwright.runtime.openvino_backend import openvino_core

    core = openvino_core()
    try:
        model = core.read_model(content)
    except Exception as error:  # RuntimeError mostly, and others of the bindings
        raise ExportError(f"OpenVINO cannot read {path}: {error}. Export it again.") from error
    return _run_openvino(core, model, info, precision, threads, path)


def _open_openvino(path: Path, runtime: str, precision: str | None, threads: int | None, _: str) -> _Opened:
    from netwright.runtime.openvino_backend import openvino_core
    from netwright.runtime.openvino_file import read_openvino

    if runtime not in ("auto", "openvino"):
        raise _other_file(path, runtime)
    core = openvino_core()
    model, info = read_openvino(path, core)
    return _run_openvino(core, model, info, precision, threads, str(path))


def _run_openvino(
    core: Any, model: Any, info: ModelInfo, precision: str | None, threads: int | None, path: str
) -> _Opened:
    from netwright.runtime.openvino_backend import OpenVinoBackend

    computed = _computed(info, precision, "OpenVINO", ("fp32", "bf16"))
    return info, "openvino", OpenVinoBackend(core, model, computed, threads, path), computed


def _open_torch(path: Path, runtime: str, precision: str | None, threads: int | None, device: str) -> _Opened:
    from netwright.runtime.torch_backend import fused_backend
    from netwright.runtime.torch_file import read_torch_file

    if runtime not in ("auto", "torch"):
        raise _other_file(path, runtime)
    network, info = read_torch_file(path)
    computed = _computed(info, precision, "torch", ("fp32", "bf16", "fp16"))
    return info, "torch", fused_backend(network, computed, threads, device), computed


def _open_litert(path: Path, runtime: str, precision: str | None, threads: int | None, _: str) -> _Opened:
    from netwright.runtime.litert_file import read_litert

    if runtime not in ("auto", "litert"):
        raise _other_file(path, runtime)
    content, info = read_litert(path)
    return _run_litert(content, info, precision, threads, str(path))


def _run_litert(content: bytes, info: ModelInfo, precision: str | None, threads: int | None, path: str) -> _Opened:
    if precision not in (None, info.precision):
        raise ExportError(
            f"LiteRT computes in the file's precision, and {path} is {info.precision}, not {precision}. Export it with "
            f"--precision {precision}, or use another runtime."
        )
    from netwright.runtime.litert_backend import LiteRtBackend

    return info, "litert", LiteRtBackend(content, threads, path), info.precision


def _open_weights(
    ref: str | Path | LoadedModel, runtime: str, precision: str | None, threads: int | None, device: str
) -> _Opened:
    from netwright.nn import fuse
    from netwright.runtime.info import info_of
    from netwright.weights import load_model

    model: Any = load_model(ref) if isinstance(ref, str | Path) else ref
    info = info_of(model)
    if runtime in ("auto", "torch"):
        from netwright.runtime.torch_backend import fused_backend

        computed = _computed(info, precision, "torch", ("fp32", "bf16", "fp16"))
        return info, "torch", fused_backend(fuse(model.module), computed, threads, device), computed
    from netwright.runtime.onnx_file import onnx_bytes
    from netwright.runtime.onnx_graph import onnx_model

    if precision == "int8":
        raise ExportError(
            "weights become int8 by calibration, which takes images: `netwright export --precision int8`."
        )
    half = runtime in ("onnx", "litert") and precision == "fp16"
    info = replace(info, precision="fp16" if half else "fp32")
    if runtime == "litert":
        from netwright.runtime.litert_file import litert_bytes
        from netwright.runtime.litert_graph import litert_model

        written = litert_model(fuse(model.module, channels_last=False), info.input_shape, None, half=half)
        return _run_litert(litert_bytes(written, info), info, precision, threads, info.source or info.name)
    graph = onnx_model(fuse(model.module, channels_last=False), info.input_shape, None, half=half)
    return _run_onnx(onnx_bytes(graph, info), info, runtime, precision, threads, info.source or info.name)


_OPEN = {"onnx": _open_onnx, "openvino": _open_openvino, "torch": _open_torch, "litert": _open_litert}


def _computed(info: ModelInfo, precision: str | None, runtime: str, known: tuple[str, ...]) -> str:
    """The requested precision, if the runtime has it and the file is not quantized."""
    wanted = precision or info.precision
    if wanted == info.precision or (wanted in known and info.precision != "int8"):
        return wanted
    raise ExportError(
        f"{runtime} computes a file of {info.precision} in {' or '.join(dict.fromkeys([info.precision, *known]))}, "
        f"not {wanted}. Export the network with --precision {wanted}."
        if info.precision != "int8"
        else f"a file of int8 is computed in int8, not in {wanted}. Export the network with --precision {wanted}."
    )


def _without_torch(ref: object, path: Path | None) -> ExportError:
    """What is missing, and why: an image that serves exported files has no torch."""
    what = (
        f"{ref} is a file for torch"
        if path
        else f"{ref} is no exported file (.onnx, .xml, .tflite), and weights need torch"
    )
    if path is None and not Path(str(ref)).exists():
        what = f"there is no {ref} here, and other names are of weights, which need torch"
    return ExportError(
        f"{what}, which is not installed. Export the network where torch is (`netwright export REF`, with --to onnx, "
        "openvino or litert) and use that file, or pip install torch."
    )


def _other_file(path: Path, runtime: str) -> ExportError:
    return ExportError(
        f"{path} is for {_TARGETS[path.suffix]}{' and openvino' if path.suffix == '.onnx' else ''}, not {runtime}. "
        f"Export the network with --to {runtime}."
    )
