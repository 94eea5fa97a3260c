"""The client against a server."""

import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from netwright.errors import ServeError
from netwright.runtime import open_runtime
from netwright.serving import Client, ServeSettings
from netwright.serving.supervisor.listening import listen_for
from netwright.serving.supervisor.process import Server


def test_the_client_in_five_lines(server: Server, weights: Path, photo: bytes, tmp_path: Path) -> None:
    (tmp_path / "photo.jpg").write_bytes(photo)
    pixels = np.random.default_rng(0).integers(0, 256, (3, 16, 16, 3), dtype=np.uint8)
    with Client(f"127.0.0.1:{server.port}") as client, open_runtime(weights, threads=1) as runtime:
        assert client.is_ready()
        assert client.predict(tmp_path / "photo.jpg") == client.predict(photo, model="tiny", version="1")
        expected = runtime.logits(runtime.normalize(pixels))
        np.testing.assert_allclose(client.logits(pixels, model="tiny"), expected, rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(
            client.logits(runtime.normalize(pixels), model="tiny", version="1"), expected, rtol=1e-4, atol=1e-5
        )
        assert client.models() == [{"name": "tiny", "version": "1", "state": "READY", "reason": ""}]
        with pytest.raises(ServeError, match="no model 'bird'"):
            client.predict(photo, model="bird")


def test_the_old_name_of_request_warns(server: Server) -> None:
    with Client(f"127.0.0.1:{server.port}") as client:
        with pytest.warns(DeprecationWarning, match=r"Client\.ask is now Client\.request; the old name goes"):
            body, headers = client.ask("GET", "/v2/health/live")
        assert (body, headers["content-type"]) == (b'{"live":true}', "application/json")


Answer = tuple[int, dict[str, str], bytes]


@pytest.fixture
def stranger() -> Iterator[tuple[str, list[Answer], list[str]]]:
    """The address of a server that gives the answers in a list, and the paths that it was asked for."""
    answers, asked = list[Answer](), list[str]()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            asked.append(self.path)
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            status, headers, body = answers.pop(0) if len(answers) > 1 else answers[0]
            self.send_response(status)
            for key, value in {"Content-Length": str(len(body)), **headers}.items():
                self.send_header(key, value)
            self.end_headers()
            self.wfile.write(body)

        def do_POST(self) -> None:
            self.do_GET()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", answers, asked
    server.shutdown()
    server.server_close()


HTML, JSON = {"Content-Type": "text/html; charset=utf-8"}, {"Content-Type": "application/json"}
PAGE = b"<!doctype html>\n<h1>Welcome to nginx!</h1>"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("answer", "says"),
    [
        ((200, HTML, PAGE), "but with text/html: '<!doctype html> <h1>Welcome to nginx!</h1>'. Is this its address?"),
        ((200, JSON, b'{"predictions": []}'), "does not answer as `netwright serve` does"),
        ((200, JSON, b'["classes"]'), "does not answer as"),
        ((200, JSON, b'{"classes": [{"name": 3, "probability": "a"}]}'), "does not answer as"),
        ((200, JSON, b"[" * 100_000), "does not answer as"),
        ((200, JSON, b"\xff\xfe"), "does not answer as"),
        ((204, {}, b""), "something else: nothing"),
        ((302, {"Location": "https://login.example.org/"}, b""), "which leads to https://login.example.org/. Give the"),
        ((404, HTML, PAGE), "answers 404: '<!doctype html> <h1>"),
        ((500, JSON, b'{"error": null}'), "answers 500: '{\"error\": null}'"),
        ((500, {}, b""), "answers 500: nothing"),
    ],
)
def test_another_programs_answer_is_a_sentence(
    stranger: tuple[str, list[Answer], list[str]], answer: Answer, says: str
) -> None:
    address, answers, _ = stranger
    answers.append(answer)
    with Client(address, retries=0) as client:
        with pytest.raises(ServeError) as caught:
            client.predict(b"any")
        assert says in str(caught.value)
        for call in (
            client.models,
            client.statistics,
            lambda: client.load("a"),
            lambda: client.logits(np.zeros((1, 4, 4, 3), np.uint8), model="a"),
        ):
            with pytest.raises(ServeError):
                call()
        assert not client.is_ready()


@pytest.mark.slow
@pytest.mark.parametrize("odd", ["soon", "-5", "nan", "inf", "1e9", "Wed, 21 Oct 2037 07:28:00 GMT", "9" * 400, ""])
def test_an_odd_time_to_wait_is_a_second_or_the_timeout(
    stranger: tuple[str, list[Answer], list[str]], odd: str
) -> None:
    address, answers, asked = stranger
    answers += [(429, {"Retry-After": odd}, b"{}"), (200, JSON, b'{"classes": []}')]
    started = time.monotonic()
    with Client(address, timeout=5) as client:
        assert client.predict(b"any") == []
    assert len(asked) == 2
    assert 0.9 < time.monotonic() - started < 5


@pytest.mark.slow
def test_the_path_of_the_address_is_used(stranger: tuple[str, list[Answer], list[str]]) -> None:
    address, answers, asked = stranger
    answers.append((200, JSON, b'{"classes": [], "ready": true}'))
    for prefix in ("", "/", "/images/v 1/"):
        with Client(address + prefix) as client:
            assert client.is_ready()
            client.predict(b"any")
    assert asked[::2] == ["/v2/health/ready", "/v2/health/ready", "/images/v%201/v2/health/ready"]
    assert asked[5] == "/images/v%201/predict?top_k=5"


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"timeout": -1.0}, "a timeout is above 0"),
        ({"timeout": float("nan")}, "a timeout is above 0"),
        ({"timeout": float("inf")}, "a timeout is above 0"),
        ({"timeout": 0.0}, "a timeout is above 0"),
        ({"retries": -1}, "retries are 0 or more"),
        ({"token": "secret\n"}, "a token is printable ASCII"),
        ({"token": "geheim\u00fc"}, "a token is printable ASCII"),
        ({"address": "https://x", "ca_file": "gone.pem"}, "gone.pem cannot be used: No such file"),
        ({"address": "https://x", "ca_file": __file__}, "a file of PEM"),
        ({"address": "http://x:99999"}, "like http://127.0.0.1:8000"),
        ({"address": "http://[::1"}, "like http://127.0.0.1:8000"),
        ({"address": "http://" + "a" * 70 + ".org"}, "like http://127.0.0.1:8000"),
        ({"address": "http://x/?a=b"}, "like http://127.0.0.1:8000"),
        ({"address": "http://me:secret@x"}, "like http://127.0.0.1:8000"),
    ],
)
def test_what_cannot_be_is_said_when_it_is_made(given: dict[str, Any], says: str) -> None:
    with pytest.raises(ServeError) as caught:
        Client(**({"address": "http://127.0.0.1:1"} | given))
    assert says in str(caught.value)
    assert given.get("token", "none") not in str(caught.value)


def test_requests_that_are_none(server: Server) -> None:
    with Client(f"127.0.0.1:{server.port}") as client:
        for path, headers in (("/a\nb", {}), ("/\u00fc", {}), ("/v2", {"X": "a\nb"})):
            with pytest.raises(ServeError, match="no request of HTTP"):
                client.request("GET", path, None, headers)
        for image in (np.zeros((4, 4, 3), np.uint8), 3, None):
            with pytest.raises(ServeError, match="an image is the bytes or the path of a file"):
                client.predict(image)  # type: ignore[arg-type]
        with pytest.raises(ServeError, match="cannot be read"):
            client.predict("a\0b")


def test_arrays_of_any_order_and_width_arrive_as_they_are(server: Server, weights: Path) -> None:
    x = np.random.default_rng(0).standard_normal((2, 3, 16, 16)).astype(np.float32)
    with Client(f"127.0.0.1:{server.port}") as client:
        expected = client.logits(x, model="tiny")
        for given in (x.astype(">f4"), x.astype("f8"), x.astype(">f8"), np.asfortranarray(x)):
            np.testing.assert_array_equal(client.logits(given, model="tiny"), expected)
        for kind in ("i8", ">u2", "?", "c8", "U3", "O"):
            with pytest.raises(ServeError, match="images are uint8"):
                client.logits(x.astype(kind), model="tiny")


def test_over_a_unix_socket(tmp_path: Path, weights: Path, photo: bytes, expected: dict[str, float]) -> None:
    path, settings = tmp_path / "socket", ServeSettings(str(weights), uds=str(tmp_path / "socket"), threads=1, poll=0.0)
    is_ready = threading.Event()
    with listen_for(settings) as sock:
        server = Server(settings, sock)
        thread = threading.Thread(target=lambda: server.run(lambda _: is_ready.set(), signals=False))
        thread.start()
        try:
            assert is_ready.wait(30)
            for address in (f"unix:{path}", f"unix://{path}"):
                with Client(address) as client:
                    assert client.is_ready()
                    assert [each["name"] for each in client.predict(photo)] == list(expected)
        finally:
            server.stop()
            thread.join(30)
    with Client(f"unix:{path}", retries=0) as client, pytest.raises(ServeError, match="socket does not answer"):
        client.models()
    for address in ("unix:", "unix://host/x", "unix:/a\0b"):
        with pytest.raises(ServeError, match=r"a Unix socket's address is like unix:/run/netwright\.sock"):
            Client(address)
