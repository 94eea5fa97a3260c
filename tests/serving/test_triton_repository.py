"""A model repository for Triton, served by ours as it stands: Triton's clients find what its config.pbtxt says."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from netwright.exports.triton_repository import export_triton
from netwright.runtime import open_runtime
from netwright.serving.supervisor.process import Server

http = pytest.importorskip("tritonclient.http")
grpc = pytest.importorskip("tritonclient.grpc")
model_config_pb2 = pytest.importorskip("tritonclient.grpc.model_config_pb2")
text_format = pytest.importorskip("google.protobuf.text_format")

TARGETS = {"cats": "onnx", "dogs": "openvino"}
DEADLINE = 30.0


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, weights: Path) -> Path:
    root = tmp_path_factory.mktemp("triton") / "models"
    for name, to in TARGETS.items():
        export_triton(weights, root, to=to, name=name)
    return root


@pytest.fixture(scope="module")
def server(folder: Path, serving: Callable[..., AbstractContextManager[Server]]) -> Iterator[Server]:
    with serving(folder, grpc_port=0, poll=0.1) as found:
        yield found


def ends(client: Any, name: str) -> dict[str, dict[str, tuple[str, list[int]]]]:
    """Inputs and outputs -> name -> (datatype, shape), as the server says."""
    said = client.get_model_metadata(name)
    found = said if isinstance(said, dict) else {key: getattr(said, key) for key in ("inputs", "outputs")}
    plain: dict[str, dict[str, tuple[str, list[int]]]] = {}
    for kind in ("inputs", "outputs"):
        plain[kind] = {}
        for each in found[kind]:
            tensor = (
                each if isinstance(each, dict) else {key: getattr(each, key) for key in ("name", "datatype", "shape")}
            )
            plain[kind][tensor["name"]] = (tensor["datatype"], [int(dim) for dim in tensor["shape"]])
    return plain


@pytest.mark.parametrize("name", TARGETS)
def test_the_clients_find_what_the_configuration_says(triton: tuple[Any, Any], folder: Path, name: str) -> None:
    module, client = triton
    config = model_config_pb2.ModelConfig()
    text_format.Parse((folder / name / "config.pbtxt").read_text(encoding="utf-8"), config)
    said = ends(client, name)
    for kind, tensors in (("inputs", config.input), ("outputs", config.output)):
        for each in tensors:
            shape = [-1, *each.dims] if config.max_batch_size else list(each.dims)
            datatype = model_config_pb2.DataType.Name(each.data_type).removeprefix("TYPE_")
            assert said[kind][each.name] == (datatype, shape)
    images = np.random.default_rng(0).standard_normal((3, 3, 16, 16), dtype=np.float32)
    given = module.InferInput(config.input[0].name, images.shape, "FP32")
    given.set_data_from_numpy(images)
    wanted = module.InferRequestedOutput(config.output[0].name)
    answer = client.infer(name, [given], model_version="1", outputs=[wanted]).as_numpy("logits")
    with open_runtime(folder / name / "1", threads=1) as runtime:
        np.testing.assert_allclose(answer, runtime.logits(images), atol=1e-4)
    classes = client.infer(name, [given], outputs=[module.InferRequestedOutput("logits", class_count=3)]).as_numpy(
        "logits"
    )
    labels = (folder / name / config.output[0].label_filename).read_text(encoding="utf-8").splitlines()
    for row, values in zip(classes, answer, strict=True):
        told = [each.decode().split(":", 2) for each in row]
        assert [int(index) for _, index, _ in told] == list(np.argsort(-values))
        assert [label for _, _, label in told] == [labels[int(index)] for _, index, _ in told]


def test_nothing_beside_the_versions_is_taken_for_a_model(triton: tuple[Any, Any]) -> None:
    index = triton[1].get_model_repository_index()
    listed = (
        [(each["name"], each["version"], each["state"]) for each in index]
        if isinstance(index, list)
        else [(each.name, each.version, each.state) for each in index.models]
    )
    assert [each for each in listed if each[1] == "1"] == [("cats", "1", "READY"), ("dogs", "1", "READY")]


@pytest.mark.slow
def test_the_next_export_is_taken_up_while_the_server_runs(server: Server, folder: Path, weights: Path) -> None:
    client = http.InferenceServerClient(f"127.0.0.1:{server.port}")
    assert client.get_model_metadata("cats")["versions"] == ["1"]
    export_triton(weights, folder, name="cats", precision="fp16")
    until = time.monotonic() + DEADLINE
    while not client.is_model_ready("cats", "2") and time.monotonic() < until:
        time.sleep(0.05)
    assert client.get_model_metadata("cats")["versions"] == ["1", "2"]
    assert client.get_model_metadata("cats")["parameters"]["precision"] == "fp16"
    assert client.is_model_ready("cats", "1")
    client.close()
