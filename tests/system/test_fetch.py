"""What all that is loaded from the network has in common."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from fixtures.web import CONTENT, Server, serving

from netwright.errors import OutputError
from netwright.system.fetch import (
    FetchError,
    OfflineError,
    Remote,
    TooLargeError,
    cache_folder,
    fetch,
    fetch_bytes,
    is_offline,
)

SHA = hashlib.sha256(CONTENT).hexdigest()
MD5 = hashlib.md5(CONTENT).hexdigest()
WORDS = {"what": "the file", "elsewhere": "another folder"}
NOWHERE = "http://127.0.0.1:9/a"


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as made:
        yield made


def get(path: Path, *urls: str, size: int | None = len(CONTENT), md5: str = MD5, sha256: str = SHA[:8]) -> bytes:
    return fetch(Remote(urls, size, md5, sha256), path, **WORDS, pause=0.0).read_bytes()


def test_addresses_are_tried_in_turn_before_any_is_tried_again(tmp_path: Path, server: Server) -> None:
    assert get(tmp_path / "a", NOWHERE, f"{server.root}/1", f"{server.root}/2") == CONTENT
    assert server.ranges == [None]
    server.statuses = [500, 403, 500]
    assert get(tmp_path / "b", f"{server.root}/1", f"{server.root}/2") == CONTENT
    assert len(server.ranges) == 1 + 4, "the one that refused is left alone"


def test_an_address_continues_what_another_began(tmp_path: Path, server: Server) -> None:
    server.break_after = 3000
    assert get(tmp_path / "a", f"{server.root}/1", f"{server.root}/2") == CONTENT
    assert server.ranges == [None, "bytes=3000-"]


def test_all_reasons_are_told(tmp_path: Path, server: Server) -> None:
    server.status = 404
    with pytest.raises(FetchError, match=rf"{NOWHERE}: .*refused.*; {server.url}: HTTP status 404, Not Found$"):
        get(tmp_path / "a", NOWHERE, server.url)
    assert len(server.ranges) == 1


@pytest.mark.parametrize("part", ["bytes 5-10/11", ""], ids=["another", "unnamed"])
def test_a_part_that_is_not_the_one_asked_for_is_not_appended(tmp_path: Path, server: Server, part: str) -> None:
    server.part = part
    (tmp_path / ".a.partial").write_bytes(CONTENT[:1000])
    assert get(tmp_path / "a", server.url) == CONTENT
    assert server.ranges == ["bytes=1000-", None]


def test_what_is_whole_already_is_checked_without_asking(tmp_path: Path, server: Server) -> None:
    (tmp_path / ".a.partial").write_bytes(CONTENT)
    assert get(tmp_path / "a", NOWHERE) == CONTENT
    (tmp_path / ".b.partial").write_bytes(CONTENT + b"more")
    assert get(tmp_path / "b", server.url) == CONTENT
    assert server.ranges == [None]


@pytest.mark.parametrize(
    ("known", "says"),
    [
        ({"size": 7}, r"it has at least [\d,]+ bytes and should have 7"),
        ({"md5": "0" * 32}, r"its md5 is [0-9a-f]{16}\.\.\., and it should be 0{16}\.\.\."),
        ({"sha256": "0" * 8}, r"its sha256 is [0-9a-f]{16}\.\.\., and it should be 00000000\.\.\."),
    ],
)
def test_other_content_is_refused_and_not_kept(
    tmp_path: Path, server: Server, known: dict[str, str], says: str
) -> None:
    with pytest.raises(FetchError, match=says):
        get(tmp_path / "a", server.url, **known)  # type: ignore[arg-type]
    assert len(server.ranges) == 1
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_there_is_known_by_its_size_or_its_hash(tmp_path: Path, server: Server) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"x" * len(CONTENT))
    assert get(path, NOWHERE) == b"x" * len(CONTENT)
    assert get(path, server.url, size=None) == CONTENT
    assert get(path, NOWHERE, size=None) == CONTENT
    path.write_bytes(b"of which nothing is known")
    assert get(path, NOWHERE, size=None, md5="", sha256="") == b"of which nothing is known"


def test_offline_what_is_there_is_used_and_nothing_is_asked(tmp_path: Path, server: Server) -> None:
    remote = Remote((server.url,), len(CONTENT), MD5)
    with pytest.raises(OfflineError):
        fetch(remote, tmp_path / "a", **WORDS, offline=True)
    (tmp_path / "a").write_bytes(CONTENT)
    assert fetch(remote, tmp_path / "a", **WORDS, offline=True).read_bytes() == CONTENT
    assert server.ranges == []


def test_the_variables_that_forbid_the_network(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NETWRIGHT_OFFLINE", raising=False)
    monkeypatch.setenv("OTHER", "yes")
    assert not is_offline()
    assert is_offline("OTHER")
    monkeypatch.setenv("NETWRIGHT_OFFLINE", "1")
    assert is_offline()


def test_what_begins_is_said_once(tmp_path: Path, server: Server) -> None:
    lines: list[str] = []
    for _ in range(2):
        fetch(Remote((server.url,), len(CONTENT)), tmp_path / "a", **WORDS, say=lines.append)
    assert lines == [f"fetching {server.url} (0.0 MB) to {tmp_path}"]


def test_the_proxy_of_the_environment_is_used(tmp_path: Path, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", server.root)
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    assert get(tmp_path / "a", "http://nowhere.invalid/a") == CONTENT


_PROCESS = """
import sys
from pathlib import Path
from netwright.system.fetch import Remote, fetch
fetch(Remote((sys.argv[1],), int(sys.argv[2])), Path(sys.argv[3]), what="x", elsewhere="y")
"""


def test_one_process_loads_while_others_wait(tmp_path: Path, server: Server) -> None:
    command = [sys.executable, "-c", _PROCESS, server.url, str(len(CONTENT)), str(tmp_path / "a")]
    processes = [subprocess.Popen(command) for _ in range(3)]
    assert [process.wait() for process in processes] == [0, 0, 0]
    assert server.ranges == [None]
    assert [each.name for each in tmp_path.iterdir()] == ["a"]


def test_a_disk_that_fails_is_no_fault_of_the_network(tmp_path: Path, server: Server) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match=r"^the file cannot be written to .*in the way\)\. Choose another folder"):
        get(tmp_path / "file" / "a", server.url)


@pytest.fixture(scope="module")
def elsewhere() -> Iterator[str]:
    """A server that sends who asks to another kind of address."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(302)
            self.send_header("Location", {"/ftp": "ftp://127.0.0.1/a", "/file": "file:///etc/hostname"}[self.path])
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{http.server_port}"
        http.shutdown()
        thread.join()


@pytest.mark.parametrize(("path", "says"), [("/ftp", "unknown url type: ftp"), ("/file", "302, .*not allowed")])
def test_nobody_is_sent_to_another_kind_of_address(tmp_path: Path, elsewhere: str, path: str, says: str) -> None:
    with pytest.raises(FetchError, match=says):
        get(tmp_path / "a", elsewhere + path)
    with pytest.raises(FetchError, match=says):
        fetch_bytes(elsewhere + path, timeout=5.0, most_bytes=100)


def test_a_small_body_within_its_limit(server: Server) -> None:
    assert fetch_bytes(server.url, timeout=5.0, most_bytes=len(CONTENT)) == CONTENT
    with pytest.raises(TooLargeError, match="more than 10,239 bytes"):
        fetch_bytes(server.url, timeout=5.0, most_bytes=len(CONTENT) - 1)
    with pytest.raises(FetchError, match="Invalid IPv6 URL"):
        fetch_bytes("http://[", timeout=5.0, most_bytes=1)


def test_the_cache_is_where_the_user_says(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("NETWRIGHT_CACHE", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_folder() == tmp_path / "netwright"
    monkeypatch.setenv("NETWRIGHT_CACHE", str(tmp_path / "own"))
    assert cache_folder() == tmp_path / "own"
