"""The JSON schemas of requests and responses, for the OpenAPI page."""

from __future__ import annotations

from typing import Any

__all__ = [
    "CONTROL_BODY",
    "INDEX_BODY",
    "INFER_BODY",
    "KSERVE_BODY",
    "MINDSPORE_BODY",
    "PREDICT_BODY",
    "refusals",
    "success",
]

Schema = dict[str, Any]
_JSON_TYPE = "application/json"


def _object(required: Schema, **optional: Any) -> Schema:
    return {"type": "object", "required": list(required), "properties": required | optional}


def _list(items: Schema, **more: Any) -> Schema:
    return {"type": "array", "items": items, **more}


_TEXT = {"type": "string"}
_COUNT = {"type": "integer", "minimum": 0}
_TRUE = {"const": True}
_ANY_OBJECT = {"type": "object"}
_BINARY = {"schema": {"type": "string", "format": "binary"}}

# requests


def _body(content: Schema, *, is_required: bool = True) -> Schema:
    return {"requestBody": {"required": is_required, "content": content}}


def _query(name: str, kind: str, text: str) -> Schema:
    return {"name": name, "in": "query", "required": False, "schema": {"type": kind}, "description": text}


_INPUT = {
    "type": "object",
    "required": ["name", "datatype", "shape"],
    "properties": {
        "name": {"enum": ["input", "pixels", "image"]},
        "datatype": {"enum": ["FP32", "FP16", "BF16", "UINT8", "BYTES"]},
        "shape": _list(_COUNT),
        "data": _list({}),
        "parameters": _ANY_OBJECT,
    },
}
_INFER = {
    "type": "object",
    "required": ["inputs"],
    "properties": {
        "id": _TEXT,
        "inputs": _list(_INPUT, minItems=1, maxItems=1),
        "outputs": _list(_object({"name": {"enum": ["logits", "probabilities"]}}, parameters=_ANY_OBJECT)),
        "parameters": _ANY_OBJECT,
    },
}
_INSTANCES = _object(
    {
        "instances": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"image": {"type": "object", "properties": {"b64": _TEXT}}},
            },
        }
    }
)
_FORM_FIELDS = {"model": _TEXT, "version": _TEXT, "top_k": _TEXT}  # as in the query
_FORM = {"schema": {"type": "object", "properties": {"image": _BINARY["schema"]} | _FORM_FIELDS}}

INFER_BODY = _body({_JSON_TYPE: {"schema": _INFER}, "application/octet-stream": _BINARY})
PREDICT_BODY = _body({"image/*": _BINARY, "application/octet-stream": _BINARY, "multipart/form-data": _FORM}) | {
    "parameters": [
        _query("model", "string", "its name; needed where there are several"),
        _query("version", "string", "its number; the highest if left out"),
        _query("top_k", "integer", "classes per image; 5 if left out"),
    ]
}
KSERVE_BODY = _body({_JSON_TYPE: {"schema": _object({"instances": _list({})})}})
MINDSPORE_BODY = _body({_JSON_TYPE: {"schema": _INSTANCES}})
INDEX_BODY = _body(
    {_JSON_TYPE: {"schema": {"type": "object", "properties": {"ready": {"type": "boolean"}}}}}, is_required=False
)
CONTROL_BODY = _body(
    {_JSON_TYPE: {"schema": {"type": "object", "properties": {"parameters": _ANY_OBJECT}}}}, is_required=False
)

# responses

_SHAPED = {"name": _TEXT, "datatype": {"enum": ["FP32", "UINT8", "BYTES"]}, "shape": _list({"type": "integer"})}
_TENSORS = _list(_object(_SHAPED))
_PROBABILITY = {"type": "number", "minimum": 0, "maximum": 1}
_CLASSES = _list(_object({"index": _COUNT, "name": _TEXT, "probability": _PROBABILITY}, description=_TEXT), minItems=1)
_ANSWERING = {"model": _TEXT, "version": _TEXT, "id": _TEXT}
_FILE = {"file": _TEXT}
_PREDICTIONS = _list({"oneOf": [_object(_FILE | {"classes": _CLASSES}), _object(_FILE | {"error": _TEXT})]})
_PREDICTED = _object({"label": _TEXT, "probability": _PROBABILITY, "classes": _CLASSES})
_INSTANCE = {"oneOf": [_PREDICTED, _object({"error_msg": _TEXT})]}
_INDEX = _list(_object({"name": _TEXT, "version": _TEXT, "state": {"enum": ["READY", "UNAVAILABLE"]}, "reason": _TEXT}))
_STATISTICS = _object(
    {
        "model_stats": _list(
            _object({"name": _TEXT, "version": _TEXT, "inference_count": _COUNT, "execution_count": _COUNT})
        )
    }
)
# operation of `app.ROUTES` -> its answer
_RESPONSES = {
    "all_stats": _STATISTICS,
    "index": _INDEX,
    "infer": _object(
        {
            "model_name": _TEXT,
            "model_version": _TEXT,
            "outputs": _list(_object(_SHAPED, data=_list({}), parameters=_ANY_OBJECT), minItems=1),
        },
        id=_TEXT,
    ),
    "live": _object({"live": _TRUE}),
    "load": _INDEX,
    "mindspore": _object({"instances": _list(_INSTANCE, minItems=1)}),
    "model": _object(
        {"name": _TEXT, "versions": _list(_TEXT), "platform": _TEXT, "inputs": _TENSORS, "outputs": _TENSORS},
        parameters=_ANY_OBJECT,
    ),
    "model_config": _object({"name": _TEXT, "max_batch_size": _COUNT}),
    "model_ready": _object({"name": _TEXT, "ready": _TRUE}),
    "predict": {
        "oneOf": [_object(_ANSWERING | {"classes": _CLASSES}), _object(_ANSWERING | {"predictions": _PREDICTIONS})]
    },
    "ready": _object({"ready": _TRUE}),
    "server": _object({"name": _TEXT, "version": _TEXT, "extensions": _list(_TEXT)}),
    "stats": _STATISTICS,
    "unload": _INDEX,
    "v1": _object({"predictions": _list(_PREDICTED, minItems=1)}),
    "v1_model": _object({"name": _TEXT, "ready": _TRUE}),
    "v1_models": _object({"models": _list(_TEXT)}),
}
_JSON_LENGTH = {
    "Inference-Header-Content-Length": {"description": "bytes of the JSON, where tensors follow it", "schema": _COUNT}
}
_REFUSALS = {
    400: "malformed: the message says what and why",
    401: "no token, or a wrong one",
    404: "no such model or version",
    408: "the body was too slow",
    413: "too many bytes or pixels",
    422: "no image that can be read",
    429: "too busy: Retry-After says when to try again",
    502: "the network cannot compute it: its weights or its file are damaged",
    503: "stopping, or hanging",
    504: "its time ran out",
}


def success(operation: str) -> Schema:
    """OpenAPI's response object of status 200 of an operation."""
    if operation == "metrics_page":
        return {"description": "counters", "content": {"text/plain": {"schema": _TEXT}}}
    response: Schema = {"description": "done", "content": {_JSON_TYPE: {"schema": _RESPONSES[operation]}}}
    if operation == "infer":
        response["content"]["application/octet-stream"] = _BINARY
        response["headers"] = _JSON_LENGTH
    return response


def refusals(*statuses: int, key: str = "error") -> dict[int | str, Schema]:
    """OpenAPI's response objects of refusals.

    Args:
        *statuses: Of HTTP.
        key: Of the message in their JSON.
    """
    schema = _object({key: _TEXT})
    responses: dict[int | str, Schema] = {}
    for status in statuses:
        responses[status] = {"description": _REFUSALS[status], "content": {_JSON_TYPE: {"schema": schema}}}
        if status == 429:
            retry = {"required": True, "schema": {"type": "integer", "minimum": 1}}
            responses[status]["headers"] = {"Retry-After": retry}
    return responses
