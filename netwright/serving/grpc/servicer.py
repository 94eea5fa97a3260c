"""The gRPC side of a server: the Open Inference Protocol, on the event loop of the HTTP side."""

from __future__ import annotations

import asyncio
import hmac
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from netwright.errors import ServeError
from netwright.serving.errors import GRPC_CODES, Refused
from netwright.serving.grpc.messages import METHODS, SERVICE, STREAM, messages
from netwright.serving.http.middleware import MISTAKE, Ticket, request_id
from netwright.serving.models.service import decoded_size
from netwright.serving.protocol.statistics import statistics
from netwright.serving.protocol.tensors import (
    Asked,
    Given,
    Wanted,
    check_count,
    check_outputs,
    images_of,
    model_metadata,
    outputs_of,
)
from netwright.serving.protocol.triton import EXTENSIONS, check_steering, index_rows, model_config
from netwright.system.extras import optional
from netwright.version import __version__

if TYPE_CHECKING:
    from netwright.serving.http.app import Site

__all__ = ["start_grpc"]

_SPARE = 1 << 20  # bytes of a message beside its tensors
_LOOK = 1.0  # seconds between looks whether a server is stopping, of a stream in which nothing comes
_OPEN = {"ServerLive", "ServerReady"}
_CONTENTS = {"FP32": "fp32_contents", "UINT8": "uint_contents", "BYTES": "bytes_contents"}


async def start_grpc(site: Site, *, shares_port: bool = False) -> tuple[Any, int]:
    """A started grpc.aio server and its port. ServeError where it cannot listen."""
    grpc = optional("grpc", "serve")
    settings = site.service.settings
    most = settings.max_body + _SPARE
    options = [
        ("grpc.max_receive_message_length", most),
        ("grpc.max_send_message_length", most),
        ("grpc.so_reuseport", int(shares_port)),
    ]
    server = grpc.aio.server(options=options, maximum_concurrent_rpcs=settings.max_requests)
    doors = _Doors(site, grpc)
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, doors.handlers()),))
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    address = f"{host}:{settings.grpc_port or 0}"
    try:
        if settings.tls_cert:
            pair = (Path(settings.tls_key).read_bytes(), Path(settings.tls_cert).read_bytes())
            port = server.add_secure_port(address, grpc.ssl_server_credentials([pair]))
        else:
            port = server.add_insecure_port(address)
    except (OSError, RuntimeError) as error:
        raise ServeError(f"gRPC cannot listen on {address}: {error}. Give another --grpc_port.") from error
    await server.start()
    return server, int(port)


class _Doors:
    """A method of the protocol each; they raise Refused, and `_guarded` says it in gRPC's words."""

    def __init__(self, site: Site, grpc: Any) -> None:
        self._site, self._grpc, self._messages = site, grpc, messages()

    def handlers(self) -> dict[str, Any]:
        """For grpc."""
        made = {}
        for method in METHODS:
            made[method] = self._grpc.unary_unary_rpc_method_handler(
                self._guarded(method),
                request_deserializer=self._messages[f"{method}Request"].FromString,
                response_serializer=self._messages[f"{method}Response"].SerializeToString,
            )
        made[STREAM] = self._grpc.stream_stream_rpc_method_handler(
            self._stream,
            request_deserializer=self._messages["ModelInferRequest"].FromString,
            response_serializer=self._messages["ModelStreamInferResponse"].SerializeToString,
        )
        return made

    def _guarded(self, method: str) -> Callable[[Any, Any], Awaitable[Any]]:
        async def guarded(request: Any, context: Any) -> Any:
            try:
                return await self._one(method, request, context)
            except Refused as refused:
                await self._abort(refused, context)

        return guarded

    async def _stream(self, requests: AsyncIterator[Any], context: Any) -> AsyncIterator[Any]:
        """One request after another: each is answered, or is told why not, and the stream goes on."""
        try:
            self._check_token(STREAM, dict(context.invocation_metadata() or ()))
        except Refused as refused:
            await self._abort(refused, context)
        answer = self._messages["ModelStreamInferResponse"]
        async for request in self._until_stopping(requests):
            try:
                yield answer(infer_response=await self._one("ModelInfer", request, context))
            except Refused as refused:
                yield answer(error_message=str(refused), infer_response={"id": request.id})

    async def _until_stopping(self, requests: AsyncIterator[Any]) -> AsyncIterator[Any]:
        """A client that has no more to ask for now must not keep a stopping server."""
        while True:
            coming = asyncio.ensure_future(anext(requests, None))
            while not coming.done():
                await asyncio.wait({coming}, timeout=_LOOK)
                if self._site.limits.is_stopping and not coming.done():
                    coming.cancel()
                    return
            request = coming.result()
            if request is None:
                return
            yield request

    async def _abort(self, refused: Refused, context: Any) -> None:
        if refused.retry_after is not None:
            context.set_trailing_metadata((("retry-after", str(refused.retry_after)),))
        await context.abort(self._grpc.StatusCode[GRPC_CODES[refused.reason]], str(refused))

    async def _one(self, method: str, request: Any, context: Any) -> Any:
        """The answer, within the limits. Refused, which the log and the metrics know already."""
        limits, settings = self._site.limits, self._site.service.settings
        started = time.monotonic()
        metadata = dict(context.invocation_metadata() or ())
        given = metadata.get("x-request-id") or getattr(request, "id", "")
        left = context.time_remaining()
        seconds = settings.timeout if left is None else min(settings.timeout, max(0.0, left))
        ticket = Ticket(request_id(str(given).encode("latin-1", "replace")), started + seconds, door="grpc")
        code, has_entered = "OK", False
        try:
            self._check_token(method, metadata)
            if method == "ModelInfer":
                limits.enter()
                has_entered = True
                limits.hold(ticket, request.ByteSize())
            return await getattr(self, METHODS[method])(request, ticket)
        except Refused as refused:
            code, ticket.said = GRPC_CODES[refused.reason], str(refused)
            raise
        except asyncio.CancelledError:
            code = "CANCELLED"
            raise
        except Exception as error:  # a bug of ours, which the others must not feel
            code, ticket.said = "INTERNAL", f"{type(error).__name__}: {error}"
            raise Refused("damaged", MISTAKE) from error
        finally:
            if has_entered:
                limits.leave(ticket)
            self._tell(method, ticket, code, time.monotonic() - started)

    def _check_token(self, method: str, metadata: dict[str, Any]) -> None:
        token = self._site.service.settings.token
        if token and method not in _OPEN:
            given = str(metadata.get("authorization", "")).encode("latin-1", "replace")
            if not hmac.compare_digest(given, f"Bearer {token}".encode()):
                raise Refused("unauthorized", "this server wants its token: authorization: Bearer TOKEN.")

    def _tell(self, method: str, ticket: Ticket, code: str, seconds: float) -> None:
        self._site.metrics.requests.labels("grpc", ticket.model, code).inc()
        self._site.metrics.request_seconds.labels("grpc").observe(seconds)
        self._site.log.write(
            "request",
            id=ticket.id,
            method="grpc",
            path=method,
            status=code,
            ms=round(1000 * seconds, 2),
            model=ticket.model,
            version=ticket.version or "",
            images=ticket.images or "",
            said=ticket.said[:500],
        )

    async def live(self, request: Any, ticket: Ticket) -> Any:
        return self._messages["ServerLiveResponse"](live=True)

    async def ready(self, request: Any, ticket: Ticket) -> Any:
        is_hanging = bool(self._site.service.repository.hanging())
        return self._messages["ServerReadyResponse"](ready=not (is_hanging or self._site.limits.is_stopping))

    async def model_ready(self, request: Any, ticket: Ticket) -> Any:
        try:
            self._noted(request.name, request.version, ticket)
        except Refused:
            return self._messages["ModelReadyResponse"](ready=False)
        return self._messages["ModelReadyResponse"](ready=True)

    async def server(self, request: Any, ticket: Ticket) -> Any:
        return self._messages["ServerMetadataResponse"](name="netwright", version=__version__, extensions=EXTENSIONS)

    async def model(self, request: Any, ticket: Ticket) -> Any:
        served = self._noted(request.name, request.version, ticket)
        versions = [each.version for each in self._site.service.repository.models() if each.name == served.name]
        return self._messages["ModelMetadataResponse"](**model_metadata(served.runtime.info, versions))

    async def index(self, request: Any, ticket: Ticket) -> Any:
        listed = self._site.service.repository.listings()
        return self._messages["RepositoryIndexResponse"](models=index_rows(listed, only_ready=request.ready))

    async def config(self, request: Any, ticket: Ticket) -> Any:
        served = self._noted(request.name, request.version, ticket)
        return self._messages["ModelConfigResponse"](config=model_config(served, self._site.service.settings))

    async def statistics(self, request: Any, ticket: Ticket) -> Any:
        models = self._site.service.repository.matching(request.name, request.version)
        samples = await asyncio.to_thread(self._site.metrics.samples)
        return self._messages["ModelStatisticsResponse"](model_stats=statistics(models, samples))

    async def load(self, request: Any, ticket: Ticket) -> Any:
        check_steering(self._site.service.settings, list(request.parameters))
        await asyncio.to_thread(self._site.service.repository.load, request.model_name)
        return self._messages["RepositoryModelLoadResponse"]()

    async def unload(self, request: Any, ticket: Ticket) -> Any:
        check_steering(self._site.service.settings, list(request.parameters))
        await asyncio.to_thread(self._site.service.repository.unload, request.model_name)
        return self._messages["RepositoryModelUnloadResponse"]()

    async def infer(self, request: Any, ticket: Ticket) -> Any:
        service = self._site.service
        served = self._noted(request.model_name, request.model_version, ticket)
        asked = _asked(request)
        check_outputs(asked.outputs)
        given = images_of(asked.given, served.runtime.info)
        asked = asked.without_data()
        ticket.images = len(given)
        if isinstance(given, list):
            self._site.limits.unpack(ticket, decoded_size(given, served.runtime), "decoded images")
            logits = await service.logits_of_images(served, given, ticket.deadline)
        else:
            logits = await service.logits(served, given, ticket.deadline)
        outputs = outputs_of(asked, served.runtime, logits)
        return self._messages["ModelInferResponse"](
            model_name=served.name,
            model_version=str(served.version),
            id=asked.id,
            outputs=[{"name": each.name, "datatype": each.datatype, "shape": each.shape} for each in outputs],
            raw_output_contents=[each.raw() for each in outputs],
        )

    def _noted(self, name: str, version: str, ticket: Ticket) -> Any:
        served = self._site.service.repository.get(name, version)
        ticket.model, ticket.version = served.name, served.version
        return served


def _asked(request: Any) -> Asked:
    if len(request.inputs) != 1:
        raise Refused("malformed", f"a request has one of the inputs, and this has {len(request.inputs)}.")
    tensor = request.inputs[0]
    if len(request.raw_input_contents) > 1:
        raise Refused("malformed", "raw_input_contents has an element an input.")
    shape = tuple(tensor.shape)
    if any(not 0 <= each < 1 << 31 for each in shape):
        raise Refused("malformed", "the shape of an input is of whole numbers, 0 or more.")
    data: Any
    if request.raw_input_contents:
        data = request.raw_input_contents[0]
    else:
        data = list(getattr(tensor.contents, _CONTENTS.get(tensor.datatype, "fp32_contents")))
    check_count(len(request.outputs))
    wanted = []
    for each in request.outputs:
        classes = each.parameters["classification"].int64_param if "classification" in each.parameters else 0
        if not 0 <= classes <= 10_000:
            raise Refused("malformed", "classification is how many of the likeliest classes are wanted.")
        wanted.append(Wanted(each.name, True, classes))
    given = Given(tensor.name, tensor.datatype, shape, data)
    return Asked(request.id, given, tuple(wanted))
