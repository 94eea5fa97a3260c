"""The page at /openapi.json, and a server that keeps to it whatever is sent.

NETWRIGHT_EXAMPLES: requests per address that takes a body, as many valid ones as others; 12 where it is not set.
"""

import json
import os
import re
from collections import Counter
from collections.abc import Callable
from typing import Any

import jsonschema
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from netwright.serving.http.app import ROUTES
from netwright.serving.supervisor.process import Server

schemathesis = pytest.importorskip("schemathesis")
requests = pytest.importorskip("requests")

Ask = Callable[..., tuple[int, bytes, dict[str, str]]]

_EXAMPLES = int(os.environ.get("NETWRIGHT_EXAMPLES", "12"))
_ADDRESSES = [(route.method, route.path) for route in ROUTES if route.path != "/"]
_KNOWN = {"name": "tiny", "version": "1", "what": "tiny:predict"}
_PLACES = ["/predict", "/v2/models/tiny/infer", "/model/tiny:predict", "/v2/repository/index"]
_WORDS = ["inputs", "outputs", "name", "datatype", "shape", "data", "parameters", "binary_data_size", "input", "image"]
_WORDS += ["pixels", "FP32", "UINT8", "BYTES", "logits", "classification", "instances", "b64", "id", "ready"]
_SETTINGS = settings(
    derandomize=True,
    database=None,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture(scope="module")
def page(ask: Ask, server: Server) -> dict[str, Any]:
    status, body, headers = ask(server, "GET", "/openapi.json")
    assert (status, headers["content-type"]) == (200, "application/json")
    return json.loads(body)  # type: ignore[no-any-return]


@pytest.mark.slow
def test_the_page_is_openapi(page: dict[str, Any]) -> None:
    from schemathesis.specs.openapi.definitions import OPENAPI_31

    assert page["openapi"].startswith("3.1.")
    jsonschema.Draft202012Validator(OPENAPI_31).validate(page)
    operations = [(path, found) for path, item in page["paths"].items() for found in item.values()]
    names = [found["operationId"] for _, found in operations]
    assert len(set(names)) == len(names) == len(_ADDRESSES)
    for path, found in operations:
        declared = [each["name"] for each in found["parameters"] if each["in"] == "path"]
        assert declared == re.findall(r"{(\w+)}", path)
        kinds = [each["schema"] for answer in found["responses"].values() for each in answer["content"].values()]
        bodies = [each["schema"] for each in found.get("requestBody", {}).get("content", {}).values()]
        for schema in [*kinds, *bodies, *(each["schema"] for each in found["parameters"])]:
            jsonschema.Draft202012Validator.check_schema(schema)


def test_the_page_names_every_address(page: dict[str, Any]) -> None:
    for method, path in _ADDRESSES:
        assert method.lower() in page["paths"][path.replace(":path", "")]
    assert sum(map(len, page["paths"].values())) == len(_ADDRESSES)


@pytest.mark.parametrize(("method", "path"), _ADDRESSES)
def test_methods_that_an_address_does_not_take(ask: Ask, server: Server, method: str, path: str) -> None:
    path = path.replace("{what:path}", "tiny:predict").replace("{name}", "tiny").replace("{version}", "1")
    has_head = method == "GET"
    status, body, headers = ask(server, "HEAD", path)
    assert (status, body) == (200 if has_head else 405, b"")
    assert int(headers["content-length"]) > 0
    for other in ("OPTIONS", "PUT", "DELETE", "PATCH", "TRACE", "POST" if has_head else "GET"):
        status, body, headers = ask(server, other, path, b"x")
        assert (status, headers["content-type"]) == (405, "application/json")
        assert sorted(headers["allow"].split(", ")) == (["GET", "HEAD"] if has_head else ["POST"])
        assert len(json.loads(body)) == 1


@pytest.mark.slow
def test_generated_requests_get_what_the_page_says(server: Server, page: dict[str, Any], photo: bytes) -> None:
    schema, seen = schemathesis.openapi.from_dict(page), Counter[int]()
    with requests.Session() as session:
        for method, path in _ADDRESSES:
            operation = schema[path.replace(":path", "")][method]
            known = {name: _KNOWN[name] for name in re.findall(r"{(\w+)", path)}
            valid, other = schemathesis.GenerationMode.POSITIVE, schemathesis.GenerationMode.NEGATIVE
            plans: list[tuple[Any, dict[str, str] | None, int]] = [(valid, None, 1 + _EXAMPLES // 4)]
            if method == "POST":  # of a model that is there, so that the body matters
                plans += [(valid, known, _EXAMPLES), (other, known, _EXAMPLES)]
            elif known:
                plans += [(valid, known, 1)]
            for mode, names, count in plans:
                strategy = operation.as_strategy(generation_mode=mode, path_parameters=names)
                _ask_all(strategy, count, server, session, path, seen)
        assert session.post(f"http://127.0.0.1:{server.port}/predict", photo, timeout=10).status_code == 200
    assert sum(seen.values()) >= 200
    assert {200, 400, 404} <= set(seen) <= {200, 400, 404, 413, 422}
    print(f"{sum(seen.values())} requests: {dict(sorted(seen.items()))}")


def _ask_all(strategy: Any, count: int, server: Server, session: Any, path: str, seen: Counter[int]) -> None:
    @settings(_SETTINGS, max_examples=count)
    @given(case=strategy)
    def generated(case: Any) -> None:
        answer = case.call(base_url=f"http://127.0.0.1:{server.port}", session=session, timeout=10)
        seen[answer.status_code] += 1
        assert answer.status_code < 500, case.as_curl_command()
        case.validate_response(answer, checks=_checks(path))
        if answer.status_code >= 400:
            assert list(answer.json()) == ["error_msg" if path.startswith("/model/") else "error"]

    generated()


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.sampled_from(_WORDS),
    lambda inner: (
        st.lists(inner, max_size=5) | st.dictionaries(st.sampled_from(_WORDS) | st.text(max_size=5), inner, max_size=5)
    ),
    max_leaves=30,
)


@pytest.mark.slow
@settings(_SETTINGS, max_examples=10 * _EXAMPLES)
@given(value=_VALUES, noise=st.binary(max_size=64), at=st.integers(0, 200), path=st.sampled_from(_PLACES))
def test_any_json_and_any_bytes(ask: Ask, server: Server, value: Any, noise: bytes, at: int, path: str) -> None:
    body = json.dumps(value).encode()
    for sent in (body, body[:at] + noise + body[at:], b'{"inputs":[' + body + b"]}", b'{"instances":[' + body + b"]}"):
        status, answer, headers = ask(server, "POST", path, sent)
        assert status in (200, 400, 422), sent
        assert headers["content-type"] == "application/json"
        assert isinstance(json.loads(answer), dict | list)


def _checks(path: str) -> list[Any]:
    from schemathesis import checks
    from schemathesis.specs.openapi import checks as openapi

    # MindSpore Serving says of each instance by itself what is wrong with it
    may_refuse = [] if path.startswith("/model/") else [openapi.negative_data_rejection]
    return [
        *may_refuse,
        checks.not_a_server_error,
        openapi.status_code_conformance,
        openapi.content_type_conformance,
        openapi.response_headers_conformance,
        openapi.response_schema_conformance,
    ]
