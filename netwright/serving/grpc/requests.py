"""Messages of gRPC's clients, unpacked and read: a small one must not become a huge one unseen."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from netwright.serving.errors import RequestError
from netwright.serving.protocol import tensors
from netwright.serving.protocol.packed import decompress
from netwright.serving.protocol.shared_memory import refuse_shared_memory
from netwright.serving.protocol.tensors import InferRequest, InputTensor, RequestedOutput
from netwright.system.extras import optional

if TYPE_CHECKING:
    from netwright.serving.limits import Limits, RequestContext

__all__ = ["check_fields", "parse", "read_infer_request", "unpack"]

_MOST_FIELDS = 20_000  # of a message: each becomes an object. An image of bytes_contents is one
_MOST_DIMENSIONS_BYTES = 256
_SLICE = 1 << 16  # numbers converted before other requests have their turn
# first bytes of a packed message -> its encoding: no message of the protocol begins like them
_PACKED = {b"\x1f\x8b": "gzip", b"\x78": "deflate"}
_VARINT, _EIGHT_BYTES, _LENGTH, _FOUR_BYTES = 0, 1, 2, 5  # types of fields on the wire
# fields of ModelInferRequest, InferInputTensor and InferTensorContents
_INPUTS, _SHAPE, _CONTENTS, _UINT, _FP32, _BYTES = 5, 3, 5, 4, 6, 8
_CONTENTS_OF = {"FP32": "fp32_contents", "UINT8": "uint_contents", "BYTES": "bytes_contents"}
_DTYPES = {"FP32": np.dtype("<f4"), "UINT8": np.dtype("<u4")}


async def unpack(data: bytes, limits: Limits, context: RequestContext) -> bytes:
    """A message, unpacked where its client packed it. RequestError where it becomes too large."""
    encoding = next((name for start, name in _PACKED.items() if data.startswith(start)), "")
    if not encoding:
        return data
    unpacked = io.BytesIO()
    for part in decompress(data, encoding, limits.settings.max_body):
        limits.unpack(context, len(part), "unpacked messages")
        unpacked.write(part)
        await asyncio.sleep(0)  # other requests have their turn
    return unpacked.getvalue()


def parse(kind: Any, data: bytes) -> Any:
    """The message of a class of protobuf. RequestError where it is none, or has too many fields."""
    check_fields(data)
    try:
        return kind.FromString(data)
    except optional("google.protobuf.message", "serve").DecodeError as error:
        raise RequestError("malformed", f"this is no message of the protocol: {error}.") from error


def check_fields(data: bytes) -> None:
    """Check a message before it is parsed: two bytes of the wire can become an object of a hundred.

    Args:
        data: A ModelInferRequest, or one of the small messages.

    Raises:
        RequestError: For too many fields, or numbers that grow when they are parsed.
    """
    count = 0
    whole = memoryview(data)
    parts = [(whole, "message")]
    while parts:
        view, what = parts.pop()
        for number, kind, value in _fields(view):
            count += 1
            if count > _MOST_FIELDS:
                raise RequestError("too_large", f"a message has at most {_MOST_FIELDS:,} fields.")
            if kind != _LENGTH:
                continue
            if what == "message" and number == _INPUTS:
                parts.append((value, "input"))
            elif what == "input" and number == _SHAPE and len(value) > _MOST_DIMENSIONS_BYTES:
                raise RequestError("malformed", "the shape of an input has a few whole numbers.")
            elif what == "input" and number == _CONTENTS:
                parts.append((value, "contents"))
            elif what == "contents" and number not in (_UINT, _FP32, _BYTES):
                raise RequestError(
                    "malformed",
                    "the contents of an input are fp32_contents, uint_contents or bytes_contents. Send others as "
                    "raw_input_contents.",
                )


def _fields(view: memoryview) -> Iterator[tuple[int, int, memoryview]]:
    """(number, type on the wire, content) of each field. RequestError for what is no message."""
    at, size = 0, len(view)
    while at < size:
        tag, at = _varint(view, at)
        number, kind = tag >> 3, tag & 7
        start = at
        if kind == _VARINT:
            _, at = _varint(view, at)
        elif kind == _LENGTH:
            length, start = _varint(view, at)
            at = start + length
        elif kind in (_EIGHT_BYTES, _FOUR_BYTES):
            at += 8 if kind == _EIGHT_BYTES else 4
        else:
            raise RequestError("malformed", "this is no message of the protocol.")
        if at > size:
            raise RequestError("malformed", "the message is cut off.")
        yield number, kind, view[start:at]


def _varint(view: memoryview, at: int) -> tuple[int, int]:
    value = shift = 0
    for index in range(at, min(at + 10, len(view))):
        value |= (view[index] & 0x7F) << shift
        if view[index] < 0x80:
            return value, index + 1
        shift += 7
    raise RequestError("malformed", "the message is cut off.")


async def read_infer_request(request: Any, limits: Limits, context: RequestContext) -> InferRequest:
    """The request of a ModelInferRequest. RequestError where it is malformed."""
    if len(request.inputs) != 1:
        raise RequestError("malformed", f"a request has one of the inputs, and this has {len(request.inputs)}.")
    tensor = request.inputs[0]
    refuse_shared_memory(tensor.parameters)
    if len(request.raw_input_contents) > 1:
        raise RequestError("malformed", "raw_input_contents has one element per input.")
    shape = tuple(tensor.shape)
    if any(not 0 <= each < 1 << 31 for each in shape):
        raise RequestError("malformed", "the shape of an input has whole numbers, 0 or more.")
    data: Any
    if request.raw_input_contents:
        data = request.raw_input_contents[0]
    else:
        data = await _typed_contents(tensor, limits, context)
    tensors.check_count(len(request.outputs))
    outputs = []
    for each in request.outputs:
        refuse_shared_memory(each.parameters)
        classes = each.parameters["classification"].int64_param if "classification" in each.parameters else 0
        if not 0 <= classes <= 10_000:
            raise RequestError("malformed", "classification is the number of likeliest classes, a whole number.")
        outputs.append(RequestedOutput(each.name, True, classes))
    return InferRequest(request.id, InputTensor(tensor.name, tensor.datatype, shape, data), tuple(outputs))


async def _typed_contents(tensor: Any, limits: Limits, context: RequestContext) -> Any:
    """The numbers or texts that are not raw; numbers as bytes, as if they were."""
    tensors.check_datatype(tensor.name, tensor.datatype)
    if tensor.datatype not in _CONTENTS_OF:
        raise RequestError("malformed", f"{tensor.datatype} is sent as raw_input_contents: gRPC has no numbers of it.")
    values = getattr(tensor.contents, _CONTENTS_OF[tensor.datatype])
    if tensor.datatype == "BYTES":
        return list(values)
    dtype = _DTYPES[tensor.datatype]
    limits.unpack(context, len(values) * dtype.itemsize, "numbers")
    numbers = np.empty(len(values), dtype=dtype)
    for start in range(0, len(values), _SLICE):
        numbers[start : start + _SLICE] = values[start : start + _SLICE]
        await asyncio.sleep(0)
    if tensor.datatype == "UINT8":
        if numbers.size and numbers.max() > 255:
            raise RequestError("malformed", f"the data of {tensor.name!r} cannot be read: pixels are 0 to 255.")
        numbers = numbers.astype(np.uint8)
    return numbers.tobytes()
