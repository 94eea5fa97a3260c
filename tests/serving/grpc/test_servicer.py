"""Triton's own clients, unchanged, over REST and gRPC; and our messages compared with theirs."""

import io
import json
import queue
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from netwright.runtime import open_runtime
from netwright.serving.grpc.messages import METHODS, SERVICE, STREAM, messages
from netwright.serving.supervisor.process import Server

grpc = pytest.importorskip("tritonclient.grpc")
grpcio = pytest.importorskip("grpc")
model_config_pb2 = pytest.importorskip("tritonclient.grpc.model_config_pb2")
service_pb2 = pytest.importorskip("tritonclient.grpc.service_pb2")
InferenceServerException = pytest.importorskip("tritonclient.utils").InferenceServerException


def plain(value: Any) -> Any:
    if hasattr(value, "DESCRIPTOR"):
        return {field.name: plain(getattr(value, field.name)) for field in value.DESCRIPTOR.fields}
    return [plain(each) for each in value] if isinstance(value, list) or hasattr(value, "append") else value


def asked(module: Any, name: str, kind: str, values: Any) -> list[Any]:
    made = module.InferInput(name, values.shape, kind)
    made.set_data_from_numpy(values)
    return [made]


def test_health_and_metadata(triton: tuple[Any, Any]) -> None:
    _, client = triton
    assert client.is_server_live()
    assert client.is_server_ready()
    assert client.is_model_ready("tiny")
    assert client.is_model_ready("tiny", "1")
    assert not client.is_model_ready("tiny", "2")
    assert plain(client.get_server_metadata())["name"] == "netwright"
    model = plain(client.get_model_metadata("tiny"))
    assert (model["name"], model["versions"], model["platform"]) == ("tiny", ["1"], "netwright")
    inputs = {each["name"]: (each["datatype"], [int(side) for side in each["shape"]]) for each in model["inputs"]}
    assert inputs == {
        "input": ("FP32", [-1, 3, 16, 16]),
        "pixels": ("UINT8", [-1, 16, 16, 3]),
        "image": ("BYTES", [-1]),
    }
    index = plain(client.get_model_repository_index())
    listed = index if isinstance(index, list) else index["models"]
    assert [(each["name"], each["version"], each["state"]) for each in listed] == [("tiny", "1", "READY")]


def test_each_input_gives_what_the_runtime_gives(triton: tuple[Any, Any], weights: Path, photo: bytes) -> None:
    module, client = triton
    generator = np.random.default_rng(0)
    x = generator.standard_normal((3, 3, 16, 16)).astype(np.float32)
    pixels = generator.integers(0, 256, (20, 16, 16, 3), dtype=np.uint8)
    images = np.array([photo, photo], dtype=object)
    with open_runtime(weights, threads=1) as runtime:
        expected = {
            "input": runtime.logits(x),
            "pixels": runtime.logits(runtime.normalize(pixels)),
            "image": runtime.logits(runtime.normalize(np.stack([runtime.pixels(photo)] * 2))),
        }
    for name, kind, values in (("input", "FP32", x), ("pixels", "UINT8", pixels), ("image", "BYTES", images)):
        answer = client.infer("tiny", asked(module, name, kind, values), request_id="q7")
        np.testing.assert_allclose(answer.as_numpy("logits"), expected[name], rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(answer.as_numpy("probabilities").sum(1), 1, atol=1e-5)
        said = answer.get_response()
        assert (said["id"] if isinstance(said, dict) else said.id) == "q7"


def test_the_likeliest_classes_by_name(triton: tuple[Any, Any], photo: bytes) -> None:
    module, client = triton
    wanted = module.InferRequestedOutput("probabilities", class_count=2)
    answer = client.infer("tiny", asked(module, "image", "BYTES", np.array([photo], dtype=object)), outputs=[wanted])
    rows = answer.as_numpy("probabilities")
    assert rows.shape == (1, 2)
    value, index, name = rows[0, 0].decode().split(":")
    assert 1 / 3 <= float(value) <= 1
    assert name == ("tabby, cat", 'the "dog"', "elk")[int(index)]


def test_mistakes_are_explained(triton: tuple[Any, Any]) -> None:
    module, client = triton
    pixels = np.zeros((1, 16, 16, 3), dtype=np.uint8)
    small = np.zeros((1, 8, 8, 3), dtype=np.uint8)
    words = np.array([b"words"], dtype=object)
    for model, inputs, constraint in (
        ("bird", asked(module, "pixels", "UINT8", pixels), "no model 'bird'"),
        ("tiny", asked(module, "pixels", "UINT8", small), r"\[N, 16, 16, 3\]"),
        ("tiny", asked(module, "image", "BYTES", words), "no image"),
        ("tiny", asked(module, "other", "UINT8", pixels), "an input is one of"),
        ("tiny", asked(module, "pixels", "UINT8", np.zeros((2000, 16, 16, 3), dtype=np.uint8)), "at most 1,048,576"),
    ):
        with pytest.raises(InferenceServerException, match=constraint):
            client.infer(model, inputs)


def test_the_messages_are_those_of_tritons_client() -> None:
    def compare(ours: Any, theirs: Any) -> None:
        assert ours.full_name == theirs.full_name
        fields = {field.name: field for field in theirs.fields}
        for field in ours.fields:
            other = fields[field.name]
            assert (field.number, field.type, field.is_repeated) == (other.number, other.type, other.is_repeated)
            if field.message_type is not None:
                compare(field.message_type, other.message_type)
            if field.enum_type is not None:
                numbers = {each.name: each.number for each in field.enum_type.values}
                assert numbers == {each.name: each.number for each in other.enum_type.values}

    for name, kind in messages().items():
        theirs = getattr(service_pb2, name, None) or getattr(model_config_pb2, name)
        compare(kind.DESCRIPTOR, theirs.DESCRIPTOR)


def test_the_methods_are_those_of_tritons_service() -> None:
    service = service_pb2.DESCRIPTOR.services_by_name[SERVICE.rpartition(".")[2]]
    assert service.full_name == SERVICE
    theirs = {each.name: (each.input_type.name, each.output_type.name) for each in service.methods}
    ours = {method: (f"{method}Request", f"{method}Response") for method in METHODS}
    ours[STREAM] = ("ModelInferRequest", "ModelStreamInferResponse")
    assert {name: theirs[name] for name in ours} == ours


def collect(client: Any, requests: list[tuple[str, list[Any], str]]) -> list[tuple[Any, Any]]:
    """(result, error) of each request of one stream, in order of arrival."""
    answers: queue.Queue[tuple[Any, Any]] = queue.Queue()
    client.start_stream(callback=lambda result, error: answers.put((result, error)))
    for model, inputs, number in requests:
        client.async_stream_infer(model, inputs, request_id=number)
    try:
        return [answers.get(timeout=20) for _ in requests]
    finally:
        client.stop_stream()


def test_a_stream_answers_each_and_continues_after_a_mistake(server: Server, weights: Path) -> None:
    generator = np.random.default_rng(0)
    pixels = [generator.integers(0, 256, (count, 16, 16, 3), dtype=np.uint8) for count in (1, 3, 2)]
    wrong = np.zeros((1, 8, 8, 3), dtype=np.uint8)
    requests = [("tiny", asked(grpc, "pixels", "UINT8", each), str(len(each))) for each in pixels]
    requests.insert(1, ("tiny", asked(grpc, "pixels", "UINT8", wrong), "wrong"))
    requests.insert(2, ("bird", asked(grpc, "pixels", "UINT8", pixels[0]), "bird"))
    client = grpc.InferenceServerClient(f"127.0.0.1:{server.grpc_port}")
    answers = collect(client, requests)
    client.close()
    assert "[N, 16, 16, 3]" in str(answers[1][1])
    assert "no model 'bird'" in str(answers[2][1])
    good = [result for result, error in answers if not error]
    assert [result.get_response().id for result in good] == ["1", "3", "2"]
    with open_runtime(weights, threads=1) as runtime:
        for rows, result in zip(pixels, good, strict=True):
            expected = runtime.logits(runtime.normalize(rows))
            np.testing.assert_allclose(result.as_numpy("logits"), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.slow
def test_a_silent_stream_does_not_hold_up_a_stopping_server(
    serving: Callable[..., AbstractContextManager[Server]], weights: Path
) -> None:
    with serving(weights, grpc_port=0, grace=20.0, token="s3cret") as server:
        client = grpc.InferenceServerClient(f"127.0.0.1:{server.grpc_port}")
        ended: queue.Queue[Any] = queue.Queue()
        client.start_stream(callback=lambda result, error: ended.put(error), headers={"authorization": "Bearer s3cret"})
        pixels = np.zeros((1, 16, 16, 3), dtype=np.uint8)
        client.async_stream_infer("tiny", asked(grpc, "pixels", "UINT8", pixels))
        assert ended.get(timeout=20) is None
        began = time.monotonic()
        server.stop()
    assert time.monotonic() - began < 10
    client.stop_stream()
    client.close()


def test_a_stream_needs_the_token(serving: Callable[..., AbstractContextManager[Server]], weights: Path) -> None:
    with serving(weights, grpc_port=0, token="s3cret") as server:
        client = grpc.InferenceServerClient(f"127.0.0.1:{server.grpc_port}")
        with pytest.raises(grpcio.RpcError) as caught:  # before anything is asked
            list(client._client_stub.ModelStreamInfer(iter([])))
        client.close()
    assert caught.value.code() == grpcio.StatusCode.UNAUTHENTICATED


def test_a_request_is_accounted_for_as_over_http(
    serving: Callable[..., AbstractContextManager[Server]],
    weights: Path,
    slow_down: Callable[[Server, threading.Event], threading.Event],
    ask: Callable[..., tuple[int, bytes, dict[str, str]]],
) -> None:
    go, pixels = threading.Event(), np.zeros((1, 16, 16, 3), dtype=np.uint8)
    with serving(weights, grpc_port=0, log_format="json") as server:
        server._log._stream = log = io.StringIO()
        has_begun = slow_down(server, go)
        client = grpc.InferenceServerClient(f"127.0.0.1:{server.grpc_port}")
        answers: queue.Queue[Any] = queue.Queue()
        client.async_infer(
            "tiny",
            asked(grpc, "pixels", "UINT8", pixels),
            callback=lambda result, error: answers.put(error),
            headers={"x-request-id": "q7"},
        )
        assert has_begun.wait(10)
        assert b"\nnetwright_requests_in_flight 1.0\n" in ask(server, "GET", "/metrics")[1]
        assert server._state.limits.requests == 1
        go.set()
        assert answers.get(timeout=20) is None
        client.close()
        text = ask(server, "GET", "/metrics")[1]
    assert b"\nnetwright_requests_in_flight 0.0\n" in text
    assert b'netwright_requests_total{code="OK",endpoint="grpc",model="tiny"} 1.0' in text
    [line] = [each for each in map(json.loads, log.getvalue().splitlines()) if each.get("method") == "grpc"]
    assert (line["id"], line["path"], line["code"], line["model"]) == ("q7", "ModelInfer", "OK", "tiny")
    assert line["client"] == "127.0.0.1"
    assert (line["version"], line["images"], line["message"]) == (1, 1, "")
