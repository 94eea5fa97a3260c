"""JSON bodies, parsed outside the event loop where they are large."""

from __future__ import annotations

import asyncio
import contextlib
import heapq
import itertools
from typing import Any

from netwright.serving.child import Child
from netwright.serving.errors import RequestError
from netwright.serving.models.service import before_deadline
from netwright.serving.protocol.json_process import parse

__all__ = ["JsonParser"]

_SMALL_BYTES = 64 << 10  # parsed at once: a few milliseconds
_MODULE = "netwright.serving.protocol.json_process"


class JsonParser:
    """Parses for one event loop, in a process that starts with the first large body. The smallest go first."""

    def __init__(self) -> None:
        self._child = Child(_MODULE)
        self._is_busy = False
        self._waiting: list[tuple[int, int, asyncio.Future[None]]] = []
        self._numbers = itertools.count()

    async def parse(self, kind: str, body: bytes, *more: Any, size: int | None = None, deadline: float) -> Any:
        """What a body says.

        Args:
            kind: As in `json_process.KINDS`.
            body: JSON, and perhaps the bytes of a tensor.
            *more: For what reads it.
            size: Of the JSON; None for the whole body.
            deadline: On the clock of time.monotonic().

        Raises:
            RequestError: Where it is malformed, too large or too late.
        """
        if (len(body) if size is None else size) <= _SMALL_BYTES:
            return parse(kind, body, *more)
        return await before_deadline(self._parse_there(kind, body, more), deadline)

    def close(self) -> None:
        """End the process."""
        self._child.close()

    async def _parse_there(self, kind: str, body: bytes, more: tuple[Any, ...]) -> Any:
        await self._turn(len(body))
        asking = asyncio.ensure_future(asyncio.to_thread(self._child.ask, body, kind, *more))
        try:
            answer = await asyncio.shield(asking)
        except (OSError, EOFError):  # it has died
            self.close()
            raise RequestError("too_large", "this JSON takes more memory than there is.") from None
        except asyncio.CancelledError:  # it is still at a body that nobody waits for
            self._child.kill()
            with contextlib.suppress(OSError, EOFError):
                await asking
            self.close()
            raise
        finally:
            self._end_turn()
        if answer[0]:
            return answer[1]
        raise RequestError(*answer[1:])

    async def _turn(self, size: int) -> None:
        if not self._is_busy:
            self._is_busy = True
            return
        turn = asyncio.get_running_loop().create_future()
        heapq.heappush(self._waiting, (size, next(self._numbers), turn))
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._end_turn()
            raise

    def _end_turn(self) -> None:
        while self._waiting:
            turn = heapq.heappop(self._waiting)[2]
            if not turn.done():
                turn.set_result(None)
                return
        self._is_busy = False
