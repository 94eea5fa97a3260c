"""Addresses that only read: the list, populations, networks, tests, charts, files that are dropped onto the page."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse, Response

from netwright.population import FILE
from netwright.studio.charts import CHARTS, chart
from netwright.studio.columns import as_json, columns_of
from netwright.studio.commands import look_command, report_command
from netwright.studio.entries import TABLES
from netwright.studio.errors import StudioError
from netwright.studio.network import network_of, network_yaml
from netwright.studio.overview import curve_of
from netwright.studio.populations import KINDS
from netwright.version import __version__

if TYPE_CHECKING:
    from netwright.studio.state import Studio

__all__ = ["look_routes"]

_FRESH = {"cache-control": "no-cache"}
_CHART_TYPES = {"svg": "image/svg+xml", "png": "image/png", "csv": "text/csv", "json": "application/json"}
_MOST = 12  # populations at a time
Ids = Annotated[list[str], Query(min_length=1, max_length=_MOST)]


def look_routes(studio: Studio) -> APIRouter:
    """The addresses, for `FastAPI.include_router`. Handlers that read files run in threads."""
    router = APIRouter(prefix="/api")

    @router.get("/overview")
    def overview() -> dict[str, Any]:
        return {
            "version": __version__,
            "folders": [str(each) for each in studio.entries.roots],
            "look_only": studio.settings.look_only or studio.entries.home() is None,
            "populations": studio.overview.populations(),
            "trainings": studio.overview.trainings(),
            "charts": list(CHARTS),
        }

    @router.get("/population")
    def population(request: Request, p: str) -> Response:
        opened = studio.populations.open(p)
        tag = f'"{"-".join(map(str, opened.mark))}"'
        if request.headers.get("if-none-match") == tag:
            return Response(status_code=304, headers={"etag": tag})
        return Response(as_json(columns_of(opened)), media_type="application/json", headers={"etag": tag, **_FRESH})

    @router.get("/relevance")
    def relevance(p: str) -> dict[str, Any]:
        return studio.judge.relevance(studio.populations.open(p))

    @router.get("/tests")
    def tests(p: Ids, where: str = "") -> dict[str, Any]:
        opened = studio.populations.views(p)
        found = studio.judge.tests(opened, where)
        return found | {"command": look_command([each.entry for each in opened], where)}

    @router.get("/command")
    def command(p: Ids, where: str = "") -> dict[str, str]:
        return {"command": look_command([studio.entries.get(id, *KINDS) for id in dict.fromkeys(p)], where)}

    @router.get("/training")
    def training(p: str) -> dict[str, Any]:
        entry = studio.entries.get(p, "training")
        return {"id": entry.id, "curve": curve_of(entry.path)}

    @router.post("/files")
    async def drop(request: Request, name: str) -> dict[str, Any]:
        path = studio.temporary / _safe_name(name)
        path.write_bytes(await request.body())
        entry = studio.entries.drop(path)
        try:
            studio.populations.open(entry.id)
        except StudioError:
            path.unlink()
            studio.entries.forget(entry.id)
            raise
        return {"id": entry.id}

    _add_pictures(router, studio)
    return router


def _add_pictures(router: APIRouter, studio: Studio) -> None:
    """The addresses of networks, of charts, and of what is saved of them."""

    @router.get("/network")
    def network(p: str, trial: int) -> dict[str, Any]:
        return network_of(studio.populations.open(p), trial)

    @router.get("/network.yaml")
    def network_file(p: str, trial: int) -> Response:
        text = network_yaml(studio.populations.open(p), trial)
        return _download(text.encode(), "application/yaml", f"trial-{trial}.yaml")

    @router.get("/chart/{name}.{kind}")
    def picture(name: str, kind: str, p: Ids) -> Response:
        if kind not in _CHART_TYPES:
            raise StudioError(404, f"a chart is svg, png or csv, not {kind[:20]!r}.")
        opened = studio.populations.views(p)
        drawn, sentences = chart(name, opened, "svg" if kind == "json" else kind)
        if kind == "json":
            command = report_command([each.entry for each in opened])
            known = {"svg": drawn.decode(), "sentences": list(sentences), "command": command}
            return JSONResponse(known, headers=_FRESH)
        return _download(drawn, _CHART_TYPES[kind], f"{name}.{kind}")


def _safe_name(name: str) -> str:
    """The name of a file as one part of a path. StudioError where the studio opens no such files."""
    last = re.sub(r"[^\w. -]", "_", name.replace("\\", "/").rpartition("/")[2])[-100:].strip(". ")
    if not last.lower().endswith(TABLES):
        raise StudioError(
            415,
            f"the studio opens populations ({FILE}, or a copy of it) and tables ({', '.join(TABLES)}), not "
            f"{name[-60:]!r}.",
        )
    return last


def _download(content: bytes, kind: str, name: str) -> Response:
    return Response(
        content, media_type=kind, headers={"content-disposition": f'attachment; filename="{name}"', **_FRESH}
    )
