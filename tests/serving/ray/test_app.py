"""A Ray Serve application on this machine, called as the server of `netwright serve`. Half a minute on two cores, most
of it for Ray's start; `test_replica.py` tests what a replica does by itself, without Ray.

Also `serve run` with a config file, half a minute more: EVERY_RAY=1 pytest tests/serving/ray/test_app.py
"""

import base64
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from netwright.errors import DataError, ServeError
from netwright.runtime import Prediction, open_runtime
from netwright.serving import Client
from netwright.serving.ray.app import application, build


@dataclass(frozen=True)
class Cluster:
    """address: of its HTTP. handle: of the application at /, which has two replicas. late: of the one at /late, which
    has one, where an image waits a second for others."""

    address: str
    serve: Any
    handle: Any
    late: Any

    def replicas(self, name: str = "default") -> list[str]:
        """Names of the actors that run."""
        import ray

        prefix = f"SERVE_REPLICA::{name}#"
        named = ray.util.list_named_actors(all_namespaces=True)
        return sorted(each["name"] for each in named if each["name"].startswith(prefix))

    def running(self, name: str = "default") -> int:
        """Replicas that Ray Serve counts as running."""
        states = self.serve.status().applications[name].deployments["netwright"].replica_states
        return int(states.get("RUNNING", 0))


def free_port() -> int:
    """Ray Serve takes no port 0."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


@pytest.fixture(scope="module")
def serve(ray_leaves_nothing: None) -> Any:
    with warnings.catch_warnings():
        # Ray's schemas are of an older pydantic
        warnings.filterwarnings("ignore", "Using extra keyword arguments on `Field`", DeprecationWarning)
        return pytest.importorskip("ray.serve", reason="pip install 'netwright[ray]'", exc_type=ImportError)


@pytest.fixture(scope="module")
def cluster(network: Path, serve: Any) -> Iterator[Cluster]:
    import ray

    port = free_port()
    # sockets below it have at most 107 letters in their paths
    with tempfile.TemporaryDirectory(prefix="ray-", ignore_cleanup_errors=True) as folder:
        ray.init(
            "local",
            num_cpus=2,
            include_dashboard=False,
            log_to_driver=False,
            configure_logging=False,
            object_store_memory=80 << 20,
            _temp_dir=folder,
        )
        try:
            serve.start(http_options={"host": "127.0.0.1", "port": port})
            shared: dict[str, Any] = {"cpus": 0.5, "max_body": 1 << 20, "max_pixels": 1_000_000, "health_period": 0.5}
            first = application(network, replicas=2, max_delay_ms=0.0, grace=1.0, **shared)
            late = build({"ref": str(network), "name": "late", "max_delay_ms": "1000", "grace": 10, **shared})
            handles = serve.run_many([serve.RunTarget(first), serve.RunTarget(late, "late", "/late")])
            yield Cluster(f"http://127.0.0.1:{port}", serve, *handles)
        finally:
            serve.shutdown()
            ray.shutdown()


@pytest.fixture(scope="module")
def expected(network: Path, photo: bytes) -> Prediction:
    with open_runtime(network, threads=1) as runtime:
        return runtime.predict([photo])


def refused(address: str, path: str, body: bytes, headers: dict[str, str] | None = None) -> str:
    with Client(address, retries=0) as client, pytest.raises(ServeError) as caught:
        client.request("POST", path, body, headers)
    return str(caught.value)


def test_every_address_answers_as_the_runtime_does(cluster: Cluster, photo: bytes, expected: Prediction) -> None:
    [row] = expected.top(3)
    wanted = {each.name: pytest.approx(each.probability, abs=1e-5) for each in row}
    with Client(cluster.address) as client:
        assert client.is_ready()
        assert {each["name"]: each["probability"] for each in client.predict(photo)} == wanted
        parts = b"".join(
            f'--xyz\r\nContent-Disposition: form-data; name="image"; filename="{name}"\r\n\r\n'.encode()
            + body
            + b"\r\n"
            for name, body in (("a.jpg", photo), ("b.txt", b"no image"))
        )
        form = {"Content-Type": "multipart/form-data; boundary=xyz"}
        said = json.loads(client.request("POST", "/predict", parts + b"--xyz--\r\n", form)[0])
        assert {each["name"]: each["probability"] for each in said["predictions"][0]["classes"]} == wanted
        assert "no image" in said["predictions"][1]["error"]
        pixels = np.zeros((2, 16, 16, 3), dtype=np.uint8)
        assert client.logits(pixels, model="tiny").shape == (2, 3)
        described = json.loads(client.request("GET", "/v2/models/tiny")[0])
        assert described["name"] == "tiny"
        instances = {"instances": [{"image": {"b64": base64.b64encode(photo).decode()}}]}
        said = json.loads(client.request("POST", "/model/tiny:predict", json.dumps(instances).encode())[0])
        assert said["instances"][0]["label"] == row[0].name
        assert b"netwright_requests_total" in client.request("GET", "/metrics")[0]
        assert b"<html" in client.request("GET", "/")[0]
        assert "/predict" in json.loads(client.request("GET", "/openapi.json")[0])["paths"]


def test_an_answer_has_one_request_id(cluster: Cluster, photo: bytes) -> None:
    with Client(cluster.address) as client:
        body, headers = client.request("POST", "/predict", photo, {"X-Request-Id": "abc-1"})
        assert headers["x-request-id"] == json.loads(body)["id"] == "abc-1"
        connection = client._connection()
        connection.request("GET", "/v2")
        answer = connection.getresponse()
        answer.read()
        assert len(answer.headers.get_all("x-request-id", [])) == 1


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/predict", b"", 400),
        ("/predict?top_k=0", b"x", 400),
        ("/predict", b"no image", 422),
        ("/predict", b"x" * (2 << 20), 413),
        ("/predict?model=other", b"x", 404),
        ("/v2/models/other/infer", b"{}", 404),
        ("/v2/models/tiny/infer", b"{", 400),
        ("/v2/models/tiny/infer", b'{"inputs": [{"name": "pixels", "datatype": "UINT8", "shape": [1]}]}', 400),
        ("/nowhere", b"", 404),
        ("/v2", b"", 405),
    ],
)
def test_what_is_no_request_is_refused_in_json(cluster: Cluster, path: str, body: bytes, status: int) -> None:
    said = refused(cluster.address, path, body)
    assert said.startswith(f"the server answers {status}: ")
    assert not said.endswith((": None", ": nothing"))


def test_a_body_without_a_length_is_refused_as_it_grows(cluster: Cluster) -> None:
    def chunks() -> Iterator[bytes]:
        for _ in range(20):
            yield b"x" * (1 << 17)

    with Client(cluster.address, retries=0) as client, pytest.raises(ServeError, match="413"):
        client.request("POST", "/predict", chunks())  # type: ignore[arg-type]


def test_a_handle_answers_as_the_runtime_does(cluster: Cluster, photo: bytes, expected: Prediction) -> None:
    pixels = np.random.default_rng(1).integers(0, 256, (20, 20, 3), dtype=np.uint8)
    found = cluster.handle.predict.remote([photo, pixels]).result()
    assert found.names == expected.names
    assert found.probabilities.shape == (2, 3)
    np.testing.assert_allclose(found.probabilities[:1], expected.probabilities, atol=1e-5)
    assert cluster.handle.predict.remote([]).result().probabilities.shape == (0, 3)


def test_a_handle_raises_our_errors(cluster: Cluster, photo: bytes) -> None:
    with pytest.raises(DataError, match="no image"):
        cluster.handle.predict.remote([photo, b"no image"]).result()
    for images, model, said in ((photo, "", "list"), (["a.jpg"], "", "is a str"), ([photo], "other", "'other'")):
        with pytest.raises(ServeError, match=said):
            cluster.handle.predict.remote(images, model=model).result()


def test_two_replicas_answer(cluster: Cluster, photo: bytes) -> None:
    """Each counts for itself: its page of metrics is another."""
    assert cluster.running() == len(cluster.replicas()) == 2
    with Client(cluster.address) as client:
        pages = set()
        for _ in range(100):
            client.predict(photo)
            text = client.request("GET", "/metrics")[0].decode()
            pages.add(next(line for line in text.splitlines() if "requests_created" in line and "predict" in line))
            if len(pages) == 2:
                return
    raise AssertionError(f"one replica answered everything: {pages}")


def test_a_killed_replica_comes_back_and_requests_tried_again_succeed(cluster: Cluster, photo: bytes) -> None:
    import ray

    before = cluster.replicas()
    ray.kill(ray.get_actor(before[0], namespace="serve"))
    answered, until = 0, time.monotonic() + 60
    with Client(cluster.address, retries=0) as client:
        # Ray names its actors a little after it counts them
        while answered < 20 or cluster.running() < 2 or not _is_replaced(before[0], cluster.replicas()):
            assert time.monotonic() < until, cluster.serve.status()
            for attempt in range(3):
                try:
                    client.predict(photo)
                    answered += 1
                    break
                except ServeError:  # it was with the killed one
                    assert attempt < 2
            time.sleep(0.02)


def _is_replaced(killed: str, replicas: list[str]) -> bool:
    return len(replicas) == 2 and killed not in replicas


def test_ray_checks_the_health_of_a_replica_without_requests(cluster: Cluster) -> None:
    until = time.monotonic() + 30
    with Client(cluster.address) as client:
        while b'netwright_images_total{model="late"' not in client.request("GET", "/late/metrics")[0]:
            assert time.monotonic() < until
            time.sleep(0.1)


def test_what_a_stopping_replica_accepted_is_answered(cluster: Cluster, photo: bytes) -> None:
    """Under an address of its own, too."""
    with Client(f"{cluster.address}") as client:
        assert json.loads(client.request("POST", "/late/v2/repository/index", b"")[0])[0]["name"] == "late"
        said = refused(cluster.address, "/late/model/late:predict", b"{}")
        assert "instances" in said  # under MindSpore's own key for an error
        answers: list[Any] = []

        def ask() -> None:
            with Client(cluster.address, retries=0) as other:
                answers.append(other.request("POST", "/late/predict", photo))

        asking = threading.Thread(target=ask)
        asking.start()
        while b"netwright_requests_in_flight 1.0" not in client.request("GET", "/late/metrics")[0]:
            assert asking.is_alive()
            time.sleep(0.005)
        cluster.serve.delete("late")
        asking.join(30)
        assert json.loads(answers[0][0])["model"] == "late"
        assert "404" in refused(cluster.address, "/late/predict", photo)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"max_bach": 4}, "did you mean 'max_batch'"),
        ({"max_batch": "many"}, "max_batch is a whole number of at least 1, not 'many'"),
        ({"max_batch": 1.5}, "max_batch is a whole number of at least 1, not 1.5"),
        ({"max_batch": True}, "max_batch is a whole number of at least 1, not True"),
        ({"max_batch": 0}, "max_batch is a whole number of at least 1, not 0"),
        ({"threads": "0"}, "threads is a whole number of at least 1, or none, not 0"),
        ({"runtime": "tensorrt"}, "runtime is one of auto"),
        ({"precision": "fp8"}, "precision is one of"),
        ({"name": 3}, "name is a text"),
        ({"port": 80}, "http_options"),
        ({"workers": 2}, "replicas"),
        ({"replicas": 0}, "replicas is a whole number of at least 1, not 0"),
        ({"replicas": "2", "autoscaling": "1:4"}, "exclude each other. Give one of them"),
        ({"autoscaling": "four"}, "LEAST:MOST"),
        ({"autoscaling": "4:1"}, "max_replicas"),
        ({"autoscaling": {"max": 4}}, "autoscaling has no 'max'"),
        ({"cpus": -1}, "cpus is a number within 0 to 1,000,000, not -1"),
        ({"health_period": 0}, "health_period is a number above 0 and up to 1,000,000, not 0"),
        ({"actor_options": "memory"}, "actor_options are names and values"),
        ({"ref": ""}, "none is named"),
    ],
)
def test_settings_that_are_not_allowed_are_refused_before_anything_is_loaded(
    serve: Any, settings: dict[str, Any], said: str
) -> None:
    with pytest.raises(ServeError) as caught:
        build({"ref": "no_such_network.onnx"} | settings)
    assert said in str(caught.value)


def test_options_of_the_deployment(serve: Any, weights: Path) -> None:
    made = build({"ref": str(weights), "threads": "3", "autoscaling": "1:4", "max_batch": 8, "grace": 7})
    deployment = made._bound_deployment
    assert deployment.name == "netwright"
    assert deployment.ray_actor_options["num_cpus"] == 3
    scaling = deployment._deployment_config.autoscaling_config
    assert (scaling.min_replicas, scaling.max_replicas, scaling.target_ongoing_requests) == (1, 4, 8)
    assert deployment._deployment_config.graceful_shutdown_timeout_s == 7
    [settings] = deployment.init_args
    assert settings.threads == 3


def test_without_ray_the_cure_is_in_the_message(weights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray.serve", None)
    with pytest.raises(ServeError, match=r"netwright\[ray\]"):
        application(weights)


@pytest.mark.slow
@pytest.mark.skipif("EVERY_RAY" not in os.environ, reason="half a minute; set EVERY_RAY")
def test_serve_run_takes_a_config_file(weights: Path, photo: bytes, serve: Any, tmp_path: Path) -> None:
    port = free_port()
    entry = {
        "name": "images",
        "route_prefix": "/",
        "import_path": "netwright.serving.ray.app:build",
        "args": {"ref": str(weights), "max_batch": 4},
        "deployments": [{"name": "netwright", "num_replicas": 1}],
    }
    config = {"http_options": {"host": "127.0.0.1", "port": port}, "applications": [entry]}
    (tmp_path / "serve.yaml").write_text(yaml.safe_dump(config))
    command = [str(Path(sys.executable).with_name("serve")), "run", "serve.yaml"]
    with (tmp_path / "log").open("w") as log:
        program = subprocess.Popen(command, cwd=tmp_path, stdout=log, stderr=log)
        try:
            until = time.monotonic() + 90
            with Client(f"http://127.0.0.1:{port}") as client:
                while not client.is_ready():
                    assert program.poll() is None, (tmp_path / "log").read_text()
                    assert time.monotonic() < until, (tmp_path / "log").read_text()
                    time.sleep(0.2)
                assert len(client.predict(photo)) == 3
        finally:
            program.send_signal(signal.SIGINT)
            program.wait(60)
