"""Where a server listens."""

import os
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from netwright.errors import NetwrightError, ServeError
from netwright.serving import Client, ServeSettings
from netwright.serving.supervisor.listening import listen
from netwright.serving.supervisor.process import Server, check_tls

Serving = Callable[..., AbstractContextManager[Server]]


def test_answers_do_not_wait_for_acknowledgements(server: Server) -> None:
    # asyncio sets TCP_NODELAY by the protocol of the socket that listens, which is 0 unless one says it
    with listen("127.0.0.1", 0) as sock:
        assert sock.proto == socket.IPPROTO_TCP


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("openssl") is None, reason="no openssl to make a certificate")
def test_tls(serving: Serving, weights: Path, tmp_path: Path, photo: bytes) -> None:
    key, cert = str(tmp_path / "key.pem"), str(tmp_path / "cert.pem")
    words = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", cert, "-days", "2"]
    words += ["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"]
    subprocess.run(words, check=True, capture_output=True)
    with serving(weights, tls_cert=cert, tls_key=key, grpc_port=0) as server:
        with Client(f"https://127.0.0.1:{server.port}", ca_file=cert) as client:
            assert client.predict(photo)
        with pytest.raises(ServeError, match=r"is not trusted: .* ca_file"):
            Client(f"https://127.0.0.1:{server.port}", retries=0).predict(photo)
        grpc = pytest.importorskip("tritonclient.grpc")
        triton = grpc.InferenceServerClient(f"127.0.0.1:{server.grpc_port}", ssl=True, root_certificates=cert)
        assert triton.is_server_ready()
        triton.close()


def test_a_certificate_that_is_none(weights: Path, tmp_path: Path) -> None:
    (tmp_path / "x.pem").write_text("no certificate")
    with pytest.raises(ServeError, match=r"x\.pem"):
        check_tls(ServeSettings(str(weights), tls_cert=str(tmp_path / "x.pem"), tls_key=str(tmp_path / "x.pem")))


def started(settings: ServeSettings) -> tuple[Server, threading.Thread, list[Exception]]:
    """A server in a thread, which may still be loading."""
    server, errors = Server(settings, listen("127.0.0.1", 0)), list[Exception]()

    def run() -> None:
        try:
            server.run(signals=False)
        except NetwrightError as error:
            errors.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    return server, thread, errors


@pytest.mark.slow
def test_it_lives_while_it_loads(weights: Path, tmp_path: Path, photo: bytes) -> None:
    from netwright.exports import export

    pipe = tmp_path / "pipe.onnx"  # who reads it waits for who writes
    os.mkfifo(pipe)
    content = export(weights, tmp_path / "tiny.onnx").path.read_bytes()
    for written, answers in ((content, True), (b"nonsense", False)):
        server, thread, errors = started(ServeSettings(str(pipe), port=0, threads=1, grpc_port=0, poll=0.0))
        with Client(f"http://127.0.0.1:{server.port}", retries=0) as client:
            client.request("GET", "/v2/health/live")
            for path, body in (("/v2/health/ready", None), ("/predict", photo)):
                with pytest.raises(ServeError, match="503: the server is loading its models"):
                    client.request("GET" if body is None else "POST", path, body)
            pipe.write_bytes(written)
            if answers:
                until(client.is_ready)
                assert client.predict(photo)
                server.stop()
        thread.join(20)
        assert not thread.is_alive()
        assert ["no ONNX file" in str(error) for error in errors] == ([] if answers else [True])


@pytest.mark.slow
def test_an_empty_folder_is_served_and_takes_up_models(tmp_path: Path, weights: Path, photo: bytes) -> None:
    server, thread, _ = started(ServeSettings(str(tmp_path), port=0, threads=1, poll=0.1))
    with Client(f"http://127.0.0.1:{server.port}", retries=0) as client:
        until(lambda: "yet" in server._state.service.repository.unready())
        client.request("GET", "/v2/health/live?computing=true")
        with pytest.raises(ServeError, match="503: no model is in"):
            client.request("GET", "/v2/health/ready")
        (tmp_path / "cats" / "1").mkdir(parents=True)
        shutil.copy(weights, tmp_path / "cats" / "1" / "w.safetensors")
        until(client.is_ready)
        assert client.predict(photo, model="cats")
    server.stop()
    thread.join(20)
    assert not thread.is_alive()


def until(is_so: Callable[[], object], seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < end
        time.sleep(0.02)
