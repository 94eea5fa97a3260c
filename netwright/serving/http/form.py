"""Forms of /predict: their images, and their fields, which say what the query of the address says otherwise."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any

from netwright.serving.errors import RequestError
from netwright.system.extras import optional

__all__ = ["FIELDS", "MOST_PARTS", "FormData", "read_form"]

FIELDS = ("model", "top_k", "version")  # parts of these names that are no files
MOST_PARTS = 1_000  # of a form
_SLICE_BYTES = 1 << 16  # between other requests
_MOST_HEAD_BYTES = 16_384  # of one part
_MOST_FIELD_BYTES = 1_000


@dataclass(slots=True)
class FormData:
    """What a form says. images: name and bytes of each; fields: by name, of FIELDS."""

    images: list[tuple[str, bytes]] = field(default_factory=list)
    fields: dict[str, str] = field(default_factory=dict)


async def read_form(body: bytes, content_type: str) -> FormData:
    """Read a form; other requests have their turns meanwhile.

    Args:
        body: multipart/form-data.
        content_type: The header, which has the boundary.

    Raises:
        RequestError: Where it is no such form, or has too many parts.
    """
    multipart = optional("python_multipart.multipart", "serve")
    kind, options = multipart.parse_options_header(content_type.encode("latin-1"))
    boundary = options.get(b"boundary", b"")
    if kind != b"multipart/form-data" or not 0 < len(boundary) <= 256:
        raise RequestError("malformed", "several images are sent as multipart/form-data, with its boundary.")
    form, whole = _FormParts(multipart), memoryview(body)
    try:
        parser = multipart.MultipartParser(boundary, form.callbacks())
        for start in range(0, len(whole), _SLICE_BYTES):
            parser.write(bytes(whole[start : start + _SLICE_BYTES]))
            await asyncio.sleep(0)  # other requests have their turn: a form of many parts takes long
        parser.finalize()
    except optional("python_multipart.exceptions", "serve").FormParserError as error:
        raise RequestError("malformed", f"the multipart body cannot be read: {error}.") from error
    if not form.is_complete:
        raise RequestError("malformed", "the multipart body is cut off: its last boundary is missing.")
    return form.found


class _FormParts:
    """Collects the parts of a form from the callbacks of python_multipart."""

    def __init__(self, multipart: Any) -> None:
        self.found = FormData()
        self.is_complete = False
        self._multipart = multipart
        self._header, self._value, self._content = bytearray(), bytearray(), bytearray()
        self._headers: dict[bytes, bytes] = {}
        self._head_size = self._count = 0

    def callbacks(self) -> dict[str, Any]:
        """By the names of python_multipart."""
        return {
            "on_header_field": lambda data, start, end: self._add_to_head(self._header, data, start, end),
            "on_header_value": lambda data, start, end: self._add_to_head(self._value, data, start, end),
            "on_header_end": self._end_header,
            "on_part_data": lambda data, start, end: self._content.extend(data[start:end]),
            "on_part_end": self._end_part,
            "on_end": self._end,
        }

    def _add_to_head(self, to: bytearray, data: bytes, start: int, end: int) -> None:
        self._head_size += end - start
        if self._head_size > _MOST_HEAD_BYTES:  # newer versions of the package have limits of their own
            raise RequestError("malformed", f"the head of an image in a form has at most {_MOST_HEAD_BYTES:,} bytes.")
        to.extend(data[start:end])

    def _end_header(self) -> None:
        self._headers[bytes(self._header).lower()] = bytes(self._value)
        self._header.clear()
        self._value.clear()

    def _end_part(self) -> None:
        _, options = self._multipart.parse_options_header(self._headers.get(b"content-disposition", b""))
        file_name, name = options.get(b"filename"), options.get(b"name", b"").decode("utf-8", "replace")
        if file_name is None and name in FIELDS:
            self._add_field(name, bytes(self._content))
        else:
            shown = file_name.decode("utf-8", "replace") if file_name else name
            self.found.images.append((shown[:200], bytes(self._content)))
        self._count += 1
        if self._count > MOST_PARTS:
            raise RequestError("too_large", f"a request has at most {MOST_PARTS:,} images.")
        self._head_size = 0
        self._headers.clear()
        self._content.clear()

    def _add_field(self, name: str, content: bytes) -> None:
        if name in self.found.fields or len(content) > _MOST_FIELD_BYTES:
            raise RequestError(
                "malformed", f"the field {name} is in a form once, with at most {_MOST_FIELD_BYTES:,} bytes."
            )
        self.found.fields[name] = content.decode("utf-8", "replace").strip()

    def _end(self) -> None:
        self.is_complete = True
