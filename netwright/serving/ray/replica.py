"""A replica of a Ray Serve application: a process with the models, called over HTTP or by a handle."""

from __future__ import annotations

import asyncio
import logging
import math
import os
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, TextIO, cast

import numpy as np
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route, Router

from netwright.errors import DataError, ServeError
from netwright.serving.errors import HTTP_STATUS, RequestError
from netwright.serving.logs import Log
from netwright.serving.metrics import Metrics
from netwright.serving.models.batcher import BatcherClosed, BatchRecord
from netwright.serving.models.service import before_deadline, decoded_size
from netwright.serving.state import open_state
from netwright.serving.supervisor.start import quiet_libraries
from netwright.system.extras import optional

if TYPE_CHECKING:
    from netwright.data.source import Pixels
    from netwright.runtime import Prediction, Runtime
    from netwright.serving.http.middleware import App, Message, Receive, Scope, Send
    from netwright.serving.limits import RequestContext
    from netwright.serving.models.version import ModelVersion
    from netwright.serving.settings import ServeSettings

__all__ = ["Replica"]

_TOKEN = "NETWRIGHT_TOKEN"
_PROBE_SECONDS = 20.0  # less than Ray Serve waits for check_health, so that the reason comes from us


class Replica:
    """The class that Ray Serve deploys. It opens its models when it is made.

    Ray Serve sends it HTTP requests and calls of handles, and calls __del__ once everything it accepted is answered.

    Args:
        settings: Of each replica. An empty token is taken from $NETWRIGHT_TOKEN.
    """

    def __init__(self, settings: ServeSettings) -> None:
        quiet_libraries()
        optional("python_multipart", "serve")
        self._settings = replace(settings, token=settings.token or os.environ.get(_TOKEN, ""))
        self._log = Log(settings.log_format, cast("TextIO", _RayServeLog()))
        self._metrics = Metrics()
        self._answered: Counter[tuple[str, int]] = Counter()  # batches of each version
        self._checked: dict[tuple[str, int], int] = {}  # the same at the last check of its health
        self._state = open_state(self._settings, self._metrics, self._log, on_batch=self._on_batch)
        self._metrics.workers_ready.set(1)
        self._state.service.repository.watch()

    def __serve_build_asgi_app__(self) -> App:
        """For `serve.ingress`, which calls it after __init__."""
        from netwright.serving.http.app import make_app

        return _Mounted(make_app(self._state, is_behind=True))

    async def predict(
        self, images: Sequence[bytes | Pixels], *, model: str = "", version: str | int = ""
    ) -> Prediction:
        """The probabilities of images, as `Runtime.predict`; for `handle.predict.remote`.

        The limits are those of an HTTP request.

        Args:
            images: Encoded, or (H, W, C) or (H, W) uint8 pixels; no paths, which are of the caller's machine.
            model: As in /predict.
            version: As in /predict.

        Raises:
            DataError: For the first image that cannot be read.
            ServeError: For everything else that is refused.
        """
        admission = self._state.admission
        context = admission.begin(endpoint="handle")
        status = 500
        try:
            admission.enter(context)
            prediction = await self._predict(images, model, version, context)
            status = 200
            return prediction
        except RequestError as error:
            status, context.detail = error.status, str(error)
            # RequestError cannot be pickled: pickle makes an exception anew from its message alone
            raise (DataError if error.reason == "no_image" else ServeError)(str(error)) from None
        except (DataError, ServeError) as error:  # pixels that are no image; outputs that overflow
            status = HTTP_STATUS["no_image" if isinstance(error, DataError) else "damaged"]
            context.detail = str(error)
            raise
        finally:
            admission.finish(context, status, event="call")

    async def check_health(self) -> None:
        """For Ray Serve, which replaces a replica where this raises.

        Raises:
            ServeError: Where a computation hangs, or a model that has computed nothing since the last check cannot
                compute an image.
        """
        repository = self._state.service.repository
        if hanging := repository.hanging():
            raise self._unhealthy(hanging)
        await asyncio.gather(*(self._check_version(version) for version in repository.models()))
        self._metrics.workers_ready.set(1)

    def __del__(self) -> None:
        state = getattr(self, "_state", None)  # None where __init__ failed
        if state is None:
            return
        state.stop_accepting()
        state.close()

    async def _predict(
        self, images: Sequence[bytes | Pixels], model: str, number: str | int, context: RequestContext
    ) -> Prediction:
        from netwright.runtime import Prediction

        service, limits = self._state.service, self._state.limits
        version = service.repository.get(model, number)
        context.model, context.version, context.images = version.name, version.version, _count(images)
        for image in images:
            limits.hold(context, len(image) if isinstance(image, bytes) else image.nbytes)
        info = version.runtime.info
        logits = np.zeros((0, info.arch.num_classes), dtype=np.float32)
        if images:
            encoded = [each for each in images if isinstance(each, bytes)]
            limits.unpack(context, decoded_size(encoded, version.runtime), "decoded images")
            pixels = await self._pixels(version.runtime, images, context.deadline)
            logits = await service.logits(version, np.stack(pixels), context.deadline)
        return Prediction(version.runtime.probabilities(logits), info.output_names, info.descriptions)

    async def _pixels(self, runtime: Runtime, images: Sequence[bytes | Pixels], deadline: float) -> list[Pixels]:
        """(H, W, C) uint8 of the network's input size, of each image."""
        encoded = [each for each in images if isinstance(each, bytes)]
        decoded = iter(await self._state.service.decode(runtime, encoded, deadline))
        arrays = iter(
            await asyncio.gather(
                *(self._resized(runtime, each, deadline) for each in images if not isinstance(each, bytes))
            )
        )
        pixels = [next(decoded) if isinstance(each, bytes) else next(arrays) for each in images]
        for each in pixels:
            if isinstance(each, RequestError):
                raise each
        return cast("list[Pixels]", pixels)

    async def _resized(self, runtime: Runtime, image: Pixels, deadline: float) -> Pixels:
        if math.prod(image.shape[:2]) > self._settings.max_pixels:
            most = self._settings.max_pixels
            raise RequestError(
                "too_large", f"an image may have at most {most:,} pixels, and this one has the shape {image.shape}."
            )
        return await before_deadline(asyncio.to_thread(runtime.pixels, image), deadline)

    async def _check_version(self, version: ModelVersion) -> None:
        key = (version.name, version.version)
        before = self._checked.get(key, 0)
        if self._answered[key] == before:
            await self._probe(version, before)
        self._checked[key] = self._answered[key]

    async def _probe(self, version: ModelVersion, before: int) -> None:
        """Compute one image."""
        shape, deadline = version.runtime.info.input_shape, time.monotonic() + _PROBE_SECONDS
        try:
            future = version.batcher.submit(np.zeros((1, *shape), dtype=np.float32), deadline)
            await before_deadline(asyncio.wrap_future(future), deadline)
        except BatcherClosed:  # replaced meanwhile: the next check is of its successor
            return
        except RequestError as error:
            # a long queue is healthy as long as something is computed; `hanging` says when it is not
            while error.reason == "busy" and time.monotonic() < deadline and self._is_idle(version, before):
                await asyncio.sleep(0.05)
            if self._is_idle(version, before):
                raise self._unhealthy(f"{version.name} version {version.version} computes nothing: {error}") from None

    def _is_idle(self, version: ModelVersion, before: int) -> bool:
        return self._answered[version.name, version.version] == before and not version.batcher.computing

    def _unhealthy(self, reason: str) -> ServeError:
        self._metrics.workers_ready.set(0)
        self._log.write("unhealthy", message=reason)
        return ServeError(reason)

    def _on_batch(self, name: str, version: int, record: BatchRecord) -> None:
        self._answered[name, version] += not record.has_failed
        self._metrics.on_batch(name, version, record)


def _count(images: object) -> int:
    """How many there are. RequestError for what is no list of images."""
    if not isinstance(images, Sequence) or isinstance(images, bytes | str):
        raise RequestError("malformed", "predict takes a list of images, and this is none. Write [image].")
    for index, image in enumerate(images):
        if not isinstance(image, bytes | np.ndarray):
            raise RequestError(
                "malformed",
                f"an image is the bytes of a file or uint8 pixels, and image {index} is a {type(image).__name__}. A "
                "path would be of your machine, not the replica's: send the content of the file.",
            )
    return len(images)


class _Mounted:
    """The application below the prefix that Ray Serve gives it; it sees addresses that begin at /."""

    def __init__(self, app: App) -> None:
        from netwright.serving.http.app import ROUTES

        self._app = app
        # Ray Serve looks for these, to name a request in its log and metrics
        routes = [Route(each.path, _unreachable, methods=[each.method]) for each in ROUTES]
        self.router = Router(routes, redirect_slashes=False)
        self.routes = self.router.routes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_without_id(message: Message) -> None:
            if message["type"] == "http.response.start":
                # the proxy sends the id that it found or made, which is the same; it must not be there twice
                headers = [each for each in message["headers"] if each[0].lower() != b"x-request-id"]
                message = {**message, "headers": headers}
            await send(message)

        path = scope["path"].removeprefix(scope.get("root_path", "")) or "/"
        await self._app({**scope, "path": path, "root_path": ""}, receive, send_without_id)


async def _unreachable(request: Request) -> Response:
    raise AssertionError("the application below answers")


class _RayServeLog:
    """A stream that writes lines to the log in which Ray Serve keeps a replica's."""

    def __init__(self) -> None:
        self._log = logging.getLogger("ray.serve")

    def write(self, text: str) -> int:
        if text.strip():
            self._log.info(text)
        return len(text)

    def flush(self) -> None:
        """Each line is written at once."""
