"""What Triton's own clients, unchanged, may do beyond inference: statistics, configurations, loading and unloading."""

import http.client
import json
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from netwright.errors import ServeError
from netwright.serving import Client
from netwright.serving.errors import RequestError
from netwright.serving.grpc.messages import METHODS
from netwright.serving.protocol.triton import EXTENSIONS, check_model_control
from netwright.serving.settings import ServeSettings
from netwright.serving.supervisor.process import Server

rest = pytest.importorskip("tritonclient.http")
grpc = pytest.importorskip("tritonclient.grpc")
service_pb2 = pytest.importorskip("tritonclient.grpc.service_pb2")
InferenceServerException = pytest.importorskip("tritonclient.utils").InferenceServerException

Serving = Callable[..., AbstractContextManager[Server]]
Save = Callable[..., Path]
PIXELS = np.zeros((1, 16, 16, 3), dtype=np.uint8)


class Triton:
    """Either client; what it says as plain values."""

    def __init__(self, kind: str, server: Server) -> None:
        self.kind, self.module = kind, rest if kind == "http" else grpc
        port = server.port if kind == "http" else server.grpc_port
        self.client = self.module.InferenceServerClient(f"127.0.0.1:{port}")
        self.as_json = {} if kind == "http" else {"as_json": True}

    def infer(self, model: str, rows: np.ndarray = PIXELS, version: str = "") -> np.ndarray:
        given = self.module.InferInput("pixels", rows.shape, "UINT8")
        given.set_data_from_numpy(rows)
        answer: np.ndarray = self.client.infer(model, [given], model_version=version).as_numpy("logits")
        return answer

    def index(self) -> list[tuple[str, str, str, str]]:
        said = self.client.get_model_repository_index(**self.as_json)
        rows = said if self.kind == "http" else said.get("models", [])
        return [(each["name"], each["version"], each["state"], each.get("reason", "")) for each in rows]

    def statistics(self, *asked: str) -> list[dict[str, Any]]:
        said = self.client.get_inference_statistics(*asked, **self.as_json)
        rows: list[dict[str, Any]] = said.get("model_stats", [])  # protobuf's JSON leaves out what is empty
        return rows

    def config(self, *asked: str) -> dict[str, Any]:
        said: dict[str, Any] = self.client.get_model_config(*asked, **self.as_json)
        return said if self.kind == "http" else said["config"]


@pytest.fixture
def folder(tmp_path: Path, save: Save) -> Path:
    for name, version in (("cats", 1), ("cats", 2), ("dogs", 3)):
        save(tmp_path / "models" / name / str(version) / "w.safetensors", seed=version)
    return tmp_path / "models"


@pytest.fixture
def server(serving: Serving, folder: Path) -> Iterator[Server]:
    with serving(folder, grpc_port=0, poll=0.05, max_batch=4) as found:
        yield found


@pytest.fixture(params=["http", "grpc"])
def triton(request: pytest.FixtureRequest, server: Server) -> Iterator[Triton]:
    found = Triton(request.param, server)
    yield found
    found.client.close()


def refused(call: Callable[[], Any]) -> tuple[str, str]:
    """The status and what is said with it."""
    with pytest.raises(InferenceServerException) as caught:
        call()
    return str(caught.value.status()), str(caught.value.message())


@pytest.mark.slow
def test_an_unloaded_model_is_gone_until_it_is_loaded(triton: Triton, folder: Path, save: Save) -> None:
    client = triton.client
    assert triton.infer("cats").shape == (1, 3)
    client.unload_model("cats")
    assert not client.is_model_ready("cats")
    assert not client.is_model_ready("cats", "1")
    assert client.is_model_ready("dogs")
    assert client.is_server_ready()
    status, said = refused(lambda: triton.infer("cats"))
    assert status in ("404", "StatusCode.NOT_FOUND")
    assert "the model 'cats' is unloaded: load it first" in said
    gone = [("cats", "1", "UNAVAILABLE", "unloaded"), ("cats", "2", "UNAVAILABLE", "unloaded")]
    assert triton.index() == [*gone, ("dogs", "3", "READY", "")]
    save(folder / "cats" / "4" / "w.safetensors", seed=4)
    save(folder / "dogs" / "5" / "w.safetensors", seed=5)
    until_ready(client, "dogs", "5")  # the folder has been looked at
    assert not client.is_model_ready("cats")
    client.unload_model("cats")  # twice is no mistake
    client.load_model("cats")
    assert [(name, version, state) for name, version, state, _ in triton.index()] == [
        ("cats", "1", "READY"),
        ("cats", "2", "READY"),
        ("cats", "4", "READY"),
        ("dogs", "3", "READY"),
        ("dogs", "5", "READY"),
    ]
    assert triton.infer("cats", version="4").shape == (1, 3)


def until_ready(client: Any, name: str, version: str) -> None:
    end = time.monotonic() + 20
    while not client.is_model_ready(name, version):
        assert time.monotonic() < end
        time.sleep(0.02)


def test_everything_may_be_unloaded(triton: Triton) -> None:
    for name in ("cats", "dogs"):
        triton.client.unload_model(name, unload_dependents=True)
    assert {state for _, _, state, _ in triton.index()} == {"UNAVAILABLE"}
    assert triton.statistics() == []
    assert "unloaded" in refused(lambda: triton.infer("dogs"))[1]
    triton.client.load_model("dogs")
    assert triton.infer("dogs").shape == (1, 3)


def test_what_cannot_be_loaded_is_explained(triton: Triton, folder: Path) -> None:
    client = triton.client
    for call in (lambda: client.load_model("bird"), lambda: client.unload_model("bird")):
        status, said = refused(call)
        assert status in ("404", "StatusCode.NOT_FOUND")
        assert "bird" in said
    (folder / "dogs" / "9").mkdir()
    (folder / "dogs" / "9" / "model.onnx").write_bytes(b"nonsense")
    status, said = refused(lambda: client.load_model("dogs"))
    assert status in ("400", "StatusCode.INVALID_ARGUMENT")
    assert "dogs version 9 cannot be loaded" in said
    assert triton.infer("dogs").shape == (1, 3)
    status, said = refused(lambda: client.load_model("dogs", config="{}"))
    assert status in ("400", "StatusCode.INVALID_ARGUMENT")
    assert "the parameter 'config' is not supported" in said
    shutil.rmtree(folder / "dogs" / "9")
    client.load_model("dogs")


def test_statistics_are_of_each_version(triton: Triton) -> None:
    for count in (1, 3, 3, 9):
        triton.infer("cats", np.zeros((count, 16, 16, 3), dtype=np.uint8))
    triton.infer("cats", version="1")
    with pytest.raises(InferenceServerException):
        triton.infer("cats", np.zeros((1, 8, 8, 3), dtype=np.uint8))  # refused before it is anyone's
    first, second = triton.statistics("cats")
    assert (first["name"], first["version"], second["version"]) == ("cats", "1", "2")
    assert (int(first["inference_count"]), int(first["execution_count"])) == (1, 1)
    assert (int(second["inference_count"]), int(second["execution_count"])) == (16, 6)
    assert triton.statistics("cats", "2") == [second]
    assert [each["version"] for each in triton.statistics()] == ["1", "2", "3"]
    parts = {name: {key: int(value) for key, value in each.items()} for name, each in second["inference_stats"].items()}
    assert parts["success"]["count"] == parts["queue"]["count"] == parts["compute_infer"]["count"] == 4
    assert parts["fail"].get("count", 0) == 0
    whole = sum(parts[name].get("ns", 0) for name in ("queue", "compute_input", "compute_infer", "compute_output"))
    assert whole == pytest.approx(parts["success"]["ns"], rel=0.01)
    assert 0 < parts["compute_infer"]["ns"] < 60e9
    sizes = {int(each["batch_size"]): int(each["compute_infer"]["count"]) for each in second["batch_stats"]}
    assert sizes == {1: 2, 3: 2, 4: 2}  # at most four at once
    assert 1.7e12 < int(second["last_inference"]) < 4e12  # milliseconds
    status, _ = refused(lambda: triton.statistics("bird"))
    assert status in ("404", "StatusCode.NOT_FOUND")


def test_a_configuration_says_how_images_are_batched(triton: Triton) -> None:
    said = triton.config("cats", "1")
    assert (said["name"], said["backend"], int(said["max_batch_size"])) == ("cats", "torch", 4)
    inputs = {each["name"]: (each["data_type"], [int(side) for side in each.get("dims", [])]) for each in said["input"]}
    assert inputs == {
        "input": ("TYPE_FP32", [3, 16, 16]),
        "pixels": ("TYPE_UINT8", [16, 16, 3]),
        "image": ("TYPE_STRING", []),
    }
    outputs = {each["name"]: [int(side) for side in each["dims"]] for each in said["output"]}
    assert outputs == {"logits": [3], "probabilities": [3]}
    assert "dynamic_batching" in said


def test_the_extensions_are_those_that_are_answered(triton: Triton) -> None:
    said = triton.client.get_server_metadata(**triton.as_json)["extensions"]
    assert tuple(said) == EXTENSIONS == tuple(sorted(EXTENSIONS))
    assert {"ModelConfig", "ModelStatistics", "RepositoryModelLoad", "RepositoryModelUnload"} <= set(METHODS)


def test_the_index_may_be_of_what_is_ready_only(server: Server) -> None:
    triton = Triton("grpc", server)
    triton.client.unload_model("cats")
    asked = service_pb2.RepositoryIndexRequest(ready=True)
    assert [each.name for each in triton.client._client_stub.RepositoryIndex(asked).models] == ["dogs"]
    triton.client.close()
    with Client(f"http://127.0.0.1:{server.port}") as client:
        for body, names in ((b'{"ready": true}', {"dogs"}), (b"{}", {"cats", "dogs"}), (b"", {"cats", "dogs"})):
            rows = json.loads(client.request("POST", "/v2/repository/index", body)[0])
            assert {each["name"] for each in rows} == names
        rows = json.loads(client.request("POST", "/v2/repository/models/cats/load", b"")[0])
        assert [(each["name"], each["version"], each["state"]) for each in rows] == [
            ("cats", "1", "READY"),
            ("cats", "2", "READY"),
        ]
    for path, body in (
        ("index", b'{"ready": "yes"}'),
        ("index", b"[]"),
        ("models/cats/unload", b'{"parameters": 1}'),
        ("models/cats/load", b"{"),
    ):
        assert post(server, f"/v2/repository/{path}", body)[0] == 400


def post(server: Server, path: str, body: bytes = b"", headers: Mapping[str, str] = {}) -> tuple[int, str]:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
    connection.request("POST", path, body, dict(headers))
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    return answer.status, text


@pytest.mark.slow
def test_pages_of_others_and_strangers_do_not_control_models(server: Server, serving: Serving, folder: Path) -> None:
    status, said = post(server, "/v2/repository/models/cats/unload", headers={"Origin": "http://elsewhere.example"})
    assert status == 401
    assert "by programs of this machine, or with the server's token" in said
    with pytest.raises(RequestError):
        check_model_control(ServeSettings("x", host="0.0.0.0"), [])
    check_model_control(ServeSettings("x", host="0.0.0.0", token="t"), [])
    with serving(folder, token="s3cret") as guarded:
        assert post(guarded, "/v2/repository/models/cats/unload")[0] == 401
        allowed = {"Authorization": "Bearer s3cret", "Origin": "http://elsewhere.example"}
        assert post(guarded, "/v2/repository/models/cats/unload", headers=allowed)[0] == 200


def test_a_server_of_one_file_has_nothing_to_load(serving: Serving, weights: Path) -> None:
    with serving(weights, grpc_port=0) as found:
        for kind in ("http", "grpc"):
            triton = Triton(kind, found)
            status, said = refused(lambda triton=triton: triton.client.unload_model("tiny"))  # type: ignore[misc]
            assert status in ("400", "StatusCode.INVALID_ARGUMENT")
            assert "one network and no folder" in said
            assert triton.infer("tiny").shape == (1, 3)
            triton.client.close()


def test_our_own_client_does_the_same(server: Server) -> None:
    with Client(f"http://127.0.0.1:{server.port}") as client:
        assert [each["reason"] for each in client.unload("cats")] == ["unloaded", "unloaded"]
        assert [each["version"] for each in client.statistics()] == ["3"]
        assert [each["state"] for each in client.load("cats")] == ["READY", "READY"]
        client.logits(PIXELS, model="cats", version="1")
        assert [each["inference_count"] for each in client.statistics("cats")] == [1, 0]
        (only,) = client.statistics("cats", "1")
        assert only["execution_count"] == 1
        with pytest.raises(ServeError, match="404: there is no model 'bird' to unload"):
            client.unload("bird")


def test_shared_memory_is_refused_in_words(triton: Triton) -> None:
    module, client = triton.module, triton.client
    tensor, shared = (module.InferInput("pixels", list(PIXELS.shape), "UINT8") for _ in range(2))
    tensor.set_data_from_numpy(PIXELS)
    shared.set_shared_memory("region", PIXELS.nbytes)
    output = module.InferRequestedOutput("logits")
    output.set_shared_memory("region", 12)
    for ask in (
        lambda: client.infer("cats", [shared]),
        lambda: client.infer("cats", [tensor], outputs=[output]),
        client.get_system_shared_memory_status,
        client.get_cuda_shared_memory_status,
        lambda: client.register_system_shared_memory("region", "/region", PIXELS.nbytes),
        lambda: client.register_cuda_shared_memory("region", b"aGFuZGxl", 0, PIXELS.nbytes),
        client.unregister_system_shared_memory,
        client.unregister_cuda_shared_memory,
    ):
        with pytest.raises(InferenceServerException, match="this server has no shared memory"):
            ask()
