"""Our LiteRT files: one .tflite file with the graph, the weights and, as metadata, the description of the network."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np

from netwright.errors import ExportError
from netwright.runtime.info import METADATA_KEY, ModelInfo, info_from_json, info_to_json, read_whole
from netwright.system.extras import optional

__all__ = ["litert_bytes", "read_litert"]

_DIGEST = "netwright_sha256"
_LATER = hashlib.sha256(b"netwright").hexdigest()  # in place of the digest until the file is written
_IDENTIFIER = b"TFL3"  # of the file format, bytes 4 to 8
_ALIGNMENT = 16  # bytes: processors read several numbers at once
# the operations that an export writes
_OPERATIONS = (
    *("ADD", "CONV_2D", "DEPTHWISE_CONV_2D", "DEQUANTIZE", "FULLY_CONNECTED", "LOGISTIC", "MAX_POOL_2D", "MEAN"),
    *("MUL", "PAD", "PADV2", "RELU", "RESHAPE", "TRANSPOSE"),
)


def litert_bytes(model: Any, info: ModelInfo) -> bytes:
    """The bytes of a ModelT, with its description and a digest of the whole file as metadata."""
    schema: Any = optional("ai_edge_litert.schema_py_generated", "litert")
    builder = optional("flatbuffers", "litert").Builder(1 << 20)
    model.description, model.metadata = "netwright", []
    for name, text in ((METADATA_KEY, info_to_json(info)), (_DIGEST, _LATER)):
        model.buffers.append(schema.BufferT(data=np.frombuffer(text.encode(), dtype=np.uint8)))
        model.metadata.append(schema.MetadataT(name=name, buffer=len(model.buffers) - 1))
    model.buffers = [_Aligned(schema, each.data) for each in model.buffers]
    builder.Finish(model.Pack(builder), file_identifier=_IDENTIFIER)
    content = bytes(builder.Output())
    return content.replace(_LATER.encode(), hashlib.sha256(content).hexdigest().encode(), 1)


class _Aligned:
    """A buffer of LiteRT whose first byte is at a multiple of 16, which the generated code does not see to."""

    def __init__(self, schema: Any, data: Any) -> None:
        self._schema, self._data = schema, data

    def Pack(self, builder: Any) -> Any:  # noqa: N802
        data = self._data
        if data is not None:
            builder.StartVector(1, len(data), _ALIGNMENT)
            builder.head -= len(data)
            builder.Bytes[builder.head : builder.head + len(data)] = data.tobytes()
            where = builder.EndVector()
        self._schema.BufferStart(builder)
        if data is not None:
            self._schema.BufferAddData(builder, where)
        return self._schema.BufferEnd(builder)


def read_litert(path: Path) -> tuple[bytes, ModelInfo]:
    """The bytes of a file, and its description. Raises ExportError unless we wrote it and it is complete.

    Only operations that an export writes are accepted, and only weights within the file.
    """
    schema: Any = optional("ai_edge_litert.schema_py_generated", "litert")
    content = read_whole(path)
    try:
        if content[4:8] != _IDENTIFIER:
            raise ValueError("it does not begin as one")
        model = schema.Model.GetRootAs(content, 0)
        texts = _texts(model)
        if METADATA_KEY not in texts:
            raise ExportError(
                f"an exported file names its network, and {path} does not: something else wrote it. Export the "
                "network by `netwright export`."
            )
        digest = texts.get(_DIGEST, "")
        if hashlib.sha256(content.replace(digest.encode(), _LATER.encode(), 1)).hexdigest() != digest:
            raise ExportError(f"{path} is not as it was written: it is damaged. Copy or export it again.")
        info = info_from_json(texts[METADATA_KEY], str(path))
        _refuse_others(schema, model, path)
        _refuse_other_signature(model.Subgraphs(0), info, path)
    except ExportError:
        raise
    except Exception as error:  # what reading numbers beyond the end and damaged text raises
        raise ExportError(
            f"{path} is no file for LiteRT, or a damaged one: {error or type(error).__name__}. Export it again."
        ) from error
    return content, info


def _texts(model: Any) -> dict[str, str]:
    """Our metadata by name."""
    found = {}
    for i in range(min(model.MetadataLength(), 64)):
        entry = model.Metadata(i)
        name = (entry.Name() or b"").decode()
        if name in (METADATA_KEY, _DIGEST):
            found[name] = bytes(model.Buffers(entry.Buffer()).DataAsNumpy()).decode()
    return found


def _refuse_others(schema: Any, model: Any, path: Path) -> None:
    """Operations and weights that no export writes could read files, or make large tensors out of small ones."""
    names = {getattr(schema.BuiltinOperator, name): name for name in _OPERATIONS}
    codes = [model.OperatorCodes(i) for i in range(model.OperatorCodesLength())]
    if any(each.BuiltinCode() not in names or each.CustomCode() for each in codes):
        raise ExportError(f"{path} has operations that no export writes. Export it again.")
    if model.SubgraphsLength() != 1:
        raise ExportError(f"{path} has {model.SubgraphsLength()} graphs, where an export writes one. Export it again.")
    if any(model.Buffers(i).Offset() > 1 for i in range(model.BuffersLength())):
        raise ExportError(f"{path} has weights outside of its tables, which no export writes. Export it again.")


def _refuse_other_signature(graph: Any, info: ModelInfo, path: Path) -> None:
    """Inputs and outputs must be as described, or the first image would fail later."""

    def described(index: int) -> tuple[str, int, list[int]]:
        tensor = graph.Tensors(index)
        shape = tensor.ShapeAsNumpy() if tensor.ShapeSignatureIsNone() else tensor.ShapeSignatureAsNumpy()
        return (tensor.Name() or b"").decode(), tensor.Type(), [int(each) for each in shape]

    n, float32 = info.batch or -1, 0
    wanted = [("input", float32, [n, *info.input_shape]), ("logits", float32, [n, info.arch.num_classes])]
    ends = [*graph.InputsAsNumpy(), *graph.OutputsAsNumpy()]
    if (graph.InputsLength(), len(ends)) != (1, 2) or [described(int(each)) for each in ends] != wanted:
        raise ExportError(f"{path} describes another network than it holds. Export it again.")
