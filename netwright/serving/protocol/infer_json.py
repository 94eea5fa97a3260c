"""Requests and answers of the Open Inference Protocol as REST writes them: JSON, then the tensors' bytes."""

from __future__ import annotations

import base64
import binascii
import gc
import json
from typing import Any

from netwright.serving.errors import Refused
from netwright.serving.protocol.tensors import Asked, Given, Output, Wanted, check_count

__all__ = ["read_json", "read_request", "write_answer"]

_MOST_CLASSES = 10_000
_MOST_LISTS = 1_000_000  # 70 MB of them


def read_json(data: bytes | memoryview) -> Any:
    """Refused for what is no JSON, is nested too deep, or has too many lists and objects."""
    text = bytes(data)
    if text.count(b"[") + text.count(b"{") > _MOST_LISTS:
        raise Refused(
            "too_large", f"JSON has at most {_MOST_LISTS:,} lists and objects here. Send a flat list, or binary data."
        )
    had_gc = gc.isenabled()
    gc.disable()  # each new list would make it look through all that are there: minutes for 32 MB of `[],`
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise Refused("malformed", f"the body is JSON, and this is not: {str(error)[:200]}.") from error
    finally:
        if had_gc:
            gc.enable()


def read_request(body: bytes, header_length: str | None) -> Asked:
    """header_length: of Inference-Header-Content-Length, the bytes of the JSON where tensors follow it."""
    length = len(body)
    if header_length is not None:
        if not (header_length.isascii() and header_length.isdigit()) or int(header_length[:20]) > len(body):
            raise Refused("malformed", "Inference-Header-Content-Length is the size of the JSON before the tensors.")
        length = int(header_length)
    view = memoryview(body)
    message, binary = read_json(view[:length]), view[length:]
    if not isinstance(message, dict):
        raise Refused("malformed", "a request is a JSON object.")
    inputs = message.get("inputs")
    if not isinstance(inputs, list) or len(inputs) != 1 or not isinstance(inputs[0], dict):
        raise Refused("malformed", "a request has one of the inputs: {'inputs': [{'name': 'input', ...}]}.")
    given = _given(inputs[0], binary)
    by_default = _parameters(message).get("binary_data_output") is True
    outputs = message.get("outputs", [])
    if not isinstance(outputs, list) or not all(isinstance(each, dict) for each in outputs):
        raise Refused("malformed", "outputs are a list of objects with a name.")
    check_count(len(outputs))
    wanted = tuple(_wanted(each, by_default) for each in outputs)
    if not wanted and by_default:
        wanted = (Wanted("logits", True), Wanted("probabilities", True))
    return Asked(_text(message, "id", ""), given, wanted)


def write_answer(asked: Asked, name: str, version: int, outputs: tuple[Output, ...]) -> tuple[bytes, int | None]:
    """The body, and the size of its JSON where tensors follow it."""
    entries, tensors = [], []
    for each in outputs:
        entry: dict[str, Any] = {"name": each.name, "datatype": each.datatype, "shape": list(each.shape)}
        if each.is_binary:
            tensors.append(each.raw())
            entry["parameters"] = {"binary_data_size": len(tensors[-1])}
        else:
            entry["data"] = each.plain()
        entries.append(entry)
    message: dict[str, Any] = {"model_name": name, "model_version": str(version), "outputs": entries}
    if asked.id:
        message["id"] = asked.id
    head = json.dumps(message).encode()
    return (b"".join([head, *tensors]), len(head)) if tensors else (head, None)


def _given(entry: dict[str, Any], binary: memoryview) -> Given:
    shape = entry.get("shape")
    if not isinstance(shape, list) or not all(type(each) is int and 0 <= each < 1 << 31 for each in shape):
        raise Refused("malformed", "the shape of an input is a list of whole numbers.")
    name, datatype = _text(entry, "name"), _text(entry, "datatype")
    size = _parameters(entry).get("binary_data_size")
    if size is not None:
        if type(size) is not int or size != len(binary):
            raise Refused("malformed", f"binary_data_size is the size of what follows the JSON, {len(binary):,} bytes.")
        return Given(name, datatype, tuple(shape), binary)
    if len(binary):
        raise Refused("malformed", f"{len(binary):,} bytes follow the JSON, and no binary_data_size says of what.")
    data = entry.get("data")
    if not isinstance(data, list):
        raise Refused("malformed", "an input has a list as its data, or binary_data_size.")
    if datatype == "BYTES":
        data = [_decoded(each) for each in data]
    return Given(name, datatype, tuple(shape), data)


def _decoded(text: Any) -> bytes:
    try:
        if not isinstance(text, str):
            raise ValueError("no text")
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise Refused("malformed", "in JSON, BYTES are base64: send binary data, or encode them.") from error


def _wanted(entry: dict[str, Any], by_default: bool) -> Wanted:
    parameters = _parameters(entry)
    classes = parameters.get("classification", 0)
    if type(classes) is not int or not 0 <= classes <= _MOST_CLASSES:
        raise Refused("malformed", "classification is how many of the likeliest classes are wanted.")
    is_binary = parameters.get("binary_data", by_default)
    if type(is_binary) is not bool:
        raise Refused("malformed", "binary_data is true or false.")
    return Wanted(_text(entry, "name"), is_binary, classes)


def _parameters(entry: dict[str, Any]) -> dict[str, Any]:
    found = entry.get("parameters", {})
    if not isinstance(found, dict):
        raise Refused("malformed", "parameters are an object.")
    return found


def _text(entry: dict[str, Any], key: str, default: str | None = None) -> str:
    found = entry.get(key, default)
    if not isinstance(found, str):
        raise Refused("malformed", f"{key!r} is a text, and is missing or is none.")
    return found
