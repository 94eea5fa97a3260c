"""Weights from addresses, from a server on this machine."""

from __future__ import annotations

import errno
import hashlib
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from fixtures.web import CONTENT, Server, serving

from netwright.errors import OutputError, WeightsError
from netwright.weights.download import download, is_hub_offline

SHA = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as made:
        yield made


def test_a_file_is_loaded_once(tmp_path: Path, server: Server):
    path = tmp_path / "cache" / "a.ckpt"
    for _ in range(2):
        assert download(server.url, path, SHA[:8]) == path
        assert path.read_bytes() == CONTENT
    assert server.ranges == [None]
    assert [each.name for each in path.parent.iterdir()] == ["a.ckpt"]


def test_without_a_network_the_cache_is_used_or_the_cure_is_said(tmp_path: Path):
    (tmp_path / "a.ckpt").write_bytes(CONTENT)
    nowhere = "http://127.0.0.1:9/a.ckpt"
    assert download(nowhere, tmp_path / "a.ckpt", SHA[:8]).read_bytes() == CONTENT
    with pytest.raises(WeightsError, match=r"cannot be loaded: .*offline, download it elsewhere and put .*b.ckpt"):
        download(nowhere, tmp_path / "b.ckpt", SHA[:8], pause=0.0)


@pytest.mark.parametrize("variable", ["HF_HUB_OFFLINE", "NETWRIGHT_OFFLINE"])
def test_offline_nothing_is_asked(tmp_path: Path, server: Server, monkeypatch: pytest.MonkeyPatch, variable: str):
    (tmp_path / "a.ckpt").write_bytes(CONTENT)
    monkeypatch.setenv(variable, "true")
    assert download(server.url, tmp_path / "a.ckpt", SHA[:8]).read_bytes() == CONTENT
    with pytest.raises(WeightsError, match=r"is not in the cache, and the network is not to be used.*put the file at"):
        download(server.url, tmp_path / "b.ckpt", SHA[:8])
    assert server.ranges == []


def test_a_broken_connection_is_resumed(tmp_path: Path, server: Server):
    server.broken = 2
    download(server.url, tmp_path / "a.ckpt", SHA[:8], pause=0.0)
    half = len(CONTENT) // 2
    assert server.ranges == [None, f"bytes={half}-", f"bytes={half + half // 2}-"]


def test_what_a_killed_process_left_is_resumed(tmp_path: Path, server: Server):
    (tmp_path / ".a.ckpt.partial").write_bytes(CONTENT[:1000])
    download(server.url, tmp_path / "a.ckpt", SHA[:8])
    assert server.ranges == ["bytes=1000-"]
    assert (tmp_path / "a.ckpt").read_bytes() == CONTENT


@pytest.mark.parametrize("left", [b"x" * 1000, CONTENT + b"more"], ids=["other", "longer"])
def test_what_is_no_beginning_of_the_file_is_loaded_anew(tmp_path: Path, server: Server, left: bytes):
    (tmp_path / ".a.ckpt.partial").write_bytes(left)
    download(server.url, tmp_path / "a.ckpt", SHA[:8], pause=0.0)
    assert server.ranges == [f"bytes={len(left)}-", None]


def test_a_server_that_does_not_resume_gives_the_whole_file(tmp_path: Path, server: Server):
    server.resumes = False
    (tmp_path / ".a.ckpt.partial").write_bytes(CONTENT[:1000])
    assert download(server.url, tmp_path / "a.ckpt", SHA[:8]).read_bytes() == CONTENT


def test_another_content_is_refused_and_not_kept(tmp_path: Path, server: Server):
    server.content = b"something else"
    with pytest.raises(WeightsError, match=f"its sha256 is [0-9a-f]{{16}}..., and it should be {SHA[:8]}"):
        download(server.url, tmp_path / "a.ckpt", SHA[:8], pause=0.0)
    assert len(server.ranges) == 1
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_cache_is_loaded_anew(tmp_path: Path, server: Server):
    (tmp_path / "a.ckpt").write_bytes(CONTENT[:-1] + b"?")
    assert download(server.url, tmp_path / "a.ckpt", SHA[:8]).read_bytes() == CONTENT


def test_a_busy_server_is_asked_again_and_a_missing_file_is_not(tmp_path: Path, server: Server):
    server.statuses = [503, 429]
    download(server.url, tmp_path / "a.ckpt", SHA[:8], pause=0.0)
    assert len(server.ranges) == 3
    server.statuses = [404, 404]
    with pytest.raises(WeightsError, match="HTTP status 404"):
        download(server.url, tmp_path / "b.ckpt", SHA[:8], pause=0.0)
    assert server.statuses == [404]


def test_several_at_once_load_it_once(tmp_path: Path, server: Server):
    threads = [threading.Thread(target=download, args=(server.url, tmp_path / "a.ckpt", SHA[:8])) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert server.ranges == [None]


def test_a_cache_that_cannot_be_written_is_said(tmp_path: Path, server: Server):
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="NETWRIGHT_CACHE"):
        download(server.url, tmp_path / "file" / "a.ckpt", SHA[:8])


def test_a_full_disk_says_what_and_the_cure(tmp_path: Path, server: Server, monkeypatch: pytest.MonkeyPatch):
    def full(handle: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    path = tmp_path / "a.ckpt"
    says = (
        rf"^the downloaded weights cannot be written to {path}: No space .* choose another folder with NETWRIGHT_CACHE"
    )
    with pytest.raises(OutputError, match=says):
        download(server.url, path, SHA[:8])
    assert not path.exists()


def test_both_variables_forbid_the_network(monkeypatch: pytest.MonkeyPatch):
    for name in ("HF_HUB_OFFLINE", "NETWRIGHT_OFFLINE"):
        monkeypatch.delenv(name, raising=False)
    assert not is_hub_offline()
    for name in ("HF_HUB_OFFLINE", "NETWRIGHT_OFFLINE"):
        with monkeypatch.context() as patched:
            patched.setenv(name, "1")
            assert is_hub_offline()
