"""Which pages of browsers may read answers."""

import json
import socket
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from netwright.serving import ServeSettings
from netwright.serving.errors import RequestError
from netwright.serving.http.origin import check_host, must_check_host
from netwright.serving.supervisor.listening import listen_for
from netwright.serving.supervisor.process import Server

Ask = Callable[..., tuple[int, bytes, dict[str, str]]]
Serving = Callable[..., AbstractContextManager[Server]]


@pytest.mark.parametrize(
    "host",
    ["", "localhost", "LocalHost:80", "a.localhost", "127.0.0.1:8000", "[::1]:80", "10.0.0.7", "::1", "localhost."],
)
def test_this_machine_and_addresses_are_right(host: str) -> None:
    check_host(host, "")


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:8000",
        "localhost.evil.example",
        "x",
        "127.0.0.1.nip.io",
        "[x",
        "127.0.0.1:8000.example:1",
    ],
)
def test_a_name_that_may_be_anyones_is_not(host: str) -> None:
    with pytest.raises(RequestError, match="--host_names") as refused:
        check_host(host, "")
    assert refused.value.status == 421
    check_host(host, "*")


def test_names_of_ones_own_are_right() -> None:
    check_host("models.example:8000", "other.example, models.example")
    with pytest.raises(RequestError):
        check_host("models.example.evil.example", "models.example")


@pytest.mark.parametrize(
    ("given", "is_checked"),
    [
        ({}, True),
        ({"host": "0.0.0.0"}, False),
        ({"token": "t"}, False),
        ({"uds": "/x"}, False),
        ({"host": "::1"}, True),
    ],
)
def test_where_the_name_matters(given: dict[str, Any], is_checked: bool) -> None:
    assert must_check_host(ServeSettings("x", **given)) == is_checked


def test_a_page_that_gives_its_name_this_address_reads_nothing(ask: Ask, server: Server, photo: bytes) -> None:
    for method, path, body in (("GET", "/v2", None), ("POST", "/predict", photo), ("GET", "/metrics", None)):
        status, answer, _ = ask(server, method, path, body, {"Host": "evil.example"})
        assert (status, list(json.loads(answer))) == (421, ["error"])
        assert ask(server, method, path, body, {"Host": f"localhost:{server.port}"})[0] == 200


@pytest.mark.slow
def test_only_pages_of_named_origins_may_ask(ask: Ask, serving: Serving, weights: Path, photo: bytes) -> None:
    good, wanted = (
        "https://a.example",
        {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "x-id"},
    )
    with serving(weights, cors=f"{good}, http://b.example:8080", token="s3cret") as server:
        for origin in (good, "http://b.example:8080"):
            status, _, headers = ask(server, "OPTIONS", "/predict", None, {"Origin": origin} | wanted)
            assert (status, headers["access-control-allow-origin"]) == (204, origin)
            assert "POST" in headers["access-control-allow-methods"]
            assert headers["access-control-allow-headers"] == "x-id"
            sent = {"Origin": origin, "Authorization": "Bearer s3cret"}
            status, _, headers = ask(server, "POST", "/predict", photo, sent)
            assert (status, headers["access-control-allow-origin"], headers["vary"]) == (200, origin, "Origin")
            status, _, headers = ask(server, "POST", "/predict", photo, {"Origin": origin})
            assert (status, headers["access-control-allow-origin"]) == (401, origin)  # the page can read why
        for origin in ("https://evil.example", "https://a.example.evil.example", "null"):
            for method in ("OPTIONS", "GET"):
                _, _, headers = ask(server, method, "/v2/health/live", None, {"Origin": origin} | wanted)
                assert not [each for each in headers if each.startswith("access-control")]
        assert ask(server, "OPTIONS", "/predict", None, {})[0] in (401, 405)
    with serving(weights, cors="*") as server:
        assert ask(server, "GET", "/v2", None, {"Origin": "null"})[2]["access-control-allow-origin"] == "*"


def test_without_cors_no_page_may_read_an_answer(ask: Ask, server: Server) -> None:
    status, _, headers = ask(
        server, "OPTIONS", "/predict", None, {"Origin": "http://a.example", "Access-Control-Request-Method": "POST"}
    )
    assert status == 405
    assert not [each for each in headers if each.startswith("access-control")]


@pytest.mark.slow
def test_a_unix_socket(start: Callable[..., Any], weights: Path, tmp_path: Path) -> None:
    path = tmp_path / "s"
    with socket.socket(socket.AF_UNIX) as left:  # of a server that was killed
        left.bind(str(path))
    for workers in ("1", "2"):
        with start(str(weights), "--uds", str(path), "--workers", workers) as server:
            assert server.address == f"unix:{path}"
            with socket.socket(socket.AF_UNIX) as client:
                client.settimeout(20)
                client.connect(str(path))
                client.sendall(b"GET /v2/health/ready HTTP/1.1\r\nHost: any.example\r\nConnection: close\r\n\r\n")
                assert client.makefile("rb").read().startswith(b"HTTP/1.1 200")
            with pytest.raises(Exception, match="--uds"), listen_for(ServeSettings("x", uds=str(path))):
                pass
            server.stop()
        assert not path.exists()
