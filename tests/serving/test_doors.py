"""The HTTP side, asked over loopback."""

import base64
import gzip
import http.client
import io
import json
import shutil
import socket
import struct
import subprocess
import threading
import zlib
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from netwright.deploy import open_runtime
from netwright.errors import ServeError
from netwright.serving import Client, ServeSettings
from netwright.serving.process import Server, check_tls, listen

NAMES = ("tabby, cat", 'the "dog"', "elk")
Serving = Callable[..., AbstractContextManager[Server]]


def ask(
    server: Server, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None
) -> tuple[int, bytes, dict[str, str]]:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
    try:
        connection.request(method, path, body, headers or {}, encode_chunked=False)
        answer = connection.getresponse()
        return answer.status, answer.read(), {key.lower(): value for key, value in answer.getheaders()}
    finally:
        connection.close()


def form(*files: tuple[str, bytes]) -> tuple[bytes, dict[str, str]]:
    lines = b""
    for name, content in files:
        head = f'--xyz\r\nContent-Disposition: form-data; name="image"; filename="{name}"\r\n\r\n'
        lines += head.encode() + content + b"\r\n"
    return lines + b"--xyz--\r\n", {"Content-Type": "multipart/form-data; boundary=xyz"}


@pytest.fixture(scope="module")
def expected(weights: Path, photo: bytes) -> dict[str, float]:
    with open_runtime(weights, threads=1) as runtime:
        return {each.name: each.probability for each in runtime.predict([photo]).top(3)[0]}


def test_an_image_is_answered_with_names_as_the_runtime_has_them(
    server: Server, photo: bytes, expected: dict[str, float]
) -> None:
    status, body, headers = ask(server, "POST", "/predict?top_k=2", photo, {"X-Request-Id": "abc-1"})
    said = json.loads(body)
    assert status == 200
    assert headers["x-request-id"] == said["id"] == "abc-1"
    assert (said["model"], said["version"]) == ("tiny", "1")
    assert [each["name"] for each in said["classes"]] == list(expected)[:2]
    for each in said["classes"]:
        assert each["probability"] == pytest.approx(expected[each["name"]], abs=1e-5)


def test_a_form_has_one_image_or_several(server: Server, photo: bytes, expected: dict[str, float]) -> None:
    status, body, _ = ask(server, "POST", "/predict", *form(("a.jpg", photo)))
    assert status == 200
    assert json.loads(body)["classes"][0]["name"] == next(iter(expected))
    status, body, _ = ask(server, "POST", "/predict", *form(("a.jpg", photo), ("b.txt", b"words"), ("c.jpg", photo)))
    said = json.loads(body)["predictions"]
    assert status == 200
    assert [each["file"] for each in said] == ["a.jpg", "b.txt", "c.jpg"]
    assert "no image" in said[1]["error"]
    assert said[0]["classes"] == said[2]["classes"]


def test_the_form_of_mindspore_serving(server: Server, photo: bytes, expected: dict[str, float]) -> None:
    good = {"image": {"b64": base64.b64encode(photo).decode()}}
    bad = [{"image": {"b64": "%%"}}, {"image": {"b64": base64.b64encode(b"x").decode()}}, {}, 3]
    for path in ("/model/tiny:predict", "/model/tiny/version/1:predict", "/model/tiny/version/0:predict"):
        status, body, _ = ask(server, "POST", path, json.dumps({"instances": [good, *bad, good]}))
        said = json.loads(body)["instances"]
        assert status == 200
        assert [each.get("label") for each in said] == [next(iter(expected)), *[None] * 4, next(iter(expected))]
        assert all("error_msg" in each for each in said[1:5])
    for path, body_, code in (
        ("/model/tiny:classify", {"instances": [good]}, 404),
        ("/model/tiny/version/7:predict", {"instances": [good]}, 404),
        ("/model/tiny:predict", {"instances": []}, 400),
        ("/model/tiny:predict", [], 400),
    ):
        status, body, _ = ask(server, "POST", path, json.dumps(body_))
        assert (status, list(json.loads(body))) == (code, ["error_msg"])


def infer(name: str, datatype: str, shape: list[int], data: Any, **more: Any) -> bytes:
    return json.dumps({"inputs": [{"name": name, "datatype": datatype, "shape": shape, "data": data}], **more}).encode()


def test_tensors_as_json(server: Server, weights: Path, photo: bytes) -> None:
    x = np.random.default_rng(0).standard_normal((2, 3, 16, 16)).astype(np.float32)
    with open_runtime(weights, threads=1) as runtime:
        logits = runtime.logits(x)
    for data in (x.tolist(), x.ravel().tolist()):
        body = infer("input", "FP32", [2, 3, 16, 16], data, id="q", outputs=[{"name": "logits"}])
        status, answer, _ = ask(server, "POST", "/v2/models/tiny/versions/1/infer", body)
        said = json.loads(answer)
        assert (status, said["id"], said["model_name"], said["model_version"]) == (200, "q", "tiny", "1")
        assert [each["name"] for each in said["outputs"]] == ["logits"]
        np.testing.assert_allclose(np.reshape(said["outputs"][0]["data"], (2, 3)), logits, rtol=1e-4, atol=1e-5)
    text = base64.b64encode(photo).decode()
    status, answer, _ = ask(server, "POST", "/v2/models/tiny/infer", infer("image", "BYTES", [1], [text]))
    assert status == 200
    assert sum(json.loads(answer)["outputs"][1]["data"]) == pytest.approx(1, abs=1e-5)


def test_bodies_may_be_packed_but_not_bombs(server: Server) -> None:
    plain = infer("pixels", "UINT8", [1, 16, 16, 3], [7] * 768)
    for encoding, packed in (("gzip", gzip.compress(plain)), ("deflate", zlib.compress(plain))):
        status, _, _ = ask(server, "POST", "/v2/models/tiny/infer", packed, {"Content-Encoding": encoding})
        assert status == 200
    for packed, code in ((gzip.compress(b" " * (8 << 20)), 413), (gzip.compress(plain)[:-9], 400), (b"x", 400)):
        status, _, _ = ask(server, "POST", "/v2/models/tiny/infer", packed, {"Content-Encoding": "gzip"})
        assert status == code


_PIXELS = infer("pixels", "UINT8", [1, 16, 16, 3], [7] * 768)
MALFORMED = {
    "no JSON": b"\xff\x00",
    "deep": b"[" * 100_000,
    "a list": b"[]",
    "no inputs": b"{}",
    "two inputs": json.dumps({"inputs": [{}, {}]}).encode(),
    "another name": infer("x", "FP32", [1, 3, 16, 16], []),
    "another type": infer("input", "FP64", [1, 3, 16, 16], [0] * 768),
    "another shape": infer("input", "FP32", [1, 3, 8, 8], [0] * 192),
    "no rows": infer("pixels", "UINT8", [0, 16, 16, 3], []),
    "huge": infer("pixels", "UINT8", [2**30, 16, 16, 3], [1]),
    "beyond": infer("pixels", "UINT8", [2**70, 16, 16, 3], [1]),
    "negative": infer("pixels", "UINT8", [-1, 16, 16, 3], [7] * 768),
    "ragged": infer("pixels", "UINT8", [1, 16, 16, 3], [[1], [2, 3]]),
    "texts": infer("pixels", "UINT8", [1, 16, 16, 3], ["7"] * 768),
    "objects": infer("pixels", "UINT8", [1, 16, 16, 3], [{}] * 768),
    "256": infer("pixels", "UINT8", [1, 16, 16, 3], [256] * 768),
    "halves": infer("pixels", "UINT8", [1, 16, 16, 3], [0.5] * 768),
    "NaN": infer("input", "FP32", [1, 3, 16, 16], [float("nan")] * 768),
    "1e300": infer("input", "FP32", [1, 3, 16, 16], [1e300] * 768),
    "integers without end": infer("input", "FP32", [1, 3, 16, 16], [10**400] * 768),
    "digits without end": b'{"inputs": ' + b"9" * 10_000 + b"}",
    "an unknown output": infer("pixels", "UINT8", [1, 16, 16, 3], [7] * 768, outputs=[{"name": "x"}]),
    "an output twice": infer("pixels", "UINT8", [1, 16, 16, 3], [7] * 768, outputs=[{"name": "logits"}] * 2),
    "odd parameters": infer("pixels", "UINT8", [1, 16, 16, 3], [7] * 768, parameters=[]),
    "text that is no base64": infer("image", "BYTES", [1], ["\u00e9"]),
    "a number for text": infer("image", "BYTES", [1], [5]),
}


@pytest.mark.parametrize("body", MALFORMED.values(), ids=MALFORMED)
def test_a_malformed_request_is_told_what_is_wrong(server: Server, body: bytes) -> None:
    status, answer, _ = ask(server, "POST", "/v2/models/tiny/infer", body)
    assert status == 400
    assert len(json.loads(answer)["error"]) > 20


@pytest.mark.parametrize("length", ["-1", "x", "9" * 5000, "1", str(len(_PIXELS) + 1)])
def test_a_wrong_length_of_the_head(server: Server, length: str) -> None:
    status, _, _ = ask(server, "POST", "/v2/models/tiny/infer", _PIXELS, {"Inference-Header-Content-Length": length})
    assert status == 400


def test_200_random_bodies(server: Server, photo: bytes) -> None:
    generator = np.random.default_rng(1)
    paths = ("/predict", "/v2/models/tiny/infer", "/model/tiny:predict")
    seen = set()
    for turn in range(200):
        base = bytearray((photo, _PIXELS, form(("a", photo))[0])[turn % 3])
        for _ in range(int(generator.integers(1, 30))):
            base[generator.integers(len(base))] = generator.integers(256)
        headers = {"Content-Type": "multipart/form-data; boundary=xyz"} if turn % 3 == 2 else {}
        status, _, _ = ask(
            server, "POST", paths[turn // 3 % 3], bytes(base[: generator.integers(1, len(base))]), headers
        )
        seen.add(status)
    assert seen <= {200, 400, 413, 422}
    with Client(f"http://127.0.0.1:{server.port}") as client:
        assert client.predict(photo)


def png(height: int, width: int) -> bytes:
    """A head that promises so many pixels, and no pixels."""
    head = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunk = struct.pack(">I", 13) + head + struct.pack(">I", zlib.crc32(head))
    return b"\x89PNG\r\n\x1a\n" + chunk + struct.pack(">I", 4) + b"IDAT\0\0\0\0" + b"\0" * 4


def test_images_that_are_none_or_too_much(server: Server) -> None:
    file = io.BytesIO()
    Image.new("L", (2000, 2000)).save(file, "PNG")
    for body, code in ((b"", 400), (b"no image", 422), (png(50_000, 50_000), 413), (file.getvalue(), 413)):
        status, answer, _ = ask(server, "POST", "/predict", body)
        assert (status, "error" in json.loads(answer)) == (code, True)


def test_bodies_that_are_too_large_or_too_slow(server: Server) -> None:
    status, _, _ = ask(server, "POST", "/predict", b"x" * (1 << 20) + b"x")
    assert status == 413
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as connection:
        connection.sendall(b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nhalf")
        assert connection.recv(4096).startswith(b"HTTP/1.1 408 ")
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as connection:
        head = b"POST /predict HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
        connection.sendall(head + (b"10000\r\n" + b"x" * 0x10000 + b"\r\n") * 17)
        assert connection.recv(4096).startswith(b"HTTP/1.1 413 ")


def test_addresses_that_are_none(server: Server) -> None:
    for method, path, code in (
        ("GET", "/nothing", 404),
        ("GET", "/predict", 405),
        ("POST", "/predict?model=bird", 404),
        ("POST", "/predict?version=x", 404),
        ("POST", "/predict?top_k=0", 400),
        ("GET", "/v2/models/bird", 404),
        ("GET", "/v2/models/%00%ff/ready", 404),
        ("GET", "/v2/models/tiny/versions/99999999999999999999", 404),
    ):
        status, answer, _ = ask(server, method, path, b"x" if method == "POST" else None)
        assert (status, list(json.loads(answer))) == (code, ["error"])


def test_request_ids_are_not_taken_blindly(server: Server) -> None:
    _, _, headers = ask(server, "GET", "/v2/health/live", None, {"X-Request-Id": "a b"})
    assert headers["x-request-id"] not in ("", "a b")


def test_metrics_count(server: Server, photo: bytes) -> None:
    def count() -> float:
        text = ask(server, "GET", "/metrics")[1].decode()
        wanted = 'netwright_requests_total{code="200",door="predict",model="tiny"} '
        return sum(float(line.removeprefix(wanted)) for line in text.splitlines() if line.startswith(wanted))

    before = count()
    ask(server, "POST", "/predict", photo)
    assert count() == before + 1


def test_the_openapi_page_names_every_address(server: Server) -> None:
    from netwright.serving.openapi import ROUTES

    said = json.loads(ask(server, "GET", "/openapi.json")[1])
    for route in ROUTES:
        if route.path != "/":
            assert route.method.lower() in said["paths"][route.path.replace(":path", "")]


def test_a_token_is_wanted_for_all_but_health_and_the_page(serving: Serving, weights: Path, photo: bytes) -> None:
    with serving(weights, token="s3cret") as server:
        for path, code in (("/", 200), ("/v2/health/live", 200), ("/v2", 401), ("/metrics", 401)):
            assert ask(server, "GET", path)[0] == code
        status, _, headers = ask(server, "POST", "/predict", photo, {"Authorization": "Bearer s3cre"})
        assert (status, headers["www-authenticate"]) == (401, "Bearer")
        assert ask(server, "POST", "/predict", photo, {"Authorization": "Bearer s3cret"})[0] == 200


def slow_down(server: Server, go: threading.Event) -> threading.Event:
    """The network waits for `go` before each answer. Gives an event for the first that waits."""
    runtime = server._site.service.repository.get("").runtime
    inner, has_begun = runtime._engine, threading.Event()
    assert inner is not None

    class Slow:
        def __call__(self, inputs: Any) -> Any:
            has_begun.set()
            assert go.wait(20)
            return inner(inputs)

        def close(self) -> None:
            inner.close()

    runtime._engine = Slow()
    return has_begun


def in_threads(count: int, what: Callable[[], Any]) -> tuple[list[threading.Thread], list[Any]]:
    answers: list[Any] = []
    threads = [threading.Thread(target=lambda: answers.append(what())) for _ in range(count)]
    for thread in threads:
        thread.start()
    return threads, answers


def test_more_than_there_is_room_for_is_refused_with_a_time(serving: Serving, weights: Path, photo: bytes) -> None:
    go = threading.Event()
    with serving(weights, max_batch=1, max_queue=2) as server:
        has_begun = slow_down(server, go)
        threads, answers = in_threads(1, lambda: ask(server, "POST", "/predict", photo))
        assert has_begun.wait(10)
        more, others = in_threads(6, lambda: ask(server, "POST", "/predict", photo))
        while len(others) < 4:
            more[0].join(0.01)
        go.set()
        for thread in threads + more:
            thread.join(20)
    assert [answer[0] for answer in answers] == [200]
    assert sorted(answer[0] for answer in others) == [200, 200, 429, 429, 429, 429]
    assert all(int(answer[2]["retry-after"]) >= 1 for answer in others if answer[0] == 429)


def test_stopping_answers_what_was_accepted(serving: Serving, weights: Path, photo: bytes) -> None:
    go = threading.Event()
    with serving(weights, max_batch=1) as server:
        has_begun = slow_down(server, go)
        threads, answers = in_threads(4, lambda: ask(server, "POST", "/predict", photo))
        assert has_begun.wait(10)
        while server._site.limits.requests < 4:
            threads[0].join(0.01)
        server.stop()
        threads[0].join(0.2)
        go.set()
        for thread in threads:
            thread.join(20)
    assert [answer[0] for answer in answers] == [200] * 4


def test_a_request_whose_time_runs_out_is_told(serving: Serving, weights: Path, photo: bytes) -> None:
    go = threading.Event()
    with serving(weights, timeout=0.3) as server:
        slow_down(server, go)
        status, answer, headers = ask(server, "POST", "/predict", photo)
        assert (status, headers["retry-after"]) == (504, "1")
        assert "ran out" in json.loads(answer)["error"]
        go.set()
        assert server._site.limits.requests == server._site.limits.bytes == 0


def test_a_client_that_goes_gives_its_place_free(serving: Serving, weights: Path, photo: bytes) -> None:
    go = threading.Event()
    with serving(weights, max_batch=1) as server:
        has_begun = slow_down(server, go)
        batcher = server._site.service.repository.get("").batcher
        threads, _ = in_threads(1, lambda: ask(server, "POST", "/predict", photo))
        assert has_begun.wait(10)
        with socket.create_connection(("127.0.0.1", server.port)) as connection:
            head = f"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: {len(photo)}\r\n\r\n".encode()
            connection.sendall(head + photo)
            while batcher.waiting < 1:
                threads[0].join(0.01)
        while server._site.limits.requests > 1:
            threads[0].join(0.01)
        assert server._site.limits.bytes == len(photo)
        go.set()
        threads[0].join(20)


def test_versions_change_under_load_without_a_request_lost(
    serving: Serving, save: Callable[..., Path], tmp_path: Path, photo: bytes
) -> None:
    save(tmp_path / "cats" / "1" / "w.safetensors")
    with serving(tmp_path) as server:
        has_ended, statuses = threading.Event(), list[tuple[int, str]]()

        def ask_on() -> None:
            client = Client(f"http://127.0.0.1:{server.port}", retries=0)
            while not has_ended.is_set():
                body, _ = client.ask("POST", "/predict", photo)
                statuses.append((200, json.loads(body)["version"]))
            client.close()

        threads = [threading.Thread(target=ask_on) for _ in range(3)]
        for thread in threads:
            thread.start()
        repository = server._site.service.repository
        for version in (2, 3, 3, 3):
            save(tmp_path / "cats" / str(version) / "w.safetensors", seed=version)
            repository.refresh(at_once=True)
            seen = len(statuses)
            while len(statuses) < seen + 10 and any(thread.is_alive() for thread in threads):
                threads[0].join(0.01)
        has_ended.set()
        for thread in threads:
            thread.join(20)
    assert {version for _, version in statuses} == {"1", "2", "3"}
    assert len(statuses) > 30


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
        with pytest.raises(ServeError, match="CERTIFICATE_VERIFY_FAILED"):
            Client(f"https://127.0.0.1:{server.port}", retries=0).predict(photo)
        grpc = pytest.importorskip("tritonclient.grpc")
        triton = grpc.InferenceServerClient(f"127.0.0.1:{server.grpc_port}", ssl=True, root_certificates=cert)
        assert triton.is_server_ready()
        triton.close()


def test_a_certificate_that_is_none(weights: Path, tmp_path: Path) -> None:
    (tmp_path / "x.pem").write_text("no certificate")
    with pytest.raises(ServeError, match=r"x\.pem"):
        check_tls(ServeSettings(str(weights), tls_cert=str(tmp_path / "x.pem"), tls_key=str(tmp_path / "x.pem")))


def test_the_client_in_five_lines(server: Server, weights: Path, photo: bytes, tmp_path: Path) -> None:
    (tmp_path / "photo.jpg").write_bytes(photo)
    pixels = np.random.default_rng(0).integers(0, 256, (3, 16, 16, 3), dtype=np.uint8)
    with Client(f"127.0.0.1:{server.port}") as client, open_runtime(weights, threads=1) as runtime:
        assert client.is_ready()
        assert client.predict(tmp_path / "photo.jpg") == client.predict(photo, model="tiny", version="1")
        expected = runtime.logits(runtime.normalise(pixels))
        np.testing.assert_allclose(client.logits(pixels, model="tiny"), expected, rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(
            client.logits(runtime.normalise(pixels), model="tiny", version="1"), expected, rtol=1e-4, atol=1e-5
        )
        assert client.models() == [{"name": "tiny", "version": "1", "state": "READY", "reason": ""}]
        with pytest.raises(ServeError, match="no model 'bird'"):
            client.predict(photo, model="bird")
