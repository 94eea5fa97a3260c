"""Downloads, from a server on this machine."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from netwright.errors import OutputError, WeightsError
from netwright.system.fetch import cache_folder, fetch

CONTENT = bytes(range(256)) * 40
SHA = hashlib.sha256(CONTENT).hexdigest()


@dataclass
class Server:
    """url: of its only file. ranges: what each request asked for; broken: requests that end early, from the first;
    statuses: to answer with, before any content."""

    url: str = ""
    content: bytes = CONTENT
    ranges: list[str | None] = field(default_factory=list)
    broken: int = 0
    resumes: bool = True
    statuses: list[int] = field(default_factory=list)


@pytest.fixture
def server() -> Iterator[Server]:
    state = Server()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            wanted = self.headers.get("Range")
            state.ranges.append(wanted)
            if state.statuses:
                self.send_error(state.statuses.pop(0))
                return
            start = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted and state.resumes else 0
            if start >= len(state.content):
                self.send_error(416)
                return
            body = state.content[start:]
            self.send_response(206 if start else 200)
            if start:
                self.send_header("Content-Range", f"bytes {start}-{len(state.content) - 1}/{len(state.content)}")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if state.broken:
                state.broken -= 1
                body = body[: len(body) // 2]
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        state.url = f"http://127.0.0.1:{http.server_port}/a.ckpt"
        yield state
        http.shutdown()
        thread.join()


def test_a_file_is_loaded_once(tmp_path: Path, server: Server):
    path = tmp_path / "cache" / "a.ckpt"
    for _ in range(2):
        assert fetch(server.url, path, SHA[:8]) == path
        assert path.read_bytes() == CONTENT
    assert server.ranges == [None]
    assert [each.name for each in path.parent.iterdir() if not each.name.startswith(".")] == ["a.ckpt"]


def test_without_a_network_the_cache_is_used_or_the_cure_is_said(tmp_path: Path):
    (tmp_path / "a.ckpt").write_bytes(CONTENT)
    nowhere = "http://127.0.0.1:9/a.ckpt"
    assert fetch(nowhere, tmp_path / "a.ckpt", SHA[:8]).read_bytes() == CONTENT
    with pytest.raises(
        WeightsError, match=r"cannot be loaded: .*without one, load it elsewhere and put it at .*b.ckpt"
    ):
        fetch(nowhere, tmp_path / "b.ckpt", SHA[:8], pause=0.0)


@pytest.mark.parametrize("variable", ["HF_HUB_OFFLINE", "NETWRIGHT_OFFLINE"])
def test_offline_nothing_is_asked(tmp_path: Path, server: Server, monkeypatch: pytest.MonkeyPatch, variable: str):
    (tmp_path / "a.ckpt").write_bytes(CONTENT)
    monkeypatch.setenv(variable, "true")
    assert fetch(server.url, tmp_path / "a.ckpt", SHA[:8]).read_bytes() == CONTENT
    with pytest.raises(WeightsError, match=r"is not in the cache, and the network is not to be used.*put the file at"):
        fetch(server.url, tmp_path / "b.ckpt", SHA[:8])
    assert server.ranges == []


def test_a_broken_connection_is_resumed(tmp_path: Path, server: Server):
    server.broken = 2
    fetch(server.url, tmp_path / "a.ckpt", SHA[:8], pause=0.0)
    half = len(CONTENT) // 2
    assert server.ranges == [None, f"bytes={half}-", f"bytes={half + half // 2}-"]


def test_what_a_killed_process_left_is_resumed(tmp_path: Path, server: Server):
    (tmp_path / "a.ckpt.partial").write_bytes(CONTENT[:1000])
    fetch(server.url, tmp_path / "a.ckpt", SHA[:8])
    assert server.ranges == ["bytes=1000-"]
    assert (tmp_path / "a.ckpt").read_bytes() == CONTENT


@pytest.mark.parametrize("left", [b"x" * 1000, CONTENT + b"more"], ids=["other", "longer"])
def test_what_is_no_beginning_of_the_file_is_loaded_anew(tmp_path: Path, server: Server, left: bytes):
    (tmp_path / "a.ckpt.partial").write_bytes(left)
    fetch(server.url, tmp_path / "a.ckpt", SHA[:8], pause=0.0)
    assert server.ranges == [f"bytes={len(left)}-", None]


def test_a_server_that_does_not_resume_gives_the_whole_file(tmp_path: Path, server: Server):
    server.resumes = False
    (tmp_path / "a.ckpt.partial").write_bytes(CONTENT[:1000])
    assert fetch(server.url, tmp_path / "a.ckpt", SHA[:8]).read_bytes() == CONTENT


def test_another_content_is_refused_and_not_kept(tmp_path: Path, server: Server):
    server.content = b"something else"
    with pytest.raises(WeightsError, match=f"its sha256 is [0-9a-f]{{16}}..., and it should be {SHA[:8]}"):
        fetch(server.url, tmp_path / "a.ckpt", SHA[:8], pause=0.0)
    assert len(server.ranges) == 1
    assert [each.name for each in tmp_path.iterdir() if not each.name.startswith(".")] == []


def test_a_damaged_cache_is_loaded_anew(tmp_path: Path, server: Server):
    (tmp_path / "a.ckpt").write_bytes(CONTENT[:-1] + b"?")
    assert fetch(server.url, tmp_path / "a.ckpt", SHA[:8]).read_bytes() == CONTENT


def test_a_busy_server_is_asked_again_and_a_missing_file_is_not(tmp_path: Path, server: Server):
    server.statuses = [503, 429]
    fetch(server.url, tmp_path / "a.ckpt", SHA[:8], pause=0.0)
    assert len(server.ranges) == 3
    server.statuses = [404, 404]
    with pytest.raises(WeightsError, match="HTTP status 404"):
        fetch(server.url, tmp_path / "b.ckpt", SHA[:8], pause=0.0)
    assert server.statuses == [404]


def test_several_at_once_load_it_once(tmp_path: Path, server: Server):
    threads = [threading.Thread(target=fetch, args=(server.url, tmp_path / "a.ckpt", SHA[:8])) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert server.ranges == [None]


def test_a_cache_that_cannot_be_written_is_said(tmp_path: Path, server: Server):
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="NETWRIGHT_CACHE"):
        fetch(server.url, tmp_path / "file" / "a.ckpt", SHA[:8])


def test_the_cache_is_where_the_user_says(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.delenv("NETWRIGHT_CACHE", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_folder() == tmp_path / "netwright"
    monkeypatch.setenv("NETWRIGHT_CACHE", str(tmp_path / "own"))
    assert cache_folder() == tmp_path / "own"
