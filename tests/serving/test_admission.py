"""What every request passes, whichever protocol brings it: ids, tokens, limits, the log and the metrics."""

import asyncio
import io
import json
import re
import time
from typing import Any

import pytest

from netwright.serving import ServeSettings
from netwright.serving.admission import Admission, request_id
from netwright.serving.errors import GRPC_CODES, HTTP_STATUS, RequestError
from netwright.serving.limits import Limits, RequestContext
from netwright.serving.logs import Log
from netwright.serving.metrics import Metrics

pytest.importorskip("prometheus_client")


class Fixture:
    """An admission, its metrics, and the lines of its log."""

    def __init__(self, format: str = "json", **settings: Any) -> None:
        self.metrics, self.stream = Metrics(), io.StringIO()
        self.admission = Admission(ServeSettings("x", **settings), self.metrics, Log(format, self.stream))

    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.stream.getvalue().splitlines()]

    def figure(self, name: str) -> float:
        text = self.metrics.text()[0].decode()
        return next(float(line.split()[-1]) for line in text.splitlines() if line.startswith(f"netwright_{name} "))


def test_bodies_are_counted_and_released() -> None:
    limits = Limits(ServeSettings("x", max_body=100, max_bytes=150))
    one, other = RequestContext("1", 0.0), RequestContext("2", 0.0)
    limits.enter()
    limits.enter()
    limits.hold(one, 60)
    limits.hold(one, 40)
    with pytest.raises(RequestError, match="at most 100 bytes") as refused:
        limits.hold(one, 1)
    assert refused.value.status == 413
    limits.hold(other, 50)
    with pytest.raises(RequestError, match="together") as refused:
        limits.hold(other, 1)
    assert (refused.value.status, refused.value.retry_after) == (429, 1)
    assert (limits.bytes, one.held_bytes, other.held_bytes) == (150, 100, 50)
    limits.leave(one)
    limits.hold(other, 50)
    limits.leave(other)
    assert (limits.requests, limits.bytes) == (0, 0)


def test_what_a_body_becomes_is_counted_too() -> None:
    limits = Limits(ServeSettings("x", max_body=100, max_bytes=150))
    one, other = RequestContext("1", 0.0), RequestContext("2", 0.0)
    limits.hold(one, 10)
    with pytest.raises(RequestError, match="images have at most 100 bytes, and these have 101") as refused:
        limits.unpack(one, 101, "images")
    assert refused.value.status == 413
    limits.unpack(one, 100, "images")
    limits.unpack(one, 100, "more")  # it is alone
    assert (one.body_bytes, one.held_bytes, limits.bytes) == (10, 210, 210)
    with pytest.raises(RequestError, match="together"):
        limits.hold(other, 1)


def test_the_id_of_a_client_is_kept_where_it_is_fit_for_a_header() -> None:
    for given in ("abc-1", "A.b_c:d/e+f=@-", "x" * 128):
        assert request_id(given) == given
    made = [request_id(given) for given in ("", "a b", "x" * 129, "a\r\nb", "abc\n", "\xe9", "€", "{")]
    assert all(re.fullmatch(r"[0-9a-f]{32}", each) for each in made)
    assert len(set(made)) == len(made)


@pytest.mark.parametrize(("seconds", "least", "most"), [(None, 9.9, 10), (3.0, 2.9, 3), (99.0, 9.9, 10), (-1, -1, 0)])
def test_a_deadline_is_the_shorter_of_the_clients_and_the_servers(
    seconds: float | None, least: float, most: float
) -> None:
    context = Fixture(timeout=10.0).admission.begin(seconds=seconds)
    assert least <= context.deadline - time.monotonic() <= most


def test_a_token_is_compared_as_a_whole() -> None:
    admission = Fixture(token="s3cret").admission
    for wrong in ("", "Bearer", "Bearer ", "Bearer s3cre", "Bearer s3cret ", "Basic s3cret", "s3cret", "Bearer \xe9"):
        with pytest.raises(RequestError, match="needs its token") as refused:
            admission.check_token(wrong)
        assert refused.value.status == 401
        assert "s3cret" not in str(refused.value)
    for right in ("Bearer s3cret", "bearer s3cret", "BEARER  s3cret"):
        admission.check_token(right)
    with pytest.raises(RequestError):
        Fixture(token="s3cret?").admission.check_token("Bearer s3cret€")
    Fixture().admission.check_token("")  # without a token everyone may


def test_a_request_is_counted_while_it_is_answered_and_then_released() -> None:
    fixture = Fixture(max_requests=1)
    admission, limits = fixture.admission, fixture.admission.limits
    context = admission.begin("q7", endpoint="predict", method="POST", path="/predict", client="192.0.2.7")
    admission.enter(context)
    limits.hold(context, 10)
    assert (limits.requests, limits.bytes, fixture.figure("requests_in_flight")) == (1, 10, 1)
    second = admission.begin()
    with pytest.raises(RequestError, match="at most 1 requests") as refused:
        admission.enter(second)
    assert (refused.value.status, refused.value.retry_after) == (429, 1)
    admission.finish(second, 429)
    assert (limits.requests, limits.bytes) == (1, 10)  # one that was not admitted releases nothing
    context.model, context.version, context.images = "tiny", 3, 2
    admission.finish(context, 200)
    assert (limits.requests, limits.bytes, fixture.figure("requests_in_flight")) == (0, 0, 0)
    assert fixture.figure('requests_total{code="200",endpoint="predict",model="tiny"}') == 1
    assert fixture.figure('requests_total{code="429",endpoint="other",model=""}') == 1
    assert fixture.figure('request_seconds_count{endpoint="predict"}') == 1
    last = fixture.lines()[-1]
    assert last.pop("ms") >= 0
    assert last.pop("time")
    assert last == {
        "event": "request",
        "id": "q7",
        "method": "POST",
        "path": "/predict",
        "status": 200,
        "model": "tiny",
        "version": 3,
        "images": 2,
        "client": "192.0.2.7",
        "message": "",
        "said": "",
    }


def test_a_stopping_server_admits_nobody() -> None:
    fixture = Fixture()
    fixture.admission.limits.is_stopping = True
    with pytest.raises(RequestError, match="stopping") as refused:
        fixture.admission.enter(fixture.admission.begin())
    assert (refused.value.status, refused.value.retry_after) == (503, 1)


def test_a_call_of_a_handle_has_no_address_in_the_log() -> None:
    fixture = Fixture()
    context = fixture.admission.begin(endpoint="handle")
    context.detail = "x" * 1000
    fixture.admission.finish(context, 413, event="call")
    [line] = fixture.lines()
    assert (line["event"], line["status"], line["message"]) == ("call", 413, "x" * 500)
    assert not {"method", "path", "client"} & set(line)


def test_each_reason_has_a_status_in_both_protocols() -> None:
    grpc = pytest.importorskip("grpc")
    assert set(HTTP_STATUS) == set(GRPC_CODES)
    assert all(hasattr(grpc.StatusCode, code) for code in GRPC_CODES.values())
    assert [RequestError(reason, "").status for reason in HTTP_STATUS] == list(HTTP_STATUS.values())


async def arriving(limits: Limits, context: RequestContext, size: int, is_done: asyncio.Event) -> str:
    """What becomes of a body that brings `size` bytes and then nothing until `is_done`."""
    try:
        async with limits.arrival(context):
            limits.hold(context, size)
            await is_done.wait()
    except RequestError as error:
        return error.reason
    return "complete"


def test_a_body_that_arrives_makes_room_for_others() -> None:
    async def run() -> None:
        fixture, is_done = Fixture(max_requests=2, max_body=100, max_bytes=150), asyncio.Event()
        admission, limits = fixture.admission, fixture.admission.limits
        slow, large, last = (admission.begin() for _ in range(3))
        bodies = []
        for context, size in ((slow, 10), (large, 90)):
            admission.enter(context)
            bodies.append(asyncio.create_task(arriving(limits, context, size, is_done)))
            await asyncio.sleep(0.01)
        with pytest.raises(RequestError, match="at most 2 requests"):  # they have just begun
            admission.enter(last)
        await asyncio.sleep(0.3)
        admission.enter(last)  # in the place of the oldest
        assert (await bodies[0], limits.requests, limits.bytes) == ("busy", 2, 90)
        limits.hold(last, 80)  # instead of the bytes of the largest
        assert (await bodies[1], limits.requests, limits.bytes) == ("busy", 1, 80)
        with pytest.raises(RequestError, match="others needed the room"):
            limits.hold(large, 1)
        for context in (slow, large, last):
            admission.finish(context, 429)
        assert (limits.requests, limits.bytes, fixture.figure("requests_in_flight")) == (0, 0, 0)

    asyncio.run(run())


def test_a_client_of_many_makes_room_for_one_of_few_at_once() -> None:
    async def run() -> None:
        fixture, is_done = Fixture(max_requests=3), asyncio.Event()
        admission, limits = fixture.admission, fixture.admission.limits
        contexts = [admission.begin(client=name) for name in ("many", "few", "many")]
        bodies = []
        for context in contexts:
            admission.enter(context)
            bodies.append(asyncio.create_task(arriving(limits, context, 1, is_done)))
            await asyncio.sleep(0)
        with pytest.raises(RequestError, match="at most 3 requests"):
            admission.enter(admission.begin(client="many"))
        with pytest.raises(RequestError, match="at most 3 requests"):
            admission.enter(admission.begin(client="few"))  # it would have as many
        admission.enter(admission.begin(client="another"))
        assert (await bodies[0], limits.requests) == ("busy", 3)
        is_done.set()
        assert [await each for each in bodies[1:]] == ["complete"] * 2

    asyncio.run(run())


def test_a_body_that_is_complete_keeps_its_room() -> None:
    async def run() -> None:
        fixture, is_done = Fixture(max_requests=1, body_timeout=0.05), asyncio.Event()
        admission, limits = fixture.admission, fixture.admission.limits
        context = admission.begin()
        admission.enter(context)
        assert await arriving(limits, context, 10, is_done) == "slow"
        is_done.set()
        assert await arriving(limits, context, 10, is_done) == "complete"
        await asyncio.sleep(0.06)
        with pytest.raises(RequestError, match="at most 1 requests"):
            admission.enter(admission.begin())

    asyncio.run(run())
