"""The handlers that take images and answer with names: /predict, and MindSpore Serving's and KServe's forms of it."""

from __future__ import annotations

import asyncio
import json
import re
from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from netwright.serving.errors import RequestError
from netwright.serving.http.body import read_body
from netwright.serving.http.computing import compute_logits
from netwright.serving.http.context import app_state, find_version, request_context, unless_disconnected
from netwright.serving.http.form import FIELDS, FormData, read_form
from netwright.serving.models.service import decoded_size, stacked, top_classes
from netwright.serving.protocol import tensors
from netwright.serving.protocol.instances import tensor_of_instances

if TYPE_CHECKING:
    from netwright.serving.models.batcher import FloatArray
    from netwright.serving.models.version import ModelVersion

__all__ = ["kserve_predict", "mindspore_predict", "predict"]

_MINDSPORE = re.compile(r"(?P<name>[^/]+)(?:/version/(?P<version>[0-9]+))?:(?P<method>[A-Za-z0-9_]+)")
_INSTANCE_CLASSES = 5
_CLASSES = 64  # that become text at once
_AT_ONCE = 4  # images of an answer that is written on the event loop


async def predict(request: Request) -> Response:
    """The likeliest classes of one image as the body, or of several as a form, whose fields are as the query's."""
    state, context = app_state(request), request_context(request, "predict")
    asked = {name: request.query_params[name] for name in FIELDS if name in request.query_params}
    content_type = request.headers.get("content-type", "")
    is_form = content_type.lower().startswith("multipart/")
    if not is_form or "model" in asked:  # else a field may name it: anything wrong is said before the body comes
        find_version(request, asked.get("model", ""), asked.get("version", ""))
    _top_k(asked)
    body = await read_body(request, state.limits)
    form = await read_form(body, content_type) if is_form else FormData([("", body)])
    images, top_k = form.images, _top_k(asked := _together(asked, form.fields))
    version = find_version(request, asked.get("model", ""), asked.get("version", ""))
    tensors.check_likeliest(len(images), min(top_k, version.runtime.info.arch.num_classes))
    if not images:
        raise RequestError("malformed", "a form has at least one image, and this has none.")
    results = await unless_disconnected(request, _classify(request, version, [each for _, each in images], top_k))
    answer: dict[str, Any] = {"model": version.name, "version": str(version.version), "id": context.id}
    if len(results) == 1:
        if isinstance(results[0], RequestError):
            raise results[0]
        return JSONResponse(answer | {"classes": results[0]})
    predictions = [
        {"file": name} | ({"error": str(each)} if isinstance(each, RequestError) else {"classes": each})
        for (name, _), each in zip(images, results, strict=True)
    ]
    return await _with_list(answer, "predictions", predictions)


async def mindspore_predict(request: Request) -> Response:
    """Instances in, instances out, as MindSpore Serving has them: each with its label or its error_msg."""
    request_context(request, "mindspore")
    address = _MINDSPORE.fullmatch(request.path_params["what"])
    if not address or address["method"] != "predict":
        raise RequestError("unknown", "the address is /model/NAME:predict or /model/NAME/version/V:predict.")
    number = address["version"] or ""
    # MindSpore Serving's version 0 is the newest
    version = find_version(request, address["name"], "" if number.strip("0") == "" else number)
    state, context = app_state(request), request_context(request)
    body = await read_body(request, state.limits, is_json=True)
    read = await state.json.parse("mindspore", body, deadline=context.deadline)
    images, answers = [each for each in read if isinstance(each, bytes)], list[Any]()
    if images:
        classifying = _classify(request, version, images, _INSTANCE_CLASSES)
        answers = await unless_disconnected(request, classifying)
    remaining = iter(answers)
    results = [next(remaining) if isinstance(each, bytes) else each for each in read]
    return await _with_list({}, "instances", [_labeled(each) for each in results])


async def kserve_predict(request: Request) -> Response:
    """Instances in, predictions out, as version 1 of KServe's protocol has them: encoded images, or arrays."""
    state, context = app_state(request), request_context(request, "v1")
    version = find_version(request, request.path_params["name"], "")
    body = await read_body(request, state.limits, is_json=True)
    read = await state.json.parse("instances", body, deadline=context.deadline)
    images = (
        read
        if isinstance(read, list)
        else tensors.images_of(tensor_of_instances(read, version.runtime.info), version.runtime.info)
    )
    rows = await _likeliest(version, await compute_logits(request, version, images), _INSTANCE_CLASSES)
    return await _with_list({}, "predictions", [_labeled(each) for each in rows])


async def _classify(
    request: Request, version: ModelVersion, images: list[bytes], top_k: int
) -> list[list[dict[str, Any]] | RequestError]:
    """The likeliest classes of each image, or why it has none."""
    state, context = app_state(request), request_context(request)
    context.images = len(images)
    state.limits.unpack(context, decoded_size(images, version.runtime), "decoded images")
    decoded = await state.service.decode(version.runtime, images, context.deadline)
    pixels = [each for each in decoded if not isinstance(each, RequestError)]
    if not pixels:
        return [each for each in decoded if isinstance(each, RequestError)]
    logits = await state.service.logits(version, await stacked(pixels), context.deadline)
    rows = iter(await _likeliest(version, logits, top_k))
    return [each if isinstance(each, RequestError) else next(rows) for each in decoded]


async def _likeliest(version: ModelVersion, logits: FloatArray, top_k: int) -> list[list[dict[str, Any]]]:
    """The likeliest classes of each image; those of 200 images take a tenth of a second, in a thread."""
    if len(logits) <= _AT_ONCE:
        return top_classes(version.runtime, logits, top_k)
    return await asyncio.to_thread(top_classes, version.runtime, logits, top_k)


async def _with_list(answer: dict[str, Any], name: str, entries: list[dict[str, Any]]) -> Response:
    """An answer in JSON with a list in it, which is written entry by entry and in a thread where it is long."""
    if len(entries) <= _AT_ONCE:
        return JSONResponse(answer | {name: entries})

    def written() -> bytes:
        parts = [_entry(each) for each in entries]
        return _json(answer | {name: []})[:-2] + b",".join(parts) + b"]}"

    return Response(await asyncio.to_thread(written), media_type="application/json")


def _entry(entry: dict[str, Any]) -> bytes:
    """In JSON, some of its classes at a time: other threads may run in between."""
    if not (classes := entry.get("classes")):
        return _json(entry)
    parts = [_json(classes[start : start + _CLASSES])[1:-1] for start in range(0, len(classes), _CLASSES)]
    return _json({**entry, "classes": []})[:-2] + b",".join(parts) + b"]}"


def _json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()


def _together(query: dict[str, str], fields: dict[str, str]) -> dict[str, str]:
    """What a query and a form ask for. RequestError where they differ."""
    for name in query.keys() & fields.keys():
        if query[name] != fields[name]:
            raise RequestError(
                "malformed",
                f"the address asks for {name}={query[name][:40]!r}, and the form for {fields[name][:40]!r}.",
            )
    return query | fields


def _top_k(asked: dict[str, str]) -> int:
    text = asked.get("top_k", "5")
    if not (text.isascii() and text.isdigit() and int(text[:20]) > 0 and len(text) < 20):
        raise RequestError("malformed", f"top_k is 1 or more, not {text[:40]!r}.")
    return int(text)


def _labeled(result: list[dict[str, Any]] | RequestError) -> dict[str, Any]:
    if isinstance(result, RequestError):
        return {"error_msg": str(result)}
    return {"label": result[0]["name"], "probability": result[0]["probability"], "classes": result}
