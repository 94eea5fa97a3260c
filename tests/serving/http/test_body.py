"""Bodies as they come in, without a server around them."""

import asyncio
import gzip
import time
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from starlette.requests import Request

from netwright.serving import ServeSettings
from netwright.serving.errors import RequestError
from netwright.serving.http.body import decompress, read_body
from netwright.serving.http.form import FormData, read_form
from netwright.serving.http.middleware import ClientDisconnected
from netwright.serving.limits import Limits, RequestContext

Form = Callable[..., tuple[bytes, dict[str, str]]]


def read(limits: Limits, *messages: Any, context: RequestContext | None = None, **headers: str) -> bytes:
    """messages: bodies, or None for a client that goes; what comes after the last never comes."""
    coming = list(messages)

    async def receive() -> Any:
        if not coming:
            await asyncio.sleep(60)
        body = coming.pop(0)
        if body is None:
            return {"type": "http.disconnect"}
        return {"type": "http.request", "body": body, "more_body": body != b"end"}

    lines = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    scope = {"type": "http", "method": "POST", "headers": lines, "context": context or RequestContext("1", 0.0)}
    return asyncio.run(read_body(Request(scope, receive), limits))


def room(**settings: Any) -> Limits:
    return Limits(ServeSettings("x", **settings))


def test_a_body_is_put_together_and_counted() -> None:
    limits, context = room(), RequestContext("1", 0.0)
    assert read(limits, b"a" * 10, b"", b"b" * 5, b"end", context=context) == b"a" * 10 + b"b" * 5 + b"end"
    assert (context.body_bytes, context.held_bytes, limits.bytes) == (18, 18, 18)


@pytest.mark.parametrize(("length", "is_refused"), [("100", False), ("101", True), ("x", False), ("9" * 30, True)])
def test_a_length_that_is_too_much_is_refused_before_anything_is_read(length: str, is_refused: bool) -> None:
    if not is_refused:
        assert read(room(max_body=100), b"end", content_length=length) == b"end"
        return
    with pytest.raises(RequestError, match="at most 100 bytes") as refused:
        read(room(max_body=100), content_length=length)
    assert refused.value.status == 413


def test_a_body_without_a_length_is_refused_where_it_grows_too_large() -> None:
    limits = room(max_body=100)
    with pytest.raises(RequestError, match="at most 100 bytes"):
        read(limits, b"x" * 60, b"x" * 60, b"end")
    assert limits.bytes == 60


def test_bodies_of_all_together() -> None:
    limits, other = room(max_body=100, max_bytes=120), RequestContext("2", 0.0)
    limits.hold(other, 80)
    with pytest.raises(RequestError, match="together") as refused:
        read(limits, b"x" * 60, b"end")
    assert (refused.value.status, refused.value.retry_after) == (429, 1)


def test_a_slow_body_and_a_client_that_disconnects() -> None:
    began = time.monotonic()
    with pytest.raises(RequestError, match=r"0\.1 seconds") as refused:
        read(room(body_timeout=0.1), b"half")
    assert refused.value.status == 408
    assert time.monotonic() - began < 5
    with pytest.raises(ClientDisconnected):
        read(room(), b"half", None)


@pytest.mark.parametrize(
    ("encoding", "pack"),
    [("gzip", gzip.compress), ("x-gzip", gzip.compress), ("deflate", zlib.compress), (" GZIP ", gzip.compress)],
)
def test_a_packed_body_is_unpacked_and_counted(encoding: str, pack: Callable[[bytes], bytes]) -> None:
    limits, context = room(), RequestContext("1", 0.0)
    packed = pack(b"x" * 1000)
    whole = asyncio.run(_read_one(limits, packed, context, encoding))
    assert whole == b"x" * 1000
    assert (context.body_bytes, context.held_bytes) == (len(packed), len(packed) + 1000)


async def _read_one(limits: Limits, body: bytes, context: RequestContext, encoding: str) -> bytes:
    async def receive() -> Any:
        return {"type": "http.request", "body": body}

    scope = {"type": "http", "headers": [(b"content-encoding", encoding.encode())], "context": context}
    return await read_body(Request(scope, receive), limits)


def test_others_have_their_turn_while_a_body_is_unpacked() -> None:
    turns = 0

    async def others() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    async def both() -> None:
        beside = asyncio.create_task(others())
        await _read_one(room(), zlib.compress(bytes(8 << 20)), RequestContext("1", 0.0), "deflate")
        beside.cancel()

    asyncio.run(both())
    assert turns > 20


def test_what_unpacks_to_too_much_is_refused_before_it_is_there() -> None:
    noise = np.random.default_rng(0).bytes(1 << 20)
    for whole in (b"", b"x" * 100, b"x" * (1 << 20), noise):
        assert b"".join(decompress(gzip.compress(whole), "gzip", len(whole))) == whole
    # more than is given to the unpacker at a time, and something behind it
    with pytest.raises(RequestError, match="300,001 bytes follow"):
        b"".join(decompress(gzip.compress(noise) + bytes(300_001), "gzip", len(noise)))
    assert max(map(len, decompress(zlib.compress(noise), "deflate", 1 << 20))) < 1 << 19
    for data, encoding, status in (
        (gzip.compress(b"x" * 101), "gzip", 413),
        (gzip.compress(b"x" * 100)[:-1], "gzip", 400),
        (gzip.compress(b"x") + gzip.compress(b"y"), "gzip", 400),
        (zlib.compress(b"x") + b"y", "deflate", 400),
        (b"", "gzip", 400),
        (b"x", "br", 400),
        (b"x", "gzip, gzip", 400),
    ):
        with pytest.raises(RequestError) as refused:
            b"".join(decompress(data, encoding, 100))
        assert refused.value.status == status


def read_parts(body: bytes, content_type: str) -> FormData:
    return asyncio.run(read_form(body, content_type))


def test_fields_of_a_form_that_are_no_files(form: Form) -> None:
    body, headers = form(("a.jpg", b"1"))
    fields = b"".join(
        b'--xyz\r\nContent-Disposition: form-data; name="%b"\r\n\r\n%b\r\n' % each
        for each in ((b"model", b"tiny"), (b"top_k", b" 2 "), (b"other", b"3"))
    )
    found = read_parts(fields + body, headers["Content-Type"])
    assert found == FormData([("other", b"3"), ("a.jpg", b"1")], {"model": "tiny", "top_k": "2"})
    for wrong in (fields + fields, fields.replace(b"tiny", b"x" * 1001)):
        with pytest.raises(RequestError, match="the field model is in a form once"):
            read_parts(wrong + body, headers["Content-Type"])


def test_the_parts_of_a_form(form: Form) -> None:
    body, headers = form(("a.jpg", b"1\r\n2"), ("ä" * 300, b""), ("", b"--xyz-"))
    kind = headers["Content-Type"]
    assert read_parts(body, kind).images == [("a.jpg", b"1\r\n2"), ("ä" * 200, b""), ("image", b"--xyz-")]
    assert read_parts(body.replace(b'name="image"; ', b""), kind).images[2][0] == ""
    assert len(read_parts(*form(*[("a", b"")] * 1000)[:1], kind).images) == 1000
    with pytest.raises(RequestError, match="at most 1,000 images") as refused:
        read_parts(form(*[("a", b"")] * 1001)[0], kind)
    assert refused.value.status == 413
    for broken, content_type, constraint in (
        (body[:-5], kind, "last boundary is missing"),
        (body, "multipart/form-data", "boundary"),
        (body, "multipart/mixed; boundary=xyz", "multipart/form-data"),
        (body, "multipart/form-data; boundary=" + "x" * 257, "boundary"),
        (body, "multipart/form-data; boundary=other", "cannot be read"),
        (b"--xyz\r\n" + b"".join(b"a%d: b\r\n" % i for i in range(2000)) + b"\r\n\r\n--xyz--\r\n", kind, "head|read"),
        (b"--xyz\r\na: " + b"b" * 20_000 + b"\r\n\r\n\r\n--xyz--\r\n", kind, "head|read"),
    ):
        with pytest.raises(RequestError, match=constraint) as refused:
            read_parts(broken, content_type)
        assert refused.value.status == 400
