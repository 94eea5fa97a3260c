"""Requests and responses of the Open Inference Protocol as REST writes them: JSON, then the bytes of tensors."""

from __future__ import annotations

import asyncio
import base64
import binascii
import gc
import json
import math
from typing import Any

from netwright.serving.errors import RequestError
from netwright.serving.protocol.shared_memory import refuse_shared_memory
from netwright.serving.protocol.tensors import InferRequest, InputTensor, OutputTensor, RequestedOutput, check_count

__all__ = ["read_json", "read_request", "write_response"]

_MOST_CLASSES = 10_000
_ON_THE_LOOP = 1024  # numbers of an answer that is written there
_SLICE = 256  # numbers that become text at once: a tenth of a millisecond
_MOST_LISTS = 1_000_000  # 70 MB of them
_MOST_TEXTS = 200_000  # and keys: a request names a few, and has a text for each image


def read_json(data: bytes | memoryview) -> Any:
    """The value of a JSON text. RequestError where it is no JSON, nested too deep, or has too many lists."""
    text = bytes(data)
    if text.count(b"[") + text.count(b"{") > _MOST_LISTS:
        raise RequestError(
            "too_large", f"JSON has at most {_MOST_LISTS:,} lists and objects here. Send a flat list, or binary data."
        )
    if text.count(b'"') > 2 * _MOST_TEXTS:
        raise RequestError("too_large", f"JSON has at most {_MOST_TEXTS:,} keys and texts here. Send binary data.")
    had_gc = gc.isenabled()
    gc.disable()  # it would look through all lists again as they grow: minutes for 32 MB of `[],`
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise RequestError("malformed", f"the body must be JSON, and this is not: {str(error)[:200]}.") from error
    finally:
        if had_gc:
            gc.enable()


def read_request(body: bytes, header_length: str | None) -> InferRequest:
    """Read a request for inference.

    Args:
        body: JSON, and perhaps the bytes of a tensor after it.
        header_length: Of the header Inference-Header-Content-Length: bytes of the JSON where a tensor follows it.

    Raises:
        RequestError: Where it is malformed.
    """
    length = len(body)
    if header_length is not None:
        if not (header_length.isascii() and header_length.isdigit()) or int(header_length[:20]) > len(body):
            raise RequestError(
                "malformed", "Inference-Header-Content-Length is the size of the JSON before the tensors."
            )
        length = int(header_length)
    view = memoryview(body)
    message, binary = read_json(body if length == len(body) else view[:length]), view[length:]
    if not isinstance(message, dict):
        raise RequestError("malformed", "a request is a JSON object.")
    inputs = message.get("inputs")
    if not isinstance(inputs, list) or len(inputs) != 1 or not isinstance(inputs[0], dict):
        raise RequestError("malformed", "a request has one of the inputs: {'inputs': [{'name': 'input', ...}]}.")
    tensor = _input(inputs[0], binary)
    by_default = _parameters(message).get("binary_data_output") is True
    outputs = message.get("outputs", [])
    if not isinstance(outputs, list) or not all(isinstance(each, dict) for each in outputs):
        raise RequestError("malformed", "outputs are a list of objects with a name.")
    check_count(len(outputs))
    requested = tuple(_requested(each, by_default) for each in outputs)
    if not requested and by_default:
        requested = (RequestedOutput("logits", True), RequestedOutput("probabilities", True))
    return InferRequest(_text(message, "id", ""), tensor, requested)


async def write_response(
    request: InferRequest, name: str, version: int, outputs: tuple[OutputTensor, ...]
) -> tuple[bytes, int | None]:
    """Write the response to a request, in a thread where many numbers become text.

    Args:
        request: The request.
        name: Of the model that answers.
        version: Of the model.
        outputs: Its tensors.

    Returns:
        The body, and the size of its JSON where tensors follow it, else None.
    """
    texts = [each for each in outputs if not each.is_binary]
    if sum(math.prod(each.shape) for each in texts) <= _ON_THE_LOOP:
        return _write(request, name, version, outputs)
    return await asyncio.to_thread(_write, request, name, version, outputs)


def _write(
    request: InferRequest, name: str, version: int, outputs: tuple[OutputTensor, ...]
) -> tuple[bytes, int | None]:
    entries, tensors = [], []
    for each in outputs:
        entry: dict[str, Any] = {"name": each.name, "datatype": each.datatype, "shape": list(each.shape)}
        if each.is_binary:
            tensors.append(each.to_bytes())
            entry["parameters"] = {"binary_data_size": len(tensors[-1])}
            entries.append(json.dumps(entry))
        else:
            entries.append(f'{json.dumps(entry)[:-1]}, "data": [{_as_text(each.to_list())}]}}')
    first = json.dumps({"model_name": name, "model_version": str(version)})[:-1]
    last = f', "id": {json.dumps(request.id)}' if request.id else ""
    head = f'{first}, "outputs": [{", ".join(entries)}]{last}}}'.encode()
    return (b"".join([head, *tensors]), len(head)) if tensors else (head, None)


def _as_text(values: list[Any]) -> str:
    """A list in JSON, without its brackets. In parts, between which other threads may run."""
    parts = [json.dumps(values[start : start + _SLICE])[1:-1] for start in range(0, len(values), _SLICE)]
    return ", ".join(parts)


def _input(entry: dict[str, Any], binary: memoryview) -> InputTensor:
    shape = entry.get("shape")
    if not isinstance(shape, list) or not all(type(each) is int and 0 <= each < 1 << 31 for each in shape):
        raise RequestError("malformed", "the shape of an input is a list of whole numbers.")
    name, datatype = _text(entry, "name"), _text(entry, "datatype")
    size = _parameters(entry).get("binary_data_size")
    if size is not None:
        if type(size) is not int or size != len(binary):
            raise RequestError(
                "malformed", f"binary_data_size is the size of what follows the JSON, {len(binary):,} bytes."
            )
        return InputTensor(name, datatype, tuple(shape), binary)
    if len(binary):
        raise RequestError("malformed", f"{len(binary):,} bytes follow the JSON, and no input has binary_data_size.")
    data = entry.get("data")
    if not isinstance(data, list):
        raise RequestError("malformed", "an input has a list as its data, or binary_data_size.")
    if datatype == "BYTES":
        data = [_decoded(each) for each in data]
    return InputTensor(name, datatype, tuple(shape), data)


def _decoded(text: Any) -> bytes:
    try:
        if not isinstance(text, str):
            raise ValueError("no text")
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise RequestError("malformed", "BYTES in JSON are base64: encode them, or send binary data.") from error


def _requested(entry: dict[str, Any], by_default: bool) -> RequestedOutput:
    parameters = _parameters(entry)
    classes = parameters.get("classification", 0)
    if type(classes) is not int or not 0 <= classes <= _MOST_CLASSES:
        raise RequestError("malformed", "classification is the number of likeliest classes, a whole number.")
    is_binary = parameters.get("binary_data", by_default)
    if type(is_binary) is not bool:
        raise RequestError("malformed", "binary_data is true or false.")
    return RequestedOutput(_text(entry, "name"), is_binary, classes)


def _parameters(entry: dict[str, Any]) -> dict[str, Any]:
    found = entry.get("parameters", {})
    if not isinstance(found, dict):
        raise RequestError("malformed", "parameters are an object.")
    refuse_shared_memory(found)
    return found


def _text(entry: dict[str, Any], key: str, default: str | None = None) -> str:
    found = entry.get(key, default)
    if not isinstance(found, str):
        raise RequestError("malformed", f"{key!r} is a text, and is missing or is none.")
    return found
