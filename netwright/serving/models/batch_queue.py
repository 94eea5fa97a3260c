"""The images that wait for a network: those of all requests by turns, so that a large request holds up no small one."""

from __future__ import annotations

import heapq
import itertools
import time
from concurrent.futures import Future
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

__all__ = ["BatchQueue", "FloatArray", "Part", "Rows", "Waiting"]

FloatArray = npt.NDArray[np.float32]
# (N, H, W, C) uint8 pixels of the network's input size, or (N, C, H, W) float32, normalized
Rows = npt.NDArray[np.uint8] | npt.NDArray[np.float32]


@dataclass(slots=True, eq=False)
class Waiting:
    """A request in the queue.

    Attributes:
        rows: Its images.
        deadline: On the clock of time.monotonic().
        future: Of its (N, classes) logits.
        since: When it came.
        taken: How many of its images are computed, or are now.
        logits: Of those that are computed, in parts.
    """

    rows: Rows
    deadline: float
    future: Future[FloatArray] = field(default_factory=Future)
    since: float = field(default_factory=time.monotonic)
    taken: int = 0
    logits: list[FloatArray] = field(default_factory=list)

    @property
    def left(self) -> int:
        """Images that wait."""
        return len(self.rows) - self.taken


@dataclass(frozen=True, slots=True)
class Part:
    """Images of a request that are computed together. is_first, is_last: of the parts of their request."""

    request: Waiting
    rows: Rows
    is_first: bool
    is_last: bool


class BatchQueue:
    """Requests that wait; whoever calls it holds a lock.

    The turns are by start-time fair queueing (Goyal, Vin, Cheng 1996): a part of a request starts, in virtual time,
    when the part before it ends, or when the request came, and the earliest start is next. Requests of at most
    max_batch images have one part, so they are computed in order of arrival.

    Args:
        max_batch: Images of a part, at most.

    Attributes:
        images: That wait.
    """

    def __init__(self, max_batch: int) -> None:
        self.images = 0
        self._max_batch = max_batch
        self._heap: list[tuple[int, int, Waiting]] = []
        self._numbers = itertools.count()
        self._now = 0  # the virtual time: images computed of a request that always waits

    def __bool__(self) -> bool:
        return bool(self._heap)

    @property
    def crowd(self) -> int:
        """Images that wait, of which a request's next part counts only: the others are behind who comes now."""
        return sum(min(each.left, self._max_batch) for _, _, each in self._heap)

    @property
    def oldest(self) -> float:
        """When the next request came."""
        return self._heap[0][2].since

    def put(self, request: Waiting) -> None:
        """Add a request."""
        self._push(self._now, request)
        self.images += len(request.rows)

    def take(self) -> list[Part]:
        """The next batch: parts of at most max_batch images together."""
        parts: list[Part] = []
        count = 0
        while self._heap:
            start, _, request = self._heap[0]
            size = min(request.left, self._max_batch)
            if request.future.done():
                heapq.heappop(self._heap)
                self.images -= request.left
                continue
            if parts and count + size > self._max_batch:
                break
            heapq.heappop(self._heap)
            self._now, count, self.images = start, count + size, self.images - size
            rows = request.rows[request.taken : request.taken + size]
            is_first, request.taken = request.taken == 0, request.taken + size
            parts.append(Part(request, rows, is_first, not request.left))
            if request.left:
                self._push(start + size, request)
        return parts

    def drop_done(self) -> None:
        """Free the places of requests that were refused, or whose clients are gone."""
        self._heap = [each for each in self._heap if not each[2].future.done()]
        heapq.heapify(self._heap)
        self.images = sum(each.left for _, _, each in self._heap)

    def largest(self) -> Waiting | None:
        """The request of which most waits, where that is more than a batch."""
        found = max((each for _, _, each in self._heap), key=lambda each: each.left, default=None)
        return found if found is not None and found.left > self._max_batch else None

    def clear(self) -> list[Waiting]:
        """Take all requests out."""
        left, self._heap, self.images = [each for _, _, each in sorted(self._heap)], [], 0
        return left

    def _push(self, start: int, request: Waiting) -> None:
        heapq.heappush(self._heap, (start, next(self._numbers), request))
