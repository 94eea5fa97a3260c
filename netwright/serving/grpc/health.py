"""The services that tools of gRPC look for: grpc.health.v1, for probes, and reflection, for grpcurl and the like."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

from netwright.serving.errors import RequestError
from netwright.serving.grpc.messages import SERVICE, descriptors
from netwright.serving.grpc.requests import parse
from netwright.system.extras import optional

if TYPE_CHECKING:
    from netwright.serving.grpc.servicer import Servicer
    from netwright.serving.state import AppState

__all__ = ["health_handler", "reflection_handler"]

_HEALTH = "grpc.health.v1.Health"
_REFLECTION = "grpc.reflection.v1alpha.ServerReflection"
_MOST_WATCHERS = 64
_WATCH_SECONDS = 1.0  # between looks whether the state has changed


def health_handler(servicer: Servicer, state: AppState, grpc: Any) -> Any:
    """grpc's handler of grpc.health.v1. It needs no token and does not count against the limit of requests."""
    pb2 = optional("grpc_health.v1.health_pb2", "serve")
    health = _Health(servicer, state, pb2)
    encode = pb2.HealthCheckResponse.SerializeToString
    return grpc.method_handlers_generic_handler(
        _HEALTH,
        {
            "Check": grpc.stream_unary_rpc_method_handler(health.check, response_serializer=encode),
            "Watch": grpc.stream_stream_rpc_method_handler(health.watch, response_serializer=encode),
        },
    )


class _Health:
    """The state of the server, which is that of its only service too."""

    def __init__(self, servicer: Servicer, state: AppState, pb2: Any) -> None:
        self._servicer, self._state, self._pb2 = servicer, state, pb2
        self._watchers = 0

    async def check(self, requests: AsyncIterator[bytes], rpc: Any) -> Any:
        try:
            service = await self._service(requests, "Check", rpc)
            if service not in ("", SERVICE):
                raise RequestError("unknown", f"there is no service {service[:100]!r}; there is {SERVICE}.")
            return self._answer(service)
        except RequestError as error:
            await self._servicer.abort(error, rpc)

    async def watch(self, requests: AsyncIterator[bytes], rpc: Any) -> AsyncIterator[Any]:
        """The state now, and again when it changes."""
        if self._watchers >= _MOST_WATCHERS:
            await self._servicer.abort(RequestError("busy", f"at most {_MOST_WATCHERS} clients watch at once."), rpc)
        self._watchers += 1
        try:
            service, before = await self._service(requests, "Watch", rpc), None
            while before is None or not self._state.limits.is_stopping:
                answer = self._answer(service)
                if answer != before:
                    yield answer
                before = answer
                await asyncio.sleep(_WATCH_SECONDS)
            yield self._answer(service)
        except RequestError as error:
            await self._servicer.abort(error, rpc)
        finally:
            self._watchers -= 1

    async def _service(self, requests: AsyncIterator[bytes], method: str, rpc: Any) -> str:
        request = await self._servicer.small_message(self._pb2.HealthCheckRequest, requests, method, rpc)
        return str(request.service)

    def _answer(self, service: str) -> Any:
        response = self._pb2.HealthCheckResponse
        if service not in ("", SERVICE):
            return response(status=response.SERVICE_UNKNOWN)
        return response(status=response.SERVING if self._state.is_ready else response.NOT_SERVING)


def reflection_handler(servicer: Servicer, grpc: Any) -> Any:
    """grpc's handler of reflection: what services there are, and their messages. It needs the token."""
    pb2 = optional("grpc_reflection.v1alpha.reflection_pb2", "serve")
    pool = descriptors()
    health = optional("grpc_health.v1.health_pb2", "serve").DESCRIPTOR
    with contextlib.suppress(TypeError):  # a second server of this process has added it
        pool.AddSerializedFile(health.serialized_pb)
    asynchronous = optional("grpc_reflection.v1alpha._async", "serve")
    inner = asynchronous.ReflectionServicer((SERVICE, _HEALTH, _REFLECTION), pool)

    async def reflect(requests: AsyncIterator[bytes], rpc: Any) -> AsyncIterator[Any]:
        async with contextlib.aclosing(servicer.messages_of(requests, rpc, "ServerReflectionInfo")) as messages:
            async for data in messages:
                try:
                    request = parse(pb2.ServerReflectionRequest, data)
                except RequestError as error:
                    await servicer.abort(error, rpc)
                async for answer in inner.ServerReflectionInfo(_one(request), rpc):
                    yield answer

    handler = grpc.stream_stream_rpc_method_handler(
        reflect, response_serializer=pb2.ServerReflectionResponse.SerializeToString
    )
    return grpc.method_handlers_generic_handler(_REFLECTION, {"ServerReflectionInfo": handler})


async def _one(request: Any) -> AsyncIterator[Any]:
    yield request
