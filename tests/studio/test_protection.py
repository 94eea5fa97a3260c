import sqlite3
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import httpx
import pytest
from fixtures.populations import made_population

from netwright.errors import ServeError
from netwright.studio import StudioSettings

Start = Callable[..., AbstractContextManager[Any]]


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8700", "127.0.0.1.evil.example"])
def test_another_name_for_this_machine_is_refused(shown: Any, host: str) -> None:
    answer = shown.client.get("/api/overview", headers={"host": host})
    assert answer.status_code == 421


def test_names_that_were_given_are_right(start: Start, runs: Path) -> None:
    with start(runs, host_names="studio.lab") as studio:
        assert studio.client.get("/api/overview", headers={"host": "studio.lab"}).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"origin": "http://evil.example"},
        {"origin": "null"},
    ],
)
def test_another_page_neither_reads_nor_changes_anything(shown: Any, headers: dict[str, str]) -> None:
    for method, path in (("GET", "/api/overview"), ("POST", "/api/files?name=a.csv")):
        answer = shown.client.request(method, path, headers=headers)
        assert answer.status_code == 403, path
    # a link from elsewhere still leads here
    assert shown.client.get("/", headers={"sec-fetch-site": "cross-site"}).status_code == 200


def test_a_form_without_our_header_changes_nothing(shown: Any) -> None:
    with httpx.Client(base_url=shown.url) as foreign:
        answer = foreign.post("/api/files?name=a.csv", content=b"error\n1\n")
    assert (answer.status_code, "own page" in answer.text) == (403, True)


def test_beyond_this_machine_there_is_a_token(start: Start, runs: Path) -> None:
    assert StudioSettings.from_options([runs], host="0.0.0.0").token
    with start(runs, token="secret") as studio, httpx.Client(base_url=studio.url) as visitor:
        assert visitor.get("/").status_code == 401
        assert visitor.get("/api/overview", headers={"authorization": "Bearer wrong"}).status_code == 401
        assert visitor.get("/?token=wrong").status_code == 401
        entry = visitor.get("/?token=secret")
        assert entry.status_code == 303
        assert entry.headers["location"] == "/"
        assert {"HttpOnly", "SameSite=Strict"} <= set(entry.headers["set-cookie"].split("; "))
        assert visitor.get("/api/overview").status_code == 200  # by the cookie
        led = visitor.get(f"{studio.url}//evil.example/?token=secret")
        assert led.headers["location"].startswith("/evil")
    with start(runs, token="secret") as studio:
        assert studio.client.get("/api/overview", headers={"authorization": "Bearer secret"}).status_code == 200


@pytest.mark.parametrize(
    "path", ["../../etc/passwd", "/etc/passwd", "a/../../secret", "a\0", "..%2f..%2fetc", "dropped/../a", "~", ""]
)
def test_no_address_reaches_other_files(shown: Any, path: str) -> None:
    for address in ("population", "training", "relevance"):
        assert shown.client.get(f"/api/{address}", params={"p": path}).status_code in (404, 422)
    for place in (f"/static/{path}", f"/static/..%2f{path}", "/static/../app.py"):
        assert shown.client.get(place.replace("\0", "%00")).status_code in (400, 404)


def test_answers_keep_browsers_strict(shown: Any) -> None:
    answer = shown.client.get("/")
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self';" in policy
    assert "unsafe-eval" not in policy
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert "http://" not in answer.text.replace("http://www.w3.org", "")
    assert "https://" not in answer.text


def test_more_than_may_be_sent_is_refused(shown: Any) -> None:
    answer = shown.client.post("/api/training", content=b" " * ((1 << 20) + 1))
    assert answer.status_code == 413

    def in_pieces() -> Iterator[bytes]:  # without a length
        yield from [b" " * (1 << 20)] * 65

    assert shown.client.post("/api/files", params={"name": "a.csv"}, content=in_pieces()).status_code == 413


def test_damaged_newer_and_foreign_files_are_lines_that_say_why(start: Start, tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    made_population(runs / "good", "anynetx_e", 12)
    newer = made_population(runs / "newer", "anynetx_e", 12)
    db = sqlite3.connect(newer / "population.sqlite")
    db.execute("PRAGMA user_version = 99")
    db.close()
    strange = made_population(runs / "<b onclick=alert(1)>&\"'", "anynetx_e", 12)
    odd = made_population(runs / "odd", "anynetx_e", 12)
    db = sqlite3.connect(odd / "population.sqlite")
    db.execute("UPDATE meta SET value = '{\"space\": 7}' WHERE key = 'identity'")
    db.commit()
    db.close()
    (runs / "damaged").mkdir()
    whole = (runs / "good" / "population.sqlite").read_bytes()
    (runs / "damaged" / "population.sqlite").write_bytes(whole[:5000] + b"\xff" * 4000 + whole[9000:])
    (runs / "empty").mkdir()
    (runs / "empty" / "population.sqlite").touch()
    with start(runs) as studio:
        lines = {line["id"]: line for line in studio.get("overview")["populations"]}
        assert "format 99" in lines["newer"]["problem"]
        assert "Update netwright" in lines["newer"]["problem"]
        for name in ("damaged", "empty", "odd"):
            assert name in lines[name]["problem"]
        assert "problem" not in lines["good"]
        assert "problem" not in lines[strange.name]
        assert studio.get("network", p=strange.name, trial=0)["svg"].startswith("<svg")


def test_settings_that_cannot_be_are_refused(tmp_path: Path) -> None:
    for options, part in (
        ({"port": 99999}, "port"),
        ({"token": "two words"}, "token"),
        ({"prot": 1}, "port"),
    ):
        with pytest.raises(ServeError, match=part):
            StudioSettings.from_options([tmp_path], **options)
    with pytest.raises(ServeError, match="not there"):
        StudioSettings.from_options([tmp_path / "nothing"])


def test_two_studios_show_one_folder(start: Start, runs: Path, shown: Any) -> None:
    with start(runs) as other:
        assert other.get("population", p="a") == shown.get("population", p="a")
