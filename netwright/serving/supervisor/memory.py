"""Memory that requests took is given back to the system, which the C library would keep for the next."""

from __future__ import annotations

import asyncio
import gc
import sys
from typing import TYPE_CHECKING

from netwright.system.machine import release_memory, share_memory

if TYPE_CHECKING:
    from netwright.serving.limits import Limits

__all__ = ["return_memory", "settle_memory"]

_CHECK_SECONDS = 0.5
_MANY_BYTES = 32 << 20  # of bodies since the last time


def settle_memory() -> None:
    """Have Python's collector leave out, from now on, what is there when a server is ready: to look through all of it
    takes a tenth of a second, in which nothing is answered.
    """
    gc.collect()
    gc.freeze()


async def return_memory(limits: Limits) -> None:
    """Give memory back, again and again, after bodies of so many bytes; it takes milliseconds, in a thread."""
    has_torch = False
    seen = -_MANY_BYTES - 1  # once for what opening the models took
    while True:
        await asyncio.sleep(_CHECK_SECONDS)
        if not has_torch and "torch" in sys.modules:  # a model that was opened needs it
            has_torch = share_memory()
        if limits.taken - seen > _MANY_BYTES:
            seen = limits.taken
            await asyncio.to_thread(release_memory)
