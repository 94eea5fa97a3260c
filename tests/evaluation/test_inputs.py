import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from netwright.errors import DataError
from netwright.evaluation.inputs import Input, find_inputs


class Answers(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        if self.path in ("/away", "/ftp"):
            self.send_response(302)
            self.send_header("Location", "ftp://127.0.0.1/a" if self.path == "/ftp" else "file:///etc/hostname")
            self.end_headers()
        elif self.path == "/moved":
            self.send_response(302)
            self.send_header("Location", "/image.png?size=3")
            self.end_headers()
        elif self.path == "/drip":
            self.send_response(200)
            self.end_headers()
            with suppress(OSError):  # the reader goes
                while True:
                    self.wfile.write(b"x")
                    time.sleep(0.02)
        elif self.path.startswith("/image.png"):
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"x" * 1000)
        else:
            self.send_error(404)

    def log_message(self, format: str, *arguments: object) -> None:
        pass


@pytest.fixture(scope="module")
def web() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


def names(*words: object) -> list[str]:
    return [each.name for each in find_inputs([str(word) for word in words])]


def test_folders_are_walked_in_order_and_each_image_comes_once(tmp_path: Path) -> None:
    for name in ("b.PNG", "a.jpg", "deep/er/c.webp", "notes.txt", ".hidden.jpg"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    found = [str(tmp_path / name) for name in ("a.jpg", "b.PNG", "deep/er/c.webp")]
    assert names(tmp_path) == found
    assert names(tmp_path / "b.PNG", tmp_path, "not/there.jpg") == [found[1], found[0], found[2], "not/there.jpg"]


def test_images_of_a_folder_are_known_by_their_content_too_and_what_is_none_is_said(tmp_path: Path) -> None:
    from PIL import Image

    for i, (name, kind) in enumerate(
        (("a.JFIF", "JPEG"), ("b", "PNG"), ("c.GIF", "GIF"), ("d.img", "WEBP"), ("e.dat", "BMP"), ("f.x", "TIFF"))
    ):
        Image.new("RGB", (4, 5 + i)).save(tmp_path / name, kind)
    Image.new("RGB", (4, 4)).save(tmp_path / "g.pnm", "PPM")
    (tmp_path / "notes.txt").write_text("Pictures of flowers")
    (tmp_path / "empty").write_bytes(b"")
    said: list[str] = []
    found = [Path(each.name).name for each in find_inputs([str(tmp_path)], notify=said.append)]
    assert found == ["a.JFIF", "b", "c.GIF", "d.img", "e.dat", "f.x", "g.pnm"]
    assert said == [f"2 files of {tmp_path} left out, no images: empty, notes.txt"]


def test_a_folder_without_images_is_told(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="has none"):
        names(tmp_path)


def test_an_address_is_fetched_through_redirects(web: str) -> None:
    each = next(find_inputs([f"{web}/moved"]))
    assert each.is_url
    assert each.read() == b"x" * 1000


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("/missing", "status 404"),
        ("/away", "status 302.*not allowed"),
        ("/ftp", "unknown url type: ftp"),
        ("/image.png", "at most 999 bytes"),
    ],
)
def test_what_cannot_be_fetched_says_why(web: str, path: str, says: str) -> None:
    with pytest.raises(DataError, match=says):
        Input(web + path, is_url=True, timeout=5, most_bytes=999).read()


def test_offline_nothing_is_asked(web: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NETWRIGHT_OFFLINE", "1")
    with pytest.raises(DataError, match="NETWRIGHT_OFFLINE forbids the network"):
        Input(f"{web}/moved", is_url=True).read()


def test_a_body_that_never_ends_is_given_up(web: str) -> None:
    with pytest.raises(DataError, match=r"timed out after 0\.3 s"):
        Input(f"{web}/drip", is_url=True, timeout=0.3).read()


@pytest.mark.slow
def test_a_silent_server_is_given_up() -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as server, pytest.raises(DataError, match="timed out"):
        Input(f"http://127.0.0.1:{server.getsockname()[1]}/a.png", is_url=True, timeout=0.2).read()


def test_an_archive_among_others_is_named_with_what_unpacks_it(tmp_path):
    (tmp_path / "photos.zip").write_bytes(b"x")
    (each,) = find_inputs([str(tmp_path / "photos.zip")])
    with pytest.raises(
        DataError, match=r"it is an archive: unpack it \(`unzip .*photos\.zip -d .*photos`\), then give .*/photos"
    ):
        each.read()
