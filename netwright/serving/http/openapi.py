"""The addresses as a table, with what the OpenAPI page says of them."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

__all__ = ["ROUTES", "Route", "path_parameters"]


@dataclass(frozen=True, slots=True)
class Route:
    """door: the method of Doors that answers."""

    method: str
    path: str
    door: str
    summary: str
    extra: dict[str, Any] = field(default_factory=dict)
    responses: dict[int | str, dict[str, Any]] = field(default_factory=dict)


_ERROR = {"type": "object", "properties": {"error": {"type": "string"}}, "required": ["error"]}
_SAID = {
    400: "malformed: the message says what and why",
    401: "no token, or another",
    404: "no such model or version",
    408: "the body was too slow",
    413: "too many bytes or pixels",
    422: "no image that can be read",
    429: "too busy: Retry-After says when to come again",
    502: "the network cannot compute it: its weights or its file are damaged",
    503: "stopping, or hanging",
    504: "its time ran out",
}


def _responses(*codes: int, error: dict[str, Any] = _ERROR) -> dict[int | str, dict[str, Any]]:
    found: dict[int | str, dict[str, Any]] = {}
    for code in codes:
        found[code] = {"description": _SAID[code], "content": {"application/json": {"schema": error}}}
        if code == 429:
            found[code]["headers"] = {"Retry-After": {"required": True, "schema": {"type": "integer", "minimum": 1}}}
    return found


_NAMES = {
    "name": "a model",
    "version": "a number; 1 or more",
    "what": "NAME:predict or NAME/version/V:predict",
}


def path_parameters(route: Route) -> list[dict[str, Any]]:
    """As OpenAPI has them."""
    names = re.findall(r"{(\w+)", route.path)
    return [
        {"name": name, "in": "path", "required": True, "description": _NAMES[name], "schema": {"type": "string"}}
        for name in names
    ]


def _query(name: str, kind: str, said: str) -> dict[str, Any]:
    return {"name": name, "in": "query", "required": False, "schema": {"type": kind}, "description": said}


def _body(content: dict[str, Any]) -> dict[str, Any]:
    return {"requestBody": {"required": True, "content": content}}


_ASKING = _responses(400, 401, 404, 408, 413, 422, 429, 502, 503, 504)
_READING = _responses(401, 404)

_TENSOR = {
    "type": "object",
    "required": ["name", "datatype", "shape"],
    "properties": {
        "name": {"enum": ["input", "pixels", "image"]},
        "datatype": {"enum": ["FP32", "UINT8", "BYTES"]},
        "shape": {"type": "array", "items": {"type": "integer", "minimum": 0}},
        "data": {"type": "array", "items": {}},
        "parameters": {"type": "object"},
    },
}
_INFER = {
    "type": "object",
    "required": ["inputs"],
    "properties": {
        "id": {"type": "string"},
        "inputs": {"type": "array", "minItems": 1, "maxItems": 1, "items": _TENSOR},
        "outputs": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["name"],
                "properties": {"name": {"enum": ["logits", "probabilities"]}, "parameters": {"type": "object"}},
            },
        },
        "parameters": {"type": "object"},
    },
}
_BYTES = {"schema": {"type": "string", "format": "binary"}}
_FORM = {"schema": {"type": "object", "properties": {"image": {"type": "string", "format": "binary"}}}}
_PREDICT = _body({"image/*": _BYTES, "application/octet-stream": _BYTES, "multipart/form-data": _FORM}) | {
    "parameters": [
        _query("model", "string", "which, where there are several"),
        _query("version", "string", "the highest where it is left out"),
        _query("top_k", "integer", "classes an image, 5 where it is left out"),
    ]
}
_INSTANCES = {
    "type": "object",
    "required": ["instances"],
    "properties": {
        "instances": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"image": {"type": "object", "properties": {"b64": {"type": "string"}}}},
            },
        }
    },
}
_MINDSPORE = _responses(
    400,
    401,
    404,
    408,
    413,
    429,
    502,
    503,
    504,
    error={"type": "object", "properties": {"error_msg": {"type": "string"}}, "required": ["error_msg"]},
)
_JSON = "application/json"
_BINARY = {_JSON: {"schema": _INFER}, "application/octet-stream": _BYTES}
_OBJECT: dict[str, Any] = {"type": "object", "properties": {"ready": {"type": "boolean"}}}
_INDEX = {"requestBody": {"required": False, "content": {_JSON: {"schema": _OBJECT}}}}
_STEER = {
    "requestBody": {
        "required": False,
        "content": {_JSON: {"schema": {"type": "object", "properties": {"parameters": {"type": "object"}}}}},
    }
}
_STEERING = _responses(400, 401, 404, 408, 413, 429, 503)

_MODEL = "/v2/models/{name}"
_VERSION = "/v2/models/{name}/versions/{version}"
_REPOSITORY = "/v2/repository/models/{name}"
ROUTES = (
    Route("GET", "/", "page", "A page to try it"),
    Route("GET", "/v2/health/live", "live", "Whether it runs"),
    Route("GET", "/v2/health/ready", "ready", "Whether it takes requests", responses=_responses(503)),
    Route("GET", "/v2", "server", "What it is", responses=_responses(401)),
    # before the models: one called "stats" is described by its versions only, as with Triton
    Route("GET", "/v2/models/stats", "all_stats", "Counts and times of all models", responses=_responses(401)),
    Route("GET", _MODEL, "model", "What a model takes and gives", responses=_READING),
    Route("GET", _VERSION, "model", "What a version takes and gives", responses=_READING),
    Route("GET", f"{_MODEL}/ready", "model_ready", "Whether a model answers", responses=_READING),
    Route("GET", f"{_VERSION}/ready", "model_ready", "Whether a version answers", responses=_READING),
    Route("GET", f"{_MODEL}/config", "model_config", "A model's batching", responses=_READING),
    Route("GET", f"{_VERSION}/config", "model_config", "A version's batching", responses=_READING),
    Route("GET", f"{_MODEL}/stats", "stats", "Counts and times of a model", responses=_READING),
    Route("GET", f"{_VERSION}/stats", "stats", "Counts and times of a version", responses=_READING),
    Route("POST", f"{_MODEL}/infer", "infer", "Tensors in, tensors out", _body(_BINARY), _ASKING),
    Route("POST", f"{_VERSION}/infer", "infer", "Tensors in, tensors out", _body(_BINARY), _ASKING),
    Route("POST", "/v2/repository/index", "index", "All models and versions", _INDEX, _STEERING),
    Route("POST", f"{_REPOSITORY}/load", "load", "Take up a model of the folder", _STEER, _STEERING),
    Route("POST", f"{_REPOSITORY}/unload", "unload", "Let a model go until it is loaded", _STEER, _STEERING),
    Route("POST", "/predict", "predict", "An image in, names and probabilities out", _PREDICT, _ASKING),
    Route(
        "POST",
        "/model/{what:path}",
        "mindspore",
        "As MindSpore Serving: NAME:predict or NAME/version/V:predict",
        _body({_JSON: {"schema": _INSTANCES}}),
        _MINDSPORE,
    ),
    Route("GET", "/metrics", "metrics_page", "For Prometheus", responses=_responses(401)),
)
