"""uvicorn, made to limit how long it waits for a client. The only file that depends on uvicorn's private classes.

uvicorn itself would read a request's head without end, and wait forever for a client that sends a byte an hour or reads
nothing. It has no public hooks for that, so the class that parses a connection is subclassed here. PRIVATE_NAMES lists
what is used of it: a test looks for each name, and pyproject.toml bounds uvicorn to the versions that were tested.
Needs the extra [serve].
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import math
import sys
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import httptools
import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from netwright.serving.connections import Connections, most_connections
from netwright.serving.http.app import make_app

if TYPE_CHECKING:
    from netwright.serving.state import AppState

__all__ = ["PRIVATE_NAMES", "make_http_server"]

# object of uvicorn -> what is used of it that its documentation does not promise
PRIVATE_NAMES = {
    # overridden, or called
    "HttpToolsProtocol": (
        "_unset_keepalive_if_required",
        "connection_lost",
        "connection_made",
        "data_received",
        "on_header",
        "on_headers_complete",
        "on_message_begin",
        "on_message_complete",
        "on_response_complete",
        "on_url",
        "pause_writing",
        "resume_writing",
        "send_400_response",
        "timeout_keep_alive_handler",
    ),
    # attributes of an instance; `headers` and `url` from on_message_begin on
    "HttpToolsProtocol()": ("cycle", "flow", "headers", "loop", "parser", "pipeline", "transport", "url"),
    "RequestResponseCycle()": ("disconnected", "keep_alive", "message_event", "response_complete"),
    "Server": ("capture_signals", "serve"),
    "Server()": ("force_exit", "should_exit", "started"),
}

_HEAD_SECONDS = 10.0  # for a request's head, and for the rest of a body that was answered before it was complete
_HEAD_BYTES = 64 << 10  # of a request's head
_MOST_HEADERS = 100  # lines of it, each of which takes the event loop some time
_MOST_PIPELINED = 8  # requests of a connection that are parsed behind the one that is answered
_HEAD_SLICE, _BODY_SLICE = 512, 16 << 10  # bytes parsed at a time: one may hold many requests
_MOST_CONNECTIONS = 4_000
_FILES_EACH = 1  # that the process opens for a connection
_IDLE_SECONDS = 65  # between requests: longer than load balancers (60 s) keep a connection
_READ_SECONDS = 30.0  # in which a client must read some of what waits for it: a third of the system's send buffer


class _Protocol(HttpToolsProtocol):
    """A connection, with a limit on the time and size of everything that a client may delay."""

    kept: Connections  # all of the listener; `make_http_server` sets it

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self.address, self.active = str((transport.get_extra_info("peername") or ("",))[0]), time.monotonic()
        self.kept.add(self)
        self._is_in_head = self._is_too_long = False
        self._is_complete = True  # the last request, or there was none yet
        self._header_lines = self._headers_size = self._waiting_size = self._unread = 0
        self._request_timer: asyncio.TimerHandle | None = None
        self._read_timer: asyncio.TimerHandle | None = None
        self._unparsed = memoryview(b"")
        self._start_request_timer()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_request_timer()
        if self._read_timer is not None:
            self._read_timer.cancel()
        super().connection_lost(exc)
        self.kept.remove(self)

    def data_received(self, data: bytes) -> None:
        self.active = time.monotonic()
        self._unparsed = memoryview(bytes(self._unparsed) + data if self._unparsed else data)
        self._parse()
        if not self.transport.is_closing() and self._is_idle and self._request_timer is None:
            self._start_request_timer()

    def _parse(self) -> None:
        """Parse what came, unless enough requests wait: the rest is parsed when those are answered."""
        while self._unparsed and len(self.pipeline) < _MOST_PIPELINED and not self.transport.is_closing():
            was_in_head = self._is_in_head
            size = _HEAD_SLICE if was_in_head or self._is_complete else _BODY_SLICE
            data, self._unparsed = self._unparsed[:size], self._unparsed[size:]
            self._feed(data)
            # the parser itself collects a header until its end
            self._waiting_size = self._waiting_size + len(data) if was_in_head and self._is_in_head else 0
            if self._waiting_size > _HEAD_BYTES and not self.transport.is_closing():
                self._is_too_long = True
                self.send_400_response("")
        if self._unparsed:
            self.flow.pause_reading()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._header_lines, self._headers_size, self._is_in_head, self._is_complete = 0, 0, True, False

    def on_url(self, url: bytes) -> None:
        super().on_url(url)
        self._count_head(len(url))

    def on_header(self, name: bytes, value: bytes) -> None:
        super().on_header(name, value)
        self._header_lines += 1
        self._count_head(len(name) + len(value) + 4)

    def on_headers_complete(self) -> None:
        if self.parser.should_upgrade():
            return  # the parser stops here, and _feed continues
        self._is_in_head = False
        self._stop_request_timer()
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        if self.parser.should_upgrade():
            return
        self._is_complete = True
        super().on_message_complete()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._parse()
        self._watch_reading()
        if not self._is_complete and self._request_timer is None:  # the rest of its body is read and dropped
            self._start_request_timer()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._watch_reading()

    def resume_writing(self) -> None:
        super().resume_writing()
        self._unread = sys.maxsize  # the client has read, whatever waits for it when `_check_reading` looks

    def timeout_keep_alive_handler(self) -> None:
        self._end_request_time()

    def send_400_response(self, msg: str) -> None:
        """Refuse as JSON, like every refusal here; requests that came before are answered first."""
        cycle: Any = self.cycle
        if self.transport.is_closing():
            return
        if not self._is_idle:
            cycle.keep_alive = False
            if self._is_complete or self._is_in_head:
                self.transport.pause_reading()  # the parser would collect what still comes
                self._unparsed = memoryview(b"")
                return
            cycle.disconnected = True  # the rest of its body will never come
            cycle.message_event.set()
        status, message = b"400 Bad Request", "this is not a request of HTTP/1.1."
        if self._is_too_long:
            status = b"431 Request Header Fields Too Large"
            message = f"the head of a request has at most {_HEAD_BYTES:,} bytes and {_MOST_HEADERS} lines."
        body = json.dumps({"error": message}).encode()
        head = b"content-type: application/json\r\ncontent-length: %d\r\nconnection: close\r\n\r\n" % len(body)
        self.transport.write(b"HTTP/1.1 " + status + b"\r\n" + head + body)
        self.transport.close()
        self._watch_reading()

    @property
    def is_spare(self) -> bool:
        """Whether nothing is being answered, so that no request is lost with it."""
        return self._is_idle

    def abort(self) -> None:
        """End the connection."""
        self.transport.abort()

    @property
    def _is_idle(self) -> bool:
        """Whether nothing is being answered, so that the client must complete what it sends."""
        cycle: Any = self.cycle  # None before the first head is complete, whatever uvicorn's annotations say
        return cycle is None or cycle.response_complete

    def _feed(self, data: bytes | memoryview) -> None:
        self._unset_keepalive_if_required()
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            if self.parser.get_method() == b"CONNECT":  # this is no proxy
                self.send_400_response("")
                return
            # Java's client asks for HTTP/2 in each first request, body and all, and accepts an answer in HTTP/1.1
            head = [self.parser.get_method() + b" " + self.url + b" HTTP/1.1"]
            head += [name + b": " + value for name, value in self.headers if name not in (b"connection", b"upgrade")]
            self.parser = httptools.HttpRequestParser(self)
            self._feed(b"\r\n".join([*head, b"", b""]) + bytes(data[upgrade.args[0] :]))
        except httptools.HttpParserError:
            self.send_400_response("")

    def _count_head(self, size: int) -> None:
        self._headers_size += size
        self._is_too_long = self._headers_size > _HEAD_BYTES or self._header_lines > _MOST_HEADERS
        if self._is_too_long:
            raise ValueError("the head is too long")  # the parser stops, and send_400_response says why

    def _start_request_timer(self) -> None:
        self._request_timer = self.loop.call_later(_HEAD_SECONDS, self._end_request_time)

    def _stop_request_timer(self) -> None:
        if self._request_timer is not None:
            self._request_timer.cancel()
            self._request_timer = None

    def _end_request_time(self) -> None:
        self._request_timer = None
        if self._is_idle and not self.transport.is_closing():
            self.transport.close()
            self._watch_reading()

    def _watch_reading(self) -> None:
        """Check later whether the client reads what was sent: a closed connection lasts until it has."""
        if self._read_timer is None and self.transport.get_write_buffer_size():
            self._unread = self.transport.get_write_buffer_size()
            self._read_timer = self.loop.call_later(_READ_SECONDS, self._check_reading)

    def _check_reading(self) -> None:
        self._read_timer = None
        if self.transport.get_write_buffer_size() >= self._unread:
            self.transport.abort()
        else:
            self._watch_reading()


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leaves signals alone: the process handles its own."""
        yield


def make_http_server(
    state: AppState, *, backlog: int, on_connections: Callable[[int], None] = lambda count: None
) -> uvicorn.Server:
    """A server that is not started yet. Once `should_exit` is set it finishes what it has accepted.

    Args:
        state: For the application.
        backlog: Connections accepted each time the event loop wakes up.
        on_connections: Called with the number of open connections when it changes.
    """
    settings = state.settings
    kept = Connections(most_connections(_MOST_CONNECTIONS, _FILES_EACH), settings.max_connections, on_connections)
    config = uvicorn.Config(
        make_app(state),
        http=type("_Protocol", (_Protocol,), {"kept": kept}),
        ws="none",
        lifespan="off",
        log_config=None,
        log_level="critical",
        access_log=False,
        server_header=False,
        backlog=backlog,
        timeout_keep_alive=_IDLE_SECONDS,
        timeout_graceful_shutdown=max(1, math.ceil(settings.grace)),
        ssl_certfile=settings.tls_cert or None,
        ssl_keyfile=settings.tls_key or None,
    )
    return _Server(config)
