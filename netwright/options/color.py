"""Colors as people write them: white, black, #f0f0f0."""

from __future__ import annotations

import re

__all__ = ["read_color"]

_NAMED = {"white": (255, 255, 255), "black": (0, 0, 0)}
_HEX = re.compile("#[0-9a-fA-F]{6}")


def read_color(text: str) -> tuple[int, int, int]:
    """`white`, `black` or `#rrggbb` -> red, green and blue, 0 to 255. ValueError otherwise."""
    if text in _NAMED:
        return _NAMED[text]
    if not _HEX.fullmatch(text):
        raise ValueError(f"white, black or a color like #f0f0f0, not {text!r}")
    red, green, blue = bytes.fromhex(text[1:])
    return red, green, blue
