"""Dynamic batching: images of many requests are computed together, by one thread per network."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from netwright.errors import NetwrightError
from netwright.serving.errors import RequestError
from netwright.serving.models.batch_queue import BatchQueue, FloatArray, Part, Rows, Waiting

if TYPE_CHECKING:
    from netwright.data.source import Pixels
    from netwright.runtime import Runtime

__all__ = ["BatchRecord", "Batcher", "BatcherClosed", "FloatArray", "Rows"]

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
        requests: How many requests are answered with it. One of more than max_batch images is in several batches, and
            counts in its last.
        queued: Seconds that requests waited for their first batch, if it is this one, added up.
        parts: (images, seconds) of the call of the network.
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


class Batcher:
    """The queue of a network and the thread that computes it. `submit` from any thread.

    Args:
        runtime: The network; `close` closes it too.
        max_batch: Images computed together. A request of more is computed in parts.
        max_delay: Batching delay: seconds that a first image waits for others while nothing is computed.
        max_queue: Images that wait; of a request at most max_batch count.
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
        self._queue = BatchQueue(max_batch)
        self._rate = 0.0  # images a second, smoothed
        self._since: float | None = None  # when the network's current call began
        self._closing = False
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._run, name=f"batch {runtime.info.name}", daemon=True)
        self._thread.start()

    @property
    def waiting(self) -> int:
        """Images in the queue."""
        return self._queue.images

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
        request, displaced = Waiting(rows, deadline), None
        with self._changed:
            if self._closing:
                raise BatcherClosed
            if self._is_full(len(rows)):
                self._queue.drop_done()
            if self._is_full(len(rows)):
                # of large requests, which take all places for long, the largest makes room
                displaced = self._queue.largest()
                if displaced is None or displaced.left <= len(rows):
                    raise self._busy()
            self._queue.put(request)
            self._changed.notify_all()
        if displaced is not None:
            self._refuse(displaced, self._busy())
        return request.future

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
            left = self._queue.clear()
        for request in left:
            self._refuse(request, RequestError("unavailable", "the server stopped before this was computed."))
        self._thread.join(timeout)
        if not self._thread.is_alive():  # else a computation hangs, which still uses the runtime
            self.runtime.close()

    def _is_full(self, more: int) -> bool:
        # an empty queue takes any request: one that is larger than the queue would otherwise never be answered
        waiting, count = self._queue.images, min(more, self._max_batch)
        return waiting > 0 and waiting + count > self._max_queue and self._queue.crowd + count > self._max_queue

    def _busy(self) -> RequestError:
        waiting = self._queue.images
        seconds = math.ceil(waiting / self._rate) if self._rate else 1
        return RequestError(
            "busy",
            f"at most {self._max_queue} images wait for {self.runtime.info.name}, and {waiting} do now. Try "
            "again later.",
            retry_after=min(_LONGEST_RETRY, max(1, seconds)),
        )

    def _claim(self, request: Waiting) -> bool:
        """Whether whoever waits for a request is to be told now: once at most, and not where the client is gone."""
        with self._changed:
            return not request.future.done() and request.future.set_running_or_notify_cancel()

    def _refuse(self, request: Waiting, error: RequestError) -> None:
        if self._claim(request):
            request.future.set_exception(error)

    def _run(self) -> None:
        while (batch := self._next()) is not None:
            now = time.monotonic()
            late = [part for part in batch if part.request.deadline <= now]
            if late:
                self._record(late, now, 0.0, has_failed=True)
            for part in late:
                self._refuse(
                    part.request,
                    RequestError("late", "the time of this request ran out while it waited.", retry_after=1),
                )
            wanted = [part for part in batch if part.request.deadline > now]
            if wanted:
                self._compute(wanted, now)

    def _next(self) -> list[Part] | None:
        """Wait for the next batch; None once closing and the queue is done."""
        with self._changed:
            self._changed.wait_for(lambda: self._queue or self._closing)
            if not self._queue:
                return None
            until = self._queue.oldest + self._max_delay
            while self._queue.images < self._max_batch and not self._closing:
                left = until - time.monotonic()
                if left <= 0 or not self._changed.wait(left):
                    break
            return self._queue.take()

    def _compute(self, batch: list[Part], now: float) -> None:
        count = sum(len(part.rows) for part in batch)
        try:
            x = self._prepared(batch)
            self._since = began = time.monotonic()
            logits = self.runtime.logits(x)
        except Exception as error:  # whatever it is, the waiting requests must get an answer
            detail = str(error) if isinstance(error, NetwrightError) else f"{type(error).__name__}: {error}"
            refusal = f"{self.runtime.info.name} cannot compute this: {detail}"
            self._record(batch, now, time.monotonic() - now, has_failed=True)
            for part in batch:
                self._refuse(part.request, RequestError("damaged", refusal))
            return
        finally:
            self._since = None
        done = time.monotonic()
        rate = count / max(done - now, 1e-6)
        self._rate = 0.8 * self._rate + 0.2 * rate if self._rate else rate
        self._record(batch, now, done - now, preparing=began - now, parts=((count, done - began),))
        start = 0
        for part in batch:
            part.request.logits.append(logits[start : start + len(part.rows)])
            start += len(part.rows)
            if part.is_last and self._claim(part.request):
                found = part.request.logits
                part.request.future.set_result(found[0] if len(found) == 1 else np.concatenate(found))

    def _record(self, batch: list[Part], now: float, seconds: float, *, has_failed: bool = False, **more: Any) -> None:
        """Before the requests get their answers: who then looks at the statistics finds them counted."""
        since = [part.request.since for part in batch]
        self._on_batch(
            BatchRecord(
                sum(len(part.rows) for part in batch),
                now - min(since),
                seconds,
                requests=sum(part.is_last or has_failed for part in batch),
                queued=sum(now - part.request.since for part in batch if part.is_first or has_failed),
                has_failed=has_failed,
                **more,
            )
        )

    def _prepared(self, batch: list[Part]) -> FloatArray:
        parts = [self._normalized(part.rows) for part in batch]
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    def _normalized(self, rows: Rows) -> FloatArray:
        if rows.dtype == np.uint8:
            return self.runtime.normalize(cast("Pixels", rows))
        return cast("FloatArray", rows)
