"""A runtime for whatever names a network: an exported file, a folder with one, or weights."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from netwright.errors import ExportError
from netwright.runtime.info import PRECISIONS, ModelInfo
from netwright.runtime.runtime import Engine, Runtime

if TYPE_CHECKING:
    from netwright.weights import LoadedModel

__all__ = ["RUNTIMES", "find_export", "open_runtime"]

RUNTIMES = ("auto", "torch", "onnx", "openvino")

# how an exported file is named -> what it is for
_SUFFIXES = {".onnx": "onnx", ".xml": "openvino", ".pt2": "torch"}


def find_export(ref: str | Path) -> Path | None:
    """The exported file that a path means: itself, or the one .onnx, .xml or .pt2 in a folder; None where it is none.

    Of several in a folder, model.onnx, model.xml or model.pt2 where one of these is there. ExportError where it is
    unclear which is meant.
    """
    path = Path(ref)
    if path.suffix in _SUFFIXES:
        return path
    if not path.is_dir():
        return None
    found = sorted(each for each in path.iterdir() if each.suffix in _SUFFIXES and each.is_file())
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
    name: str = "",
    version: str = "",
) -> Runtime:
    """A network ready to be asked. Close it, or use it in a `with`.

    ref: a file that `export` wrote or a folder with one, or whatever load_model takes, or what it gave. runtime: torch,
    onnx (ONNX Runtime) or openvino; auto is the one that the file is for, torch for weights. ONNX files run in OpenVINO
    too, and weights in any. precision: what it computes in: fp32 or bf16, and fp16 in torch; None is the file's own, or
    fp32. threads: of one call; None leaves it to the runtime. name, version: instead of the file's own.
    Raises ExportError for a file that is foreign or damaged and for what a runtime cannot do, WeightsError as
    load_model. Nothing in a file is run as code.
    """
    if runtime not in RUNTIMES:
        raise ExportError(f"a runtime is one of {', '.join(RUNTIMES)}, not {runtime!r}.")
    if precision is not None and precision not in PRECISIONS:
        raise ExportError(f"a precision is one of {', '.join(PRECISIONS)}, not {precision!r}.")
    if threads is not None and threads < 1:
        raise ExportError(f"threads are 1 or more, not {threads}. Leave them out for as many as there are processors.")
    path = find_export(ref) if isinstance(ref, str | Path) else None
    if path is None:
        info, kind, engine, computed = _of_weights(ref, runtime, precision, threads)
    else:
        info, kind, engine, computed = _OF_FILE[_SUFFIXES[path.suffix]](path, runtime, precision, threads)
    info = replace(info, name=name or info.name, version=version or info.version)
    opened = Runtime(info, kind, engine, computed)
    _probe(opened, ref)
    return opened


def _probe(opened: Runtime, ref: object) -> None:
    """One image is answered, so that a graph that cannot be computed is found here and not by a request."""
    try:
        logits = opened.logits(np.zeros((1, *opened.info.input_shape), dtype=np.float32))
    except Exception as error:  # of the libraries, which have many
        opened.close()
        said = (str(error).strip().splitlines() or [""])[0][:300]
        raise ExportError(f"{ref} opens in {opened.kind} and cannot be computed: {said}. Export it again.") from error
    if logits.shape != (1, opened.info.arch.num_classes) or logits.dtype != np.float32:
        opened.close()
        raise ExportError(f"{ref} describes another network than it holds. Export it again.")


# what a file says, the kind of the runtime, what computes, and in which precision
_Opened = tuple[ModelInfo, str, Engine, str]


def _of_onnx(path: Path, runtime: str, precision: str | None, threads: int | None) -> _Opened:
    from netwright.runtime.onnx_file import read_onnx

    if runtime == "torch":
        raise _other_file(path, runtime)
    content, info = read_onnx(path)
    return _on_onnx(content, info, "onnx" if runtime == "auto" else runtime, precision, threads, str(path))


def _on_onnx(
    content: bytes, info: ModelInfo, runtime: str, precision: str | None, threads: int | None, where: str
) -> _Opened:
    """An ONNX graph in ONNX Runtime or in OpenVINO."""
    if runtime == "onnx":
        if precision not in (None, info.precision):
            raise ExportError(
                f"ONNX Runtime computes in the file's precision, and {where} is {info.precision}, not {precision}. "
                f"Export it with --precision {precision}, or take the runtime openvino or torch."
            )
        from netwright.runtime.onnx_engine import OnnxEngine

        return info, "onnx", OnnxEngine(content, threads, where), info.precision
    from netwright.runtime.openvino_engine import openvino_core

    core = openvino_core()
    try:
        model = core.read_model(content)
    except Exception as error:  # RuntimeError mostly, and what the bindings make of others
        raise ExportError(f"OpenVINO cannot read {where}: {error}. Export it again.") from error
    return _in_openvino(core, model, info, precision, threads, where)


def _of_openvino(path: Path, runtime: str, precision: str | None, threads: int | None) -> _Opened:
    from netwright.runtime.openvino_engine import openvino_core
    from netwright.runtime.openvino_file import read_openvino

    if runtime not in ("auto", "openvino"):
        raise _other_file(path, runtime)
    core = openvino_core()
    model, info = read_openvino(path, core)
    return _in_openvino(core, model, info, precision, threads, str(path))


def _in_openvino(
    core: Any, model: Any, info: ModelInfo, precision: str | None, threads: int | None, where: str
) -> _Opened:
    from netwright.runtime.openvino_engine import OpenVinoEngine

    computed = _computed(info, precision, "OpenVINO", ("fp32", "bf16"))
    return info, "openvino", OpenVinoEngine(core, model, computed, threads, where), computed


def _of_torch(path: Path, runtime: str, precision: str | None, threads: int | None) -> _Opened:
    from netwright.runtime.torch_engine import torch_engine
    from netwright.runtime.torch_file import read_torch_file

    if runtime not in ("auto", "torch"):
        raise _other_file(path, runtime)
    network, info = read_torch_file(path)
    computed = _computed(info, precision, "torch", ("fp32", "bf16", "fp16"))
    return info, "torch", torch_engine(network, computed, threads), computed


def _of_weights(ref: str | Path | LoadedModel, runtime: str, precision: str | None, threads: int | None) -> _Opened:
    from netwright.nn import fuse
    from netwright.runtime.info import info_of
    from netwright.weights import load_model

    model: Any = load_model(ref) if isinstance(ref, str | Path) else ref
    info = info_of(model)
    if runtime in ("auto", "torch"):
        from netwright.runtime.torch_engine import torch_engine

        computed = _computed(info, precision, "torch", ("fp32", "bf16", "fp16"))
        return info, "torch", torch_engine(fuse(model.module), computed, threads), computed
    from netwright.runtime.onnx_file import onnx_bytes
    from netwright.runtime.onnx_graph import onnx_model

    if precision == "int8":
        raise ExportError(
            "weights become int8 by calibration, which takes images: `netwright export --precision int8`."
        )
    half = runtime == "onnx" and precision == "fp16"
    info = replace(info, precision="fp16" if half else "fp32")
    graph = onnx_model(fuse(model.module, channels_last=False), info.input_shape, None, half=half)
    return _on_onnx(onnx_bytes(graph, info), info, runtime, precision, threads, info.source or info.name)


_OF_FILE = {"onnx": _of_onnx, "openvino": _of_openvino, "torch": _of_torch}


def _computed(info: ModelInfo, precision: str | None, runtime: str, known: tuple[str, ...]) -> str:
    """The precision that is asked for, where the runtime can and the file is not quantized."""
    asked = precision or info.precision
    if asked == info.precision or (asked in known and info.precision != "int8"):
        return asked
    raise ExportError(
        f"{runtime} computes a file of {info.precision} in {' or '.join(dict.fromkeys([info.precision, *known]))}, "
        f"not {asked}. Export the network with --precision {asked}."
        if info.precision != "int8"
        else f"a file of int8 is computed so, not in {asked}. Export the network with --precision {asked}."
    )


def _other_file(path: Path, runtime: str) -> ExportError:
    return ExportError(
        f"{path} is for {_SUFFIXES[path.suffix]}{' and openvino' if path.suffix == '.onnx' else ''}, not {runtime}. "
        f"Export the network with --to {runtime}."
    )
