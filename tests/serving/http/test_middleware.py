"""What every request passes first and last, around an application of the test's own."""

import asyncio
import io
import json
import re
from collections.abc import Callable
from typing import Any

import pytest

from netwright.serving import ServeSettings
from netwright.serving.errors import Refused
from netwright.serving.http.middleware import Gate, Gone, Limits, Ticket, error_of, request_id
from netwright.serving.logs import Log
from netwright.serving.metrics import Metrics

_OK: list[dict[str, Any]] = [
    {"type": "http.response.start", "status": 200, "headers": []},
    {"type": "http.response.body", "body": b"done"},
]


class Told:
    """A gate around an application, what it sent, and its log."""

    def __init__(self, app: Any, format: str = "text", limits: Limits | None = None, **settings: Any) -> None:
        chosen = ServeSettings("x", **settings)
        self.limits, self.metrics, self.stream = limits or Limits(chosen), Metrics(), io.StringIO()
        self.gate = Gate(app, chosen, self.limits, self.metrics, Log(format, self.stream))

    def ask(self, method: str = "POST", path: str = "/predict", **headers: str) -> tuple[int, bytes, dict[str, str]]:
        sent: list[Any] = []

        async def send(message: Any) -> None:
            sent.append(message)

        async def receive() -> Any:
            return {"type": "http.request", "body": b"", "more_body": False}

        lines = [(name.replace("_", "-").encode(), value.encode("latin-1")) for name, value in headers.items()]
        scope = {"type": "http", "method": method, "path": path, "headers": lines, "client": ("192.0.2.7", 1)}
        asyncio.run(self.gate(scope, receive, send))
        if not sent:
            return 0, b"", {}
        found = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
        return sent[0]["status"], b"".join(each.get("body", b"") for each in sent[1:]), found

    @property
    def log(self) -> str:
        return self.stream.getvalue()


def answering(do: Callable[[Ticket], None] = lambda ticket: None, start: int = 2) -> Any:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        for message in _OK[:start]:
            await send(dict(message))
        do(scope["ticket"])
        for message in _OK[start:]:
            await send(dict(message))

    return app


def raising(error: Exception, start: int = 0) -> Any:
    def do(ticket: Ticket) -> None:
        raise error

    return answering(do, start)


def test_an_id_that_is_given_comes_back_and_others_are_made() -> None:
    told = Told(answering())
    for given in ("abc-1", "A.b_c:d/e+f=@-", "x" * 128):
        assert told.ask(x_request_id=given)[2]["x-request-id"] == given
    made = [told.ask(x_request_id=given)[2]["x-request-id"] for given in ("", "a b", "x" * 129, "a\r\nb", "\xe9", "{")]
    made.append(told.ask()[2]["x-request-id"])
    assert all(re.fullmatch(r"[0-9a-f]{32}", each) for each in made)
    assert len(set(made)) == len(made)
    assert request_id(b"abc\n") != "abc\n"


def test_the_token_is_compared_as_a_whole() -> None:
    told = Told(answering(), token="s3cret")
    for given in ("", "Bearer", "Bearer ", "Bearer s3cre", "Bearer s3cret ", "bearer s3cret", "s3cret", "Bearer \xe9"):
        status, body, headers = told.ask(authorization=given)
        assert (status, headers["www-authenticate"]) == (401, "Bearer"), given
        assert "token" in json.loads(body)["error"]
    assert told.ask()[0] == 401
    assert told.ask(authorization="Bearer s3cret")[0] == 200
    for path, status in (("/", 200), ("/v2/health/live", 200), ("/v2/health/ready", 200)):
        assert told.ask("GET", path)[0] == status
    for path in ("/v2", "/metrics", "/openapi.json", "//", "/v2/health/live/", "/v2/health/live\n"):
        assert told.ask("GET", path)[0] == 401


def test_requests_beyond_the_most_are_refused_with_a_time() -> None:
    told = Told(answering(), max_requests=2)
    told.limits.requests = 2
    status, body, headers = told.ask()
    assert (status, headers["retry-after"]) == (429, "1")
    assert "at most 2 requests" in json.loads(body)["error"]
    assert told.limits.requests == 2
    assert told.ask("GET", "/v2")[0] == 200  # who looks is let in
    told.limits.requests = 1
    assert told.ask()[0] == 200
    assert told.limits.requests == 1


def test_a_stopping_server_takes_no_more() -> None:
    told = Told(answering())
    told.limits.is_stopping = True
    status, _, headers = told.ask()
    assert (status, headers["retry-after"]) == (503, "1")


def test_bodies_are_counted_and_given_back() -> None:
    limits = Limits(ServeSettings("x", max_body=100, max_bytes=150))
    one, other = Ticket("1", 0.0), Ticket("2", 0.0)
    limits.enter()
    limits.enter()
    limits.hold(one, 60)
    limits.hold(one, 40)
    with pytest.raises(Refused, match="at most 100 bytes") as refused:
        limits.hold(one, 1)
    assert refused.value.status == 413
    limits.hold(other, 50)
    with pytest.raises(Refused, match="together") as refused:
        limits.hold(other, 1)
    assert (refused.value.status, refused.value.retry_after) == (429, 1)
    assert (limits.bytes, one.bytes, other.bytes) == (150, 100, 50)
    limits.leave(one)
    limits.hold(other, 50)
    limits.leave(other)
    assert (limits.requests, limits.bytes) == (0, 0)


def test_what_a_body_becomes_is_counted_too() -> None:
    limits = Limits(ServeSettings("x", max_body=100, max_bytes=150))
    one, other = Ticket("1", 0.0), Ticket("2", 0.0)
    limits.hold(one, 10)
    with pytest.raises(Refused, match="images are at most 100 bytes, and these 101") as refused:
        limits.unpack(one, 101, "images")
    assert refused.value.status == 413
    limits.unpack(one, 100, "images")
    limits.unpack(one, 100, "more")  # it is alone
    assert (one.body, one.bytes, limits.bytes) == (10, 210, 210)
    with pytest.raises(Refused, match="together"):
        limits.hold(other, 1)


@pytest.mark.parametrize("error", [Refused("malformed", "it is none."), ValueError("ours")])
def test_a_place_is_given_back_whatever_happens(error: Exception) -> None:
    told = Told(raising(error))
    status, body, _ = told.ask()
    assert status == (400 if isinstance(error, Refused) else 500)
    assert ("it is none." if isinstance(error, Refused) else "mistake of the server's") in json.loads(body)["error"]
    assert "ours" not in body.decode()
    assert told.limits.requests == 0
    assert str(error) in told.log


def test_an_error_in_the_middle_of_an_answer_is_logged_only() -> None:
    told = Told(raising(ValueError("ours"), start=1))
    assert told.ask()[0] == 200
    assert "ValueError: ours" in told.log


def test_a_client_that_went_is_no_error() -> None:
    told = Told(raising(Gone()))
    assert told.ask()[0] == 0
    assert "status=499" in told.log
    assert 'code="499"' in told.metrics.text()[0].decode()


def test_mindspore_has_another_word_for_errors() -> None:
    assert error_of("/model/x:predict", "no") == {"error_msg": "no"}
    assert error_of("/models", "no") == {"error": "no"}
    told = Told(answering(), max_requests=1, token="t")
    assert list(json.loads(told.ask(path="/model/x:predict")[1])) == ["error_msg"]
    told.limits.requests = 1
    assert list(json.loads(told.ask(path="/model/x:predict", authorization="Bearer t")[1])) == ["error_msg"]
    assert list(json.loads(Told(raising(KeyError())).ask(path="/model/x:predict")[1])) == ["error_msg"]


def seen(ticket: Ticket) -> None:
    ticket.door, ticket.model, ticket.version, ticket.images = "predict", "tiny", 3, 2
    ticket.said = 'it says "no"\nstatus=200'


def test_lines_of_the_log_for_people() -> None:
    told = Told(answering(seen))
    told.ask("GET", "/a b\n", x_request_id="q7")
    told.ask("GET", "/" + "x" * 1000)
    first, second = told.log.splitlines()
    assert re.fullmatch(
        r"\d{4}-\d\d-\d\dT[\d:.]+\+00:00 request id=q7 method=GET path=\"/a b\\n\" status=200 ms=[\d.e-]+ model=tiny "
        r'version=3 images=2 client=192\.0\.2\.7 said="it says \\"no\\"\\nstatus=200"',
        first,
    )
    assert "path=/" + "x" * 199 + " " in second


def test_lines_of_the_log_for_machines() -> None:
    told = Told(answering(seen), "json", token="t")
    told.ask("GET", "/a\n", authorization="Bearer t", x_request_id="q7")
    told.ask()
    first, second = map(json.loads, told.log.splitlines())
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
    assert "Bearer t" not in told.log


def test_what_is_no_request_passes() -> None:
    passed = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        passed.append(scope["type"])

    asyncio.run(Told(app).gate({"type": "lifespan"}, None, None))  # type: ignore[arg-type]
    assert passed == ["lifespan"]
