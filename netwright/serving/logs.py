"""One line an event: for people, or as JSON for machines."""

from __future__ import annotations

import json
import sys
import threading
from datetime import UTC, datetime
from typing import Any, TextIO

__all__ = ["Log"]


class Log:
    """Writes to stderr unless told otherwise. format: text or json. A reader that is gone stops nothing."""

    def __init__(self, format: str = "text", stream: TextIO | None = None) -> None:
        self._format, self._stream = format, stream or sys.stderr
        self._lock = threading.Lock()

    def write(self, event: str, **values: Any) -> None:
        """values: plain ones; of texts, what is no printable character is escaped, so that nobody forges a line."""
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        if self._format == "json":
            line = json.dumps({"time": now, "event": event, **values}, default=str)
        else:
            parts = (f"{name}={_shown(value)}" for name, value in values.items() if value not in ("", None))
            line = " ".join([now, event, *parts])
        try:
            with self._lock:
                self._stream.write(line + "\n")  # at once: lines of two processes must not mix
                self._stream.flush()
        except (OSError, ValueError):
            pass


def _shown(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    text = str(value)
    return json.dumps(text) if not text.isprintable() or " " in text or '"' in text else text
