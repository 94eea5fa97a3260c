"""Memory that requests took is given back to the system, which the C library would keep for the next."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING

from netwright.system.machine import release_memory, share_memory

if TYPE_CHECKING:
    from netwright.serving.limits import Limits

__all__ = ["return_memory"]

_FIRST_SECONDS = 0.5  # after the server is ready
_CHECK_SECONDS = 5.0  # the event loop waits meanwhile where it needs memory: for tens of milliseconds
_MANY_BYTES = 32 << 20  # of bodies since the last time


async def return_memory(limits: Limits) -> None:
    """Give memory back, again and again, after bodies of so many bytes. Large blocks go back by themselves."""
    has_torch = False
    seen = -_MANY_BYTES - 1  # once for what opening the models took
    seconds = _FIRST_SECONDS
    while True:
        await asyncio.sleep(seconds)
        seconds = _CHECK_SECONDS
        if not has_torch and "torch" in sys.modules:  # a model that was opened needs it
            has_torch = share_memory()
        if limits.taken - seen > _MANY_BYTES:
            seen = limits.taken
            await asyncio.to_thread(release_memory)
