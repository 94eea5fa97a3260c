"""The gRPC side of a server: the Open Inference Protocol, on the event loop of the HTTP side."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from typing import TYPE_CHECKING, Any

from netwright.serving.admission import request_id
from netwright.serving.errors import GRPC_CODES, INTERNAL_ERROR, RequestError
from netwright.serving.grpc.messages import METHODS, STREAM, messages
from netwright.serving.grpc.requests import parse, read_infer_request, unpack
from netwright.serving.models.service import decoded_size
from netwright.serving.protocol import shared_memory, tensors, triton
from netwright.serving.protocol.statistics import statistics
from netwright.version import __version__

if TYPE_CHECKING:
    from netwright.serving.limits import RequestContext
    from netwright.serving.models.version import ModelVersion
    from netwright.serving.state import AppState

__all__ = ["Servicer"]

_STOP_CHECK_SECONDS = 1.0  # between looks whether the server stops, while a stream is silent
_IDLE_SECONDS = 65.0  # that a stream may be silent, as a connection of HTTP
_SMALL_BYTES = 64 << 10  # of a message without tensors
_SMALL_SECONDS = 1.0  # for it to come after its head
_MOST_SMALL = 256  # that arrive at once
_PUBLIC_METHODS = {"ServerLive", "ServerReady"}
# method -> its name in the metrics
_ENDPOINTS = {"ModelInfer": "grpc", "ServerLive": "health", "ServerReady": "health", "ModelReady": "health"}


class Servicer:
    """One method for each of the protocol. They raise RequestError, and `_guarded` turns it into gRPC's status.

    Args:
        state: The models, and what admits requests.
        grpc: The package.
        address_of: The client's address, of the name that the package gives to a peer.
        has_begun: Called with that name for each call.
    """

    def __init__(
        self, state: AppState, grpc: Any, address_of: Callable[[str], str], has_begun: Callable[[str], None]
    ) -> None:
        self._state, self._grpc, self._messages, self._address_of = state, grpc, messages(), address_of
        self._has_begun = has_begun
        self._small: dict[
            RequestContext, asyncio.Timeout
        ] = {}  # messages without tensors that arrive, the oldest first

    def method_handlers(self) -> dict[str, Any]:
        """Name of a method -> grpc's handler of it.

        All are handlers of streams, also where there is one message: only those see what a client is before the library
        takes its message.
        """
        made = {}
        for method in METHODS:
            made[method] = self._grpc.stream_unary_rpc_method_handler(
                self._guarded(method), response_serializer=self._messages[f"{method}Response"].SerializeToString
            )
        for method in shared_memory.METHODS:
            made[method] = self._grpc.stream_unary_rpc_method_handler(self._no_shared_memory)
        made[STREAM] = self._grpc.stream_stream_rpc_method_handler(
            self._stream, response_serializer=self._messages["ModelStreamInferResponse"].SerializeToString
        )
        return made

    async def small_message(self, kind: Any, requests: AsyncIterator[bytes], method: str, rpc: Any) -> Any:
        """The one message of a health check, of a class of protobuf; it is counted as such. RequestError as usual."""
        self._has_begun(rpc.peer())
        context, code = self._begin(method, rpc, "health"), "OK"
        try:
            return parse(kind, await self._receive_small(requests, context))
        except RequestError as error:
            code, context.detail = GRPC_CODES[error.reason], str(error)
            raise
        finally:
            self._state.admission.finish(context, code)

    def _guarded(self, method: str) -> Callable[[AsyncIterator[bytes], Any], Awaitable[Any]]:
        receive = self._receive_tensors if method == "ModelInfer" else self._receive_small

        async def guarded(requests: AsyncIterator[bytes], rpc: Any) -> Any:
            self._has_begun(rpc.peer())
            try:
                return await self._answer(method, lambda context: receive(requests, context), rpc)
            except RequestError as error:
                await self.abort(error, rpc)

        return guarded

    async def _receive_tensors(self, requests: AsyncIterator[bytes], context: RequestContext) -> bytes:
        """The message of a request that takes memory."""
        self._state.admission.enter(context)
        async with self._state.limits.arrival(context):
            data = await anext(requests, b"")
        return await self._counted(data, context)

    async def _counted(self, data: bytes, context: RequestContext) -> bytes:
        self._state.limits.hold(context, len(data))
        return await unpack(data, self._state.limits, context)

    async def _receive_small(self, requests: AsyncIterator[bytes], context: RequestContext) -> bytes:
        """The message of any other, which comes with its head. In a flood of heads, the oldest makes room."""
        if len(self._small) >= _MOST_SMALL:
            self._small.pop(next(iter(self._small))).reschedule(asyncio.get_running_loop().time())
        try:
            async with asyncio.timeout(_SMALL_SECONDS) as timer:
                self._small[context] = timer
                data = await anext(requests, b"")
        except TimeoutError:
            raise RequestError("slow", f"a message must follow its head within {_SMALL_SECONDS:g} s.") from None
        finally:
            self._small.pop(context, None)
        if len(data) > _SMALL_BYTES:
            raise RequestError("too_large", f"this message has at most {_SMALL_BYTES:,} bytes.")
        return data

    async def _stream(self, requests: AsyncIterator[bytes], rpc: Any) -> AsyncIterator[Any]:
        """One request after another: each is answered or refused, and the stream continues."""
        response = self._messages["ModelStreamInferResponse"]

        async def answer(data: bytes) -> Any:
            try:
                found = await self._answer("ModelInfer", lambda context: self._receive_one(data, context), rpc)
            except RequestError as error:
                return response(error_message=str(error), infer_response={"id": self._id_of(data)})
            return response(infer_response=found)

        async with contextlib.aclosing(self.messages_of(requests, rpc, STREAM)) as messages:
            async for each in messages:
                yield await answer(each)

    async def _receive_one(self, data: bytes, context: RequestContext) -> bytes:
        self._state.admission.enter(context)
        return await self._counted(data, context)

    def _id_of(self, data: bytes) -> str:
        try:
            return str(parse(self._messages["ModelInferRequest"], data).id)
        except RequestError:  # packed, or no message
            return ""

    async def messages_of(self, requests: AsyncIterator[bytes], rpc: Any, method: str) -> AsyncGenerator[bytes, None]:
        """The messages of a stream, until it is silent for too long or the server stops. For clients with the token.

        An idle stream takes the place of a request, and loses it where others need it.
        """
        admission = self._state.admission
        self._has_begun(rpc.peer())
        context = self._begin(method, rpc, "grpc_stream")
        code = "OK"
        try:
            admission.check_token(_metadata(rpc).get("authorization", ""))
            admission.enter(context)
            while (data := await self._next(requests, context)) is not None:
                yield data
        except RequestError as error:
            code, context.detail = GRPC_CODES[error.reason], str(error)
            await self.abort(error, rpc)
        finally:
            admission.finish(context, code, event="stream")

    async def _next(self, requests: AsyncIterator[bytes], context: RequestContext) -> bytes | None:
        """The next message; None at the end of the stream, or when the server stops."""
        limits = self._state.limits
        coming = asyncio.ensure_future(anext(requests, None))
        try:
            async with limits.arrival(context, max(_IDLE_SECONDS, limits.settings.timeout)):
                while not coming.done() and not limits.is_stopping:
                    await asyncio.wait({coming}, timeout=_STOP_CHECK_SECONDS)
            return coming.result() if coming.done() else None
        finally:
            coming.cancel()

    async def abort(self, error: RequestError, rpc: Any) -> None:
        """End a call with the status of an error."""
        if error.retry_after is not None:
            rpc.set_trailing_metadata((("retry-after", str(error.retry_after)),))
        await rpc.abort(self._grpc.StatusCode[GRPC_CODES[error.reason]], str(error))

    async def _no_shared_memory(self, requests: AsyncIterator[bytes], rpc: Any) -> None:
        await rpc.abort(self._grpc.StatusCode.UNIMPLEMENTED, shared_memory.NO_SHARED_MEMORY)

    def _begin(self, method: str, rpc: Any, endpoint: str) -> RequestContext:
        return self._state.admission.begin(
            _metadata(rpc).get("x-request-id", ""),
            endpoint=endpoint,
            seconds=rpc.time_remaining(),
            method="grpc",
            path=method,
            client=self._address_of(rpc.peer()),
        )

    async def _answer(self, method: str, receive: Callable[[RequestContext], Awaitable[bytes]], rpc: Any) -> Any:
        """Check who asks, receive the request, answer it, and account for it. RequestError where it is refused."""
        admission, metadata = self._state.admission, _metadata(rpc)
        context = self._begin(method, rpc, _ENDPOINTS.get(method, "grpc_other"))
        code = "OK"
        try:
            if method not in _PUBLIC_METHODS:
                admission.check_token(metadata.get("authorization", ""))
            request = parse(self._messages[f"{method}Request"], await receive(context))
            if "x-request-id" not in metadata and getattr(request, "id", None):
                context.id = request_id(request.id)
            return await getattr(self, METHODS[method])(request, context)
        except RequestError as error:
            code, context.detail = GRPC_CODES[error.reason], str(error)
            raise
        except asyncio.CancelledError:
            code = "CANCELLED"
            raise
        except Exception as error:  # a bug of ours, which other requests must not suffer from
            code, context.detail = "INTERNAL", f"{type(error).__name__}: {error}"
            raise RequestError("damaged", INTERNAL_ERROR) from error
        finally:
            admission.finish(context, code)

    async def server_live(self, request: Any, context: RequestContext) -> Any:
        return self._messages["ServerLiveResponse"](live=True)

    async def server_ready(self, request: Any, context: RequestContext) -> Any:
        return self._messages["ServerReadyResponse"](ready=self._state.is_ready)

    async def server_metadata(self, request: Any, context: RequestContext) -> Any:
        response = self._messages["ServerMetadataResponse"]
        return response(name="netwright", version=__version__, extensions=triton.EXTENSIONS)

    async def model_ready(self, request: Any, context: RequestContext) -> Any:
        try:
            self._find_version(request.name, request.version, context)
        except RequestError:
            return self._messages["ModelReadyResponse"](ready=False)
        return self._messages["ModelReadyResponse"](ready=True)

    async def model_metadata(self, request: Any, context: RequestContext) -> Any:
        version = self._find_version(request.name, request.version, context)
        numbers = [each.version for each in self._state.service.repository.models() if each.name == version.name]
        return self._messages["ModelMetadataResponse"](**tensors.model_metadata(version.runtime.info, numbers))

    async def model_config(self, request: Any, context: RequestContext) -> Any:
        version = self._find_version(request.name, request.version, context)
        return self._messages["ModelConfigResponse"](config=triton.model_config(version, self._state.settings))

    async def model_statistics(self, request: Any, context: RequestContext) -> Any:
        models = self._state.service.repository.matching(request.name, request.version)
        samples = await asyncio.to_thread(self._state.metrics.samples)
        return self._messages["ModelStatisticsResponse"](model_stats=statistics(models, samples))

    async def model_infer(self, request: Any, context: RequestContext) -> Any:
        service = self._state.service
        version = self._find_version(request.model_name, request.model_version, context)
        infer_request = await read_infer_request(request, self._state.limits, context)
        tensors.check_outputs(infer_request.outputs)
        images = tensors.images_of(infer_request.input, version.runtime.info)
        tensors.check_classes(infer_request.outputs, len(images), version.runtime.info)
        infer_request = infer_request.without_data()
        context.images = len(images)
        if isinstance(images, list):
            self._state.limits.unpack(context, decoded_size(images, version.runtime), "decoded images")
            logits = await service.logits_of_images(version, images, context.deadline)
        else:
            logits = await service.logits(version, images, context.deadline)
        outputs = tensors.outputs_of(infer_request, version.runtime, logits)
        return self._messages["ModelInferResponse"](
            model_name=version.name,
            model_version=str(version.version),
            id=infer_request.id,
            outputs=[{"name": each.name, "datatype": each.datatype, "shape": each.shape} for each in outputs],
            raw_output_contents=[each.to_bytes() for each in outputs],
        )

    async def repository_index(self, request: Any, context: RequestContext) -> Any:
        entries = self._state.service.repository.index()
        return self._messages["RepositoryIndexResponse"](models=triton.index_rows(entries, only_ready=request.ready))

    async def repository_model_load(self, request: Any, context: RequestContext) -> Any:
        triton.check_model_control(self._state.settings, list(request.parameters))
        await asyncio.to_thread(self._state.service.repository.load, request.model_name)
        return self._messages["RepositoryModelLoadResponse"]()

    async def repository_model_unload(self, request: Any, context: RequestContext) -> Any:
        triton.check_model_control(self._state.settings, list(request.parameters))
        await asyncio.to_thread(self._state.service.repository.unload, request.model_name)
        return self._messages["RepositoryModelUnloadResponse"]()

    def _find_version(self, name: str, version: str, context: RequestContext) -> ModelVersion:
        found = self._state.service.repository.get(name, version)
        context.model, context.version = found.name, found.version
        return found


def _metadata(rpc: Any) -> dict[str, str]:
    return {key: str(value) for key, value in rpc.invocation_metadata() or ()}
