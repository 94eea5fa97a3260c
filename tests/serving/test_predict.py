"""Images in, names out."""

import io
import json
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from PIL import Image

from netwright.serving.protocol import tensors
from netwright.serving.supervisor.process import Server

Ask = Callable[..., tuple[int, bytes, dict[str, str]]]
Form = Callable[..., tuple[bytes, dict[str, str]]]
Serving = Callable[..., AbstractContextManager[Server]]


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


def test_an_answer_about_many_images_has_what_one_about_each_has(
    ask: Ask, form: Form, server: Server, photo: bytes
) -> None:
    other = io.BytesIO()
    Image.new("RGB", (30, 30), "teal").save(other, "PNG")
    files = [(f"ä{each}.jpg", photo if each % 2 else other.getvalue()) for each in range(20)]
    status, body, headers = ask(server, "POST", "/predict", *form(*files[:10], ("b.txt", b"words"), *files[10:]))
    found = json.loads(body)
    assert (status, headers["content-type"]) == (200, "application/json")
    assert [each["file"] for each in found["predictions"]] == [
        name for name, _ in [*files[:10], ("b.txt", b""), *files[10:]]
    ]
    assert found["model"] == "tiny"
    assert "no image" in found["predictions"][10].pop("error")
    alone = [json.loads(ask(server, "POST", "/predict", image)[1])["classes"] for image in (other.getvalue(), photo)]
    answers = [each["classes"] for each in found["predictions"] if "classes" in each]
    assert len(answers) == 20
    for each, classes in zip(answers, alone * 10, strict=True):
        assert [one["name"] for one in each] == [one["name"] for one in classes]
        assert [one["probability"] for one in each] == pytest.approx([one["probability"] for one in classes])


def test_images_that_are_none_or_too_much(ask: Ask, server: Server) -> None:
    file = io.BytesIO()
    Image.new("L", (2000, 2000)).save(file, "PNG")
    for body, code in ((b"", 400), (b"no image", 422), (file.getvalue(), 413)):
        status, answer, _ = ask(server, "POST", "/predict", body)
        assert (status, "error" in json.loads(answer)) == (code, True)


def test_fields_of_a_form_are_as_the_query(ask: Ask, form: Form, server: Server, photo: bytes) -> None:
    def with_fields(count: int = 1, **fields: str) -> tuple[bytes, dict[str, str]]:
        body, headers = form(*[("a.jpg", photo)] * count)
        for name, value in fields.items():
            body = f'--xyz\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode() + body
        return body, headers

    status, answer, _ = ask(server, "POST", "/predict", *with_fields(model="tiny", version="1", top_k="2"))
    assert (status, len(json.loads(answer)["classes"])) == (200, 2)
    for path, fields, expected, says in (
        ("/predict", {"model": "bird"}, 404, "bird"),
        ("/predict", {"top_k": "0"}, 400, "top_k is 1 or more"),
        ("/predict?top_k=1", {"top_k": "2"}, 400, "the address asks for top_k='1', and the form for '2'"),
        ("/predict?model=bird", {}, 404, "bird"),
        ("/predict?top_k=0", {}, 400, "top_k is 1 or more"),
    ):
        status, answer, _ = ask(server, "POST", path, *with_fields(**fields))
        assert (status, says in json.loads(answer)["error"]) == (expected, True)


def test_an_answer_names_a_limited_number_of_classes(
    ask: Ask, form: Form, serving: Serving, weights: Path, photo: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tensors, "_MOST_CLASSES", 5)
    with serving(weights) as server:
        status, answer, _ = ask(server, "POST", "/predict", *form(*[("a", photo)] * 2))
        assert (status, "at most 5 classes, and 2 x 3 are asked for" in json.loads(answer)["error"]) == (413, True)
        assert ask(server, "POST", "/predict?top_k=2", *form(*[("a", photo)] * 2))[0] == 200
        assert ask(server, "POST", "/predict", photo)[0] == 200
        tensor = {"name": "pixels", "datatype": "UINT8", "shape": [2, 16, 16, 3], "data": [0] * 1536}
        outputs = [{"name": name, "parameters": {"classification": 2}} for name in ("logits", "probabilities")]
        status, answer, _ = ask(
            server, "POST", "/v2/models/tiny/infer", json.dumps({"inputs": [tensor], "outputs": outputs})
        )
        assert (status, "2 x 4 are asked for" in json.loads(answer)["error"]) == (413, True)
