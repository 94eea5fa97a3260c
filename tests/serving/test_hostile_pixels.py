"""Small files that become many pixels, sent to a server with default settings: little memory, and nobody else waits."""

import http.client
import io
import json
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

Form = Callable[..., tuple[bytes, dict[str, str]]]
Start = Callable[..., AbstractContextManager[Any]]

pytestmark = pytest.mark.slow

_MOST_MEMORY = 1 << 20  # KiB
_SECONDS = 2.0  # for a good client; the issue asks for 1 on a machine that does nothing else


def encoded(kind: str, size: tuple[int, int], mode: str = "RGB", **options: Any) -> bytes:
    file = io.BytesIO()
    Image.new(mode, size).save(file, kind, **options)
    return file.getvalue()


@pytest.fixture(scope="module")
def started(start: Start, weights: Path) -> Iterator[Any]:
    with start(str(weights)) as found:
        yield found
        found.stop()


def ask(started: Any, body: bytes, headers: dict[str, str] | None = None) -> tuple[int, bytes]:
    host, port = started.address.removeprefix("http://").rsplit(":", 1)
    connection = http.client.HTTPConnection(host, int(port), timeout=60)
    try:
        connection.request("POST", "/predict", body, headers or {})
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def peak(started: Any) -> int:
    """KiB, of the server's process."""
    status = Path(f"/proc/{started.program.pid}/status").read_text()
    return int(re.findall(r"VmHWM:\s+(\d+)", status)[0])


def while_asked(started: Any, photo: bytes, hostile: list[Callable[[], Any]]) -> list[float]:
    """Do hostile things at once; how long a good client waits for each answer meanwhile."""
    threads = [threading.Thread(target=each) for each in hostile]
    for thread in threads:
        thread.start()
    seconds = []
    while any(thread.is_alive() for thread in threads) or not seconds:
        began = time.monotonic()
        assert ask(started, photo)[0] == 200
        seconds.append(time.monotonic() - began)
        time.sleep(0.05)
    return seconds


@pytest.mark.parametrize("size", [(8000, 2), (20_000, 2), (2, 20_000), (40_000_000, 1)])
def test_slivers_are_refused_in_words(started: Any, size: tuple[int, int]) -> None:
    status, answer = ask(started, encoded("PNG", size, "1"))
    assert status == 422
    assert "at most 1,000 times the shorter one" in json.loads(answer)["error"]
    assert peak(started) < _MOST_MEMORY


def test_slivers_that_are_none_take_no_memory(started: Any) -> None:
    for size in ((1000, 1), (1, 1000), (160_000, 200), (200, 160_000)):
        assert ask(started, encoded("PNG", size, "1"))[0] == 200
    assert peak(started) < _MOST_MEMORY


def test_a_form_of_a_thousand_large_images_is_refused(started: Any, form: Form, photo: bytes) -> None:
    webp = encoded("WEBP", (4500, 4500), lossless=True)
    began = time.monotonic()
    status, answer = ask(started, *form(*[("a", webp)] * 1000))
    assert status == 413
    assert "at most 400,000,000 pixels, and these have 20,250,000,000" in json.loads(answer)["error"]
    assert time.monotonic() - began < 5
    larger = encoded("WEBP", (6300, 6300), lossless=True)
    status, answer = ask(started, larger)
    assert status == 413
    assert "a WebP may have at most" in json.loads(answer)["error"]


def test_as_many_pixels_as_are_allowed_hold_up_nobody_else(started: Any, form: Form, photo: bytes) -> None:
    webp, png = encoded("WEBP", (4500, 4500), lossless=True), encoded("PNG", (6300, 6300), "RGBA")
    jpeg = encoded("JPEG", (6300, 6300), progressive=True)
    answers: list[tuple[int, bytes]] = []
    forms = [form(*[("a", webp)] * 19), form(*[("b", png)] * 10), form(*[("c", jpeg)] * 10)]
    waited = while_asked(started, photo, [lambda each=each: answers.append(ask(started, *each)) for each in forms])
    assert max(waited) < _SECONDS
    assert {status for status, _ in answers} <= {200, 429, 504}
    assert peak(started) < _MOST_MEMORY


def test_jpeg_2000_takes_turns_where_it_is_read(start: Start, weights: Path, photo: bytes) -> None:
    jp2 = encoded("JPEG2000", (3000, 3000))
    with start(str(weights), "--formats", "jpeg", "jpeg2000") as started:
        answers: list[tuple[int, bytes]] = []
        while_asked(started, photo, [lambda: answers.append(ask(started, jp2))] * 8)
        assert [status for status, _ in answers] == [200] * 8
        assert peak(started) < _MOST_MEMORY
        assert ask(started, encoded("JPEG2000", (6300, 6300)))[0] == 413
        started.stop()


def test_the_log_of_a_damaged_fax_is_json(start: Start, weights: Path) -> None:
    data = bytearray(encoded("TIFF", (2000, 2000), "1", compression="group3"))
    data[200:2000] = bytes(range(1, 226)) * 8
    with start(str(weights), "--formats", "tiff") as started:
        ask(started, bytes(data))
        assert all("event" in line for line in started.stop())
