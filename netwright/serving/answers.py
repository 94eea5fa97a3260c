"""What a client makes of an answer, from our server or from whatever else has its address."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from netwright.errors import ServeError

__all__ = ["error_message", "read_classes", "read_json", "read_logits", "read_rows", "retry_seconds"]

T = TypeVar("T")

_JSON_LENGTH = "inference-header-content-length"
_SHOWN = 300  # characters of what a stranger answers


def read_json(content: bytes, headers: Mapping[str, str], whose: str, read: Callable[[Any], T]) -> T:
    """What `read` makes of the JSON.

    Args:
        content: The body.
        headers: With names in lower case.
        whose: Answer this is, for the message.
        read: Takes what it expects; a ValueError, LookupError, TypeError or AttributeError of it means another program.

    Raises:
        ServeError: It is something else.
    """
    try:
        return read(json.loads(content))
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        kind = headers.get("content-type", "").partition(";")[0]
        raise ServeError(
            f"{whose} does not answer as `netwright serve` does, but with {kind or 'something else'}: "
            f"{_text(content)}. Is this its address?"
        ) from error


def read_classes(found: Any) -> list[dict[str, Any]]:
    """The classes of an answer to /predict."""
    classes: list[dict[str, Any]] = found["classes"]
    for each in classes:
        if not isinstance(each["name"], str) or not isinstance(each["probability"], int | float):
            raise TypeError("a class has a name and a probability")
    return classes


def read_rows(found: Any) -> list[dict[str, str]]:
    """The rows of an index of models; what a server leaves out is empty."""
    if not isinstance(found, list):
        raise TypeError("an index is a list")
    known = {"name": "", "version": "", "state": "", "reason": ""}
    return [known | {key: str(value) for key, value in dict(each).items()} for each in found]


def read_logits(content: bytes, headers: Mapping[str, str], whose: str) -> npt.NDArray[np.float32]:
    """(N, classes) float32 of an answer with binary data."""
    text = headers.get(_JSON_LENGTH, "")
    length = int(text) if text.isascii() and text.isdecimal() and len(text) < 16 else 0
    shape = read_json(content[:length], headers, whose, lambda found: [int(n) for n in found["outputs"][0]["shape"]])
    values = content[length:]
    if len(values) % 4 or min(shape, default=0) < 0 or math.prod(shape) != len(values) // 4:
        raise ServeError(
            f"{whose} answers with {len(values):,} bytes for logits of shape {shape}. Is this its address?"
        )
    return np.frombuffer(values, dtype="<f4").reshape(shape)


def error_message(content: bytes) -> str:
    """The reason in a refusal."""
    try:
        found = json.loads(content)
        message = found.get("error") or found.get("error_msg")
    except (ValueError, AttributeError, RecursionError):
        message = None
    return str(message) if message else _text(content)


def retry_seconds(text: str) -> float:
    """Seconds of a Retry-After; 1 for a date, which says little between two clocks, and for what is none."""
    text = text.strip()
    return float(text) if text.isascii() and text.isdecimal() and len(text) < 10 else 1.0


def _text(content: bytes) -> str:
    shown = " ".join(content[: 4 * _SHOWN].decode("utf-8", "replace").split())
    return repr(shown[:_SHOWN]) if shown else "nothing"
