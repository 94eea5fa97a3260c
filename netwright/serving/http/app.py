"""The HTTP side of a server: which address is answered by what. Needs the extra [serve]."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route as StarletteRoute

from netwright.serving.errors import Refused
from netwright.serving.http.handlers import Doors
from netwright.serving.http.middleware import MISTAKE, Gate, Gone, Limits, error_of
from netwright.serving.http.openapi import ROUTES, path_parameters
from netwright.serving.http.schemas import answer_of
from netwright.version import __version__

if TYPE_CHECKING:
    from netwright.serving.logs import Log
    from netwright.serving.metrics import Metrics
    from netwright.serving.models.service import Service

__all__ = ["Site", "make_app"]


@dataclass(frozen=True, slots=True)
class Site:
    """What the doors of one process share."""

    service: Service
    limits: Limits
    metrics: Metrics
    log: Log


def make_app(site: Site) -> Gate:
    """The ASGI application."""
    doors = Doors(site.service, site.limits, site.metrics)
    # FastAPI's own routes cost as much as all else that a request of a small network takes here: it writes the page
    # of addresses, and Starlette, on which it stands, leads to them
    page = _openapi(doors)

    async def openapi(request: Request) -> Response:
        return JSONResponse(page)

    routes = [StarletteRoute(each.path, getattr(doors, each.door), methods=[each.method]) for each in ROUTES]
    routes.append(StarletteRoute("/openapi.json", openapi))

    async def on_refused(request: Request, error: Exception) -> Response:
        assert isinstance(error, Refused)
        request.scope["ticket"].said = str(error)
        headers = {} if error.retry_after is None else {"retry-after": str(error.retry_after)}
        return JSONResponse(error_of(request.scope["path"], str(error)), error.status, headers)

    async def on_http(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        said = {404: "nothing answers this address", 405: "this address does not take this method"}
        text = said.get(error.status_code, str(error.detail))
        return JSONResponse(error_of(request.scope["path"], text), error.status_code, error.headers)

    async def on_gone(request: Request, error: Exception) -> Response:
        return Response(status_code=499)  # nobody reads it

    async def on_bug(request: Request, error: Exception) -> Response:
        return JSONResponse(error_of(request.scope["path"], MISTAKE), 500)

    handlers: dict[Any, Any] = {Refused: on_refused, HTTPException: on_http, Gone: on_gone, Exception: on_bug}
    app = Starlette(routes=routes, exception_handlers=handlers)
    app.router.redirect_slashes = False
    return Gate(app, site.service.settings, site.limits, site.metrics, site.log)


def _openapi(doors: Doors) -> dict[str, Any]:
    """OpenAPI 3.1. FastAPI sees no more than a request in the doors: what they take and give is in the tables."""
    described = [
        APIRoute(
            route.path,
            getattr(doors, route.door),
            methods=[route.method],
            summary=route.summary,
            operation_id=f"{route.door}{'_of_version' if '{version}' in route.path else ''}",
            openapi_extra=route.extra | {"parameters": [*path_parameters(route), *route.extra.get("parameters", [])]},
            responses={200: answer_of(route.door), **route.responses},
            response_model=None,
            response_class=Response,
        )
        for route in ROUTES
        if route.path != "/"
    ]
    page = get_openapi(
        title="Netwright",
        version=__version__,
        summary="Image classification: the Open Inference Protocol, and images in, names out",
        routes=described,
    )
    page["components"] = {"securitySchemes": {"token": {"type": "http", "scheme": "bearer"}}}
    page["security"] = [{}, {"token": []}]  # where the server has one
    return page
