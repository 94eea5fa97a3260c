"""The gRPC side of a server: the Open Inference Protocol, on the event loop of the HTTP side."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from netwright.errors import ServeError
from netwright.serving.errors import GRPC_CODES, INTERNAL_ERROR, RequestError
from netwright.serving.grpc.messages import METHODS, SERVICE, STREAM, messages
from netwright.serving.models.service import decoded_size
from netwright.serving.protocol import tensors, triton
from netwright.serving.protocol.statistics import statistics
from netwright.serving.protocol.tensors import InferRequest, InputTensor, RequestedOutput
from netwright.system.extras import optional
from netwright.version import __version__

if TYPE_CHECKING:
    from netwright.serving.admission import RequestContext
    from netwright.serving.models.version import ModelVersion
    from netwright.serving.settings import ServeSettings
    from netwright.serving.state import AppState

__all__ = ["start_grpc"]

_ENVELOPE_BYTES = 1 << 20  # of a message, besides its tensors
_STOP_CHECK_SECONDS = 1.0  # between looks whether the server stops, while a stream is silent
_PUBLIC_METHODS = {"ServerLive", "ServerReady"}
_CONTENTS = {"FP32": "fp32_contents", "UINT8": "uint_contents", "BYTES": "bytes_contents"}


async def start_grpc(state: AppState, *, shares_port: bool = False) -> tuple[Any, int]:
    """Start a server of gRPC.

    Args:
        state: The models, and what admits requests.
        shares_port: Whether other workers listen on the same port.

    Returns:
        The grpc.aio server and its port.

    Raises:
        ServeError: Where it cannot listen.
    """
    grpc = optional("grpc", "serve")
    settings = state.settings
    most = settings.max_body + _ENVELOPE_BYTES
    options = [
        ("grpc.max_receive_message_length", most),
        ("grpc.max_send_message_length", most),
        ("grpc.so_reuseport", int(shares_port)),
    ]
    server = grpc.aio.server(options=options, maximum_concurrent_rpcs=settings.max_requests)
    servicer = _Servicer(state, grpc)
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, servicer.method_handlers()),))
    port = _listen(server, settings, grpc)
    await server.start()
    return server, port


def _listen(server: Any, settings: ServeSettings, grpc: Any) -> int:
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    address = f"{host}:{settings.grpc_port or 0}"
    try:
        if settings.tls_cert:
            pair = (Path(settings.tls_key).read_bytes(), Path(settings.tls_cert).read_bytes())
            return int(server.add_secure_port(address, grpc.ssl_server_credentials([pair])))
        return int(server.add_insecure_port(address))
    except (OSError, RuntimeError) as error:
        raise ServeError(f"gRPC cannot listen on {address}: {error}. Give another --grpc_port.") from error


class _Servicer:
    """One method for each of the protocol. They raise RequestError, and `_guarded` turns it into gRPC's status."""

    def __init__(self, state: AppState, grpc: Any) -> None:
        self._state, self._grpc, self._messages = state, grpc, messages()

    def method_handlers(self) -> dict[str, Any]:
        """Name of a method -> grpc's handler of it."""
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
        async def guarded(request: Any, rpc: Any) -> Any:
            try:
                return await self._answer(method, request, rpc)
            except RequestError as error:
                await self._abort(error, rpc)

        return guarded

    async def _stream(self, requests: AsyncIterator[Any], rpc: Any) -> AsyncIterator[Any]:
        """One request after another: each is answered or refused, and the stream continues."""
        try:
            self._state.admission.check_token(_metadata(rpc).get("authorization", ""))
        except RequestError as error:
            await self._abort(error, rpc)
        response = self._messages["ModelStreamInferResponse"]
        async for request in self._until_stopping(requests):
            try:
                yield response(infer_response=await self._answer("ModelInfer", request, rpc))
            except RequestError as error:
                yield response(error_message=str(error), infer_response={"id": request.id})

    async def _until_stopping(self, requests: AsyncIterator[Any]) -> AsyncIterator[Any]:
        """The requests, until the server stops: a client that is silent must not hold it up."""
        while True:
            coming = asyncio.ensure_future(anext(requests, None))
            while not coming.done():
                await asyncio.wait({coming}, timeout=_STOP_CHECK_SECONDS)
                if self._state.limits.is_stopping and not coming.done():
                    coming.cancel()
                    return
            request = coming.result()
            if request is None:
                return
            yield request

    async def _abort(self, error: RequestError, rpc: Any) -> None:
        if error.retry_after is not None:
            rpc.set_trailing_metadata((("retry-after", str(error.retry_after)),))
        await rpc.abort(self._grpc.StatusCode[GRPC_CODES[error.reason]], str(error))

    async def _answer(self, method: str, request: Any, rpc: Any) -> Any:
        """Admit a request, answer it, and account for it. RequestError where it is refused."""
        admission, metadata = self._state.admission, _metadata(rpc)
        context = admission.begin(
            metadata.get("x-request-id") or str(getattr(request, "id", "")),
            endpoint="grpc",
            seconds=rpc.time_remaining(),
            method="grpc",
            path=method,
        )
        code = "OK"
        try:
            if method not in _PUBLIC_METHODS:
                admission.check_token(metadata.get("authorization", ""))
            if method == "ModelInfer":
                admission.enter(context)
                admission.limits.hold(context, request.ByteSize())
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
        is_hanging = bool(self._state.service.repository.hanging())
        return self._messages["ServerReadyResponse"](ready=not (is_hanging or self._state.limits.is_stopping))

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
        infer_request = _read_request(request)
        tensors.check_outputs(infer_request.outputs)
        images = tensors.images_of(infer_request.input, version.runtime.info)
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


def _read_request(request: Any) -> InferRequest:
    if len(request.inputs) != 1:
        raise RequestError("malformed", f"a request has one of the inputs, and this has {len(request.inputs)}.")
    tensor = request.inputs[0]
    if len(request.raw_input_contents) > 1:
        raise RequestError("malformed", "raw_input_contents has one element per input.")
    shape = tuple(tensor.shape)
    if any(not 0 <= each < 1 << 31 for each in shape):
        raise RequestError("malformed", "the shape of an input has whole numbers, 0 or more.")
    data: Any
    if request.raw_input_contents:
        data = request.raw_input_contents[0]
    else:
        data = list(getattr(tensor.contents, _CONTENTS.get(tensor.datatype, "fp32_contents")))
    tensors.check_count(len(request.outputs))
    outputs = []
    for each in request.outputs:
        classes = each.parameters["classification"].int64_param if "classification" in each.parameters else 0
        if not 0 <= classes <= 10_000:
            raise RequestError("malformed", "classification is the number of likeliest classes, a whole number.")
        outputs.append(RequestedOutput(each.name, True, classes))
    return InferRequest(request.id, InputTensor(tensor.name, tensor.datatype, shape, data), tuple(outputs))
