"""A replica of a Ray Serve application: a process with the models, asked over HTTP through Ray Serve or by a handle."""

from __future__ import annotations

import asyncio
import logging
import math
import os
import time
import uuid
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, TextIO, cast

import numpy as np
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route, Router

from netwright.errors import DataError, ServeError
from netwright.serving.errors import HTTP_STATUS, Refused
from netwright.serving.http.middleware import App, Gate, Limits, Message, Receive, Scope, Send, Ticket
from netwright.serving.http.openapi import ROUTES
from netwright.serving.logs import Log
from netwright.serving.metrics import Metrics
from netwright.serving.models.batcher import Batch, Closed
from netwright.serving.models.repository import Event, Repository, Served
from netwright.serving.models.service import Service, decoded_size, within
from netwright.serving.supervisor.start import quiet_others
from netwright.system.extras import optional

if TYPE_CHECKING:
    from netwright.data.source import Pixels
    from netwright.runtime import Prediction, Runtime
    from netwright.serving.settings import ServeSettings

__all__ = ["Replica"]

_TOKEN = "NETWRIGHT_TOKEN"
_PROBE_SECONDS = 20.0  # less than Ray Serve waits for check_health, so that the reason is ours


class Replica:
    """Opens its models in the making. Ray Serve makes it, asks it, and calls __del__ when all it took is answered."""

    def __init__(self, settings: ServeSettings) -> None:
        from netwright.serving.http.app import Site

        quiet_others()
        optional("python_multipart", "serve")
        self._settings = replace(settings, token=settings.token or os.environ.get(_TOKEN, ""))
        self._log = Log(settings.log_format, cast("TextIO", _ServeLog()))
        self._metrics = Metrics()
        self._batches: Counter[tuple[str, int]] = Counter()  # answered, of each version
        self._seen: dict[tuple[str, int], int] = {}  # as the last look at its health saw them
        repository = Repository(self._settings, on_event=self._on_event, on_batch=self._on_batch)
        service = Service(repository, self._settings)
        self._site = Site(service, Limits(self._settings), self._metrics, self._log)
        self._metrics.workers_ready.set(1)
        repository.watch()

    def __serve_build_asgi_app__(self) -> App:
        """For `serve.ingress`, which asks it when __init__ is done."""
        from netwright.serving.http.app import make_app

        return _Mounted(make_app(self._site))

    async def predict(
        self, images: Sequence[bytes | Pixels], *, model: str = "", version: str | int = ""
    ) -> Prediction:
        """As Runtime.predict, for `handle.predict.remote`: encoded images, or (H, W, C) or (H, W) uint8 pixels.

        model, version: as in /predict. The limits are those of an HTTP request. DataError for the first image that
        cannot be read, ServeError for what else is refused.
        """
        limits, started = self._site.limits, time.monotonic()
        ticket = Ticket(uuid.uuid4().hex, started + self._settings.timeout, door="handle")
        status, has_entered = 500, False
        try:
            limits.enter()
            has_entered = True
            answer = await self._predict(images, model, version, ticket)
            status = 200
            return answer
        except Refused as refused:
            status, ticket.said = refused.status, str(refused)
            # Refused does not travel: pickle makes an exception anew from its message alone
            raise (DataError if refused.reason == "no_image" else ServeError)(str(refused)) from None
        except (DataError, ServeError) as error:  # of pixels that are none; of outputs that overflow
            status = HTTP_STATUS["no_image" if isinstance(error, DataError) else "damaged"]
            ticket.said = str(error)
            raise
        finally:
            if has_entered:
                limits.leave(ticket)
            self._tell(ticket, status, time.monotonic() - started)

    async def check_health(self) -> None:
        """For Ray Serve, which replaces the replica where this raises: where a computation hangs, or a model that
        computed nothing since the last look cannot compute an image."""
        repository = self._site.service.repository
        if hanging := repository.hanging():
            raise self._unhealthy(hanging)
        await asyncio.gather(*(self._look_at(served) for served in repository.models()))
        self._metrics.workers_ready.set(1)

    def __del__(self) -> None:
        site = getattr(self, "_site", None)  # none where __init__ failed
        if site is None:
            return
        site.limits.is_stopping = site.service.is_stopping = True
        site.service.close()
        site.service.repository.close(self._settings.grace)

    async def _predict(
        self, images: Sequence[bytes | Pixels], model: str, version: str | int, ticket: Ticket
    ) -> Prediction:
        from netwright.runtime import Prediction

        service = self._site.service
        served = service.repository.get(model, version)
        ticket.model, ticket.version, ticket.images = served.name, served.version, _count(images)
        for image in images:
            self._site.limits.hold(ticket, len(image) if isinstance(image, bytes) else image.nbytes)
        info = served.runtime.info
        logits = np.zeros((0, info.arch.num_classes), dtype=np.float32)
        if images:
            encoded = [each for each in images if isinstance(each, bytes)]
            self._site.limits.unpack(ticket, decoded_size(encoded, served.runtime), "decoded images")
            pixels = [self._pixels(served.runtime, image, ticket.deadline) for image in images]
            logits = await service.logits(served, np.stack(await asyncio.gather(*pixels)), ticket.deadline)
        return Prediction(served.runtime.probabilities(logits), info.output_names, info.descriptions)

    async def _pixels(self, runtime: Runtime, image: bytes | Pixels, deadline: float) -> Pixels:
        """Of the network's own size."""
        if isinstance(image, bytes):
            [found] = await self._site.service.decode(runtime, [image], deadline)
            if isinstance(found, Refused):
                raise found
            return found
        if math.prod(image.shape[:2]) > self._settings.max_pixels:
            most = self._settings.max_pixels
            raise Refused("too_large", f"an image has at most {most:,} pixels here, and this one is {image.shape}.")
        return await within(asyncio.to_thread(runtime.pixels, image), deadline)

    async def _look_at(self, served: Served) -> None:
        key = (served.name, served.version)
        before = self._seen.get(key, 0)
        if self._batches[key] == before:
            await self._probe(served, before)
        self._seen[key] = self._batches[key]

    async def _probe(self, served: Served, before: int) -> None:
        shape, deadline = served.runtime.info.input_shape, time.monotonic() + _PROBE_SECONDS
        try:
            future = served.batcher.submit(np.zeros((1, *shape), dtype=np.float32), deadline)
            await within(asyncio.wrap_future(future), deadline)
        except Closed:  # exchanged under our hands: its successor is looked at next
            return
        except Refused as refused:
            # that many wait, or for long, is well as long as something is computed: `hanging` says when it is not
            while refused.reason == "busy" and time.monotonic() < deadline and self._is_idle(served, before):
                await asyncio.sleep(0.05)
            if self._is_idle(served, before):
                raise self._unhealthy(f"{served.name} version {served.version} computes nothing: {refused}") from None

    def _is_idle(self, served: Served, before: int) -> bool:
        return self._batches[served.name, served.version] == before and not served.batcher.computing

    def _unhealthy(self, said: str) -> ServeError:
        self._metrics.workers_ready.set(0)
        self._log.write("unhealthy", said=said)
        return ServeError(said)

    def _tell(self, ticket: Ticket, status: int, seconds: float) -> None:
        """Of a call through a handle; the gate tells of those over HTTP."""
        self._metrics.requests.labels(ticket.door, ticket.model, str(status)).inc()
        self._metrics.request_seconds.labels(ticket.door).observe(seconds)
        self._log.write(
            "call",
            id=ticket.id,
            status=status,
            ms=round(1000 * seconds, 2),
            model=ticket.model,
            version=ticket.version or "",
            images=ticket.images,
            said=ticket.said[:500],
        )

    def _on_batch(self, name: str, version: int, batch: Batch) -> None:
        self._batches[name, version] += not batch.has_failed
        self._metrics.on_batch(name, version, batch)

    def _on_event(self, event: Event) -> None:
        self._metrics.model_events.labels(event.name, event.kind).inc()
        self._log.write(f"model {event.kind}", model=event.name, version=event.version or "", said=event.said)


def _count(images: object) -> int:
    """Refused for what is no list of images."""
    if not isinstance(images, Sequence) or isinstance(images, bytes | str):
        raise Refused("malformed", "predict takes a list of images, and this is none. Write [image].")
    for place, image in enumerate(images):
        if not isinstance(image, bytes | np.ndarray):
            raise Refused(
                "malformed",
                f"an image is the bytes of a file or uint8 pixels, and image {place} is a {type(image).__name__}. A "
                "path is of the machine that asks: send what is in the file.",
            )
    return len(images)


class _Mounted:
    """The application under the prefix that Ray Serve gives it, so that for it every address begins at /."""

    def __init__(self, app: Gate) -> None:
        self._app = app
        # Ray Serve looks for these, to name a request in its log and metrics
        routes = [Route(each.path, _elsewhere, methods=[each.method]) for each in ROUTES]
        self.router = Router(routes, redirect_slashes=False)
        self.routes = self.router.routes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                # the proxy sends the id that it found or made: the gate's is the same one, and would stand there twice
                headers = [each for each in message["headers"] if each[0].lower() != b"x-request-id"]
                message = {**message, "headers": headers}
            await send(message)

        path = scope["path"].removeprefix(scope.get("root_path", "")) or "/"
        await self._app({**scope, "path": path, "root_path": ""}, receive, answer)


async def _elsewhere(request: Request) -> Response:
    raise AssertionError("the gate's application answers")


class _ServeLog:
    """A stream whose lines go where Ray Serve keeps a replica's."""

    def __init__(self) -> None:
        self._log = logging.getLogger("ray.serve")

    def write(self, text: str) -> int:
        if text.strip():
            self._log.info(text)
        return len(text)

    def flush(self) -> None:
        """Each line is written at once."""
