"""The OpenAPI page, made of the table of routes. FastAPI writes it. Needs the extra [serve]."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.responses import Response

from netwright.serving.http.schemas import success
from netwright.version import __version__

__all__ = ["Handler", "Route", "openapi_page"]

Handler = Callable[[Request], Awaitable[Response]]

_PATH_PARAMETERS = {
    "name": "a model",
    "version": "a number; 1 or more",
    "what": "NAME:predict or NAME/version/V:predict",
}


@dataclass(frozen=True, slots=True)
class Route:
    """An address, what answers it, and what the OpenAPI page says of it.

    Attributes:
        method: GET or POST.
        path: In Starlette's form, with parameters in braces.
        handler: A function of `handlers` or `classify`.
        operation: OpenAPI's operationId, less `_of_version`. Clients are generated from it, so it stays.
        summary: A few words.
        request: OpenAPI's keys for its body and its query.
        refusals: Status -> OpenAPI's response object.
    """

    method: str
    path: str
    handler: Handler
    operation: str
    summary: str
    request: dict[str, Any] = field(default_factory=dict)
    refusals: dict[int | str, dict[str, Any]] = field(default_factory=dict)


def openapi_page(routes: Sequence[Route]) -> dict[str, Any]:
    """The page of OpenAPI 3.1 as a dict; without the page for people at /."""
    described = [
        APIRoute(
            route.path,
            route.handler,
            methods=[route.method],
            summary=route.summary,
            operation_id=f"{route.operation}{'_of_version' if '{version}' in route.path else ''}",
            # FastAPI sees nothing but a request in a handler: what it takes and answers is in the table
            openapi_extra=route.request
            | {"parameters": [*_path_parameters(route.path), *route.request.get("parameters", [])]},
            responses={200: success(route.operation), **route.refusals},
            response_model=None,
            response_class=Response,
        )
        for route in routes
        if route.path != "/"
    ]
    page = get_openapi(
        title="Netwright",
        version=__version__,
        summary="Image classification: the Open Inference Protocol, and images in, names out",
        routes=described,
    )
    page["components"] = {"securitySchemes": {"token": {"type": "http", "scheme": "bearer"}}}
    page["security"] = [{}, {"token": []}]  # the token is needed where the server has one
    return page


def _path_parameters(path: str) -> list[dict[str, Any]]:
    return [
        {
            "name": name,
            "in": "path",
            "required": True,
            "description": _PATH_PARAMETERS[name],
            "schema": {"type": "string"},
        }
        for name in re.findall(r"{(\w+)", path)
    ]
