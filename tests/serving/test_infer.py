"""Tensors in, tensors out, over HTTP."""

import base64
import gzip
import json
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from netwright.runtime import open_runtime
from netwright.serving.supervisor.process import Server

Ask = Callable[..., tuple[int, bytes, dict[str, str]]]
Tensor = Callable[..., bytes]


def test_tensors_as_json(ask: Ask, tensor: Tensor, server: Server, weights: Path, photo: bytes) -> None:
    x = np.random.default_rng(0).standard_normal((2, 3, 16, 16)).astype(np.float32)
    with open_runtime(weights, threads=1) as runtime:
        logits = runtime.logits(x)
    for data in (x.tolist(), x.ravel().tolist()):
        body = tensor("input", "FP32", [2, 3, 16, 16], data, id="q", outputs=[{"name": "logits"}])
        status, answer, _ = ask(server, "POST", "/v2/models/tiny/versions/1/infer", body)
        said = json.loads(answer)
        assert (status, said["id"], said["model_name"], said["model_version"]) == (200, "q", "tiny", "1")
        assert [each["name"] for each in said["outputs"]] == ["logits"]
        np.testing.assert_allclose(np.reshape(said["outputs"][0]["data"], (2, 3)), logits, rtol=1e-4, atol=1e-5)
    text = base64.b64encode(photo).decode()
    status, answer, _ = ask(server, "POST", "/v2/models/tiny/infer", tensor("image", "BYTES", [1], [text]))
    assert status == 200
    assert sum(json.loads(answer)["outputs"][1]["data"]) == pytest.approx(1, abs=1e-5)


def test_bodies_may_be_packed_but_not_bombs(ask: Ask, tensor: Tensor, server: Server) -> None:
    plain = tensor("pixels", "UINT8", [1, 16, 16, 3], [7] * 768)
    for encoding, packed in (("gzip", gzip.compress(plain)), ("deflate", zlib.compress(plain))):
        status, _, _ = ask(server, "POST", "/v2/models/tiny/infer", packed, {"Content-Encoding": encoding})
        assert status == 200
    for packed, code in ((gzip.compress(b" " * (8 << 20)), 413), (gzip.compress(plain)[:-9], 400), (b"x", 400)):
        status, _, _ = ask(server, "POST", "/v2/models/tiny/infer", packed, {"Content-Encoding": "gzip"})
        assert status == code


MALFORMED = {
    "no JSON": b"\xff\x00",
    "deep": b"[" * 100_000,
    "a list": b"[]",
    "no inputs": b"{}",
    "two inputs": json.dumps({"inputs": [{}, {}]}).encode(),
    "another name": ("x", "FP32", [1, 3, 16, 16], []),
    "another type": ("input", "FP64", [1, 3, 16, 16], [0] * 768),
    "another shape": ("input", "FP32", [1, 3, 8, 8], [0] * 192),
    "no rows": ("pixels", "UINT8", [0, 16, 16, 3], []),
    "huge": ("pixels", "UINT8", [2**30, 16, 16, 3], [1]),
    "beyond": ("pixels", "UINT8", [2**70, 16, 16, 3], [1]),
    "negative": ("pixels", "UINT8", [-1, 16, 16, 3], [7] * 768),
    "ragged": ("pixels", "UINT8", [1, 16, 16, 3], [[1], [2, 3]]),
    "texts": ("pixels", "UINT8", [1, 16, 16, 3], ["7"] * 768),
    "objects": ("pixels", "UINT8", [1, 16, 16, 3], [{}] * 768),
    "256": ("pixels", "UINT8", [1, 16, 16, 3], [256] * 768),
    "halves": ("pixels", "UINT8", [1, 16, 16, 3], [0.5] * 768),
    "NaN": ("input", "FP32", [1, 3, 16, 16], [float("nan")] * 768),
    "1e300": ("input", "FP32", [1, 3, 16, 16], [1e300] * 768),
    "integers without end": ("input", "FP32", [1, 3, 16, 16], [10**400] * 768),
    "digits without end": b'{"inputs": ' + b"9" * 10_000 + b"}",
    "an unknown output": ("pixels", "UINT8", [1, 16, 16, 3], [7] * 768, {"outputs": [{"name": "x"}]}),
    "an output twice": ("pixels", "UINT8", [1, 16, 16, 3], [7] * 768, {"outputs": [{"name": "logits"}] * 2}),
    "odd parameters": ("pixels", "UINT8", [1, 16, 16, 3], [7] * 768, {"parameters": []}),
    "text that is no base64": ("image", "BYTES", [1], ["\u00e9"]),
    "a number for text": ("image", "BYTES", [1], [5]),
}


@pytest.mark.parametrize("given", MALFORMED.values(), ids=MALFORMED)
def test_a_malformed_request_is_refused_with_what_is_wrong(
    ask: Ask, tensor: Tensor, server: Server, given: Any
) -> None:
    body = given if isinstance(given, bytes) else tensor(*given)
    status, answer, _ = ask(server, "POST", "/v2/models/tiny/infer", body)
    assert status == 400
    assert len(json.loads(answer)["error"]) > 20


@pytest.mark.parametrize("length", ["-1", "x", "9" * 5000, "1", "100000"])
def test_a_wrong_length_of_the_head(ask: Ask, tensor: Tensor, server: Server, length: str) -> None:
    body = tensor("pixels", "UINT8", [1, 16, 16, 3], [7] * 768)
    status, _, _ = ask(server, "POST", "/v2/models/tiny/infer", body, {"Inference-Header-Content-Length": length})
    assert status == 400
