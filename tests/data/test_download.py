import hashlib
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from netwright.data import download
from netwright.data.download import Remote, fetch
from netwright.errors import DataError, OutputError

CONTENT = bytes(range(256)) * 40


class Server:
    """Gives CONTENT at any address; what it does wrong is set by a test."""

    def __init__(self):
        self.asked = []  # the Range of each request
        self.break_after = None
        self.ignore_range = False
        self.status = 200
        self.content = CONTENT
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                outer.answer(self)

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/data.bin"
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()

    def answer(self, request):
        asked = request.headers.get("Range")
        self.asked.append(asked)
        if self.status != 200:
            request.send_error(self.status)
            return
        start = int(asked.removeprefix("bytes=").rstrip("-")) if asked and not self.ignore_range else 0
        request.send_response(206 if start else 200)
        request.send_header("Content-Length", str(len(self.content) - start))
        request.end_headers()
        end, self.break_after = self.break_after or len(self.content), None
        request.wfile.write(self.content[start:end])


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setattr(download.time, "sleep", lambda seconds: None)
    made = Server()
    yield made
    made.server.shutdown()
    made.server.server_close()


def remote(*urls, content=CONTENT):
    return Remote(urls, "data.bin", len(content), hashlib.md5(content).hexdigest())


def test_a_file_is_fetched_once(server, tmp_path):
    said = []
    for _ in range(2):
        path = fetch(remote(server.url), tmp_path / "new", said.append)
        assert path.read_bytes() == CONTENT
    assert len(server.asked) == len(said) == 1
    assert server.url in said[0]
    assert [each.name for each in path.parent.iterdir()] == ["data.bin"]


def test_a_broken_download_goes_on_where_it_broke_off(server, tmp_path):
    server.break_after = 5000
    assert fetch(remote(server.url), tmp_path, print).read_bytes() == CONTENT
    assert server.asked == [None, "bytes=5000-"]


def test_an_interrupted_program_goes_on_too(server, tmp_path):
    (tmp_path / ".data.bin.partial").write_bytes(CONTENT[:777])
    assert fetch(remote(server.url), tmp_path, print).read_bytes() == CONTENT
    assert server.asked == ["bytes=777-"]


def test_a_server_that_cannot_begin_in_the_middle(server, tmp_path):
    server.ignore_range = True
    (tmp_path / ".data.bin.partial").write_bytes(b"x" * 777)
    assert fetch(remote(server.url), tmp_path, print).read_bytes() == CONTENT


def test_the_next_address_is_tried(server, tmp_path):
    nowhere = "http://127.0.0.1:9/data.bin"
    assert fetch(remote(nowhere, server.url), tmp_path, print).read_bytes() == CONTENT


@pytest.mark.parametrize("wrong", [CONTENT[:-1] + b"x", CONTENT + b"more"])
def test_other_content_is_refused(server, tmp_path, wrong):
    server.content = wrong
    with pytest.raises(DataError, match=r"data\.bin cannot be fetched .*(md5 is .* should be|bytes and should have)"):
        fetch(remote(server.url), tmp_path, print)
    assert not (tmp_path / "data.bin").exists()
    assert not (tmp_path / ".data.bin.partial").exists()


def test_no_network_is_explained(tmp_path, monkeypatch):
    monkeypatch.setattr(download.time, "sleep", lambda seconds: None)
    with pytest.raises(DataError, match=r"http://127\.0\.0\.1:9/x: .*refused.*put it into .*where it broke off"):
        fetch(remote("http://127.0.0.1:9/x"), tmp_path, print)


def test_a_refusal_is_not_asked_again(server, tmp_path):
    server.status = 403
    with pytest.raises(DataError, match="status 403"):
        fetch(remote(server.url), tmp_path, print)
    assert len(server.asked) == 1


def test_several_processes_fetch_once(server, tmp_path):
    threads = [threading.Thread(target=fetch, args=(remote(server.url), tmp_path, lambda line: None)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(server.asked) == 1


def test_a_folder_that_cannot_be_written_is_named(server, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="cannot"):
        fetch(remote(server.url), tmp_path / "file" / "below", print)
