"""What keeps the event loop from waiting: for Python's collector, and for other threads that compute in Python."""

from __future__ import annotations

import contextlib
import gc
import sys
from collections.abc import Iterator

__all__ = ["settle", "short_pauses"]

# in which a thread lets another run that waits: 5 ms by default, and the event loop waits so each time it has read or
# written a socket
_SWITCH_SECONDS = 0.0001
# objects, young collections and middle ones before the next: the last is 10 by default. A collection takes as long as
# there is garbage, and floods leave some tens of objects a connection
_COLLECTOR = (700, 10, 2)


@contextlib.contextmanager
def short_pauses() -> Iterator[None]:
    """Inside, pauses of the event loop are shorter; `settle` is called when the server is ready."""
    interval, thresholds = sys.getswitchinterval(), gc.get_threshold()
    sys.setswitchinterval(_SWITCH_SECONDS)
    gc.set_threshold(*_COLLECTOR)
    try:
        yield
    finally:
        gc.unfreeze()  # whoever called this goes on
        gc.set_threshold(*thresholds)
        sys.setswitchinterval(interval)


def settle() -> None:
    """Have Python's collector leave out, from now on, what is there when a server is ready: to look through all of it
    takes a tenth of a second, in which nothing is answered.
    """
    gc.collect()
    gc.freeze()
