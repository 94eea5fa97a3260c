"""What the OpenAPI page says of good answers: a JSON schema for each door."""

from __future__ import annotations

from typing import Any

__all__ = ["answer_of"]

_TEXT = {"type": "string"}
_WHOLE = {"type": "integer", "minimum": 0}
_TRUE = {"const": True}


def _object(required: dict[str, Any], **optional: Any) -> dict[str, Any]:
    return {"type": "object", "required": list(required), "properties": required | optional}


def _list(items: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"type": "array", "items": items, **more}


_SHAPED = {"name": _TEXT, "datatype": {"enum": ["FP32", "UINT8", "BYTES"]}, "shape": _list({"type": "integer"})}
_TENSORS = _list(_object(_SHAPED))
_PROBABILITY = {"type": "number", "minimum": 0, "maximum": 1}
_CLASSES = _list(_object({"index": _WHOLE, "name": _TEXT, "probability": _PROBABILITY}, description=_TEXT), minItems=1)
_ASKED = {"model": _TEXT, "version": _TEXT, "id": _TEXT}
_OF_FILE = {"file": _TEXT}
_PREDICTIONS = _list({"oneOf": [_object(_OF_FILE | {"classes": _CLASSES}), _object(_OF_FILE | {"error": _TEXT})]})
_INSTANCE = {
    "oneOf": [
        _object({"label": _TEXT, "probability": _PROBABILITY, "classes": _CLASSES}),
        _object({"error_msg": _TEXT}),
    ]
}
_INDEX = _list(_object({"name": _TEXT, "version": _TEXT, "state": {"enum": ["READY", "UNAVAILABLE"]}, "reason": _TEXT}))
_STATS = _object(
    {
        "model_stats": _list(
            _object({"name": _TEXT, "version": _TEXT, "inference_count": _WHOLE, "execution_count": _WHOLE})
        )
    }
)
_JSON = {
    "all_stats": _STATS,
    "index": _INDEX,
    "infer": _object(
        {
            "model_name": _TEXT,
            "model_version": _TEXT,
            "outputs": _list(_object(_SHAPED, data=_list({}), parameters={"type": "object"}), minItems=1),
        },
        id=_TEXT,
    ),
    "live": _object({"live": _TRUE}),
    "load": _INDEX,
    "mindspore": _object({"instances": _list(_INSTANCE, minItems=1)}),
    "model": _object(
        {"name": _TEXT, "versions": _list(_TEXT), "platform": _TEXT, "inputs": _TENSORS, "outputs": _TENSORS},
        parameters={"type": "object"},
    ),
    "model_config": _object({"name": _TEXT, "max_batch_size": _WHOLE}),
    "model_ready": _object({"name": _TEXT, "ready": _TRUE}),
    "predict": {"oneOf": [_object(_ASKED | {"classes": _CLASSES}), _object(_ASKED | {"predictions": _PREDICTIONS})]},
    "ready": _object({"ready": _TRUE}),
    "server": _object({"name": _TEXT, "version": _TEXT, "extensions": _list(_TEXT)}),
    "stats": _STATS,
    "unload": _INDEX,
}
_LENGTH = {
    "Inference-Header-Content-Length": {
        "description": "bytes of the JSON, where tensors follow it",
        "schema": _WHOLE,
    }
}


def answer_of(door: str) -> dict[str, Any]:
    """The response object of status 200 of a method of `Doors`."""
    if door == "metrics_page":
        return {"description": "counters", "content": {"text/plain": {"schema": _TEXT}}}
    answer: dict[str, Any] = {"description": "done", "content": {"application/json": {"schema": _JSON[door]}}}
    if door == "infer":
        answer["content"]["application/octet-stream"] = {"schema": {"type": "string", "format": "binary"}}
        answer["headers"] = _LENGTH
    return answer
