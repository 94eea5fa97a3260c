"""Writing what was computed, on a disk that is full for a while."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Any

from netwright.errors import OutputError

__all__ = ["patiently"]

_LOG = logging.getLogger(__name__)


def patiently(write: Callable[[], Any], seconds: float = 60.0) -> None:
    """Write; while the disk is full, keep what was computed and try again, for so many seconds. Raises OutputError."""
    began = time.monotonic()
    while True:
        try:
            write()
            return
        except OutputError as error:
            if time.monotonic() - began > seconds:
                raise
            _LOG.warning("%s Trying again for %.0f seconds.", error, seconds)
            time.sleep(min(5.0, seconds / 10))
