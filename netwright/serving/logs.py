"""One line per event: for people, or as JSON for machines."""

from __future__ import annotations

import json
import sys
import threading
from datetime import UTC, datetime
from typing import Any, TextIO

__all__ = ["Log"]

# name of a value -> the one it had in JSON before, which stays for a version more, for whatever reads the log
_OLD_NAMES = {"message": "said"}


class Log:
    """The log of a server: requests, models, workers. A reader that is gone does not stop the server.

    Args:
        format: "text" or "json".
        stream: Where lines are written; stderr where it is None.
        worker: Number of the process, in each line; None where there is one.
    """

    def __init__(self, format: str = "text", stream: TextIO | None = None, worker: int | None = None) -> None:
        self._format, self._stream, self._worker = format, stream or sys.stderr, worker
        self._lock = threading.Lock()

    def write(self, event: str, **values: Any) -> None:
        """Write one line.

        Args:
            event: What happened, in a word or two.
            **values: Texts and numbers; None is left out. Characters that cannot be printed are escaped, so that
                nobody forges a line.
        """
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        values = {name: value for name, value in {"worker": self._worker, **values}.items() if value is not None}
        if self._format == "json":
            values |= {old: values[name] for name, old in _OLD_NAMES.items() if name in values}
            line = json.dumps({"time": now, "event": event, **values}, default=str)
        else:
            parts = (f"{name}={_as_text(value)}" for name, value in values.items() if value != "")
            line = " ".join([now, event, *parts])
        try:
            with self._lock:
                self._stream.write(line + "\n")  # one call: lines of two processes must not mix
                self._stream.flush()
        except (OSError, ValueError):
            pass


def _as_text(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    text = str(value)
    return json.dumps(text) if not text.isprintable() or " " in text or '"' in text else text
