"""A tiny network, and servers of it in threads of the test's own process."""

from __future__ import annotations

import contextlib
import http.client
import io
import json
import re
import signal
import struct
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from netwright.arch import Arch, Stage, Stem
from netwright.data.preprocess import Preprocessing
from netwright.nn import build
from netwright.runtime import open_runtime
from netwright.serving import ServeSettings
from netwright.serving.formats import FORMATS
from netwright.serving.grpc.messages import SERVICE, messages
from netwright.serving.supervisor.listening import listen
from netwright.serving.supervisor.process import Server
from netwright.weights import save_model

NAMES = ("tabby, cat", 'the "dog"', "elk")


@pytest.hookimpl(tryfirst=True)  # before those that -m leaves out are chosen
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Ray's cluster and a pool of workers take long to start."""
    for item in items:
        if {"cluster", "pool"} & set(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.slow)


def save_tiny(path: Path, seed: int = 1) -> Path:
    arch = Arch((Stage(1, 16, 2, group_width=8),), stem=Stem("cifar", 8), resolution=16, num_classes=3, name="tiny")
    module = build(arch, seed=seed).train()
    with torch.no_grad():
        module(torch.randn(64, 3, 16, 16, generator=torch.Generator().manual_seed(0)))
    path.parent.mkdir(parents=True, exist_ok=True)
    save_model(path, module, preprocessing=Preprocessing(image_size=16), class_names=NAMES, facts={})
    return path


def save_endless(path: Path) -> Path:
    """Takes some milliseconds an image: with thousands at once, a computation without end."""
    arch = Arch((Stage(40, 32, 1, group_width=32),), stem=Stem("cifar", 32), resolution=16, num_classes=3, name="slow")
    module = build(arch, seed=0)
    for part in module.modules():
        if isinstance(part, torch.nn.BatchNorm2d):
            part.weight.data.mul_(0.1)  # forty blocks upon each other stay finite
    path.parent.mkdir(parents=True)
    save_model(path, module.eval(), preprocessing=Preprocessing(image_size=16), class_names=NAMES, facts={})
    return path


@pytest.fixture(scope="session")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny(tmp_path_factory.mktemp("serving") / "tiny.safetensors")


@pytest.fixture(scope="session")
def save() -> Callable[..., Path]:
    return save_tiny


@pytest.fixture(scope="session")
def save_slow() -> Callable[..., Path]:
    return save_endless


@pytest.fixture(scope="session")
def photo() -> bytes:
    pixels = np.random.default_rng(0).integers(0, 256, (20, 24, 3), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG")
    return file.getvalue()


@contextlib.contextmanager
def running(ref: Path, **settings: Any) -> Iterator[Server]:
    values: dict[str, Any] = {"port": 0, "threads": 1, "max_delay_ms": 0.0, "grace": 5.0, "poll": 0.0}
    chosen = ServeSettings(str(ref), **(values | settings))
    with listen(chosen.host, chosen.port) as sock:
        server = Server(chosen, sock)
        is_ready = threading.Event()
        thread = threading.Thread(target=lambda: server.run(lambda _: is_ready.set(), signals=False))
        thread.start()
        try:
            assert is_ready.wait(30)
            yield server
        finally:
            server.stop()
            thread.join(30)
            assert not thread.is_alive()


@pytest.fixture(scope="session")
def serving() -> Callable[..., AbstractContextManager[Server]]:
    return running


@pytest.fixture(scope="session")
def server(weights: Path) -> Iterator[Server]:
    """One for the tests that only ask."""
    settings: dict[str, Any] = {"max_body": 1 << 20, "max_pixels": 1_000_000, "body_timeout": 1.0}
    with running(weights, grpc_port=0, formats=tuple(FORMATS), **settings) as found:
        yield found


Answer = tuple[int, bytes, dict[str, str]]


def ask_once(
    server: Server, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None, timeout: float = 20
) -> Answer:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=timeout)
    try:
        connection.request(method, path, body, headers or {}, encode_chunked=False)
        answer = connection.getresponse()
        return answer.status, answer.read(), {key.lower(): value for key, value in answer.getheaders()}
    finally:
        connection.close()


@pytest.fixture(scope="session")
def ask() -> Callable[..., Answer]:
    """Status, body and headers (in lower case) of (server, method, path, body, headers), on a connection of its own."""
    return ask_once


@pytest.fixture(scope="session")
def form() -> Callable[..., tuple[bytes, dict[str, str]]]:
    """Body and headers of a form with (name, content) of files."""

    def write(*files: tuple[str, bytes]) -> tuple[bytes, dict[str, str]]:
        lines = b""
        for name, content in files:
            head = f'--xyz\r\nContent-Disposition: form-data; name="image"; filename="{name}"\r\n\r\n'
            lines += head.encode() + content + b"\r\n"
        return lines + b"--xyz--\r\n", {"Content-Type": "multipart/form-data; boundary=xyz"}

    return write


@pytest.fixture(scope="session")
def tensor() -> Callable[..., bytes]:
    """A request of the Open Inference Protocol, as JSON."""

    def write(
        name: str, datatype: str, shape: list[int], data: Any, more: dict[str, Any] | None = None, **also: Any
    ) -> bytes:
        given = {"name": name, "datatype": datatype, "shape": shape, "data": data}
        return json.dumps({"inputs": [given]} | (more or {}) | also).encode()

    return write


@pytest.fixture(scope="session")
def expected(weights: Path, photo: bytes) -> dict[str, float]:
    """Class -> probability of the photo, the likeliest first."""
    with open_runtime(weights, threads=1) as runtime:
        return {each.name: each.probability for each in runtime.predict([photo]).top(3)[0]}


@pytest.fixture(scope="session")
def slow_down() -> Callable[[Server, threading.Event], threading.Event]:
    """The network waits for `go` before each answer. Gives an event for the first that waits."""

    def slow(server: Server, go: threading.Event) -> threading.Event:
        runtime = server._state.service.repository.get("").runtime
        inner, has_begun = runtime._backend, threading.Event()
        assert inner is not None

        class Slow:
            def __call__(self, inputs: Any) -> Any:
                has_begun.set()
                assert go.wait(20)
                return inner(inputs)

            def close(self) -> None:
                inner.close()

        runtime._backend = Slow()
        return has_begun

    return slow


@pytest.fixture(scope="session")
def in_threads() -> Callable[..., tuple[list[threading.Thread], list[Any]]]:
    """Do something so often at once; the answers arrive in the list."""

    def begin(count: int, what: Callable[[], Any]) -> tuple[list[threading.Thread], list[Any]]:
        answers: list[Any] = []
        threads = [threading.Thread(target=lambda: answers.append(what())) for _ in range(count)]
        for thread in threads:
            thread.start()
        return threads, answers

    return begin


@pytest.fixture(scope="session")
def until() -> Callable[[Callable[[], bool]], None]:
    """Wait until something is so."""

    def wait(is_so: Callable[[], bool], seconds: float = 10.0) -> None:
        end = time.monotonic() + seconds
        while not is_so():
            assert time.monotonic() < end, "it did not become so"
            time.sleep(0.005)

    return wait


@dataclass(frozen=True, slots=True)
class Started:
    """A server as people start it. log: what it writes to stderr, a file: a pipe that nobody reads would hold it up."""

    program: subprocess.Popen[str]
    address: str
    log: Path

    def stop(self) -> list[dict[str, Any]]:
        """Ask it to end, see that it does so well, and give the lines of its log."""
        self.program.send_signal(signal.SIGTERM)
        assert self.program.wait(60) == 0
        return [json.loads(line) for line in self.log.read_text().splitlines()]

    def workers(self) -> list[int]:
        """Process ids, in the order of their starts. Linux only."""
        pid = self.program.pid
        return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


@contextlib.contextmanager
def started(*words: str) -> Iterator[Started]:
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "log"
        with log.open("w") as errors:
            program = subprocess.Popen(
                [sys.executable, "-m", "netwright.cli.main", "serve", *words, "--port", "0", "--log_format", "json"],
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
            )
        assert program.stdout is not None
        try:
            line = program.stdout.readline()
            assert line.startswith("serving on "), log.read_text()
            yield Started(program, line.split()[2].rstrip(";,"), log)
        finally:
            program.kill()
            program.communicate()


@pytest.fixture(scope="session")
def start() -> Callable[..., AbstractContextManager[Started]]:
    return started


@pytest.fixture
def well(server: Server, photo: bytes) -> Iterator[None]:
    """After the test a good request is answered as before, in time, and nothing is held."""
    began = time.monotonic()
    yield
    assert time.monotonic() - began < 30
    assert ask_once(server, "POST", "/predict", photo, timeout=5)[0] == 200
    assert server._state.limits.requests <= 1


@contextlib.contextmanager
def grows_less(mebibytes: float) -> Iterator[None]:
    def of(what: str) -> float:
        found = re.search(rf"{what}:\s+(\d+) kB", Path("/proc/self/status").read_text())
        assert found
        return int(found[1]) / 1024

    try:
        Path("/proc/self/clear_refs").write_text("5")  # forgets the peak so far
    except OSError:
        pytest.skip("this system does not tell the peak of a process's memory")
    before = of("VmRSS")
    yield
    assert of("VmHWM") - before < mebibytes


@pytest.fixture(scope="session")
def memory() -> Callable[[float], AbstractContextManager[None]]:
    """Within it the process, server and client together, grows by less than so many MiB, at its peak."""
    return grows_less


@pytest.fixture(scope="session")
def files() -> Callable[..., tuple[bytes, dict[str, str]]]:
    """Body and headers of a request with encoded images as bytes behind the JSON; more: of the tensor."""

    def write(*images: bytes, **more: Any) -> tuple[bytes, dict[str, str]]:
        data = b"".join(struct.pack("<I", len(each)) + each for each in images)
        given = {"name": "image", "datatype": "BYTES", "shape": [len(images)]} | more
        head = json.dumps({"inputs": [{"parameters": {"binary_data_size": len(data)}} | given]}).encode()
        return head + data, {"Inference-Header-Content-Length": str(len(head))}

    return write


@pytest.fixture(scope="session")
def message() -> Callable[..., Any]:
    """gRPC's request with encoded images; more: its other fields."""

    def write(images: list[bytes], shape: list[int] | None = None, **more: Any) -> Any:
        raw = b"".join(struct.pack("<I", len(each)) + each for each in images)
        given = {"name": "image", "datatype": "BYTES", "shape": shape or [len(images)]}
        values = {"model_name": "tiny", "inputs": [given], "raw_input_contents": [raw]}
        return messages()["ModelInferRequest"](**(values | more))

    return write


@pytest.fixture(scope="session")
def rpc() -> Callable[[Server, Any], str]:
    """The code of the answer to a message, or to bytes that are none."""
    grpc = pytest.importorskip("grpc")

    def infer(server: Server, request: Any) -> str:
        serialize = None if isinstance(request, bytes) else type(request).SerializeToString
        with grpc.insecure_channel(f"127.0.0.1:{server.grpc_port}") as channel:
            try:
                channel.unary_unary(f"/{SERVICE}/ModelInfer", serialize)(request, timeout=5)
            except grpc.RpcError as error:
                return str(error.code().name)
        return "OK"

    return infer


@pytest.fixture(params=["http", "grpc"])
def triton(request: pytest.FixtureRequest, server: Server) -> Iterator[tuple[Any, Any]]:
    """Triton's client of either kind, as its module and an instance, of the `server` that the test's file has."""
    module = pytest.importorskip(f"tritonclient.{request.param}")
    port = server.port if request.param == "http" else server.grpc_port
    client = module.InferenceServerClient(f"127.0.0.1:{port}")
    yield module, client
    client.close()


_OVERRIDES = (1 << 1) | (1 << 2)  # CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH, by which root reads everything


@pytest.fixture
def as_anyone() -> Iterator[None]:
    """Folders without rights cannot be read by this thread, even if root runs the tests."""
    import ctypes

    libc = ctypes.CDLL(None, use_errno=True)
    head = struct.pack("Ii", 0x20080522, 0)
    before = ctypes.create_string_buffer(24)
    if sys.platform != "linux" or libc.capget(head, before):
        pytest.skip("capabilities are of Linux")
    words = list(struct.unpack("6I", before.raw[:24]))
    words[0] &= ~_OVERRIDES
    libc.capset(head, struct.pack("6I", *words))
    yield
    libc.capset(head, before)
