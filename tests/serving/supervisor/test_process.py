"""Where a server listens."""

import shutil
import socket
import subprocess
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from netwright.errors import ServeError
from netwright.serving import Client, ServeSettings
from netwright.serving.supervisor.listening import listen
from netwright.serving.supervisor.process import Server, check_tls

Serving = Callable[..., AbstractContextManager[Server]]


def test_answers_do_not_wait_for_acknowledgements(server: Server) -> None:
    # asyncio sets TCP_NODELAY by the protocol of the socket that listens, which is 0 unless one says it
    with listen("127.0.0.1", 0) as sock:
        assert sock.proto == socket.IPPROTO_TCP


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
