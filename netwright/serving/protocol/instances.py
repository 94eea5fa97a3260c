"""The lists of instances of MindSpore Serving and of version 1 of KServe's protocol, which is TensorFlow Serving's."""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING, Any

import numpy as np

from netwright.serving.errors import RequestError
from netwright.serving.protocol.infer_json import read_json
from netwright.serving.protocol.tensors import InputTensor, numbers_of

if TYPE_CHECKING:
    from netwright.runtime import ModelInfo

__all__ = ["read_instances", "read_mindspore_instances", "tensor_of_instances"]

_MOST_INSTANCES = 1_000
_MOST_SIDES = 8  # of an array


def read_mindspore_instances(body: bytes) -> list[bytes | RequestError]:
    """The image of each instance, or why it has none. RequestError where there is no list of them."""
    return [_image_or_error(each) for each in _instances(body, '{"image": {"b64": "..."}}')]


def read_instances(body: bytes) -> list[bytes] | InputTensor:
    """The instances of KServe's version 1.

    Args:
        body: JSON; its instances are {"b64": "..."}, or the same under a name of any kind, or all of them arrays.

    Returns:
        Encoded images; or a nameless tensor, UINT8 where all numbers are whole and of a byte, else FP32.

    Raises:
        RequestError: Where they are neither.
    """
    instances = _instances(body, '{"b64": "..."}')
    if isinstance(instances[0], list):
        return _arrays(instances)
    images = []
    for index, each in enumerate(instances):
        image = _image_or_error(each)
        if isinstance(image, RequestError):
            raise RequestError(image.reason, f"instance {index}: {image}")
        images.append(image)
    return images


def tensor_of_instances(tensor: InputTensor, info: ModelInfo) -> InputTensor:
    """The input of a network that arrays are: its pixels where the last side is the channels, else normalized numbers.

    Args:
        tensor: Of `read_instances`.
        info: Of the network.

    Raises:
        RequestError: Where they are neither.
    """
    c, h, w = info.input_shape
    shape, data = tensor.shape, np.frombuffer(tensor.data, dtype="u1" if tensor.datatype == "UINT8" else "<f4")  # type: ignore[arg-type]
    if shape[1:] == (h, w, c):
        if tensor.datatype != "UINT8":
            raise RequestError("malformed", f"arrays of {h} x {w} x {c} are pixels: whole numbers from 0 to 255.")
        return InputTensor("pixels", "UINT8", shape, tensor.data)
    if shape[1:] == (c, h, w):
        return InputTensor("input", "FP32", shape, data.astype("<f4").tobytes())
    raise RequestError(
        "malformed",
        f"an array of {info.name} has the shape [{h}, {w}, {c}] (pixels from 0 to 255) or [{c}, {h}, {w}] (normalized "
        f"numbers), not {list(shape[1:])}.",
    )


def _instances(body: bytes, form: str) -> list[Any]:
    message = read_json(body)
    instances = message.get("instances") if isinstance(message, dict) else None
    if not isinstance(instances, list) or not instances:
        raise RequestError("malformed", f'the body is {{"instances": [{form}, ...]}}.')
    if len(instances) > _MOST_INSTANCES:
        raise RequestError("too_large", f"a request has at most {_MOST_INSTANCES:,} images.")
    return instances


def _image_or_error(entry: Any) -> bytes | RequestError:
    """The image of {"b64": text} or {"image": {"b64": text}}; a key that is alone may have any name."""
    inner = entry
    if isinstance(entry, dict) and "b64" not in entry:
        inner = entry.get("image", next(iter(entry.values()), None))
    text = inner.get("b64") if isinstance(inner, dict) else None
    if not isinstance(text, str):
        return RequestError("malformed", 'an instance is {"image": {"b64": "..."}}.')
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return RequestError("malformed", "b64 is the image file in base64, and this is not.")


def _arrays(instances: list[Any]) -> InputTensor:
    shape, inner = [len(instances)], instances[0]
    while isinstance(inner, list):
        shape.append(len(inner))
        if len(shape) > _MOST_SIDES or not inner:
            raise RequestError("malformed", "an array is nested lists of numbers, one for each side of the image.")
        inner = inner[0]
    tensor = InputTensor("instances", "FP32", tuple(shape), instances)
    rows = numbers_of(tensor)
    is_pixels = bool(((rows >= 0) & (rows <= 255) & (rows == np.floor(rows))).all())
    data = rows.astype(np.uint8).tobytes() if is_pixels else rows.tobytes()
    return InputTensor("instances", "UINT8" if is_pixels else "FP32", tuple(shape), data)
