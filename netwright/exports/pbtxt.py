"""Protobuf's text format, as far as Triton's model configuration uses it, read without a schema.

protobuf's own reader needs the schema of every field, also of those that are only passed over (docs/log.md).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from netwright.errors import ExportError

__all__ = ["quoted", "read_pbtxt"]

_TOKEN = re.compile(
    r"""(?:\s+|\#[^\n]*)                                    # between tokens
    |(?P<text>"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*')
    |(?P<word>[A-Za-z0-9_.+-]+)
    |(?P<mark>[{}\[\]<>:,;])""",
    re.VERBOSE,
)
_CLOSES = {"{": "}", "<": ">"}
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r"}
_MAX_DEPTH = 20


def quoted(text: str) -> str:
    """A text of one line as the format writes it."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def read_pbtxt(text: str, path: str) -> Mapping[str, list[Any]]:
    """Field -> its values in order: a mapping for a message, else the text, number or word as a str.

    path: the file, for messages. Raises ExportError for other text.
    """
    try:
        return _Reader(list(_tokens(text))).message("", 0)
    except ValueError as error:
        raise ExportError(f"{path} is not in protobuf's text format: {error}. Correct it, or remove it.") from error


def _tokens(text: str) -> Iterator[tuple[str, str]]:
    """(kind, token)."""
    at = 0
    while at < len(text):
        found = _TOKEN.match(text, at)
        if not found:
            raise ValueError(f"line {text.count(chr(10), 0, at) + 1} has {text[at : at + 20]!r}")
        at = found.end()
        if found.lastgroup:
            yield found.lastgroup, found[found.lastgroup]


class _Reader:
    def __init__(self, tokens: list[tuple[str, str]]) -> None:
        self._tokens, self._at = tokens, 0

    def message(self, closes: str, depth: int) -> dict[str, list[Any]]:
        """The fields up to the mark that closes it, or to the end."""
        if depth > _MAX_DEPTH:
            raise ValueError(f"messages lie deeper than {_MAX_DEPTH} in each other")
        fields: dict[str, list[Any]] = {}
        while self._next() != ("mark", closes):
            kind, name = self._take()
            if kind == "mark" and name in (",", ";"):
                continue
            if kind != "word":
                raise ValueError(f"{name or 'the end'!r} stands where a field's name belongs")
            if self._next() == ("mark", ":"):
                self._take()
            fields.setdefault(name, []).extend(self._values(depth))
        self._take()
        return fields

    def _values(self, depth: int) -> list[Any]:
        if self._next() != ("mark", "["):
            return [self._value(depth)]
        self._take()
        values = []
        while self._next() != ("mark", "]"):
            values.append(self._value(depth))
            if self._next() == ("mark", ","):
                self._take()
        self._take()
        return values

    def _value(self, depth: int) -> Any:
        kind, token = self._take()
        if kind == "mark" and token in _CLOSES:
            return self.message(_CLOSES[token], depth + 1)
        if kind == "word":
            return token
        if kind != "text":
            raise ValueError(f"{token or 'the end'!r} stands where a value belongs")
        parts = [token]
        while self._next()[0] == "text":  # adjacent texts are one
            parts.append(self._take()[1])
        return "".join(re.sub(r"\\(.)", lambda each: _ESCAPES.get(each[1], each[1]), part[1:-1]) for part in parts)

    def _next(self) -> tuple[str, str]:
        return self._tokens[self._at] if self._at < len(self._tokens) else ("mark", "")

    def _take(self) -> tuple[str, str]:
        token = self._next()
        self._at += 1
        return token
