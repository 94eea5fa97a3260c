"""The tensors of the Open Inference Protocol: what comes in becomes images, and logits go out.

Version 2 of the protocol (KServe's predict API), with the binary tensor data and classification extensions of Triton.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, replace
from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np

from netwright.errors import ServeError
from netwright.serving.errors import Refused
from netwright.serving.models.batcher import FloatArray, Rows

if TYPE_CHECKING:
    from netwright.runtime import ModelInfo, Runtime

__all__ = [
    "INPUTS",
    "OUTPUTS",
    "Asked",
    "Given",
    "Output",
    "Wanted",
    "check_count",
    "check_outputs",
    "images_of",
    "model_metadata",
    "outputs_of",
]

# input -> datatype
INPUTS = {"input": "FP32", "pixels": "UINT8", "image": "BYTES"}
OUTPUTS = ("logits", "probabilities")
_MOST_TEXTS = (
    100_000  # images that a request's bytes are cut into, whatever they are; what they become is counted later
)

_DTYPES: dict[str, np.dtype[Any]] = {"FP32": np.dtype("<f4"), "UINT8": np.dtype("u1")}


@dataclass(frozen=True, slots=True, eq=False)
class Given:
    """An input tensor as it came. data: raw little-endian bytes, or a list (of JSON or gRPC), flat or nested."""

    name: str
    datatype: str
    shape: tuple[int, ...]
    data: bytes | memoryview | list[Any]


@dataclass(frozen=True, slots=True)
class Wanted:
    """An output that was asked for. classes: 0 for the tensor, k for its k likeliest as `value:index:name`."""

    name: str
    is_binary: bool = False
    classes: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class Asked:
    """A request, whichever door it came through. outputs: empty for all."""

    id: str
    given: Given
    outputs: tuple[Wanted, ...]

    def without_data(self) -> Asked:
        """For when its images are taken out of it: lists of numbers are large."""
        return replace(self, given=replace(self.given, data=b""))


@dataclass(frozen=True, slots=True, eq=False)
class Output:
    """values: (N, ...) float32, or a list of texts for BYTES."""

    name: str
    shape: tuple[int, ...]
    values: FloatArray | list[bytes]
    is_binary: bool

    @property
    def datatype(self) -> str:
        """A word of the protocol."""
        return "BYTES" if isinstance(self.values, list) else "FP32"

    def raw(self) -> bytes:
        """As the protocol writes it."""
        if isinstance(self.values, list):
            return b"".join(struct.pack("<I", len(each)) + each for each in self.values)
        return self.values.astype("<f4", copy=False).tobytes()

    def plain(self) -> list[Any]:
        """As JSON writes it: flat."""
        if isinstance(self.values, list):
            return [each.decode(errors="replace") for each in self.values]
        values: list[Any] = self.values.ravel().tolist()
        return values


def images_of(given: Given, info: ModelInfo) -> Rows | list[bytes]:
    """What the batcher takes, or encoded images to decode first. Refused for another name, datatype, shape or size."""
    if given.name not in INPUTS:
        raise Refused("malformed", f"an input is one of {', '.join(INPUTS)}, not {given.name[:100]!r}.")
    if given.datatype != INPUTS[given.name]:
        asked, has = INPUTS[given.name], given.datatype[:20]
        raise Refused("malformed", f"the input {given.name!r} has the datatype {asked}, not {has!r}.")
    c, h, w = info.input_shape
    expected = {"input": (c, h, w), "pixels": (h, w, c), "image": ()}[given.name]
    shape = given.shape
    is_column = given.name == "image" and len(shape) == 2 and shape[1] == 1
    if not shape or shape[0] < 1 or (shape[1:] != expected and not is_column):
        is_normalized = {"input": ", normalized", "pixels": ", red first", "image": ", encoded files"}[given.name]
        raise Refused(
            "malformed",
            f"the input {given.name!r} of {info.name} has the shape [N{''.join(f', {each}' for each in expected)}]"
            f"{is_normalized}, with N of 1 or more, not {list(shape)[:8]}.",
        )
    return _texts(given) if given.name == "image" else _numbers(given)


def outputs_of(asked: Asked, runtime: Runtime, logits: FloatArray) -> tuple[Output, ...]:
    """What was asked for. Refused where the network overflows."""
    check_outputs(asked.outputs)
    try:
        tensors = {"logits": logits, "probabilities": runtime.probabilities(logits)}
    except ServeError as error:
        if asked.given.name != "input":
            raise Refused("damaged", str(error)) from error
        raise Refused("malformed", f"the network overflows: is the input normalized? {error}") from error
    answer = []
    for wanted in asked.outputs or tuple(map(Wanted, OUTPUTS)):
        values = tensors[wanted.name]
        if wanted.classes:
            texts = _likeliest(values, runtime.info.output_names, wanted.classes)
            shape = (len(values), min(wanted.classes, values.shape[1]))
            answer.append(Output(wanted.name, shape, texts, wanted.is_binary))
        else:
            answer.append(Output(wanted.name, values.shape, values, wanted.is_binary))
    return tuple(answer)


def check_count(outputs: int) -> None:
    """Refused for more outputs than there are, before anything is made of them."""
    if outputs > len(OUTPUTS):
        raise Refused(
            "malformed", f"each output is asked for once: there are {len(OUTPUTS)}, and these are {outputs:,}."
        )


def check_outputs(outputs: tuple[Wanted, ...]) -> None:
    """Refused for one that does not exist or is named twice."""
    names = [each.name for each in outputs]
    for name in names:
        if name not in OUTPUTS:
            raise Refused("malformed", f"an output is one of {', '.join(OUTPUTS)}, not {name[:100]!r}.")
    if len(set(names)) < len(names):
        raise Refused("malformed", f"each output is asked for once, and {', '.join(names[:9])} name one twice.")


def model_metadata(info: ModelInfo, versions: list[int]) -> dict[str, Any]:
    """As the protocol describes a model; -1 is any number of images."""
    c, h, w = info.input_shape
    shapes = {"input": [-1, c, h, w], "pixels": [-1, h, w, c], "image": [-1]}
    return {
        "name": info.name,
        "versions": [str(each) for each in versions],
        "platform": "netwright",
        "inputs": [{"name": name, "datatype": INPUTS[name], "shape": shapes[name]} for name in INPUTS],
        "outputs": [{"name": name, "datatype": "FP32", "shape": [-1, info.arch.num_classes]} for name in OUTPUTS],
    }


def _numbers(given: Given) -> Rows:
    dtype = _DTYPES[given.datatype]
    count = 1
    for each in given.shape:
        count *= each
    if isinstance(given.data, list):
        return _of_list(given, given.data, dtype, count)
    if len(given.data) != count * dtype.itemsize:
        raise Refused(
            "malformed",
            f"{given.name!r} of shape {list(given.shape)} has {count * dtype.itemsize:,} bytes, and "
            f"{len(given.data):,} came.",
        )
    rows: Rows = np.frombuffer(given.data, dtype=dtype).reshape(given.shape)
    if dtype.kind == "f" and not np.isfinite(rows).all():
        raise Refused("malformed", f"the numbers of {given.name!r} are finite, and some are not.")
    return rows


def _of_list(given: Given, data: list[Any], dtype: np.dtype[Any], count: int) -> Rows:
    try:
        wide = np.asarray(_flat(data, given.shape))
        if wide.dtype.kind not in "iuf":
            raise ValueError("a number is too large")
        if wide.size != count:
            raise ValueError(f"{wide.size:,} values, where {count:,} numbers belong")
        if dtype.kind == "u" and (wide.dtype.kind == "f" or wide.min() < 0 or wide.max() > 255):
            raise ValueError("pixels are whole numbers of 0 to 255")
        with np.errstate(over="ignore"):
            rows: Rows = wide.astype(dtype).reshape(given.shape)
        if not np.isfinite(rows).all():
            raise ValueError("numbers that are not finite in float32")
    except (ValueError, TypeError, OverflowError) as error:
        raise Refused("malformed", f"the data of {given.name!r} cannot be read: {error}.") from error
    return rows


def _flat(data: list[Any], shape: tuple[int, ...]) -> list[Any]:
    """The numbers of a list that is flat or nested as the shape is. ValueError for others.

    numpy is not asked: of texts it would make an array as wide as the longest.
    """
    for side in shape[1:]:
        if not any(type(each) is list for each in data):
            break
        if not all(type(each) is list and len(each) == side for each in data):
            raise ValueError("it is nested in another way than its shape")
        data = list(chain.from_iterable(data))
    if not set(map(type, data)) <= {int, float}:
        raise ValueError("numbers belong there, and others are there")
    return data


def _texts(given: Given) -> list[bytes]:
    if given.shape[0] > _MOST_TEXTS:
        raise Refused("too_large", f"a request has at most {_MOST_TEXTS:,} images.")
    if isinstance(given.data, list):
        texts = [each for each in given.data if isinstance(each, bytes)]
        if len(texts) != len(given.data):
            raise Refused("malformed", "BYTES travel as binary data here, or as base64 text in JSON.")
    else:
        texts, data, start = [], memoryview(given.data), 0
        while start < len(data) and len(texts) <= given.shape[0]:
            head = bytes(data[start : start + 4])
            size = struct.unpack("<I", head)[0] if len(head) == 4 else len(data)
            start += 4 + size
            if start > len(data):
                raise Refused("malformed", f"each element of {given.name!r} follows its length, and this one is cut.")
            texts.append(bytes(data[start - size : start]))
    if len(texts) != given.shape[0]:
        raise Refused("malformed", f"{given.name!r} of shape {list(given.shape)} has another number of elements.")
    return texts


def _likeliest(values: FloatArray, names: tuple[str, ...], k: int) -> list[bytes]:
    order = np.argsort(-values, axis=1, kind="stable")[:, :k]
    return [f"{row[i]:f}:{i}:{names[i]}".encode() for row, indices in zip(values, order, strict=True) for i in indices]
