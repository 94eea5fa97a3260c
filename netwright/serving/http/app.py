"""The HTTP application: the table of its addresses, and how it is put together. Needs the extra [serve]."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route as StarletteRoute

from netwright.serving.errors import INTERNAL_ERROR, RequestError
from netwright.serving.http.classify import kserve_predict, mindspore_predict, predict
from netwright.serving.http.handlers import (
    demo_page,
    kserve_model,
    kserve_models,
    model_config,
    model_infer,
    model_metadata,
    model_ready,
    model_statistics,
    prometheus_metrics,
    repository_index,
    repository_model_load,
    repository_model_unload,
    server_live,
    server_metadata,
    server_ready,
    shared_memory,
)
from netwright.serving.http.middleware import (
    CLIENT_CLOSED_REQUEST,
    AdmissionMiddleware,
    ClientDisconnected,
    error_body,
)
from netwright.serving.http.openapi import Route, openapi_page
from netwright.serving.http.schemas import (
    CONTROL_BODY,
    INDEX_BODY,
    INFER_BODY,
    KSERVE_BODY,
    MINDSPORE_BODY,
    PREDICT_BODY,
    refusals,
)
from netwright.serving.protocol.shared_memory import ADDRESSES

if TYPE_CHECKING:
    from netwright.serving.state import AppState

__all__ = ["ROUTES", "make_app"]

_MODEL = "/v2/models/{name}"
_VERSION = "/v2/models/{name}/versions/{version}"
_REPOSITORY = "/v2/repository/models/{name}"
_KSERVE = "/v1/models/{name}"
_MINDSPORE = "/model/{what:path}"
_TOKEN, _READ = refusals(401), refusals(401, 404)
_COMPUTE = refusals(400, 401, 404, 408, 413, 422, 429, 502, 503, 504)
_CONTROL = refusals(400, 401, 404, 408, 413, 429, 503)
_INSTANCES = refusals(400, 401, 404, 408, 413, 429, 502, 503, 504, key="error_msg")

ROUTES = (
    Route("GET", "/", demo_page, "page", "A page to try it"),
    Route("GET", "/v2/health/live", server_live, "live", "Whether it runs", {}, refusals(503)),
    Route("GET", "/v2/health/ready", server_ready, "ready", "Whether it takes requests", {}, refusals(503)),
    Route("GET", "/v2", server_metadata, "server", "What it is", {}, _TOKEN),
    # before the models: the statistics of one called "stats" are those of its versions only, as with Triton
    Route("GET", "/v2/models/stats", model_statistics, "all_stats", "Statistics of all models", {}, _TOKEN),
    Route("GET", _MODEL, model_metadata, "model", "Inputs and outputs of a model", {}, _READ),
    Route("GET", _VERSION, model_metadata, "model", "Inputs and outputs of a version", {}, _READ),
    Route("GET", f"{_MODEL}/ready", model_ready, "model_ready", "Whether a model answers", {}, _READ),
    Route("GET", f"{_VERSION}/ready", model_ready, "model_ready", "Whether a version answers", {}, _READ),
    Route("GET", f"{_MODEL}/config", model_config, "model_config", "Batching of a model", {}, _READ),
    Route("GET", f"{_VERSION}/config", model_config, "model_config", "Batching of a version", {}, _READ),
    Route("GET", f"{_MODEL}/stats", model_statistics, "stats", "Statistics of a model", {}, _READ),
    Route("GET", f"{_VERSION}/stats", model_statistics, "stats", "Statistics of a version", {}, _READ),
    Route("POST", f"{_MODEL}/infer", model_infer, "infer", "Tensors in, tensors out", INFER_BODY, _COMPUTE),
    Route("POST", f"{_VERSION}/infer", model_infer, "infer", "Tensors in, tensors out", INFER_BODY, _COMPUTE),
    Route("POST", "/v2/repository/index", repository_index, "index", "All models and versions", INDEX_BODY, _CONTROL),
    Route("POST", f"{_REPOSITORY}/load", repository_model_load, "load", "Load a model", CONTROL_BODY, _CONTROL),
    Route("POST", f"{_REPOSITORY}/unload", repository_model_unload, "unload", "Unload a model", CONTROL_BODY, _CONTROL),
    Route("POST", "/predict", predict, "predict", "An image in, names and probabilities out", PREDICT_BODY, _COMPUTE),
    Route("POST", _MINDSPORE, mindspore_predict, "mindspore", "As MindSpore Serving", MINDSPORE_BODY, _INSTANCES),
    Route("GET", "/v1/models", kserve_models, "v1_models", "Models, as KServe's version 1", {}, _TOKEN),
    # before the model, whose name would be "NAME:predict": other methods then hear of POST
    Route("POST", f"{_KSERVE}:predict", kserve_predict, "v1", "As KServe's version 1", KSERVE_BODY, _COMPUTE),
    Route("GET", _KSERVE, kserve_model, "v1_model", "Whether a model answers, as KServe's version 1", {}, _READ),
    Route("GET", "/metrics", prometheus_metrics, "metrics_page", "For Prometheus", {}, _TOKEN),
)


def make_app(state: AppState, *, is_behind: bool = False) -> AdmissionMiddleware:
    """The ASGI application.

    Args:
        state: For the handlers, as `request.app.state.serving`.
        is_behind: As in AdmissionMiddleware.
    """
    # FastAPI's own routes cost as much as everything else that a request of a small network takes here. So it only
    # describes the addresses, and Starlette, which it is built on, routes to the handlers
    page = openapi_page(ROUTES)

    async def openapi(request: Request) -> Response:
        return JSONResponse(page)

    routes = [StarletteRoute(route.path, route.handler, methods=[route.method]) for route in ROUTES]
    routes.append(StarletteRoute("/openapi.json", openapi))
    routes += [StarletteRoute(path, shared_memory, methods=["GET", "POST"]) for path in ADDRESSES]
    on_error: dict[Any, Any] = {
        RequestError: _on_request_error,
        HTTPException: _on_http_exception,
        ClientDisconnected: _on_disconnect,
        Exception: _on_exception,
    }
    app = Starlette(routes=routes, exception_handlers=on_error)
    app.router.redirect_slashes = False
    app.state.serving = state
    return AdmissionMiddleware(app, state.admission, is_behind=is_behind)


async def _on_request_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestError)
    request.scope["context"].detail = str(error)
    headers = {} if error.retry_after is None else {"retry-after": str(error.retry_after)}
    return JSONResponse(error_body(request.scope["path"], str(error)), error.status, headers)


async def _on_http_exception(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    messages = {404: "nothing answers this address", 405: "this address does not take this method"}
    message = messages.get(error.status_code, str(error.detail))
    return JSONResponse(error_body(request.scope["path"], message), error.status_code, error.headers)


async def _on_disconnect(request: Request, error: Exception) -> Response:
    return Response(status_code=CLIENT_CLOSED_REQUEST)  # nobody reads it


async def _on_exception(request: Request, error: Exception) -> Response:
    return JSONResponse(error_body(request.scope["path"], INTERNAL_ERROR), 500)
