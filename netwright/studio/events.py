"""What changes while somebody looks: server-sent events, from times and sizes of files, which no sweep notices."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

from netwright.population import mark_of
from netwright.studio.entries import Entries
from netwright.studio.steering import now

__all__ = ["Events"]

_LOOK_SECONDS = 0.7
_PING_SECONDS = 15.0
_RETRY_MS = 1500


class Events:
    """Looks at the files while any page listens, and tells all of them what changed."""

    def __init__(self, entries: Entries, jobs: Callable[[], list[dict[str, Any]]]) -> None:
        self._entries, self._jobs = entries, jobs
        self._listening: set[asyncio.Queue[str]] = set()
        self._looking: asyncio.Task[None] | None = None
        self._stopped = asyncio.Event()

    async def stream(self) -> AsyncIterator[str]:
        """The lines of `text/event-stream` for one page, until it is closed or the studio stops."""
        queue: asyncio.Queue[str] = asyncio.Queue()
        self._listening.add(queue)
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._look())
        try:
            yield f"retry: {_RETRY_MS}\nevent: hello\ndata: {{}}\n\n"
            while not self._stopped.is_set():
                try:
                    yield await asyncio.wait_for(queue.get(), _PING_SECONDS)
                except TimeoutError:
                    yield ": still here\n\n"
        finally:
            self._listening.discard(queue)

    def stop(self) -> None:
        """End all streams."""
        self._stopped.set()
        for queue in self._listening:
            queue.put_nowait(": the studio stops\n\n")

    async def _look(self) -> None:
        before = await asyncio.to_thread(self._seen)
        while self._listening and not self._stopped.is_set():
            await asyncio.sleep(_LOOK_SECONDS)
            now = await asyncio.to_thread(self._seen)
            changed = sorted(id for id in before.keys() | now.keys() if before.get(id) != now.get(id))
            if changed:
                text = f"event: changed\ndata: {json.dumps({'ids': changed})}\n\n"
                for queue in self._listening:
                    queue.put_nowait(text)
            before = now

    def _seen(self) -> dict[str, Any]:
        """Id -> what differs when it changes."""
        entries = self._entries.all()
        seen: dict[str, Any] = {id: (mark_of(entry.path), now(entry)) for id, entry in entries.items()}
        return seen | {f"job:{each['id']}": (each["state"],) for each in self._jobs()}
