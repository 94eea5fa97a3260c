"""Requests and answers of the protocol as REST writes them."""

import asyncio
import base64
import gc
import json
import time
from typing import Any

import numpy as np
import pytest

from netwright.serving.errors import RequestError
from netwright.serving.protocol.infer_json import read_json, read_request, write_response
from netwright.serving.protocol.tensors import InferRequest, InputTensor, OutputTensor, RequestedOutput

_TENSOR = {"name": "pixels", "datatype": "UINT8", "shape": [1, 2]}


def body(data: Any = (1, 2), more: dict[str, Any] | None = None, **tensor: Any) -> bytes:
    return json.dumps({"inputs": [_TENSOR | {"data": data} | tensor]} | (more or {})).encode()


def test_a_request_of_json() -> None:
    asked = read_request(body([1, 2], {"id": "q", "outputs": [{"name": "logits"}]}), None)
    assert (asked.id, asked.outputs) == ("q", (RequestedOutput("logits"),))
    assert (asked.input.name, asked.input.datatype, asked.input.shape) == ("pixels", "UINT8", (1, 2))
    assert asked.input.data == [1, 2]
    assert read_request(body(), None).id == ""
    assert read_request(body(), None).outputs == ()
    image = base64.b64encode(b"\xff\0").decode()
    assert read_request(body([image, ""], datatype="BYTES"), None).input.data == [b"\xff\0", b""]


def test_a_request_of_bytes() -> None:
    head = json.dumps({"inputs": [_TENSOR | {"parameters": {"binary_data_size": 2}}]}).encode()
    asked = read_request(head + b"\7\x08", str(len(head)))
    assert isinstance(asked.input.data, memoryview)
    assert bytes(asked.input.data) == b"\7\x08"
    for length in ("", "-1", "+5", "1.0", "x", "٣", "0", str(len(head) - 1), str(len(head) + 3), "9" * 400):
        with pytest.raises(RequestError) as refused:
            read_request(head + b"\7\x08", length)
        assert refused.value.status == 400
    for size in (-1, 0, 1, 3, 2.0, "2", True, 2**70):
        told = json.dumps({"inputs": [_TENSOR | {"parameters": {"binary_data_size": size}}]}).encode()
        with pytest.raises(RequestError, match="binary_data_size is the size of what follows the JSON, 2 bytes"):
            read_request(told + b"\7\x08", str(len(told)))
    with pytest.raises(RequestError, match="2 bytes follow the JSON"):
        read_request(body() + b"\7\x08", str(len(body())))


def test_which_outputs_come_as_bytes() -> None:
    def outputs(*entries: Any, **parameters: Any) -> tuple[RequestedOutput, ...]:
        return read_request(body((1,), {"outputs": list(entries), "parameters": parameters}), None).outputs

    assert outputs({"name": "logits", "parameters": {"binary_data": True}}) == (RequestedOutput("logits", True),)
    assert outputs({"name": "logits"}, binary_data_output=True) == (RequestedOutput("logits", True),)
    assert outputs({"name": "logits", "parameters": {"binary_data": False}}, binary_data_output=True) == (
        RequestedOutput("logits", False),
    )
    assert outputs(binary_data_output=True) == (RequestedOutput("logits", True), RequestedOutput("probabilities", True))
    assert outputs(binary_data_output=False) == ()
    assert outputs({"name": "logits", "parameters": {"classification": 3}}) == (RequestedOutput("logits", False, 3),)


@pytest.mark.parametrize(
    ("wrong", "constraint"),
    [
        (b"[]", "JSON object"),
        (b"null", "JSON object"),
        (b"{}", "one of the inputs"),
        (b'{"inputs": []}', "one of the inputs"),
        (b'{"inputs": [1]}', "one of the inputs"),
        (b'{"inputs": [{}, {}]}', "one of the inputs"),
        (b'{"inputs": [{}]}', "shape"),
        (body(shape=[-1]), "whole numbers"),
        (body(shape=[1 << 31]), "whole numbers"),
        (body(shape=[1.0]), "whole numbers"),
        (body(shape=[True]), "whole numbers"),
        (body(shape="1"), "whole numbers"),
        (body(name=1), "'name' is a text"),
        (body(datatype=None), "'datatype' is a text"),
        (body(parameters=[]), "parameters are an object"),
        (body({}), "a list as its data"),
        (body(None), "a list as its data"),
        (body(["%"], datatype="BYTES"), "base64"),
        (body(["QQ"], datatype="BYTES"), "base64"),
        (body(["Q Q="], datatype="BYTES"), "base64"),
        (body([1], datatype="BYTES"), "base64"),
        (body((), {"id": 1}), "'id' is a text"),
        (body((), {"outputs": {}}), "outputs are a list"),
        (body((), {"outputs": [1]}), "outputs are a list"),
        (body((), {"outputs": [{}]}), "'name' is a text"),
        (body((), {"outputs": [{"name": "logits"}] * 3}), "there are 2, and these are 3"),
        (body((), {"outputs": [{"name": "x", "parameters": {"classification": -1}}]}), "classification"),
        (body((), {"outputs": [{"name": "x", "parameters": {"classification": 10_001}}]}), "classification"),
        (body((), {"outputs": [{"name": "x", "parameters": {"classification": True}}]}), "classification"),
        (body((), {"outputs": [{"name": "x", "parameters": {"binary_data": 1}}]}), "true or false"),
        (body((), {"parameters": []}), "parameters are an object"),
    ],
)
def test_a_request_that_is_none(wrong: bytes, constraint: str) -> None:
    with pytest.raises(RequestError, match=constraint) as refused:
        read_request(wrong, None)
    assert refused.value.status == 400


@pytest.mark.parametrize("wrong", [b"", b"\xff", b"{", b"[" * 100_000, b"9" * 10_000, b'"\1"', b"{} x"])
def test_what_is_no_json(wrong: bytes) -> None:
    with pytest.raises(RequestError, match="JSON") as refused:
        read_json(wrong)
    assert len(str(refused.value)) < 300
    assert read_json(memoryview(b'{"a": 1}')) == {"a": 1}


def test_more_lists_than_there_is_time_for() -> None:
    most = b"[" + b"{}," * 999_998 + b"{}]"
    began = time.monotonic()
    assert len(read_json(most)) == 999_999
    assert gc.isenabled()
    for more in (b"[[]," + most[1:], b"[" * 1_000_001, b"[{}," + most[1:]):
        with pytest.raises(RequestError, match="1,000,000 lists") as refused:
            read_json(more)
        assert refused.value.status == 413
    assert time.monotonic() - began < 10


def test_the_collector_rests_while_json_is_read() -> None:
    """Reading many lists would start it again and again."""
    before = gc.get_stats()[2]["collections"]
    read_json(b"[" + b"[]," * 300_000 + b"[]]")
    assert gc.get_stats()[2]["collections"] - before <= 1
    gc.disable()
    try:
        read_json(b"[]")
        assert not gc.isenabled()
    finally:
        gc.enable()


def test_many_numbers_become_text_as_few_do() -> None:
    values = np.random.default_rng(0).normal(size=(90, 100)).astype(np.float32)
    asked = InferRequest("q", InputTensor("pixels", "UINT8", (90,), b""), ())
    content, length = asyncio.run(write_response(asked, "tiny", 3, (OutputTensor("logits", (90, 100), values, False),)))
    answer = json.loads(content)
    assert (length, answer["id"], answer["model_version"]) == (None, "q", "3")
    assert answer["outputs"][0]["data"] == values.ravel().tolist()


def test_an_answer_of_json_and_of_bytes() -> None:
    values = np.array([[1.5, -2.0]], dtype=np.float32)
    asked = InferRequest("q", InputTensor("pixels", "UINT8", (1,), b""), ())
    plain, texts = OutputTensor("logits", (1, 2), values, False), OutputTensor("top", (1, 1), [b"1.5:0:a"], True)
    answer, length = asyncio.run(write_response(asked, "tiny", 3, (plain,)))
    assert length is None
    assert json.loads(answer) == {
        "model_name": "tiny",
        "model_version": "3",
        "id": "q",
        "outputs": [{"name": "logits", "datatype": "FP32", "shape": [1, 2], "data": [1.5, -2.0]}],
    }
    raw = OutputTensor("probabilities", (1, 2), values, True)
    answer, length = asyncio.run(write_response(InferRequest("", asked.input, ()), "tiny", 3, (raw, plain, texts)))
    assert length is not None
    said = json.loads(answer[:length])
    assert "id" not in said
    assert [each.get("parameters") for each in said["outputs"]] == [
        {"binary_data_size": 8},
        None,
        {"binary_data_size": 11},
    ]
    assert answer[length:] == values.tobytes() + b"\7\0\0\0" + b"1.5:0:a"
