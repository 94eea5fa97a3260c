"""Triton's own clients, unchanged, over REST and gRPC; and the messages against theirs."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from netwright.deploy import open_runtime
from netwright.serving.messages import messages
from netwright.serving.process import Server

http = pytest.importorskip("tritonclient.http")
grpc = pytest.importorskip("tritonclient.grpc")


@pytest.fixture(params=["http", "grpc"])
def triton(request: pytest.FixtureRequest, server: Server) -> Iterator[tuple[Any, Any]]:
    module = http if request.param == "http" else grpc
    port = server.port if request.param == "http" else server.grpc_port
    client = module.InferenceServerClient(f"127.0.0.1:{port}")
    yield module, client
    client.close()


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
            "pixels": runtime.logits(runtime.normalise(pixels)),
            "image": runtime.logits(runtime.normalise(np.stack([runtime.pixels(photo)] * 2))),
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


def test_mistakes_are_told(triton: tuple[Any, Any]) -> None:
    module, client = triton
    pixels = np.zeros((1, 16, 16, 3), dtype=np.uint8)
    small = np.zeros((1, 8, 8, 3), dtype=np.uint8)
    words = np.array([b"words"], dtype=object)
    from tritonclient.utils import InferenceServerException

    for model, inputs, law in (
        ("bird", asked(module, "pixels", "UINT8", pixels), "no model 'bird'"),
        ("tiny", asked(module, "pixels", "UINT8", small), r"\[N, 16, 16, 3\]"),
        ("tiny", asked(module, "image", "BYTES", words), "no image"),
        ("tiny", asked(module, "other", "UINT8", pixels), "an input is one of"),
        ("tiny", asked(module, "pixels", "UINT8", np.zeros((2000, 16, 16, 3), dtype=np.uint8)), "at most 1,048,576"),
    ):
        with pytest.raises(InferenceServerException, match=law):
            client.infer(model, inputs)


def test_the_messages_are_those_of_tritons_client() -> None:
    from tritonclient.grpc import service_pb2

    def compare(ours: Any, theirs: Any) -> None:
        fields = {field.name: field for field in theirs.fields}
        for field in ours.fields:
            other = fields[field.name]
            assert (field.number, field.type, field.is_repeated) == (other.number, other.type, other.is_repeated)
            if field.message_type is not None:
                compare(field.message_type, other.message_type)

    for name, kind in messages().items():
        compare(kind.DESCRIPTOR, getattr(service_pb2, name).DESCRIPTOR)
