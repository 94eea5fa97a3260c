"""The tensors of the Open Inference Protocol: inputs become images, and logits become outputs.

Version 2 of the protocol (KServe's predict API), with the binary tensor data and classification extensions of Triton.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, replace
from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from netwright.errors import ServeError
from netwright.serving.errors import RequestError
from netwright.serving.models.batcher import FloatArray, Rows

if TYPE_CHECKING:
    from netwright.runtime import ModelInfo, Runtime

__all__ = [
    "INPUTS",
    "OUTPUTS",
    "InferRequest",
    "InputTensor",
    "OutputTensor",
    "RequestedOutput",
    "check_classes",
    "check_count",
    "check_likeliest",
    "check_outputs",
    "images_of",
    "model_metadata",
    "numbers_of",
    "outputs_of",
]

# input -> datatype
INPUTS = {"input": "FP32", "pixels": "UINT8", "image": "BYTES"}
OUTPUTS = ("logits", "probabilities")
_HALVES = ("FP16", "BF16")  # that "input" may have instead; binary only, as in the protocol
# images that the bytes of a request are cut into; what they decode to is counted later
_MOST_IMAGES = 100_000
_MOST_CLASSES = 20_000  # with their names, in the answer about several images: each becomes some objects

# numpy has no BF16: it is the upper half of FP32
_DTYPES: dict[str, np.dtype[Any]] = {
    "FP32": np.dtype("<f4"),
    "FP16": np.dtype("<f2"),
    "BF16": np.dtype("<u2"),
    "UINT8": np.dtype("u1"),
}


@dataclass(frozen=True, slots=True, eq=False)
class InputTensor:
    """An input as it came.

    Attributes:
        name: input, pixels or image.
        datatype: The protocol's name of it.
        shape: Its dimensions.
        data: Raw little-endian bytes, or a list (of JSON or gRPC), flat or nested.
    """

    name: str
    datatype: str
    shape: tuple[int, ...]
    data: bytes | memoryview | list[Any]


@dataclass(frozen=True, slots=True)
class RequestedOutput:
    """An output that a request names.

    Attributes:
        name: logits or probabilities.
        is_binary: Whether it is sent as bytes.
        classes: 0 for the tensor, k for its k likeliest classes as texts `value:index:name`.
    """

    name: str
    is_binary: bool = False
    classes: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class InferRequest:
    """A request for inference, from REST or gRPC.

    Attributes:
        id: The client's own, or empty.
        input: Its one input.
        outputs: Those that it names; empty for all.
    """

    id: str
    input: InputTensor
    outputs: tuple[RequestedOutput, ...]

    def without_data(self) -> InferRequest:
        """The same request once its images are taken out: lists of numbers take much memory."""
        return replace(self, input=replace(self.input, data=b""))


@dataclass(frozen=True, slots=True, eq=False)
class OutputTensor:
    """An output of a response.

    Attributes:
        name: logits or probabilities.
        shape: Its dimensions.
        values: (N, ...) float32, or a list of texts for BYTES.
        is_binary: Whether REST sends it as bytes after the JSON.
    """

    name: str
    shape: tuple[int, ...]
    values: FloatArray | list[bytes]
    is_binary: bool

    @property
    def datatype(self) -> str:
        """The protocol's name of it."""
        return "BYTES" if isinstance(self.values, list) else "FP32"

    def to_bytes(self) -> bytes:
        """As binary tensor data; each text follows its length."""
        if isinstance(self.values, list):
            return b"".join(struct.pack("<I", len(each)) + each for each in self.values)
        return self.values.astype("<f4", copy=False).tobytes()

    def to_list(self) -> list[Any]:
        """As a flat list, for JSON."""
        if isinstance(self.values, list):
            return [each.decode(errors="replace") for each in self.values]
        values: list[Any] = self.values.ravel().tolist()
        return values


def images_of(tensor: InputTensor, info: ModelInfo) -> Rows | list[bytes]:
    """The images of an input.

    Args:
        tensor: The input.
        info: Of the network.

    Returns:
        What the batcher takes, or encoded images to be decoded first.

    Raises:
        RequestError: For another name, datatype, shape or size than the network's.
    """
    check_datatype(tensor.name, tensor.datatype)
    c, h, w = info.input_shape
    expected = {"input": (c, h, w), "pixels": (h, w, c), "image": ()}[tensor.name]
    shape = tensor.shape
    is_column = tensor.name == "image" and len(shape) == 2 and shape[1] == 1
    if not shape or shape[0] < 1 or (shape[1:] != expected and not is_column):
        content = {"input": ", normalized", "pixels": ", in RGB order", "image": ", encoded files"}[tensor.name]
        raise RequestError(
            "malformed",
            f"the input {tensor.name!r} of {info.name} has the shape [N{''.join(f', {each}' for each in expected)}]"
            f"{content}, with N of 1 or more, not {list(shape)[:8]}.",
        )
    return _encoded_images(tensor) if tensor.name == "image" else numbers_of(tensor)


def check_datatype(name: str, datatype: str) -> None:
    """RequestError for an input that does not exist, or has another datatype than its own."""
    if name not in INPUTS:
        raise RequestError("malformed", f"an input is one of {', '.join(INPUTS)}, not {name[:100]!r}.")
    known = (INPUTS[name], *(_HALVES if name == "input" else ()))
    if datatype not in known:
        raise RequestError(
            "malformed", f"the input {name!r} has the datatype {' or '.join(known)}, not {datatype[:20]!r}."
        )


def outputs_of(request: InferRequest, runtime: Runtime, logits: FloatArray) -> tuple[OutputTensor, ...]:
    """The outputs that a request names.

    Args:
        request: The request.
        runtime: The network that computed it.
        logits: (N, classes).

    Raises:
        RequestError: Where the logits are not finite.
    """
    check_outputs(request.outputs)
    tensors = {"logits": logits}
    try:
        if {each.name for each in request.outputs} != {"logits"} or not np.isfinite(logits).all():
            tensors["probabilities"] = runtime.probabilities(logits)
    except ServeError as error:
        if request.input.name != "input":
            raise RequestError("damaged", str(error)) from error
        raise RequestError("malformed", f"the network overflows: is the input normalized? {error}") from error
    outputs = []
    for requested in request.outputs or tuple(map(RequestedOutput, OUTPUTS)):
        values = tensors[requested.name]
        if requested.classes:
            texts = _likeliest(values, runtime.info.output_names, requested.classes)
            shape = (len(values), min(requested.classes, values.shape[1]))
            outputs.append(OutputTensor(requested.name, shape, texts, requested.is_binary))
        else:
            outputs.append(OutputTensor(requested.name, values.shape, values, requested.is_binary))
    return tuple(outputs)


def check_count(outputs: int) -> None:
    """RequestError for more outputs than there are, before anything is made of them."""
    if outputs > len(OUTPUTS):
        raise RequestError(
            "malformed", f"a request names each output once: there are {len(OUTPUTS)}, and these are {outputs:,}."
        )


def check_outputs(outputs: tuple[RequestedOutput, ...]) -> None:
    """RequestError for an output that does not exist or is named twice."""
    names = [each.name for each in outputs]
    for name in names:
        if name not in OUTPUTS:
            raise RequestError("malformed", f"an output is one of {', '.join(OUTPUTS)}, not {name[:100]!r}.")
    if len(set(names)) < len(names):
        raise RequestError("malformed", f"a request names each output once, and {', '.join(names[:9])} has one twice.")


def check_classes(outputs: tuple[RequestedOutput, ...], images: int, info: ModelInfo) -> None:
    """RequestError where a request asks for more classes by name than an answer may have."""
    check_likeliest(images, sum(min(each.classes, info.arch.num_classes) for each in outputs))


def check_likeliest(images: int, classes: int) -> None:
    """The same, for so many classes of each image."""
    if images > 1 and images * classes > _MOST_CLASSES:
        raise RequestError(
            "too_large",
            f"an answer about several images has at most {_MOST_CLASSES:,} classes, and {images:,} x {classes:,} are "
            "asked for. Ask for fewer of each image, or send fewer images.",
        )


def model_metadata(info: ModelInfo, versions: list[int]) -> dict[str, Any]:
    """A model as the protocol describes it, as a dict; -1 in a shape is any number of images."""
    c, h, w = info.input_shape
    shapes = {"input": [-1, c, h, w], "pixels": [-1, h, w, c], "image": [-1]}
    return {
        "name": info.name,
        "versions": [str(each) for each in versions],
        "platform": "netwright",
        "inputs": [{"name": name, "datatype": INPUTS[name], "shape": shapes[name]} for name in INPUTS],
        "outputs": [{"name": name, "datatype": "FP32", "shape": [-1, info.arch.num_classes]} for name in OUTPUTS],
    }


def numbers_of(tensor: InputTensor) -> Rows:
    """The numbers of a tensor in its shape, FP32 or UINT8. RequestError where they are not what it says."""
    dtype = _DTYPES[tensor.datatype]
    count = 1
    for each in tensor.shape:
        count *= each
    if isinstance(tensor.data, list):
        if tensor.datatype in _HALVES:
            raise RequestError("malformed", f"{tensor.datatype} is sent as binary data: JSON has no numbers of it.")
        return _from_list(tensor, tensor.data, dtype, count)
    if len(tensor.data) != count * dtype.itemsize:
        raise RequestError(
            "malformed",
            f"{tensor.name!r} of shape {list(tensor.shape)} has {count * dtype.itemsize:,} bytes, and "
            f"{len(tensor.data):,} came.",
        )
    rows: Rows = _widened(np.frombuffer(tensor.data, dtype=dtype), tensor.datatype).reshape(tensor.shape)
    if rows.dtype.kind == "f" and not np.isfinite(rows).all():
        raise RequestError("malformed", f"the numbers of {tensor.name!r} must be finite, and some are not.")
    return rows


def _widened(numbers: npt.NDArray[Any], datatype: str) -> Rows:
    """FP16 and BF16 as FP32, which is exact."""
    if datatype == "BF16":
        return (numbers.astype("<u4") << 16).view("<f4")
    return numbers.astype("<f4") if datatype == "FP16" else numbers


def _from_list(tensor: InputTensor, data: list[Any], dtype: np.dtype[Any], count: int) -> Rows:
    try:
        wide = np.asarray(_flat(data, tensor.shape))
        if wide.dtype.kind not in "iuf":
            raise ValueError("a number is too large")
        if wide.size != count:
            raise ValueError(f"it has {wide.size:,} values, where {count:,} are expected")
        if dtype.kind == "u" and (wide.dtype.kind == "f" or wide.min() < 0 or wide.max() > 255):
            raise ValueError("pixels are whole numbers from 0 to 255")
        with np.errstate(over="ignore"):
            rows: Rows = wide.astype(dtype).reshape(tensor.shape)
        if not np.isfinite(rows).all():
            raise ValueError("some numbers are not finite in float32")
    except (ValueError, TypeError, OverflowError) as error:
        raise RequestError("malformed", f"the data of {tensor.name!r} cannot be read: {error}.") from error
    return rows


def _flat(data: list[Any], shape: tuple[int, ...]) -> list[Any]:
    """The numbers of a list that is flat or nested as the shape is. ValueError for any other.

    Not by numpy: of texts it would make an array as wide as the longest.
    """
    for side in shape[1:]:
        if not any(type(each) is list for each in data):
            break
        if not all(type(each) is list and len(each) == side for each in data):
            raise ValueError("it is not nested as its shape is")
        data = list(chain.from_iterable(data))
    if not set(map(type, data)) <= {int, float}:
        raise ValueError("it has values that are not numbers")
    return data


def _encoded_images(tensor: InputTensor) -> list[bytes]:
    if tensor.shape[0] > _MOST_IMAGES:
        raise RequestError("too_large", f"a request has at most {_MOST_IMAGES:,} images.")
    if isinstance(tensor.data, list):
        images = [each for each in tensor.data if isinstance(each, bytes)]
        if len(images) != len(tensor.data):
            raise RequestError("malformed", "BYTES are sent as binary data, or as base64 text in JSON.")
    else:
        images, data, start = [], memoryview(tensor.data), 0
        while start < len(data) and len(images) <= tensor.shape[0]:
            head = bytes(data[start : start + 4])
            size = struct.unpack("<I", head)[0] if len(head) == 4 else len(data)
            start += 4 + size
            if start > len(data):
                raise RequestError(
                    "malformed", f"each element of {tensor.name!r} follows its length, and this one is cut off."
                )
            images.append(bytes(data[start - size : start]))
    if len(images) != tensor.shape[0]:
        raise RequestError(
            "malformed", f"{tensor.name!r} of shape {list(tensor.shape)} has a different number of elements."
        )
    return images


def _likeliest(values: FloatArray, names: tuple[str, ...], k: int) -> list[bytes]:
    order = np.argsort(-values, axis=1, kind="stable")[:, :k]
    return [f"{row[i]:f}:{i}:{names[i]}".encode() for row, indices in zip(values, order, strict=True) for i in indices]
