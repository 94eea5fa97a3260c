"""The queue of images to decode: bounded in threads, memory and pixels, and fair to requests of any size."""

from __future__ import annotations

import heapq
import itertools
import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, TypeVar

from netwright.serving.errors import RequestError

__all__ = ["SMALL_PIXELS", "DecodingQueue", "DecodingShare"]

T = TypeVar("T")

# images up to this size always find a thread that no larger one holds, and take little memory
SMALL_PIXELS = 1 << 20
# what an image takes besides its pixels, as pixels
_LEAST_COST = 20_000


@dataclass(slots=True, eq=False)
class DecodingShare:
    """What one request has in the queue; `DecodingQueue.share` makes it."""

    tag: float = 0.0  # of its latest image
    pixels: int = 0  # that wait
    waiting: set[_Job] = field(default_factory=set)


@dataclass(slots=True, eq=False)
class _Job:
    share: DecodingShare
    work: Callable[[], Any]
    pixels: int
    memory: int
    is_large: bool
    future: Future[Any] = field(default_factory=Future)


def _nothing() -> None:
    """The work of an image that nobody waits for."""


class DecodingQueue:
    """Threads that decode images, those of all requests by turns. Its methods are for any thread.

    The turns are by self-clocked fair queueing (Golestani 1994): each image has a tag, the pixels that its request has
    had decoded when it is done, counted from what is decoded now, and the lowest tag comes first. So a small image
    waits for none of a thousand large ones of another request, and requests of equal images are served round robin.

    Args:
        threads: That decode large images. One more is kept for those of up to SMALL_PIXELS.
        memory: Bytes that large images may take while they are decoded; others wait.
        most_pixels: That may wait, of all requests together.
    """

    def __init__(self, *, threads: int, memory: int, most_pixels: int) -> None:
        self.memory, self._threads, self._most_pixels = memory, threads, most_pixels
        self._changed = threading.Condition()
        # (tag, number, job) of small and of large images
        self._heaps: tuple[list[tuple[float, int, _Job]], ...] = ([], [])
        self._numbers = itertools.count()
        self._shares: set[DecodingShare] = set()
        self._now = 0.0  # the tag of the latest image that a thread took
        self._pixels = 0  # that wait
        self._large, self._memory = 0, 0  # images that are decoded now, and the bytes they take
        self._started, self._idle = 0, 0
        self._closing = False

    def share(self) -> DecodingShare:
        """Begin a request; `leave` ends it."""
        return DecodingShare()

    def admit(self, share: DecodingShare, pixels: int) -> None:
        """Count the pixels of a request before its images are put. Where they are too many with those that wait, the
        request with the most of them is refused, which may be another: small ones are admitted at any time.

        Raises:
            RequestError: Where it is this one.
        """
        with self._changed:
            share.pixels += pixels
            self._pixels += pixels
            self._shares.add(share)
            while self._pixels > self._most_pixels and len(self._shares) > 1:
                largest = max(self._shares, key=lambda each: each.pixels)
                error = RequestError(
                    "busy",
                    f"at most {self._most_pixels:,} pixels wait to be decoded, and of {self._pixels:,} now this "
                    f"request has the most, {largest.pixels:,}. Try again later, or with fewer images.",
                    retry_after=2,
                )
                self._release(largest, error)
                if largest is share:
                    raise error

    def put(self, share: DecodingShare, work: Callable[[], T], *, pixels: int = 0, memory: int = 0) -> Future[T]:
        """Have a thread do some work in its turn.

        Args:
            share: Of the request; the pixels are admitted.
            work: What to do.
            pixels: Of the image; 0 for what is quick.
            memory: Bytes that it takes meanwhile, at most those of the queue.

        Returns:
            A future of its result. RequestError where the request is refused meanwhile.
        """
        job = _Job(share, work, pixels, memory, pixels > SMALL_PIXELS)
        with self._changed:
            if self._closing:
                raise RequestError("unavailable", "the server is stopping.", retry_after=1)
            share.tag = max(share.tag, self._now) + max(pixels, _LEAST_COST)
            share.waiting.add(job)
            heapq.heappush(self._heaps[job.is_large], (share.tag, next(self._numbers), job))
            if sum(map(len, self._heaps)) > self._idle and self._started <= self._threads:
                self._started += 1
                threading.Thread(target=self._run, name=f"decode {self._started}", daemon=True).start()
            self._changed.notify()
        return job.future

    def leave(self, share: DecodingShare) -> None:
        """End a request; what still waits of it is dropped."""
        with self._changed:
            self._release(share, None)

    def close(self) -> None:
        """Stop the threads; what waits is cancelled."""
        with self._changed:
            self._closing = True
            for heap in self._heaps:
                for _, _, job in heap:
                    job.future.cancel()
                heap.clear()
            self._changed.notify_all()

    def _release(self, share: DecodingShare, error: RequestError | None) -> None:
        """Take a request out. error: what those who wait for it get. The caller holds the lock."""
        self._pixels -= share.pixels
        share.pixels = 0
        self._shares.discard(share)
        for job in share.waiting:
            if error is None:
                job.future.cancel()
            elif job.future.set_running_or_notify_cancel():
                job.future.set_exception(error)
            job.work = _nothing  # it is in the queue still, and held the image
        share.waiting.clear()

    def _run(self) -> None:
        while (job := self._next()) is not None:
            if job.future.set_running_or_notify_cancel():
                try:
                    job.future.set_result(job.work())
                except BaseException as error:  # the thread lives on, and who waits is told
                    job.future.set_exception(error)
            with self._changed:
                if job.is_large:
                    self._large -= 1
                    self._memory -= job.memory
                    self._changed.notify_all()
            del job  # an idle thread holds no image

    def _next(self) -> _Job | None:
        """Wait for the image whose turn it is; None once the queue is closed."""
        with self._changed:
            while not self._closing:
                if (job := self._take()) is not None:
                    return job
                self._idle += 1
                self._changed.wait()
                self._idle -= 1
            return None

    def _take(self) -> _Job | None:
        """The image with the lowest tag of those that a thread may decode now. The caller holds the lock."""
        small, large = self._heaps
        for heap in self._heaps:
            while heap and heap[0][2] not in heap[0][2].share.waiting:  # its request was refused, or has left
                heapq.heappop(heap)
        has_room = large and self._large < self._threads and self._memory + large[0][2].memory <= self.memory
        heap = large if has_room and (not small or large[0] < small[0]) else small
        if not heap:
            return None
        self._now, _, job = heapq.heappop(heap)
        job.share.waiting.discard(job)
        job.share.pixels -= job.pixels
        self._pixels -= job.pixels
        if job.is_large:
            self._large += 1
            self._memory += job.memory
        return job
