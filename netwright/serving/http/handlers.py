"""What answers each HTTP address."""

from __future__ import annotations

import asyncio
import base64
import binascii
import re
from collections.abc import Awaitable, Callable
from importlib import resources
from typing import TYPE_CHECKING, Any, TypeVar

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from netwright.serving.errors import Refused
from netwright.serving.http.body import MOST_PARTS, parts_of, read_body
from netwright.serving.http.middleware import Gone, Limits, Ticket
from netwright.serving.models.service import decoded_size, top_classes
from netwright.serving.protocol.infer_json import read_json, read_request, write_answer
from netwright.serving.protocol.statistics import statistics
from netwright.serving.protocol.tensors import check_outputs, images_of, model_metadata, outputs_of
from netwright.serving.protocol.triton import EXTENSIONS, check_steering, index_rows, model_config
from netwright.version import __version__

if TYPE_CHECKING:
    from netwright.serving.metrics import Metrics
    from netwright.serving.models.repository import Served
    from netwright.serving.models.service import Service

__all__ = ["Doors"]

T = TypeVar("T")

_LENGTH = "inference-header-content-length"
_MINDSPORE = re.compile(r"(?P<name>[^/]+)(?:/version/(?P<version>[0-9]+))?:(?P<method>[A-Za-z0-9_]+)")
# the page's own style and script are inside it, and nothing else may run, load or frame it
_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src blob: data:; "
    "connect-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
)


class Doors:
    """Each method takes a request and gives its answer, or raises Refused."""

    def __init__(self, service: Service, limits: Limits, metrics: Metrics) -> None:
        self._service, self._limits, self._metrics = service, limits, metrics

    async def page(self, request: Request) -> Response:
        """For people."""
        text = resources.files("netwright.serving").joinpath("assets/page.html").read_text(encoding="utf-8")
        headers = {"content-security-policy": _POLICY, "x-content-type-options": "nosniff", "cache-control": "no-cache"}
        return Response(text, media_type="text/html; charset=utf-8", headers=headers)

    async def live(self, request: Request) -> Response:
        """It answers, so it lives."""
        return JSONResponse({"live": True})

    async def ready(self, request: Request) -> Response:
        """Not when it is stopping or hangs: a balancer sends its requests elsewhere then."""
        if self._limits.is_stopping:
            raise Refused("unavailable", "the server is stopping.")
        if hanging := self._service.repository.hanging():
            raise Refused("unavailable", f"{hanging}.")
        return JSONResponse({"ready": True})

    async def server(self, request: Request) -> Response:
        """As the protocol describes a server."""
        return JSONResponse({"name": "netwright", "version": __version__, "extensions": EXTENSIONS})

    async def model(self, request: Request) -> Response:
        """As the protocol describes a model, with what else is known of it as parameters."""
        served = self._served(request)
        info = served.runtime.info
        said = model_metadata(info, self._versions(served))
        said["parameters"] = {
            "version": str(served.version),
            "runtime": served.runtime.kind,
            "precision": served.runtime.precision,
            "classes": info.arch.num_classes,
            "source": info.source,
        }
        return JSONResponse(said)

    async def model_ready(self, request: Request) -> Response:
        """It is there, so it answers."""
        served = self._served(request)
        return JSONResponse({"name": served.name, "ready": True})

    async def model_config(self, request: Request) -> Response:
        """What Triton's clients read of a model's configuration."""
        return JSONResponse(model_config(self._served(request), self._service.settings))

    async def all_stats(self, request: Request) -> Response:
        """Of all models."""
        return await self.stats(request)

    async def stats(self, request: Request) -> Response:
        """Counts and nanoseconds, of a version, a model or all of them."""
        asked = request.path_params
        models = self._service.repository.matching(asked.get("name", ""), asked.get("version", ""))
        return JSONResponse({"model_stats": statistics(models, await asyncio.to_thread(self._metrics.samples))})

    async def index(self, request: Request) -> Response:
        """Every version, and why one is not there."""
        request.scope["ticket"].door = "index"
        message = await self._object(request)
        only_ready = message.get("ready", False)
        if not isinstance(only_ready, bool):
            raise Refused("malformed", "ready is true or false: whether only what answers is listed.")
        return JSONResponse(index_rows(self._service.repository.listings(), only_ready=only_ready))

    async def load(self, request: Request) -> Response:
        """Take up a model by its name; the answer is its part of the index."""
        return await self._steer(request, self._service.repository.load)

    async def unload(self, request: Request) -> Response:
        """Let a model go, when what was accepted is answered."""
        return await self._steer(request, self._service.repository.unload)

    async def infer(self, request: Request) -> Response:
        """Tensors, as JSON or bytes."""
        ticket: Ticket = request.scope["ticket"]
        ticket.door = "infer"
        served = self._served(request)
        body = await read_body(request, self._limits)
        asked = read_request(body, request.headers.get(_LENGTH))
        check_outputs(asked.outputs)
        given = images_of(asked.given, served.runtime.info)
        asked = asked.without_data()  # numbers of JSON take ten times their images' room
        ticket.images = len(given)
        if isinstance(given, list):
            self._limits.unpack(ticket, decoded_size(given, served.runtime), "decoded images")
            job = self._service.logits_of_images(served, given, ticket.deadline)
        else:
            job = self._service.logits(served, given, ticket.deadline)
        logits = await unless_gone(request, job)
        answer, length = write_answer(asked, served.name, served.version, outputs_of(asked, served.runtime, logits))
        if length is None:
            return Response(answer, media_type="application/json")
        return Response(answer, media_type="application/octet-stream", headers={_LENGTH: str(length)})

    async def predict(self, request: Request) -> Response:
        """One image as the body, or several as a form."""
        ticket: Ticket = request.scope["ticket"]
        ticket.door = "predict"
        query = request.query_params
        served = self._noted(request, query.get("model", ""), query.get("version", ""))
        top_k = _top_k(query.get("top_k", "5"))
        body = await read_body(request, self._limits)
        kind = request.headers.get("content-type", "")
        images = parts_of(body, kind) if kind.lower().startswith("multipart/") else [("", body)]
        if not images:
            raise Refused("malformed", "a form has at least one image, and this has none.")
        answers = await unless_gone(request, self._classes(served, [each for _, each in images], top_k, ticket))
        said: dict[str, Any] = {"model": served.name, "version": str(served.version), "id": ticket.id}
        if len(answers) == 1:
            if isinstance(answers[0], Refused):
                raise answers[0]
            return JSONResponse(said | {"classes": answers[0]})
        said["predictions"] = [
            {"file": name} | ({"error": str(each)} if isinstance(each, Refused) else {"classes": each})
            for (name, _), each in zip(images, answers, strict=True)
        ]
        return JSONResponse(said)

    async def mindspore(self, request: Request) -> Response:
        """Instances in, instances out, each with its label or its error_msg."""
        ticket: Ticket = request.scope["ticket"]
        ticket.door = "mindspore"
        found = _MINDSPORE.fullmatch(request.path_params["what"])
        if not found or found["method"] != "predict":
            raise Refused("unknown", "the address is /model/NAME:predict or /model/NAME/version/V:predict.")
        # MindSpore Serving's version 0 is the newest
        version = found["version"] or ""
        served = self._noted(request, found["name"], "" if version.strip("0") == "" else version)
        message = read_json(await read_body(request, self._limits))
        instances = message.get("instances") if isinstance(message, dict) else None
        if not isinstance(instances, list) or not instances:
            raise Refused("malformed", 'the body is {"instances": [{"image": {"b64": "..."}}, ...]}.')
        if len(instances) > MOST_PARTS:
            raise Refused("too_large", f"a request has at most {MOST_PARTS:,} images.")
        read = [_instance(each) for each in instances]
        images = [each for each in read if isinstance(each, bytes)]
        answers = iter(await unless_gone(request, self._classes(served, images, 5, ticket)) if images else [])
        results = [next(answers) if isinstance(each, bytes) else each for each in read]
        return JSONResponse({"instances": [_labeled(each) for each in results]})

    async def metrics_page(self, request: Request) -> Response:
        """Of all workers."""
        text, kind = self._metrics.text()
        return Response(text, headers={"content-type": kind})

    async def _classes(
        self, served: Served, images: list[bytes], top_k: int, ticket: Ticket
    ) -> list[list[dict[str, Any]] | Refused]:
        """Of each image, or why there are none."""
        import numpy as np

        ticket.images = len(images)
        self._limits.unpack(ticket, decoded_size(images, served.runtime), "decoded images")
        decoded = await self._service.decode(served.runtime, images, ticket.deadline)
        good = [each for each in decoded if not isinstance(each, Refused)]
        if not good:
            return [each for each in decoded if isinstance(each, Refused)]
        logits = await self._service.logits(served, np.stack(good), ticket.deadline)
        rows = iter(top_classes(served.runtime, logits, top_k))
        return [each if isinstance(each, Refused) else next(rows) for each in decoded]

    async def _object(self, request: Request) -> dict[str, Any]:
        """The body, which may be empty; Triton's own client leaves it so."""
        message = read_json(await read_body(request, self._limits) or b"{}")
        if not isinstance(message, dict):
            raise Refused("malformed", "the body is a JSON object, or empty.")
        return message

    async def _steer(self, request: Request, how: Callable[[str], None]) -> Response:
        ticket: Ticket = request.scope["ticket"]
        ticket.door, name = "steer", request.path_params["name"]
        parameters = (await self._object(request)).get("parameters", {})
        if not isinstance(parameters, dict):
            raise Refused("malformed", "parameters are an object.")
        check_steering(self._service.settings, list(parameters), request.headers.get("origin", ""))
        await asyncio.to_thread(how, name)
        listed = self._service.repository.listings()
        return JSONResponse(index_rows(tuple(each for each in listed if each.name == name), only_ready=False))

    def _served(self, request: Request) -> Served:
        return self._noted(request, request.path_params["name"], request.path_params.get("version", ""))

    def _noted(self, request: Request, name: str, version: str) -> Served:
        served = self._service.repository.get(name, version)
        ticket: Ticket = request.scope["ticket"]
        ticket.model, ticket.version = served.name, served.version
        return served

    def _versions(self, served: Served) -> list[int]:
        return [each.version for each in self._service.repository.models() if each.name == served.name]


async def unless_gone(request: Request, job: Awaitable[T]) -> T:
    """What the job gives; Gone where the client goes first, and then its images give their places free."""
    work = asyncio.ensure_future(job)
    going = asyncio.ensure_future(_gone(request))
    try:
        await asyncio.wait({work, going}, return_when=asyncio.FIRST_COMPLETED)
        if not work.done():
            raise Gone
        return work.result()
    finally:
        going.cancel()
        work.cancel()


async def _gone(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _top_k(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text[:20]) > 0 and len(text) < 20):
        raise Refused("malformed", f"top_k is 1 or more, not {text[:40]!r}.")
    return int(text)


def _instance(entry: Any) -> bytes | Refused:
    """{"image": {"b64": text}}; the key may have another name, where it is the only one."""
    held = entry.get("image", next(iter(entry.values()), None)) if isinstance(entry, dict) else None
    text = held.get("b64") if isinstance(held, dict) else None
    if not isinstance(text, str):
        return Refused("malformed", 'an instance is {"image": {"b64": "..."}}.')
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return Refused("malformed", "b64 is the image file in base64, and this is not.")


def _labeled(result: list[dict[str, Any]] | Refused) -> dict[str, Any]:
    if isinstance(result, Refused):
        return {"error_msg": str(result)}
    return {"label": result[0]["name"], "probability": result[0]["probability"], "classes": result}
