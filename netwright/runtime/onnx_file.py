"""ONNX files of ours: one file, in whose metadata the network describes itself."""

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
# what a file of ours may have in it, also when it is quantized
_OPERATIONS = frozenset(
    {"Add", "AveragePool", "Cast", "Conv", "DequantizeLinear", "Flatten", "Gemm", "GlobalAveragePool", "Identity"}
    | {"MatMul", "MaxPool", "Mul", "QuantizeLinear", "Relu", "Sigmoid", "Squeeze", "Unsqueeze"}
)
_DOMAINS = ("", "ai.onnx")


def onnx_bytes(model: Any, info: ModelInfo) -> bytes:
    """An onnx.ModelProto with what the network says of itself, and a digest of its weights."""
    del model.metadata_props[:]
    model.metadata_props.add(key=METADATA_KEY, value=info_to_json(info))
    model.metadata_props.add(key=_DIGEST, value=_digest(model))
    content: bytes = model.SerializeToString()
    return content


def read_onnx(path: Path) -> tuple[bytes, ModelInfo]:
    """The file as it is, and what it says. Raises ExportError unless it is one of ours.

    Only the operations that we write are let through, and weights only in the file itself: others can read files or
    make large tensors of small ones when they are loaded.
    """
    onnx = optional("onnx", "export")
    content = read_whole(path)
    try:
        model = onnx.ModelProto.FromString(content)
        said = {str(each.key): each.value for each in model.metadata_props}
        info = _read(model, said, path) if METADATA_KEY in said else None
    except ExportError:
        raise
    except Exception as error:  # protobuf's own, of several kinds, and what damaged text brings
        raise ExportError(f"{path} is no ONNX file, or a damaged one: {error}. Export it again.") from error
    if info is None:
        raise ExportError(
            f"an exported file says which network it is, and {path} does not: something else wrote it "
            f"({model.producer_name or 'unknown'}). Export the network by `netwright export`."
        )
    return content, info


def _read(model: Any, said: Mapping[str, str], path: Path) -> ModelInfo:
    graph = model.graph
    strange = {
        str(node.op_type) for node in graph.node if node.op_type not in _OPERATIONS or node.domain not in _DOMAINS
    }
    if strange or model.functions or graph.sparse_initializer:
        raise ExportError(f"{path} has {', '.join(sorted(strange)) or 'parts'} that no export writes. Export it again.")
    if any(each.external_data or each.data_location for each in graph.initializer):
        raise ExportError(f"{path} has weights in other files, which no export writes. Export it again.")
    if said.get(_DIGEST) != _digest(model):
        raise ExportError(f"{path} has other weights than were written: it is damaged. Copy or export it again.")
    info = info_from_json(said[METADATA_KEY], str(path))
    _refuse_other_ends(graph, info, path)
    return info


def _digest(model: Any) -> str:
    """Of names, types, shapes and values of all weights."""
    digest = hashlib.sha256()
    for each in model.graph.initializer:
        digest.update(f"{each.name} {each.data_type} {list(each.dims)}\n".encode())
        digest.update(each.raw_data or each.SerializeToString(deterministic=True))
    return digest.hexdigest()


def _refuse_other_ends(graph: Any, info: ModelInfo, path: Path) -> None:
    """Inputs and outputs as the description says, or asking would fail later."""

    def ends(values: Any) -> list[tuple[str, int, list[int]]]:
        return [
            (each.name, each.type.tensor_type.elem_type, [dim.dim_value for dim in each.type.tensor_type.shape.dim])
            for each in values
        ]

    n, float32 = info.batch or 0, 1
    want = ([("input", float32, [n, *info.input_shape])], [("logits", float32, [n, info.arch.num_classes])])
    if (ends(graph.input), ends(graph.output)) != want:
        raise ExportError(f"{path} describes another network than it holds. Export it again.")
