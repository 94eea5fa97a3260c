"""The form of MindSpore Serving."""

import base64
import json
from collections.abc import Callable

from netwright.serving.supervisor.process import Server

Ask = Callable[..., tuple[int, bytes, dict[str, str]]]


def test_the_form_of_mindspore_serving(ask: Ask, server: Server, photo: bytes, expected: dict[str, float]) -> None:
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
