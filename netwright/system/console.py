"""Text on terminals of any encoding: what one does not have is written as near to it as it can be, never a crash."""

from __future__ import annotations

import codecs
from typing import TextIO

__all__ = ["tolerate"]

_HANDLER = "netwright.nearest"
# a minus that became a question mark would turn a number's sign
_NEAREST = str.maketrans(
    {
        **{"\u2212": "-", "\u2013": "-", "\u2014": "-", "\u2010": "-", "\u2011": "-"},
        **{"\u00d7": "x", "\u00f7": "/", "\u00b1": "+-", "\u00b7": "-", "\u2265": ">=", "\u2264": "<=", "\u2248": "~"},
        **{"\u2026": "...", "\u2018": "'", "\u2019": "'", "\u201c": '"', "\u201d": '"', "\u2192": "->", "\u00a0": " "},
        **{"\u2501": "-", "\u2578": "-", "\u257a": "-", "\u2192": "->", "\u2191": "^", "\u2193": "v"},
    }
)


def _nearest(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    text = error.object[error.start : error.end].translate(_NEAREST)
    return text.encode("ascii", errors="replace").decode("ascii"), error.end


codecs.register_error(_HANDLER, _nearest)


def tolerate(stream: TextIO | None) -> None:
    """Make a stream write what its encoding lacks as the nearest ASCII, or as a question mark.

    stream: Standard output or error; any other that cannot be changed is left as it is.
    """
    change = getattr(stream, "reconfigure", None)
    if change is not None and getattr(stream, "errors", "") in ("strict", "surrogateescape"):
        change(errors=_HANDLER)
