"""The HTTP side of a server: which address is answered by what. Needs the extra [serve]."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from netwright.serving.doors import Doors
from netwright.serving.gate import Gate, Gone, Limits
from netwright.serving.openapi import ROUTES
from netwright.serving.refusal import Refused
from netwright.version import __version__

if TYPE_CHECKING:
    from netwright.serving.logs import Log
    from netwright.serving.metrics import Metrics
    from netwright.serving.service import Service

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
    app = FastAPI(
        title="Netwright",
        version=__version__,
        summary="Image classification: the Open Inference Protocol, and images in, names out",
        docs_url=None,  # its page would load scripts from elsewhere
        redoc_url=None,
    )
    doors = Doors(site.service, site.limits, site.metrics)
    for route in ROUTES:
        app.add_api_route(
            route.path,
            getattr(doors, route.door),
            methods=[route.method],
            summary=route.summary,
            operation_id=f"{route.door}{'_of_version' if '{version}' in route.path else ''}",
            openapi_extra=route.extra,
            responses=route.responses,
            response_model=None,
            include_in_schema=route.path != "/",
        )

    async def on_refused(request: Request, error: Exception) -> Response:
        assert isinstance(error, Refused)
        request.scope["ticket"].said = str(error)
        headers = {} if error.retry_after is None else {"retry-after": str(error.retry_after)}
        return JSONResponse(_error(request, str(error)), error.status, headers)

    async def on_http(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        said = {404: "nothing answers this address", 405: "this address does not take this method"}
        text = said.get(error.status_code, str(error.detail))
        return JSONResponse(_error(request, text), error.status_code, error.headers)

    async def on_gone(request: Request, error: Exception) -> Response:
        return Response(status_code=499)  # nobody reads it

    async def on_bug(request: Request, error: Exception) -> Response:
        return JSONResponse(_error(request, "this is a mistake of the server's; its log says more."), 500)

    app.add_exception_handler(Refused, on_refused)
    app.add_exception_handler(HTTPException, on_http)
    app.add_exception_handler(Gone, on_gone)
    app.add_exception_handler(Exception, on_bug)
    return Gate(app, site.service.settings, site.limits, site.metrics, site.log)


def _error(request: Request, said: str) -> dict[str, Any]:
    """MindSpore Serving has another word for it."""
    return {"error_msg": said} if request.url.path.startswith("/model/") else {"error": said}
