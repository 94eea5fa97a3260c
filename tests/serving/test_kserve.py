"""Version 1 of KServe's protocol, and the half-precision inputs of version 2."""

import base64
import json
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from netwright.runtime import open_runtime
from netwright.serving.grpc.messages import messages
from netwright.serving.supervisor.process import Server

Ask = Callable[..., tuple[int, bytes, dict[str, str]]]
_PREDICT = "/v1/models/tiny:predict"
_INFER = "/v2/models/tiny/infer"
_LENGTH = "Inference-Header-Content-Length"


def test_models_are_listed_and_ready(ask: Ask, server: Server) -> None:
    assert json.loads(ask(server, "GET", "/v1/models")[1]) == {"models": ["tiny"]}
    assert json.loads(ask(server, "GET", "/v1/models/tiny")[1]) == {"name": "tiny", "ready": True}
    assert ask(server, "GET", "/v1/models/bird")[0] == 404
    assert ask(server, "POST", "/v1/models/bird:predict", "{}")[0] == 404


def test_images_as_instances(ask: Ask, server: Server, photo: bytes, expected: dict[str, float]) -> None:
    text = base64.b64encode(photo).decode()
    for instance in ({"b64": text}, {"image": {"b64": text}}, {"image_bytes": {"b64": text}}):
        status, body, _ = ask(server, "POST", _PREDICT, json.dumps({"instances": [instance, instance]}))
        assert status == 200, body
        for said in json.loads(body)["predictions"]:
            assert said["label"] == next(iter(expected))
            assert {each["name"]: each["probability"] for each in said["classes"]} == pytest.approx(expected, rel=1e-4)


def test_arrays_as_instances_are_pixels_or_numbers(ask: Ask, server: Server, weights: Path) -> None:
    generator = np.random.default_rng(0)
    pixels = generator.integers(0, 256, (2, 16, 16, 3), dtype=np.uint8)
    numbers = generator.standard_normal((2, 3, 16, 16)).astype(np.float32)
    with open_runtime(weights, threads=1) as runtime:
        wanted = [runtime.probabilities(runtime.logits(each)) for each in (runtime.normalize(pixels), numbers)]
    for values, probabilities in zip((pixels, numbers), wanted, strict=True):
        status, body, _ = ask(server, "POST", _PREDICT, json.dumps({"instances": values.tolist()}))
        assert status == 200, body
        found = [each["probability"] for each in json.loads(body)["predictions"]]
        np.testing.assert_allclose(found, probabilities.max(1), rtol=1e-4)


@pytest.mark.parametrize(
    ("instances", "status"),
    [
        ([], 400),
        ("x", 400),
        ([3], 400),
        ([{}], 400),
        ([{"b64": "%%"}], 400),
        ([{"b64": base64.b64encode(b"no image").decode()}], 422),
        ([[]], 400),
        ([[1, 2], [3]], 400),
        ([[[[[[[[[[1]]]]]]]]]], 400),
        ([[["a"]]], 400),
        ([[[1, 2], [3, 4]]], 400),
        ([[[[0.5] * 3] * 16] * 16], 400),
        ([[[[1] * 3] * 16] * 16, {"b64": ""}], 400),
        ([[1]] * 1001, 413),
    ],
)
def test_instances_that_are_none(ask: Ask, server: Server, instances: Any, status: int) -> None:
    found, body, _ = ask(server, "POST", _PREDICT, json.dumps({"instances": instances}))
    assert (found, list(json.loads(body))) == (status, ["error"]), body


def halves(datatype: str, numbers: Any) -> tuple[bytes, Any]:
    """The bytes of FP16 or BF16, and what they are in FP32."""
    if datatype == "FP16":
        return numbers.astype("<f2").tobytes(), numbers.astype("<f2").astype(np.float32)
    upper = (numbers.view("<u4") >> 16).astype("<u2")
    return upper.tobytes(), (upper.astype("<u4") << 16).view("<f4").reshape(numbers.shape)


@pytest.mark.parametrize("datatype", ["FP16", "BF16"])
def test_half_precision_is_sent_as_bytes(
    ask: Ask, server: Server, weights: Path, tensor: Callable[..., bytes], rpc: Callable[..., str], datatype: str
) -> None:
    numbers = np.random.default_rng(0).standard_normal((2, 3, 16, 16)).astype(np.float32)
    data, exact = halves(datatype, numbers)
    with open_runtime(weights, threads=1) as runtime:
        expected = runtime.logits(exact)
    given = {"name": "input", "datatype": datatype, "shape": list(numbers.shape)}
    head = json.dumps({"inputs": [given | {"parameters": {"binary_data_size": len(data)}}]}).encode()
    status, body, _ = ask(server, "POST", _INFER, head + data, {_LENGTH: str(len(head))})
    assert status == 200, body
    found = json.loads(body)["outputs"][0]["data"]
    np.testing.assert_allclose(np.reshape(found, expected.shape), expected, rtol=1e-4, atol=1e-5)
    message = messages()["ModelInferRequest"](model_name="tiny", inputs=[given], raw_input_contents=[data])
    assert rpc(server, message) == "OK"
    # the protocol has no numbers of them in JSON, nor in gRPC's typed contents
    status, body, _ = ask(
        server, "POST", _INFER, tensor("input", datatype, list(numbers.shape), numbers.ravel().tolist())
    )
    assert (status, b"binary data" in body) == (400, True)
    assert ask(server, "POST", _INFER, head + data[:-2], {_LENGTH: str(len(head))})[0] == 400
    infinite = struct.pack("<H", 0x7C00 if datatype == "FP16" else 0x7F80) * (len(data) // 2)
    assert ask(server, "POST", _INFER, head + infinite, {_LENGTH: str(len(head))})[0] == 400
