"""Our ONNX files: one file with the graph, the weights and, as metadata, the description of the network."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from netwright.errors import ExportError
from netwright.runtime.info import METADATA_KEY, ModelInfo, info_from_json, info_to_json, read_whole
from netwright.system.extras import optional

__all__ = ["onnx_bytes", "read_onnx"]

_DIGEST = "netwright_weights_sha256"
# the operations that an export writes, quantized or not
_OPERATIONS = frozenset(
    {"Add", "AveragePool", "Cast", "Conv", "DequantizeLinear", "Flatten", "Gemm", "GlobalAveragePool", "Identity"}
    | {"MatMul", "MaxPool", "Mul", "QuantizeLinear", "Relu", "Sigmoid", "Squeeze", "Unsqueeze"}
)
_DOMAINS = ("", "ai.onnx")


def onnx_bytes(model: Any, info: ModelInfo) -> bytes:
    """The bytes of an onnx.ModelProto, with its description and a digest of its weights as metadata."""
    del model.metadata_props[:]
    model.metadata_props.add(key=METADATA_KEY, value=info_to_json(info))
    model.metadata_props.add(key=_DIGEST, value=_digest(model))
    content: bytes = model.SerializeToString()
    return content


def read_onnx(path: Path) -> tuple[bytes, ModelInfo]:
    """The bytes of a file, and its description. Raises ExportError unless we wrote it.

    Only operations that an export writes are accepted, and only weights within the file: others could read files or
    make large tensors out of small ones when they are loaded.
    """
    onnx = optional("onnx", "export")
    content = read_whole(path)
    try:
        model = onnx.ModelProto.FromString(content)
        metadata = {str(each.key): each.value for each in model.metadata_props}
        info = _read(model, metadata, path) if METADATA_KEY in metadata else None
    except ExportError:
        raise
    except Exception as error:  # several of protobuf, and what damaged text raises
        raise ExportError(f"{path} is no ONNX file, or a damaged one: {error}. Export it again.") from error
    if info is None:
        raise ExportError(
            f"an exported file names its network, and {path} does not: something else wrote it "
            f"({model.producer_name or 'unknown'}). Export the network by `netwright export`."
        )
    return content, info


def _read(model: Any, metadata: Mapping[str, str], path: Path) -> ModelInfo:
    graph = model.graph
    unknown = {
        str(node.op_type) for node in graph.node if node.op_type not in _OPERATIONS or node.domain not in _DOMAINS
    }
    if unknown or model.functions or graph.sparse_initializer:
        raise ExportError(f"{path} has {', '.join(sorted(unknown)) or 'parts'} that no export writes. Export it again.")
    if any(each.external_data or each.data_location for each in graph.initializer):
        raise ExportError(f"{path} has weights in other files, which no export writes. Export it again.")
    if metadata.get(_DIGEST) != _digest(model):
        raise ExportError(f"{path} has other weights than were written: it is damaged. Copy or export it again.")
    info = info_from_json(metadata[METADATA_KEY], str(path))
    _refuse_other_signature(graph, info, path)
    return info


def _digest(model: Any) -> str:
    """Of the names, types, shapes and values of all weights."""
    digest = hashlib.sha256()
    for each in model.graph.initializer:
        digest.update(f"{each.name} {each.data_type} {list(each.dims)}\n".encode())
        digest.update(each.raw_data or each.SerializeToString(deterministic=True))
    return digest.hexdigest()


def _refuse_other_signature(graph: Any, info: ModelInfo, path: Path) -> None:
    """Inputs and outputs must be as described, or the first image would fail later."""

    def signature(values: Any) -> list[tuple[str, int, list[int]]]:
        return [
            (each.name, each.type.tensor_type.elem_type, [dim.dim_value for dim in each.type.tensor_type.shape.dim])
            for each in values
        ]

    n, float32 = info.batch or 0, 1
    described = ([("input", float32, [n, *info.input_shape])], [("logits", float32, [n, info.arch.num_classes])])
    if (signature(graph.input), signature(graph.output)) != described:
        raise ExportError(f"{path} describes another network than it holds. Export it again.")
