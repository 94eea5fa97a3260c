"""Images in, names out."""

import io
import json
from collections.abc import Callable

import pytest
from PIL import Image

from netwright.serving.supervisor.process import Server

Ask = Callable[..., tuple[int, bytes, dict[str, str]]]
Form = Callable[..., tuple[bytes, dict[str, str]]]


def test_an_image_is_answered_with_names_as_the_runtime_has_them(
    ask: Ask, server: Server, photo: bytes, expected: dict[str, float]
) -> None:
    status, body, headers = ask(server, "POST", "/predict?top_k=2", photo, {"X-Request-Id": "abc-1"})
    said = json.loads(body)
    assert status == 200
    assert headers["x-request-id"] == said["id"] == "abc-1"
    assert (said["model"], said["version"]) == ("tiny", "1")
    assert [each["name"] for each in said["classes"]] == list(expected)[:2]
    for each in said["classes"]:
        assert each["probability"] == pytest.approx(expected[each["name"]], abs=1e-5)


def test_a_form_has_one_image_or_several(
    ask: Ask, form: Form, server: Server, photo: bytes, expected: dict[str, float]
) -> None:
    status, body, _ = ask(server, "POST", "/predict", *form(("a.jpg", photo)))
    assert status == 200
    assert json.loads(body)["classes"][0]["name"] == next(iter(expected))
    status, body, _ = ask(server, "POST", "/predict", *form(("a.jpg", photo), ("b.txt", b"words"), ("c.jpg", photo)))
    said = json.loads(body)["predictions"]
    assert status == 200
    assert [each["file"] for each in said] == ["a.jpg", "b.txt", "c.jpg"]
    assert "no image" in said[1]["error"]
    assert said[0]["classes"] == said[2]["classes"]


def test_images_that_are_none_or_too_much(ask: Ask, server: Server) -> None:
    file = io.BytesIO()
    Image.new("L", (2000, 2000)).save(file, "PNG")
    for body, code in ((b"", 400), (b"no image", 422), (file.getvalue(), 413)):
        status, answer, _ = ask(server, "POST", "/predict", body)
        assert (status, "error" in json.loads(answer)) == (code, True)
