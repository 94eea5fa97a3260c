"""What handlers take from a Starlette request: the server's state, its own context, and the model that it names."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import TYPE_CHECKING, TypeVar

from netwright.serving.http.middleware import ClientDisconnected

if TYPE_CHECKING:
    from starlette.requests import Request

    from netwright.serving.limits import RequestContext
    from netwright.serving.models.version import ModelVersion
    from netwright.serving.state import AppState

__all__ = ["app_state", "find_version", "request_context", "unless_disconnected"]

T = TypeVar("T")


def app_state(request: Request) -> AppState:
    """The state of the application."""
    state: AppState = request.app.state.serving
    return state


def request_context(request: Request, endpoint: str = "") -> RequestContext:
    """The context of a request.

    Args:
        request: Any.
        endpoint: Its name in the metrics, where the handler has one of its own.
    """
    context: RequestContext = request.scope["context"]
    context.endpoint = endpoint or context.endpoint
    return context


def find_version(request: Request, name: str, version: str) -> ModelVersion:
    """The version that answers, noted in the request's context. RequestError where there is none."""
    found = app_state(request).service.repository.get(name, version)
    context = request_context(request)
    context.model, context.version = found.name, found.version
    return found


async def unless_disconnected(request: Request, awaitable: Awaitable[T]) -> T:
    """Await something. Where the client closes the connection first it is cancelled, which frees its queue places."""
    work = asyncio.ensure_future(awaitable)
    disconnecting = asyncio.ensure_future(_disconnected(request))
    try:
        await asyncio.wait({work, disconnecting}, return_when=asyncio.FIRST_COMPLETED)
        if not work.done():
            raise ClientDisconnected
        return work.result()
    finally:
        disconnecting.cancel()
        work.cancel()


async def _disconnected(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
