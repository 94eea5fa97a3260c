"""Write each kind of exported file from a loaded network."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from netwright.runtime.info import ModelInfo
from netwright.runtime.runtime import FloatArray
from netwright.system.atomic import explain_temporary_errors

if TYPE_CHECKING:
    from netwright.data.source import Pixels
    from netwright.weights import LoadedModel

__all__ = ["WRITERS"]


def _write_onnx(model: LoadedModel, info: ModelInfo, pixels: Pixels | None, path: Path) -> None:
    from netwright.exports.quantize import quantize_onnx
    from netwright.runtime.onnx_file import onnx_bytes

    proto = _proto(model, info, None if pixels is not None else info.batch)
    if pixels is not None:
        with explain_temporary_errors("the network that is quantized"):
            proto = quantize_onnx(proto, _singles(model, pixels))
        if info.batch is not None:
            for value in (proto.graph.input[0], proto.graph.output[0]):
                value.type.tensor_type.shape.dim[0].dim_value = info.batch
            del proto.graph.value_info[:]  # shapes in between are for any number
    path.write_bytes(onnx_bytes(proto, info))


def _write_openvino(model: LoadedModel, info: ModelInfo, pixels: Pixels | None, path: Path) -> None:
    from netwright.exports.quantize import quantize_openvino
    from netwright.runtime.openvino_backend import openvino_core
    from netwright.runtime.openvino_file import write_openvino

    proto = _proto(model, replace(info, precision="fp32"), None if pixels is not None else info.batch)
    network = openvino_core().read_model(proto.SerializeToString())
    if pixels is not None:
        with explain_temporary_errors("the network that is quantized"):
            network = quantize_openvino(network, _singles(model, pixels))
        if info.batch is not None:
            network.reshape({"input": [info.batch, *info.input_shape]})
    write_openvino(network, info, path)


def _write_torch(model: LoadedModel, info: ModelInfo, pixels: Pixels | None, path: Path) -> None:
    from netwright.nn import fuse
    from netwright.runtime.torch_file import torch_bytes

    path.write_bytes(torch_bytes(fuse(_any_net(model), channels_last=False), info))


def _write_litert(model: LoadedModel, info: ModelInfo, pixels: Pixels | None, path: Path) -> None:
    from netwright.nn import fuse
    from netwright.runtime.litert_file import litert_bytes
    from netwright.runtime.litert_graph import litert_model

    fused = fuse(_any_net(model), channels_last=False)
    path.write_bytes(
        litert_bytes(litert_model(fused, info.input_shape, info.batch, half=info.precision == "fp16"), info)
    )


# target -> its writer: the network, its description, images that int8 is calibrated on, the file
WRITERS: Mapping[str, Callable[[LoadedModel, ModelInfo, Pixels | None, Path], None]] = {
    "onnx": _write_onnx,
    "openvino": _write_openvino,
    "torch": _write_torch,
    "litert": _write_litert,
}


def _proto(model: LoadedModel, info: ModelInfo, batch: int | None) -> Any:
    from netwright.nn import fuse
    from netwright.runtime.onnx_graph import onnx_model

    fused = fuse(_any_net(model), channels_last=False)
    return onnx_model(fused, info.input_shape, batch, half=info.precision == "fp16")


def _any_net(model: LoadedModel) -> Any:
    return model.module


def _singles(model: LoadedModel, pixels: Pixels) -> list[FloatArray]:
    normalized = np.ascontiguousarray(model.preprocessing.normalize(pixels).numpy())
    return [normalized[i : i + 1] for i in range(len(normalized))]
