"""Bodies that lie, over every protocol: refused in time and in little memory, and the next is answered."""

import base64
import gzip
import json
import struct
import time
import zlib
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from netwright.serving.grpc.messages import messages
from netwright.serving.supervisor.process import Server

Ask = Callable[..., tuple[int, bytes, dict[str, str]]]
Files = Callable[..., tuple[bytes, dict[str, str]]]
Form = Callable[..., tuple[bytes, dict[str, str]]]
Memory = Callable[[float], AbstractContextManager[None]]
Message = Callable[..., Any]
Rpc = Callable[[Server, Any], str]
Serving = Callable[..., AbstractContextManager[Server]]
Tensor = Callable[..., bytes]

_INFER = "/v2/models/tiny/infer"
_LENGTH = "Inference-Header-Content-Length"
_SECONDS = 5.0  # for any one answer


_ROWS = [1, 16, 16, 3]
_NUMBERS = [7] * 768
_HEAD = b'{"inputs":[{"name":"input","datatype":"FP32","shape":[%b],"data":['


def _likeliest(count: int) -> dict[str, Any]:
    return {"outputs": [{"name": "logits", "parameters": {"classification": count}}]}


# a request -> its status; a tuple is what `tensor` takes
NUMBERS: dict[str, Any] = {
    "nested 10^5 deep": (b'{"inputs":' + b"[" * 100_000 + b"]" * 100_000 + b"}", 400),
    "objects 10^5 deep": (b'{"inputs":' * 100_000, 400),
    "data nested 400 deep": (("pixels", "UINT8", _ROWS, json.loads("[" * 400 + "1" + "]" * 400)), 400),
    "data nested as another shape": (("pixels", "UINT8", _ROWS, [[[[1]]]] * 768), 400),
    "nested once too little": (("pixels", "UINT8", _ROWS, [[[7] * 3] * 256]), 400),
    "true for 1": (("pixels", "UINT8", _ROWS, [True, *_NUMBERS[1:]]), 400),
    "null for 1": (("input", "FP32", [1, 3, 16, 16], [None, *_NUMBERS[1:]]), 400),
    "one long text among short ones": (("pixels", "UINT8", _ROWS, ["x" * 300_000, *[""] * 100_000]), 400),
    "-Infinity": (("input", "FP32", [1, 3, 16, 16], [float("-inf")] * 768), 400),
    "1e400": (_HEAD % b"1,3,16,16" + b"1e400" + b",1" * 767 + b"]}]}", 400),
    "what the network overflows at": (("input", "FP32", [1, 3, 16, 16], [3e38, -3e38] * 384), 400),
    "a shape of 2^31 - 1": (("pixels", "UINT8", [2**31 - 1, 16, 16, 3], [1]), 400),
    "a shape of 10^400": (_HEAD % (b"1" + b"0" * 400) + b"1]}]}", 400),
    "a shape of 1.0": (("pixels", "UINT8", [1.0, 16, 16, 3], _NUMBERS), 400),
    "a shape of true": (("pixels", "UINT8", [True, 16, 16, 3], _NUMBERS), 400),
    "a shape of 10^5 sides": (("pixels", "UINT8", [1] * 100_000, _NUMBERS), 400),
    "no shape": (("pixels", "UINT8", [], _NUMBERS), 400),
    "a shape of 0": (("pixels", "UINT8", [0, 16, 16, 3], []), 400),
    "keys twice": (b'{"inputs":[],' + (_HEAD % b"1")[1:] + b'1],"name":"x"}]}', 400),
    "a name with NUL": (("pix\0els", "UINT8", _ROWS, _NUMBERS), 400),
    "a name of half a character": (b'{"inputs":[{"name":"\\ud800","datatype":"\\udfff","shape":[1],"data":[1]}]}', 400),
    "an id of half a character": (b'{"id":"\\ud800",' + (_HEAD % b"1")[1:] + b"1]}]}", 400),
    "a million outputs": (("pixels", "UINT8", _ROWS, _NUMBERS, {"outputs": [{"name": "logits"}] * 40_000}), 400),
    "classification of -1": (("pixels", "UINT8", _ROWS, _NUMBERS, _likeliest(-1)), 400),
    "classification of 10^9": (("pixels", "UINT8", _ROWS, _NUMBERS, _likeliest(10**9)), 400),
    "UTF-16": (json.dumps({"inputs": []}).encode("utf-16"), 400),
    "Latin-1": (b'{"inputs": "\xe9"}', 400),
    "a mark of byte order": (b'\xef\xbb\xbf{"inputs": []}', 400),
    "NUL": (b"\0" * 1000, 400),
    "nothing": (b"", 400),
    "base64 with line ends": (("image", "BYTES", [1], [base64.encodebytes(bytes(300)).decode()]), 400),
    "base64 for addresses": (("image", "BYTES", [1], ["_-_-"]), 400),
    "base64 without its end": (("image", "BYTES", [1], ["QUJDRA"]), 400),
    "base64 of nothing": (("image", "BYTES", [1], [""]), 400),
    "100,000 empty lists": (b'{"inputs":[' + b"[]," * 100_000 + b"[]]}", 400),
}  # fmt: skip


@pytest.mark.parametrize("what", NUMBERS)
def test_tensors_that_lie(ask: Ask, memory: Memory, tensor: Tensor, server: Server, well: None, what: str) -> None:
    given, expected = NUMBERS[what]
    body = given if isinstance(given, bytes) else tensor(*given)
    began = time.monotonic()
    with memory(64):
        status, answer, headers = ask(server, "POST", _INFER, body)
    assert (status, headers["content-type"]) == (expected, "application/json")
    assert 20 < len(json.loads(answer)["error"]) < 1000
    assert time.monotonic() - began < _SECONDS


@pytest.mark.slow
@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
@pytest.mark.parametrize("path", ["/predict", _INFER, "/model/tiny:predict"])
def test_bodies_that_unfold(
    ask: Ask, memory: Memory, server: Server, well: None, photo: bytes, encoding: str, path: str
) -> None:
    pack = gzip.compress if encoding == "gzip" else zlib.compress
    bomb = pack(b" " * (80 << 20), 9)
    with memory(48):
        for body, expected in (
            (bomb, 413),
            (pack(bomb), 422 if path == "/predict" else 400),
            (pack(photo)[:-9], 400),
            (pack(photo) + b"more", 400),
            (photo, 400),
            (b"", 400),
        ):
            status, answer, _ = ask(server, "POST", path, body, {"Content-Encoding": encoding})
            assert (status, "error" in json.loads(answer) or "error_msg" in json.loads(answer)) == (expected, True)
    assert ask(server, "POST", path, b"x", {"Content-Encoding": "br"})[0] == 400
    assert ask(server, "POST", "/predict", pack(photo), {"Content-Encoding": encoding.upper()})[0] == 200


def test_binary_data_that_lies(ask: Ask, files: Files, server: Server, well: None, photo: bytes) -> None:
    for size in (-1, 0, 1, 4 + len(photo) + 1, 2**63, 2**70, 1.5, "7", None, True, [], {}):
        body, headers = files(photo, parameters={"binary_data_size": size})
        status, answer, _ = ask(server, "POST", _INFER, body, headers)
        assert (status, len(json.loads(answer)["error"]) > 20) == (400, True), size
    # two inputs over the same bytes
    head = json.dumps({"inputs": [{"name": "image", "parameters": {"binary_data_size": 9}}] * 2}).encode()
    assert ask(server, "POST", _INFER, head + b"x" * 9, {_LENGTH: str(len(head))})[0] == 400
    whole, headers = files(photo)
    for length in ("", "0", "-5", "+5", "1e2", "0x10", "١٢", "9" * 30, str(len(whole) + 1), f"{headers[_LENGTH]}, 5"):
        assert ask(server, "POST", _INFER, whole, {_LENGTH: length.encode()})[0] == 400, length
    size = struct.pack("<I", len(photo))
    for data in (size[:3], size + photo[:-1], size + photo + size, struct.pack("<I", 2**32 - 1) + photo, b""):
        given = {"name": "image", "datatype": "BYTES", "shape": [1], "parameters": {"binary_data_size": len(data)}}
        head = json.dumps({"inputs": [given]}).encode()
        assert ask(server, "POST", _INFER, head + data, {_LENGTH: str(len(head))})[0] == 400, data[:9]


def test_names_that_lead_elsewhere(ask: Ask, server: Server, well: None) -> None:
    names = (
        "..",
        "../../etc/passwd",
        "%2e%2e%2f%2e%2e%2fetc%2fpasswd",
        "tiny%00",
        "%00",
        "tiny%0a",
        "%ff%fe",
        "..%5c..",
    )
    names = (
        *names,
        "%E2%80%AE",
        "tiny%2f..%2ftiny",
        "%F0%9F%90%88",
        "x" * 5000,
        "tiny%20",
        "TINY",
        "{name}",
        "%",
        "%zz",
    )
    for name in names:
        for method, path in (
            ("GET", f"/v2/models/{name}"),
            ("GET", f"/v2/models/{name}/ready"),
            ("GET", f"/v2/models/tiny/versions/{name}"),
            ("POST", f"/v2/models/{name}/infer"),
            ("POST", f"/model/{name}:predict"),
            ("POST", f"/model/tiny/version/{name}:predict"),
            ("POST", f"/predict?model={name}"),
            ("POST", f"/predict?version={name}"),
        ):
            status, answer, _ = ask(server, method, path, b"x" if method == "POST" else None)
            assert (status, len(json.loads(answer))) == (404, 1), (method, path)


def test_messages_that_are_none(
    message: Message, rpc: Rpc, memory: Memory, server: Server, well: None, photo: bytes
) -> None:
    def numbers(kind: str, values: Any, shape: list[int], **given: Any) -> Any:
        tensor = {"name": "input", "datatype": "FP32", "shape": shape, "contents": {kind: values}} | given
        return messages()["ModelInferRequest"](model_name="tiny", inputs=[tensor])

    whole = message([photo]).SerializeToString()
    assert rpc(server, message([photo])) == "OK"
    for request, codes in (
        (b"\xff" * 100, {"INVALID_ARGUMENT"}),
        (whole[:-5], {"INVALID_ARGUMENT"}),
        (b"", {"NOT_FOUND", "INVALID_ARGUMENT"}),
        (message([photo], [-1]), {"INVALID_ARGUMENT"}),
        (message([photo], [2**62]), {"INVALID_ARGUMENT"}),
        (message([photo], [1] * 10_000), {"INVALID_ARGUMENT"}),
        (message([photo], [2]), {"INVALID_ARGUMENT"}),
        (message([photo], model_name="../tiny"), {"NOT_FOUND"}),
        (message([photo], model_version="1" * 5000), {"NOT_FOUND"}),
        (message([photo], raw_input_contents=[]), {"INVALID_ARGUMENT"}),
        (message([photo], raw_input_contents=[b"x", b"y"]), {"INVALID_ARGUMENT"}),
        (message([photo], raw_input_contents=[struct.pack("<I", 2**32 - 1)]), {"INVALID_ARGUMENT"}),
        (message([photo], inputs=[]), {"INVALID_ARGUMENT"}),
        (message([photo], outputs=[{"name": "\0"}]), {"INVALID_ARGUMENT"}),
        (message([photo], outputs=[{"name": "logits"}] * 10_000), {"INVALID_ARGUMENT"}),
        (
            message([photo], outputs=[{"name": "logits", "parameters": {"classification": {"int64_param": -1}}}]),
            {"INVALID_ARGUMENT"},
        ),
        (numbers("fp32_contents", [float("nan")] * 768, [1, 3, 16, 16]), {"INVALID_ARGUMENT"}),
        (numbers("fp32_contents", [3e38, -3e38] * 384, [1, 3, 16, 16]), {"INVALID_ARGUMENT"}),
        (numbers("fp32_contents", [1.0], [2**30, 3, 16, 16]), {"INVALID_ARGUMENT"}),
        (numbers("int_contents", [1] * 768, [1, 3, 16, 16]), {"INVALID_ARGUMENT"}),
        (numbers("fp32_contents", [1.0] * 768, [1, 3, 16, 16], datatype="FP16"), {"INVALID_ARGUMENT"}),
        (message([bytes(2 << 20)]), {"INVALID_ARGUMENT", "RESOURCE_EXHAUSTED"}),
        (message([bytes(1 << 20)]), {"INVALID_ARGUMENT"}),
    ):
        began = time.monotonic()
        with memory(48):
            assert rpc(server, request) in codes, str(request)[:200]
        assert time.monotonic() - began < _SECONDS


def test_random_bodies(ask: Ask, form: Form, tensor: Tensor, server: Server, well: None, photo: bytes) -> None:
    generator = np.random.default_rng(1)
    bodies = (photo, tensor("pixels", "UINT8", _ROWS, _NUMBERS), form(("a", photo))[0])
    seen = set()
    for turn in range(200):
        base = bytearray(bodies[turn % 3])
        for _ in range(int(generator.integers(1, 30))):
            base[generator.integers(len(base))] = generator.integers(256)
        headers = {"Content-Type": "multipart/form-data; boundary=xyz"} if turn % 3 == 2 else {}
        path = ("/predict", _INFER, "/model/tiny:predict")[turn // 3 % 3]
        seen.add(ask(server, "POST", path, bytes(base[: generator.integers(1, len(base))]), headers)[0])
    assert {400, 422} <= seen <= {200, 400, 413, 422}


def test_many_large_requests_at_once_are_held_within_the_limit(
    ask: Ask, memory: Memory, serving: Serving, weights: Path, in_threads: Callable[..., Any]
) -> None:
    body = zlib.compress(b" " * (4 << 20))
    with serving(weights, max_body=4 << 20, max_bytes=8 << 20) as server, memory(64):
        for sent, headers in ((body, {"Content-Encoding": "deflate"}), (b"\xff\xd8\xff" + bytes(4 << 20)[3:], {})):
            threads, answers = in_threads(
                12, lambda sent=sent, headers=headers: ask(server, "POST", "/predict", sent, headers)
            )
            for thread in threads:
                thread.join(20)
            assert {each[0] for each in answers} <= {422, 429}
            assert len(answers) == 12
            assert all(each[2]["retry-after"] for each in answers if each[0] == 429)
