"""uvicorn, told to be quiet, to leave signals alone, and to wait for nobody for ever. Needs the extra [serve]."""

from __future__ import annotations

import asyncio
import contextlib
import json
import math
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import httptools
import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from netwright.serving.http.app import make_app
from netwright.serving.supervisor.listening import ACCEPTED_AT_ONCE

if TYPE_CHECKING:
    from netwright.serving.http.app import Site
    from netwright.serving.supervisor.listening import Held

__all__ = ["make_http"]

_HEAD_SECONDS = 10.0  # for a request's head, and for what is left of a body that its answer did not wait for
_HEAD_BYTES = 64 << 10  # of a request's head
_IDLE_SECONDS = 65  # between requests: longer than balancers (60 s) keep a connection
_READ_SECONDS = 30.0  # in which a client reads some of what waits for it: a third of what the system keeps for it


class _Protocol(HttpToolsProtocol):
    """uvicorn's own, which would take a head without end, and wait for ever for a client that sends a byte an hour or
    reads none."""

    held: Held | None = None

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._tell()
        self._is_in_head = self._is_too_long = False
        self._is_whole = True  # the last request, or there was none yet
        self._headers_size = self._waiting_size = self._unread = 0
        self._patience: asyncio.TimerHandle | None = None
        self._reading: asyncio.TimerHandle | None = None
        self._hurry()

    def connection_lost(self, exc: Exception | None) -> None:
        self._wait()
        if self._reading is not None:
            self._reading.cancel()
        super().connection_lost(exc)
        self._tell()

    def data_received(self, data: bytes) -> None:
        was_in_head = self._is_in_head
        self._feed(data)
        if self.transport.is_closing():
            return
        if self._is_idle and self._patience is None:
            self._hurry()
        # the parser itself collects a header until it ends
        self._waiting_size = self._waiting_size + len(data) if was_in_head and self._is_in_head else 0
        if self._waiting_size > _HEAD_BYTES:
            self._is_too_long = True
            self.send_400_response("")

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._headers_size, self._is_in_head, self._is_whole = 0, True, False

    def on_url(self, url: bytes) -> None:
        super().on_url(url)
        self._count(len(url))

    def on_header(self, name: bytes, value: bytes) -> None:
        super().on_header(name, value)
        self._count(len(name) + len(value) + 4)

    def on_headers_complete(self) -> None:
        if self.parser.should_upgrade():
            return  # the parser leaves off here, and _feed goes on
        self._is_in_head = False
        self._wait()
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        if self.parser.should_upgrade():
            return
        self._is_whole = True
        super().on_message_complete()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._watch()
        if not self._is_whole and self._patience is None:  # its body is read on, to be thrown away
            self._hurry()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._watch()

    def resume_writing(self) -> None:
        super().resume_writing()
        self._unread = sys.maxsize  # it has read, whatever waits for it when `_look` looks

    def timeout_keep_alive_handler(self) -> None:
        self._give_up()

    def send_400_response(self, msg: str) -> None:
        """As JSON, like all else that is refused; what was asked before is answered first."""
        cycle: Any = self.cycle
        if self.transport.is_closing():
            return
        if not self._is_idle:
            cycle.keep_alive = False
            if self._is_whole or self._is_in_head:
                self.transport.pause_reading()  # the parser would collect what still comes
                return
            cycle.disconnected = True  # the rest of its body will never come
            cycle.message_event.set()
        status, said = b"400 Bad Request", "this is no request of HTTP/1.1."
        if self._is_too_long:
            status = b"431 Request Header Fields Too Large"
            said = f"the head of a request has at most {_HEAD_BYTES:,} bytes."
        body = json.dumps({"error": said}).encode()
        head = b"content-type: application/json\r\ncontent-length: %d\r\nconnection: close\r\n\r\n" % len(body)
        self.transport.write(b"HTTP/1.1 " + status + b"\r\n" + head + body)
        self.transport.close()
        self._watch()

    @property
    def _is_idle(self) -> bool:
        """Nothing is being answered, so what comes is the client's to bring to an end."""
        cycle: Any = self.cycle  # None until a head is whole, whatever uvicorn's annotations say
        return cycle is None or cycle.response_complete

    def _feed(self, data: bytes) -> None:
        self._unset_keepalive_if_required()
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            if self.parser.get_method() == b"CONNECT":  # this is no proxy
                self.send_400_response("")
                return
            # Java's client asks for HTTP/2 in each first request, body and all, and takes HTTP/1.1 for an answer
            head = [self.parser.get_method() + b" " + self.url + b" HTTP/1.1"]
            head += [name + b": " + value for name, value in self.headers if name not in (b"connection", b"upgrade")]
            self.parser = httptools.HttpRequestParser(self)
            self._feed(b"\r\n".join([*head, b"", b""]) + data[upgrade.args[0] :])
        except httptools.HttpParserError:
            self.send_400_response("")

    def _tell(self) -> None:
        if self.held is not None:
            self.held.count(len(self.connections))

    def _count(self, size: int) -> None:
        self._headers_size += size
        self._is_too_long = self._headers_size > _HEAD_BYTES
        if self._is_too_long:
            raise ValueError("a head without end")  # the parser stops, and send_400_response says why

    def _hurry(self) -> None:
        self._patience = self.loop.call_later(_HEAD_SECONDS, self._give_up)

    def _wait(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None

    def _give_up(self) -> None:
        self._patience = None
        if self._is_idle and not self.transport.is_closing():
            self.transport.close()
            self._watch()

    def _watch(self) -> None:
        """Whether the client reads what was sent: a connection that is closed lasts until it has."""
        if self._reading is None and self.transport.get_write_buffer_size():
            self._unread = self.transport.get_write_buffer_size()
            self._reading = self.loop.call_later(_READ_SECONDS, self._look)

    def _look(self) -> None:
        self._reading = None
        if self.transport.get_write_buffer_size() >= self._unread:
            self.transport.abort()
        else:
            self._watch()


class _Uvicorn(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """The process has its own."""
        yield


def make_http(site: Site, held: Held | None = None) -> uvicorn.Server:
    """Not yet started; it ends what it has accepted when `should_exit` is set. held: is told of its connections."""
    if held is not None:
        held.count(0)
    settings = site.service.settings
    config = uvicorn.Config(
        make_app(site),
        http=type("_Protocol", (_Protocol,), {"held": held}),
        ws="none",
        lifespan="off",
        log_config=None,
        log_level="critical",
        access_log=False,
        server_header=False,
        backlog=ACCEPTED_AT_ONCE,
        timeout_keep_alive=_IDLE_SECONDS,
        timeout_graceful_shutdown=max(1, math.ceil(settings.grace)),
        ssl_certfile=settings.tls_cert or None,
        ssl_keyfile=settings.tls_key or None,
    )
    return _Uvicorn(config)
