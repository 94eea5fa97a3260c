"""The studio's application: the table of its addresses. Needs the extra [serve]."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from importlib import resources
from pathlib import Path

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response, StreamingResponse

from netwright.errors import NetwrightError
from netwright.studio.errors import StudioError
from netwright.studio.look_routes import look_routes
from netwright.studio.pick_routes import pick_routes
from netwright.studio.protection import Protection
from netwright.studio.state import Studio
from netwright.studio.work_routes import work_routes

__all__ = ["make_app"]

_LOG = logging.getLogger(__name__)
_TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
_MOST_WRONG, _LONGEST = 3, 60  # values that are named, and letters of each
_BUG = "internal error of the studio; the terminal where it was started has the details."


def make_app(studio: Studio, port: int = 0) -> Protection:
    """The ASGI application. port: on which it listens."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        # who opens the page next finds the populations read
        warming = asyncio.create_task(asyncio.to_thread(studio.overview.populations))
        yield
        studio.events.stop()
        await asyncio.gather(warming, return_exceptions=True)

    app = FastAPI(title="Netwright studio", docs_url=None, redoc_url=None, openapi_url=None, lifespan=lifespan)
    app.add_exception_handler(NetwrightError, _on_error)
    app.add_exception_handler(RequestValidationError, _on_invalid)
    app.add_exception_handler(Exception, _on_bug)

    @app.get("/api/events")
    async def events() -> Response:
        return StreamingResponse(
            studio.events.stream(), media_type="text/event-stream", headers={"cache-control": "no-store"}
        )

    app.include_router(look_routes(studio))
    app.include_router(work_routes(studio))
    app.include_router(pick_routes(studio))
    _add_page(app)
    return Protection(app, studio.settings, port)


def _add_page(app: FastAPI) -> None:
    """The files of the page; they are listed, so that no other file of the package is within reach."""
    home = resources.files("netwright.studio").joinpath("static")
    files = {each.name: each for each in home.iterdir() if Path(each.name).suffix in _TYPES}

    def send(name: str) -> Callable[[], Response]:
        def file() -> Response:
            kind = _TYPES[Path(name).suffix]
            return Response(files[name].read_bytes(), media_type=kind, headers={"cache-control": "no-cache"})

        return file

    for name in files:
        app.add_api_route("/" if name == "index.html" else f"/static/{name}", send(name), methods=["GET", "HEAD"])


async def _on_error(request: Request, error: Exception) -> Response:
    status = error.status if isinstance(error, StudioError) else 422
    return JSONResponse({"error": str(error)}, status)


async def _on_invalid(request: Request, error: Exception) -> Response:
    """A form with a value that cannot be: which one, and why."""
    assert isinstance(error, RequestValidationError), "registered for these"
    wrong = []
    for each in error.errors()[:_MOST_WRONG]:
        name = ".".join(str(part) for part in each["loc"][1:]) or "the request"
        wrong.append(f"{name} cannot be {str(each.get('input'))[:_LONGEST]!r}: {each['msg'].lower()}")
    return JSONResponse({"error": f"{'; '.join(wrong)}. Correct it."}, 422)


async def _on_bug(request: Request, error: Exception) -> Response:
    _LOG.error("%s %s", request.method, request.url.path, exc_info=error)
    return JSONResponse({"error": _BUG}, 500)
