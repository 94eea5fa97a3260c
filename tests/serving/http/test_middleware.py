"""The outermost middleware, around an application of the test's own."""

import asyncio
import io
import json
import re
from collections.abc import Callable
from typing import Any

import pytest

from netwright.serving import ServeSettings
from netwright.serving.admission import Admission
from netwright.serving.errors import RequestError
from netwright.serving.http.middleware import AdmissionMiddleware, ClientDisconnected, error_body
from netwright.serving.limits import RequestContext
from netwright.serving.logs import Log
from netwright.serving.metrics import Metrics

_OK: list[dict[str, Any]] = [
    {"type": "http.response.start", "status": 200, "headers": []},
    {"type": "http.response.body", "body": b"done"},
]


class Wrapped:
    """A middleware around an application, what it sent, and its log."""

    def __init__(self, app: Any, format: str = "text", **settings: Any) -> None:
        self.metrics, self.stream = Metrics(), io.StringIO()
        admission = Admission(ServeSettings("x", **settings), self.metrics, Log(format, self.stream))
        self.limits, self.middleware = admission.limits, AdmissionMiddleware(app, admission)

    def ask(self, method: str = "POST", path: str = "/predict", **headers: str) -> tuple[int, bytes, dict[str, str]]:
        sent: list[Any] = []

        async def send(message: Any) -> None:
            sent.append(message)

        async def receive() -> Any:
            return {"type": "http.request", "body": b"", "more_body": False}

        lines = [(name.replace("_", "-").encode(), value.encode("latin-1")) for name, value in headers.items()]
        scope = {"type": "http", "method": method, "path": path, "headers": lines, "client": ("192.0.2.7", 1)}
        asyncio.run(self.middleware(scope, receive, send))
        if not sent:
            return 0, b"", {}
        found = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
        return sent[0]["status"], b"".join(each.get("body", b"") for each in sent[1:]), found

    @property
    def log(self) -> str:
        return self.stream.getvalue()


def answering(do: Callable[[RequestContext], None] = lambda context: None, start: int = 2) -> Any:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        for message in _OK[:start]:
            await send(dict(message))
        do(scope["context"])
        for message in _OK[start:]:
            await send(dict(message))

    return app


def raising(error: Exception, start: int = 0) -> Any:
    def do(context: RequestContext) -> None:
        raise error

    return answering(do, start)


def test_an_id_that_is_given_comes_back_and_others_are_made() -> None:
    wrapped = Wrapped(answering())
    for given in ("abc-1", "A.b_c:d/e+f=@-", "x" * 128):
        assert wrapped.ask(x_request_id=given)[2]["x-request-id"] == given
    made = [
        wrapped.ask(x_request_id=given)[2]["x-request-id"] for given in ("", "a b", "x" * 129, "a\r\nb", "\xe9", "{")
    ]
    made.append(wrapped.ask()[2]["x-request-id"])
    assert all(re.fullmatch(r"[0-9a-f]{32}", each) for each in made)
    assert len(set(made)) == len(made)


def test_the_token_is_compared_as_a_whole() -> None:
    wrapped = Wrapped(answering(), token="s3cret")
    for given in ("", "Bearer", "Bearer ", "Bearer s3cre", "Bearer s3cret ", "Basic s3cret", "s3cret", "Bearer \xe9"):
        status, body, headers = wrapped.ask(authorization=given)
        assert (status, headers["www-authenticate"]) == (401, "Bearer"), given
        assert "token" in json.loads(body)["error"]
    assert wrapped.ask()[0] == 401
    assert wrapped.ask(authorization="Bearer s3cret")[0] == 200
    for path, status in (("/", 200), ("/v2/health/live", 200), ("/v2/health/ready", 200)):
        assert wrapped.ask("GET", path)[0] == status
    for path in ("/v2", "/metrics", "/openapi.json", "//", "/v2/health/live/", "/v2/health/live\n"):
        assert wrapped.ask("GET", path)[0] == 401


def test_requests_beyond_the_limit_are_refused_with_a_time() -> None:
    wrapped = Wrapped(answering(), max_requests=2)
    wrapped.limits.requests = 2
    status, body, headers = wrapped.ask()
    assert (status, headers["retry-after"]) == (429, "1")
    assert "at most 2 requests" in json.loads(body)["error"]
    assert wrapped.limits.requests == 2
    assert wrapped.ask("GET", "/v2")[0] == 200  # reading takes no memory
    wrapped.limits.requests = 1
    assert wrapped.ask()[0] == 200
    assert wrapped.limits.requests == 1


def test_a_stopping_server_accepts_no_more() -> None:
    wrapped = Wrapped(answering())
    wrapped.limits.is_stopping = True
    status, _, headers = wrapped.ask()
    assert (status, headers["retry-after"]) == (503, "1")


@pytest.mark.parametrize("error", [RequestError("malformed", "it is none."), ValueError("ours")])
def test_a_request_is_released_whatever_happens(error: Exception) -> None:
    wrapped = Wrapped(raising(error))
    status, body, _ = wrapped.ask()
    assert status == (400 if isinstance(error, RequestError) else 500)
    assert ("it is none." if isinstance(error, RequestError) else "internal error of the server") in json.loads(body)[
        "error"
    ]
    assert "ours" not in body.decode()
    assert wrapped.limits.requests == 0
    assert str(error) in wrapped.log


def test_an_error_in_the_middle_of_an_answer_is_logged_only() -> None:
    wrapped = Wrapped(raising(ValueError("ours"), start=1))
    assert wrapped.ask()[0] == 200
    assert "ValueError: ours" in wrapped.log


def test_a_client_that_disconnects_is_no_error() -> None:
    wrapped = Wrapped(raising(ClientDisconnected()))
    assert wrapped.ask()[0] == 0
    assert "status=499" in wrapped.log
    assert 'code="499"' in wrapped.metrics.text()[0].decode()


def test_mindspore_has_another_key_for_errors() -> None:
    assert error_body("/model/x:predict", "no") == {"error_msg": "no"}
    assert error_body("/models", "no") == {"error": "no"}
    wrapped = Wrapped(answering(), max_requests=1, token="t")
    assert list(json.loads(wrapped.ask(path="/model/x:predict")[1])) == ["error_msg"]
    wrapped.limits.requests = 1
    assert list(json.loads(wrapped.ask(path="/model/x:predict", authorization="Bearer t")[1])) == ["error_msg"]
    assert list(json.loads(Wrapped(raising(KeyError())).ask(path="/model/x:predict")[1])) == ["error_msg"]


def fill(context: RequestContext) -> None:
    context.endpoint, context.model, context.version, context.images = "predict", "tiny", 3, 2
    context.detail = 'it says "no"\nstatus=200'


def test_lines_of_the_log_for_people() -> None:
    wrapped = Wrapped(answering(fill))
    wrapped.ask("GET", "/a b\n", x_request_id="q7")
    wrapped.ask("GET", "/" + "x" * 1000)
    first, second = wrapped.log.splitlines()
    assert re.fullmatch(
        r"\d{4}-\d\d-\d\dT[\d:.]+\+00:00 request id=q7 method=GET path=\"/a b\\n\" status=200 ms=[\d.e-]+ model=tiny "
        r'version=3 images=2 client=192\.0\.2\.7 message="it says \\"no\\"\\nstatus=200"',
        first,
    )
    assert "path=/" + "x" * 199 + " " in second


def test_lines_of_the_log_for_machines() -> None:
    wrapped = Wrapped(answering(fill), "json", token="t")
    wrapped.ask("GET", "/a\n", authorization="Bearer t", x_request_id="q7")
    wrapped.ask()
    first, second = map(json.loads, wrapped.log.splitlines())
    assert {key: first[key] for key in ("event", "id", "method", "path", "status", "model", "version", "images")} == {
        "event": "request",
        "id": "q7",
        "method": "GET",
        "path": "/a\n",
        "status": 200,
        "model": "tiny",
        "version": 3,
        "images": 2,
    }
    assert first["ms"] >= 0
    assert second["status"] == 401
    # its name before, for who reads the log by it
    assert first["message"] == first["said"] == 'it says "no"\nstatus=200'
    assert "Bearer t" not in wrapped.log


def test_what_is_no_request_passes_through() -> None:
    passed = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        passed.append(scope["type"])

    asyncio.run(Wrapped(app).middleware({"type": "lifespan"}, None, None))  # type: ignore[arg-type]
    assert passed == ["lifespan"]
