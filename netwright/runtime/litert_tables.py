"""The tables of a LiteRT (TensorFlow Lite) graph while it is built: tensors, constants and operations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

__all__ = ["ANY", "LiteRtGraph"]

ANY = -1  # of a shape's signature: any number


# operation of LiteRT -> the table of its options
_OPTIONS = {
    "ADD": "AddOptions",
    "CONV_2D": "Conv2DOptions",
    "DEPTHWISE_CONV_2D": "DepthwiseConv2DOptions",
    "DEQUANTIZE": "DequantizeOptions",
    "FULLY_CONNECTED": "FullyConnectedOptions",
    "MAX_POOL_2D": "Pool2DOptions",
    "MEAN": "ReducerOptions",
    "MUL": "MulOptions",
    "PAD": "PadOptions",
    "PADV2": "PadV2Options",
    "RESHAPE": "ReshapeOptions",
    "TRANSPOSE": "TransposeOptions",
}


@dataclass(slots=True)
class LiteRtGraph:
    """A graph being built.

    Attributes:
        schema: The module of LiteRT's tables.
        batch: Images at once, None for any number.
        half: Whether weights are stored in float16.
        names: Placeholder of torch's graph -> the name of its weights in the network.
        weights: By placeholder, as torch has them.
        at: Value of torch's graph -> its tensor.
        users: Value -> how many operations take it.
    """

    schema: Any
    batch: int | None
    half: bool
    names: dict[str, str]
    weights: dict[str, Any] = field(default_factory=dict)
    at: dict[str, int] = field(default_factory=dict)
    users: dict[str, int] = field(default_factory=dict)
    tensors: list[Any] = field(default_factory=list)
    buffers: list[Any] = field(default_factory=list)
    operators: list[Any] = field(default_factory=list)
    codes: dict[tuple[int, int], int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.buffers.append(self.schema.BufferT())  # the empty one, of what is computed

    def computed(self, name: str, shape: Sequence[int], *, per_image: bool = True) -> int:
        """A tensor that an operation writes. shape: without N."""
        tensor = self.schema.TensorT(shape=[self.batch or 1, *shape] if per_image else list(shape), name=name)
        if self.batch is None and per_image:
            tensor.shapeSignature = [ANY, *shape]
        self.tensors.append(tensor)
        return len(self.tensors) - 1

    def constant(self, name: str, array: Any) -> int:
        """A tensor of the file: float32 or int32; weights of several dimensions become float16 where that is stored."""
        kinds = self.schema.TensorType
        is_half = self.half and array.dtype == np.float32 and array.ndim > 1
        stored = array.astype(np.float16) if is_half else array
        kind = {"float16": kinds.FLOAT16, "float32": kinds.FLOAT32, "int32": kinds.INT32}[str(stored.dtype)]
        self.buffers.append(self.schema.BufferT(data=np.frombuffer(stored.tobytes(), dtype=np.uint8)))
        self.tensors.append(
            self.schema.TensorT(shape=list(array.shape), type=kind, buffer=len(self.buffers) - 1, name=name)
        )
        if not is_half:
            return len(self.tensors) - 1
        half = len(self.tensors) - 1
        whole = self.computed(f"{name}_float32", array.shape, per_image=False)
        self.add("DEQUANTIZE", [half], whole, version=3)  # of float16
        return whole

    def add(self, kind: str, inputs: Sequence[int], output: int, *, version: int = 1, **options: Any) -> int:
        """An operation; version: from which LiteRT has it so; options: of its table, where they are not the usual."""
        schema = self.schema
        code = getattr(schema.BuiltinOperator, kind), version
        index = self.codes.setdefault(code, len(self.codes))
        operator = schema.OperatorT(opcodeIndex=index, inputs=list(inputs), outputs=[output])
        if table := _OPTIONS.get(kind):
            operator.builtinOptionsType = getattr(schema.BuiltinOptions, table)
            operator.builtinOptions = getattr(schema, f"{table}T")(**options)
        self.operators.append(operator)
        return output
