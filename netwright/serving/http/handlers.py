"""The HTTP handlers: each takes a Starlette request and returns the response, or raises RequestError.

`app.ROUTES` says which address each answers. Those of the Open Inference Protocol have its names for its methods;
the handlers that answer with class names are in `classify`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from netwright.serving.errors import RequestError
from netwright.serving.http.body import read_body
from netwright.serving.http.computing import compute_logits
from netwright.serving.http.context import app_state, find_version, request_context
from netwright.serving.protocol import tensors, triton
from netwright.serving.protocol.infer_json import read_json, write_response
from netwright.serving.protocol.shared_memory import NO_SHARED_MEMORY
from netwright.serving.protocol.statistics import statistics
from netwright.version import __version__

if TYPE_CHECKING:
    from netwright.serving.models.version import ModelVersion
    from netwright.serving.protocol.tensors import InferRequest

__all__ = [
    "demo_page",
    "kserve_model",
    "kserve_models",
    "model_config",
    "model_infer",
    "model_metadata",
    "model_ready",
    "model_statistics",
    "prometheus_metrics",
    "repository_index",
    "repository_model_load",
    "repository_model_unload",
    "server_live",
    "server_metadata",
    "server_ready",
    "shared_memory",
]

_JSON_LENGTH = "inference-header-content-length"
_CONTROL_BYTES = 64 << 10  # of a body that asks for the index, or for a model to be loaded
# the page's style and script are inside it; nothing else may run, be loaded, or frame it
_CONTENT_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src blob: data:; "
    "connect-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
)


async def demo_page(request: Request) -> Response:
    """A page for people, to try the server."""
    headers = {
        "content-security-policy": _CONTENT_POLICY,
        "x-content-type-options": "nosniff",
        "cache-control": "no-cache",
    }
    return Response(_page(), media_type="text/html; charset=utf-8", headers=headers)


async def server_live(request: Request) -> Response:
    """It answers, so it lives. With ?computing=true, only where no computation hangs: for what restarts it then."""
    request_context(request, "health")
    hanging = app_state(request).service.repository.hanging()
    if hanging and request.query_params.get("computing") == "true":
        raise RequestError("unavailable", f"{hanging}.")
    return JSONResponse({"live": True})


async def server_ready(request: Request) -> Response:
    """Not while it loads, stops, has no model yet or a computation hangs: load balancers turn to other servers."""
    state = app_state(request)
    request_context(request, "health")
    if state.limits.is_stopping:
        raise RequestError("unavailable", "the server is stopping.")
    if unready := state.service.repository.unready():
        raise RequestError("unavailable", f"{unready}.")
    return JSONResponse({"ready": True})


async def server_metadata(request: Request) -> Response:
    """The server, as the protocol describes it."""
    return JSONResponse({"name": "netwright", "version": __version__, "extensions": triton.EXTENSIONS})


async def model_metadata(request: Request) -> Response:
    """A model, as the protocol describes it; what else is known of it comes as parameters."""
    version = _version_of_path(request)
    info = version.runtime.info
    numbers = [each.version for each in app_state(request).service.repository.models() if each.name == version.name]
    metadata = tensors.model_metadata(info, numbers)
    metadata["parameters"] = {
        "version": str(version.version),
        "runtime": version.runtime.kind,
        "precision": version.runtime.precision,
        "classes": info.arch.num_classes,
        "source": info.source,
    }
    return JSONResponse(metadata)


async def model_ready(request: Request) -> Response:
    """A model that is there is ready."""
    request_context(request, "health")
    return JSONResponse({"name": _version_of_path(request).name, "ready": True})


async def kserve_models(request: Request) -> Response:
    """The names of all models, as version 1 of KServe's protocol has them."""
    return JSONResponse({"models": sorted({each.name for each in app_state(request).service.repository.models()})})


async def kserve_model(request: Request) -> Response:
    """A model that is there is ready, as version 1 says it."""
    if request.path_params["name"].endswith(":predict"):  # the address of predictions, which are POSTed
        raise HTTPException(405, headers={"Allow": "POST"})
    request_context(request, "health")
    return JSONResponse({"name": _version_of_path(request).name, "ready": True})


async def model_config(request: Request) -> Response:
    """A model's configuration, as Triton's clients read it."""
    return JSONResponse(triton.model_config(_version_of_path(request), app_state(request).settings))


async def model_statistics(request: Request) -> Response:
    """Counts and nanoseconds of a version, a model or all models."""
    state, asked = app_state(request), request.path_params
    models = state.service.repository.matching(asked.get("name", ""), asked.get("version", ""))
    return JSONResponse({"model_stats": statistics(models, await asyncio.to_thread(state.metrics.samples))})


async def model_infer(request: Request) -> Response:
    """Tensors in, tensors out, as JSON or bytes."""
    request_context(request, "infer")
    version = _version_of_path(request)
    infer_request = await _infer_request(request)
    tensors.check_outputs(infer_request.outputs)
    images = tensors.images_of(infer_request.input, version.runtime.info)
    tensors.check_classes(infer_request.outputs, len(images), version.runtime.info)
    infer_request = infer_request.without_data()  # numbers of JSON take ten times the memory of their images
    logits = await compute_logits(request, version, images)
    outputs = tensors.outputs_of(infer_request, version.runtime, logits)
    content, json_length = await write_response(infer_request, version.name, version.version, outputs)
    if json_length is None:
        return Response(content, media_type="application/json")
    return Response(content, media_type="application/octet-stream", headers={_JSON_LENGTH: str(json_length)})


async def repository_index(request: Request) -> Response:
    """Every version, and why one does not answer."""
    request_context(request, "index")
    only_ready = (await _json_object(request)).get("ready", False)
    if not isinstance(only_ready, bool):
        raise RequestError("malformed", "ready is true or false: whether only versions that answer are listed.")
    return JSONResponse(triton.index_rows(app_state(request).service.repository.index(), only_ready=only_ready))


async def repository_model_load(request: Request) -> Response:
    """Load a model by its name; returns its rows of the index."""
    return await _control_model(request, app_state(request).service.repository.load)


async def repository_model_unload(request: Request) -> Response:
    """Unload a model once it has answered what it accepted; returns its rows of the index."""
    return await _control_model(request, app_state(request).service.repository.unload)


async def shared_memory(request: Request) -> Response:
    """What Triton's clients ask before they put tensors there."""
    raise RequestError("malformed", NO_SHARED_MEMORY)


async def prometheus_metrics(request: Request) -> Response:
    """The metrics of all workers, for Prometheus."""
    text, content_type = app_state(request).metrics.text()
    return Response(text, headers={"content-type": content_type})


def _version_of_path(request: Request) -> ModelVersion:
    return find_version(request, request.path_params["name"], request.path_params.get("version", ""))


async def _infer_request(request: Request) -> InferRequest:
    state, context, given = app_state(request), request_context(request), request.headers.get(_JSON_LENGTH)
    body = await read_body(request, state.limits, is_json=given is None)
    length = int(given) if given and given.isascii() and given.isdigit() and len(given) < 20 else len(body)
    if length > state.settings.max_json:
        most = state.settings.max_json
        raise RequestError("too_large", f"JSON has at most {most:,} bytes here, and this has {length:,}.")
    found: InferRequest = await state.json.parse("infer", body, given, size=length, deadline=context.deadline)
    return found


async def _control_model(request: Request, change: Callable[[str], None]) -> Response:
    request_context(request, "model_control")
    state, name = app_state(request), request.path_params["name"]
    parameters = (await _json_object(request)).get("parameters", {})
    if not isinstance(parameters, dict):
        raise RequestError("malformed", "parameters are an object.")
    triton.check_model_control(state.settings, list(parameters), request.headers.get("origin", ""))
    await asyncio.to_thread(change, name)
    entries = tuple(each for each in state.service.repository.index() if each.name == name)
    return JSONResponse(triton.index_rows(entries, only_ready=False))


async def _json_object(request: Request) -> dict[str, Any]:
    """The body, which may be empty, as Triton's own client sends it."""
    body = await read_body(request, app_state(request).limits, is_json=True)
    if len(body) > _CONTROL_BYTES:
        raise RequestError("too_large", f"this body has at most {_CONTROL_BYTES:,} bytes, and it has {len(body):,}.")
    message = read_json(body or b"{}")
    if not isinstance(message, dict):
        raise RequestError("malformed", "the body is a JSON object, or empty.")
    return message


@cache
def _page() -> str:
    return resources.files("netwright.serving").joinpath("assets/page.html").read_text(encoding="utf-8")
