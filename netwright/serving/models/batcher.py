"""Dynamic batching: images of many requests are computed together, in order of arrival, by one thread per network."""

from __future__ import annotations

import math
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import numpy.typing as npt

from netwright.errors import NetwrightError
from netwright.serving.errors import RequestError

if TYPE_CHECKING:
    from netwright.data.source import Pixels
    from netwright.runtime import Runtime

__all__ = ["BatchRecord", "Batcher", "BatcherClosed", "FloatArray", "Rows"]

FloatArray = npt.NDArray[np.float32]
# (N, H, W, C) uint8 pixels of the network's input size, or (N, C, H, W) float32, normalized
Rows = npt.NDArray[np.uint8] | npt.NDArray[np.float32]

_LONGEST_RETRY = 60  # seconds


class BatcherClosed(Exception):  # noqa: N818 - no mistake: the caller turns to the version that came after
    """This batcher accepts no more images: its version was replaced or removed."""


@dataclass(frozen=True, slots=True)
class BatchRecord:
    """What was computed in one batch, for the metrics.

    Attributes:
        images: How many.
        waited: Seconds that the oldest of them waited.
        seconds: Of computing, `preparing` included.
        preparing: Seconds before the network ran: normalizing, putting together.
        requests: How many requests the images belong to.
        queued: Seconds that these requests waited, added up.
        parts: (images, seconds) of each call of the network; at most max_batch images each.
        has_failed: Whether none of the requests got an answer.
    """

    images: int
    waited: float
    seconds: float
    preparing: float = 0.0
    requests: int = 1
    queued: float = 0.0
    parts: tuple[tuple[int, float], ...] = ()
    has_failed: bool = False


@dataclass(slots=True, eq=False)
class _Item:
    """The images of one request in the queue."""

    rows: Rows
    deadline: float
    future: Future[FloatArray] = field(default_factory=Future)
    since: float = field(default_factory=time.monotonic)


class Batcher:
    """The queue of a network and the thread that computes it. `submit` from any thread.

    Args:
        runtime: The network; `close` closes it too.
        max_batch: Images computed together. A request of more is computed in parts.
        max_delay: Batching delay: seconds that a first image waits for others while nothing is computed.
        max_queue: Images that wait.
        on_batch: Called from the batcher's thread after each batch, before its requests get their answers.
    """

    def __init__(
        self,
        runtime: Runtime,
        *,
        max_batch: int,
        max_delay: float,
        max_queue: int,
        on_batch: Callable[[BatchRecord], None] = lambda batch: None,
    ) -> None:
        self.runtime = runtime
        self._max_batch, self._max_delay, self._max_queue = max_batch, max_delay, max_queue
        self._on_batch = on_batch
        self._queue: deque[_Item] = deque()
        self._images = 0  # in the queue
        self._rate = 0.0  # images a second, smoothed
        self._since: float | None = None  # when the network's current call began
        self._closing = False
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._run, name=f"batch {runtime.info.name}", daemon=True)
        self._thread.start()

    @property
    def waiting(self) -> int:
        """Images in the queue."""
        return self._images

    @property
    def computing(self) -> float:
        """Seconds since the current call of the network began, of at most max_batch images; 0 while it is idle."""
        since = self._since
        return 0.0 if since is None else time.monotonic() - since

    def submit(self, rows: Rows, deadline: float = math.inf) -> Future[FloatArray]:
        """Put images into the queue.

        Args:
            rows: (N, H, W, C) uint8 or (N, C, H, W) float32, normalized.
            deadline: On the clock of time.monotonic(); later than this they are not computed.

        Returns:
            A future of the (N, classes) logits. Cancelling it frees its place in the queue.

        Raises:
            RequestError: Where the queue is full.
            BatcherClosed: After `close`.
        """
        item = _Item(rows, deadline)
        with self._changed:
            if self._closing:
                raise BatcherClosed
            # an empty queue takes any request: one that is larger than the queue would otherwise never be answered
            if self._images and self._images + len(rows) > self._max_queue:
                self._drop_cancelled()
            if self._images and self._images + len(rows) > self._max_queue:
                raise RequestError(
                    "busy",
                    f"at most {self._max_queue} images wait for {self.runtime.info.name}, and {self._images} do now. "
                    "Try again later.",
                    retry_after=self._retry_after(),
                )
            self._queue.append(item)
            self._images += len(rows)
            self._changed.notify_all()
        return item.future

    def close(self, timeout: float | None = None) -> None:
        """Accept no more, answer what waits, then close the runtime.

        Args:
            timeout: Seconds after which the rest is refused; None waits for all of it.
        """
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        self._thread.join(timeout)
        with self._changed:
            left, self._queue = list(self._queue), deque()
            self._images = 0
        for item in left:
            if item.future.set_running_or_notify_cancel():
                item.future.set_exception(RequestError("unavailable", "the server stopped before this was computed."))
        self._thread.join(timeout)
        if not self._thread.is_alive():  # else a computation hangs, which still uses the runtime
            self.runtime.close()

    def _drop_cancelled(self) -> None:
        """Free the places of requests whose clients are gone. The caller holds the lock."""
        kept = deque(item for item in self._queue if not item.future.cancelled())
        self._queue, self._images = kept, sum(len(item.rows) for item in kept)

    def _retry_after(self) -> int:
        if not self._rate:
            return 1
        return min(_LONGEST_RETRY, max(1, math.ceil(self._images / self._rate)))

    def _run(self) -> None:
        while batch := self._next():
            wanted = [item for item in batch if item.future.set_running_or_notify_cancel()]
            now = time.monotonic()
            late = [item for item in wanted if item.deadline <= now]
            if late:
                self._record(late, now, 0.0, has_failed=True)
            for item in late:
                item.future.set_exception(
                    RequestError("late", "the time of this request ran out while it waited.", retry_after=1)
                )
            wanted = [item for item in wanted if item.deadline > now]
            if wanted:
                self._compute(wanted, now)

    def _next(self) -> list[_Item]:
        """Wait for the next batch, the oldest items first; empty once closing and the queue is done."""
        with self._changed:
            self._changed.wait_for(lambda: self._queue or self._closing)
            if not self._queue:
                return []
            until = self._queue[0].since + self._max_delay
            while self._images < self._max_batch and not self._closing:
                left = until - time.monotonic()
                if left <= 0 or not self._changed.wait(left):
                    break
            taken: list[_Item] = []
            count = 0
            while self._queue and (not taken or count + len(self._queue[0].rows) <= self._max_batch):
                taken.append(self._queue.popleft())
                count += len(taken[-1].rows)
            self._images -= count
            return taken

    def _compute(self, items: list[_Item], now: float) -> None:
        count = sum(len(item.rows) for item in items)
        try:
            x = self._prepared(items)
            preparing = time.monotonic() - now
            logits, parts = self._logits(x)
        except Exception as error:  # whatever it is, the waiting requests must get an answer
            detail = str(error) if isinstance(error, NetwrightError) else f"{type(error).__name__}: {error}"
            refusal = f"{self.runtime.info.name} cannot compute this: {detail}"
            self._record(items, now, time.monotonic() - now, has_failed=True)
            for item in items:
                item.future.set_exception(RequestError("damaged", refusal))
            return
        seconds = time.monotonic() - now
        rate = count / max(seconds, 1e-6)
        self._rate = 0.8 * self._rate + 0.2 * rate if self._rate else rate
        self._record(items, now, seconds, preparing=preparing, parts=parts)
        start = 0
        for item in items:
            item.future.set_result(logits[start : start + len(item.rows)])
            start += len(item.rows)

    def _record(self, items: list[_Item], now: float, seconds: float, **more: Any) -> None:
        """Before the requests get their answers: who then looks at the statistics finds them counted."""
        count, queued = sum(len(item.rows) for item in items), sum(now - item.since for item in items)
        self._on_batch(BatchRecord(count, now - items[0].since, seconds, requests=len(items), queued=queued, **more))

    def _prepared(self, items: list[_Item]) -> FloatArray:
        parts = [self._normalized(item.rows) for item in items]
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    def _logits(self, x: FloatArray) -> tuple[FloatArray, tuple[tuple[int, float], ...]]:
        """The logits, and (images, seconds) of each call of the network."""
        size, logits, parts = self._max_batch, list[FloatArray](), list[tuple[int, float]]()
        try:
            for start in range(0, max(1, len(x)), size):  # a request may have no images at all
                self._since = began = time.monotonic()
                logits.append(self.runtime.logits(x[start : start + size]))
                parts.append((len(logits[-1]), time.monotonic() - began))
        finally:
            self._since = None
        return (logits[0] if len(logits) == 1 else np.concatenate(logits)), tuple(parts)

    def _normalized(self, rows: Rows) -> FloatArray:
        if rows.dtype == np.uint8:
            return self.runtime.normalize(cast("Pixels", rows))
        return cast("FloatArray", rows)
