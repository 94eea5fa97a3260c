"""Tensors of the protocol, without a server."""

import struct
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from netwright.runtime import Runtime, open_runtime
from netwright.serving.errors import RequestError
from netwright.serving.protocol.tensors import (
    InferRequest,
    InputTensor,
    OutputTensor,
    RequestedOutput,
    check_count,
    check_outputs,
    images_of,
    model_metadata,
    outputs_of,
)


@pytest.fixture(scope="module")
def runtime(weights: Path) -> Iterator[Runtime]:
    with open_runtime(weights, threads=1) as found:
        yield found


def given(
    data: Any, shape: tuple[int, ...] = (2, 16, 16, 3), name: str = "pixels", datatype: str = "UINT8"
) -> InputTensor:
    return InputTensor(name, datatype, shape, data)


def test_numbers_as_bytes_and_as_lists(runtime: Runtime) -> None:
    info, generator = runtime.info, np.random.default_rng(0)
    pixels = generator.integers(0, 256, (2, 16, 16, 3), dtype=np.uint8)
    for data in (pixels.tobytes(), memoryview(pixels.tobytes()), pixels.ravel().tolist(), pixels.tolist()):
        rows = images_of(given(data), info)
        assert isinstance(rows, np.ndarray)
        assert rows.dtype == np.uint8
        np.testing.assert_array_equal(rows, pixels)
    x = generator.standard_normal((1, 3, 16, 16)).astype("<f4")
    for values in (x.tobytes(), x.ravel().tolist(), x.tolist()):
        rows = images_of(given(values, (1, 3, 16, 16), "input", "FP32"), info)
        assert isinstance(rows, np.ndarray)
        assert rows.dtype == np.float32
        np.testing.assert_array_equal(rows, x)
    whole = images_of(given([1] * 768, (1, 3, 16, 16), "input", "FP32"), info)
    assert isinstance(whole, np.ndarray)
    assert whole.dtype == np.float32


@pytest.mark.parametrize(
    ("wrong", "constraint"),
    [
        (given(b"", name="x"), "one of input, pixels, image"),
        (given(b"", datatype="FP32"), "datatype UINT8"),
        (given(b"", (2, 3, 16, 16)), r"\[N, 16, 16, 3\], in RGB order"),
        (given(b"", ()), "N of 1 or more"),
        (given(b"", (0, 16, 16, 3)), "N of 1 or more"),
        (given(b"x" * 1535), "1,536 bytes, and 1,535 came"),
        (given([1] * 1535), "1,535 values, where 1,536 are expected"),
        (given([1] * 1537), "1,537 values, where 1,536 are expected"),
        (given([[1] * 768] * 2), "not nested as its shape is"),
        (given([[[[1, 2, 3]] * 16] * 16, [[[1, 2, 3]] * 16] * 15]), "not nested as its shape is"),
        (given([[[[1, 2, [3]]] * 16] * 16] * 2), "values that are not numbers"),
        (given([1] * 1535 + ["1"]), "values that are not numbers"),
        (given([1] * 1535 + [True]), "values that are not numbers"),
        (given([1] * 1535 + [None]), "values that are not numbers"),
        (given([1] * 1535 + [2**70]), "too large"),
        (given([1] * 1535 + [256]), "0 to 255"),
        (given([1] * 1535 + [-1]), "0 to 255"),
        (given([1] * 1535 + [1.0]), "0 to 255"),
        (given([1.0] * 767 + [float("nan")], (1, 3, 16, 16), "input", "FP32"), "not finite"),
        (given([1.0] * 767 + [1e39], (1, 3, 16, 16), "input", "FP32"), "not finite"),
        (given(b"\0\0\x80\x7f" * 768, (1, 3, 16, 16), "input", "FP32"), "finite"),
        (given(["a"], (1,), "image", "BYTES"), "base64"),
        (given([b"a"], (2,), "image", "BYTES"), "a different number of elements"),
        (given([b"a"], (1, 2), "image", "BYTES"), r"\[N\], encoded files"),
        (given(b"\1\0\0\0", (1,), "image", "BYTES"), "is cut off"),
        (given(b"\1\0\0\0ab", (1,), "image", "BYTES"), "is cut off"),
        (given(b"\1\0\0\0a" * 2, (1,), "image", "BYTES"), "a different number of elements"),
        (given(b"\1\0\0\0a", (2,), "image", "BYTES"), "a different number of elements"),
    ],
)
def test_a_tensor_that_is_another(runtime: Runtime, wrong: InputTensor, constraint: str) -> None:
    with pytest.raises(RequestError, match=constraint) as refused:
        images_of(wrong, runtime.info)
    assert refused.value.status == 400


def test_a_long_text_among_numbers_takes_no_room(runtime: Runtime) -> None:
    # numpy would make an array as wide as the longest: 1,500 times 4 GB
    with pytest.raises(RequestError, match="values that are not numbers"):
        images_of(given(["x" * (1 << 20)] + [""] * 1535), runtime.info)


def test_more_images_than_there_is_time_for(runtime: Runtime) -> None:
    empty = bytes(4 * 8_000_000)
    began = time.monotonic()
    with pytest.raises(RequestError, match="at most 100,000 images") as refused:
        images_of(given(empty, (8_000_000,), "image", "BYTES"), runtime.info)
    assert refused.value.status == 413
    with pytest.raises(RequestError, match="a different number of elements"):
        images_of(given(empty, (3,), "image", "BYTES"), runtime.info)
    assert time.monotonic() - began < 1
    with pytest.raises(RequestError, match="there are 2, and these are 3"):
        check_count(3)
    check_count(2)


def test_encoded_images(runtime: Runtime) -> None:
    texts = [b"one", b"", b"three"]
    data = b"".join(struct.pack("<I", len(each)) + each for each in texts)
    for shape in ((3,), (3, 1)):
        assert images_of(given(data, shape, "image", "BYTES"), runtime.info) == texts
        assert images_of(given(memoryview(data), shape, "image", "BYTES"), runtime.info) == texts
        assert images_of(given(texts, shape, "image", "BYTES"), runtime.info) == texts


def test_outputs_are_those_that_were_asked_for(runtime: Runtime) -> None:
    logits = np.array([[1.0, 3.0, 2.0], [0.0, 0.0, 5.0]], dtype=np.float32)
    every = outputs_of(InferRequest("", given(b""), ()), runtime, logits)
    assert [(each.name, each.datatype, each.shape, each.is_binary) for each in every] == [
        ("logits", "FP32", (2, 3), False),
        ("probabilities", "FP32", (2, 3), False),
    ]
    np.testing.assert_allclose(np.sum(every[1].values, axis=1), 1, atol=1e-6)
    assert every[0].to_list() == [1, 3, 2, 0, 0, 5]
    assert np.frombuffer(every[0].to_bytes(), "<f4").tolist() == every[0].to_list()
    one = outputs_of(InferRequest("", given(b""), (RequestedOutput("probabilities", True),)), runtime, logits)
    assert [(each.name, each.is_binary) for each in one] == [("probabilities", True)]


def test_the_likeliest_as_texts(runtime: Runtime) -> None:
    logits = np.array([[1.0, 3.0, 2.0], [5.0, 0.0, 5.0]], dtype=np.float32)
    [top] = outputs_of(InferRequest("", given(b""), (RequestedOutput("logits", False, 2),)), runtime, logits)
    assert (top.datatype, top.shape) == ("BYTES", (2, 2))
    # of equals the first
    assert top.to_list() == ['3.000000:1:the "dog"', "2.000000:2:elk", "5.000000:0:tabby, cat", "5.000000:2:elk"]
    data = top.to_bytes()
    assert data[:4] == struct.pack("<I", len('3.000000:1:the "dog"'))
    assert len(data) == sum(4 + len(each) for each in top.to_list())
    [all_of_them] = outputs_of(InferRequest("", given(b""), (RequestedOutput("logits", False, 99),)), runtime, logits)
    assert all_of_them.shape == (2, 3)
    assert OutputTensor("x", (1,), [b"\xff"], False).to_list() == ["\ufffd"]


def test_outputs_that_are_none(runtime: Runtime) -> None:
    for wanted, constraint in (
        ((RequestedOutput("x"),), "one of logits, probabilities"),
        ((RequestedOutput("logits"),) * 9, "once"),
    ):
        with pytest.raises(RequestError, match=constraint) as refused:
            check_outputs(wanted)
        assert len(str(refused.value)) < 200
    with pytest.raises(RequestError):
        outputs_of(InferRequest("", given(b""), (RequestedOutput("x"),)), runtime, np.zeros((1, 3), np.float32))


@pytest.mark.parametrize(("name", "status"), [("input", 400), ("pixels", 502), ("image", 502)])
def test_a_network_that_overflows(runtime: Runtime, name: str, status: int) -> None:
    # numbers that are the client's own may be too large; images never are
    with pytest.raises(RequestError, match="finite") as refused:
        outputs_of(InferRequest("", given(b"", name=name), ()), runtime, np.array([[1, np.inf, 2]], dtype=np.float32))
    assert refused.value.status == status


def test_the_data_are_dropped() -> None:
    asked = InferRequest("7", given([1] * 1000), (RequestedOutput("logits"),))
    assert asked.without_data().input.data == b""
    assert (asked.without_data().id, asked.without_data().outputs) == (asked.id, asked.outputs)


def test_a_model_as_the_protocol_describes_it(runtime: Runtime) -> None:
    said = model_metadata(runtime.info, [1, 3])
    assert (said["name"], said["versions"], said["platform"]) == ("tiny", ["1", "3"], "netwright")
    assert [(each["name"], each["datatype"], each["shape"]) for each in said["inputs"]] == [
        ("input", "FP32", [-1, 3, 16, 16]),
        ("pixels", "UINT8", [-1, 16, 16, 3]),
        ("image", "BYTES", [-1]),
    ]
    assert [(each["name"], each["shape"]) for each in said["outputs"]] == [
        ("logits", [-1, 3]),
        ("probabilities", [-1, 3]),
    ]
