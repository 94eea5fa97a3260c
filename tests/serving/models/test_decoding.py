"""The queue of images to decode: who comes first, what waits, and what is refused."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError, Future
from contextlib import contextmanager
from typing import Any

import pytest

from netwright.serving.errors import RequestError
from netwright.serving.models.decoding import SMALL_PIXELS, DecodingQueue

LARGE = 40_000_000
Until = Callable[[Callable[[], bool]], None]


@contextmanager
def queue_of(**changes: int) -> Iterator[DecodingQueue]:
    queue = DecodingQueue(**({"threads": 1, "memory": 10 * LARGE, "most_pixels": 100 * LARGE} | changes))
    try:
        yield queue
    finally:
        queue.close()


def hold(queue: DecodingQueue, pixels: int = LARGE, memory: int = 0) -> tuple[threading.Event, Future[Any]]:
    """An image that is decoded until the event is set."""
    go, begun = threading.Event(), threading.Event()

    def work() -> None:
        begun.set()
        assert go.wait(20)

    share = queue.share()
    queue.admit(share, pixels)
    future = queue.put(share, work, pixels=pixels, memory=memory)
    assert begun.wait(10)
    return go, future


def put_all(queue: DecodingQueue, name: str, count: int, pixels: int, done: list[str]) -> list[Future[Any]]:
    share = queue.share()
    queue.admit(share, count * pixels)
    return [queue.put(share, lambda: done.append(name), pixels=pixels) for _ in range(count)]


def test_requests_of_equal_images_are_decoded_round_robin() -> None:
    done: list[str] = []
    with queue_of() as queue:
        go, _ = hold(queue)
        futures = [each for name in "abc" for each in put_all(queue, name, 4, LARGE, done)]
        go.set()
        for future in futures:
            future.result(10)
    assert done == list("abc" * 4)


def test_a_small_image_waits_for_none_of_a_thousand_large_ones() -> None:
    done: list[str] = []
    with queue_of(most_pixels=10_000 * LARGE) as queue:
        go, _ = hold(queue)
        futures = put_all(queue, "large", 1000, LARGE, done)
        # by the thread that is kept for them, while a large one is decoded
        put_all(queue, "small", 1, SMALL_PIXELS, done)[0].result(10)
        assert done == ["small"]
        # one above that size comes next
        later = put_all(queue, "middle", 1, SMALL_PIXELS + 1, done)
        go.set()
        for future in futures + later:
            future.result(20)
    assert done[1] == "middle"


def test_a_large_image_is_not_put_off_by_small_ones_for_ever() -> None:
    done: list[str] = []
    with queue_of() as queue:
        go, _ = hold(queue)
        futures = put_all(queue, "large", 1, 20 * SMALL_PIXELS, done)
        for _ in range(100):
            futures += put_all(queue, "middle", 1, 2 * SMALL_PIXELS, done)
            futures += put_all(queue, "middle", 1, 2 * SMALL_PIXELS, done)
        go.set()
        for future in futures:
            future.result(20)
    assert "large" in done


def test_images_wait_for_memory_and_for_threads(until: Until) -> None:
    with queue_of(threads=3, memory=100) as queue:
        first, _ = hold(queue, memory=60)
        share = queue.share()
        queue.admit(share, 2 * LARGE)
        waits = queue.put(share, lambda: "second", pixels=LARGE, memory=50)
        with pytest.raises(TimeoutError):
            waits.result(0.1)
        first.set()
        assert waits.result(10) == "second"
        held = [hold(queue, memory=30) for _ in range(3)]
        fourth = queue.put(share, lambda: "fourth", pixels=LARGE, memory=1)
        with pytest.raises(TimeoutError):
            fourth.result(0.1)
        for go, _ in held:
            go.set()
        assert fourth.result(10) == "fourth"
        until(lambda: queue._memory == queue._large == 0)


def test_where_too_many_pixels_wait_the_request_with_the_most_is_refused() -> None:
    done: list[str] = []
    with queue_of(most_pixels=10 * LARGE) as queue:
        go, _ = hold(queue)
        futures = put_all(queue, "eight", 8, LARGE, done)
        others = put_all(queue, "two", 2, LARGE, done)
        with pytest.raises(
            RequestError,
            match="of 760,000,000 now this request has the most, 360,000,000",
        ) as caught:
            put_all(queue, "nine", 9, LARGE, done)
        assert (caught.value.status, caught.value.retry_after) == (429, 2)
        others += put_all(queue, "one", 1, LARGE, done)
        go.set()
        for future in others:
            future.result(10)
        for future in futures:
            with pytest.raises(RequestError, match="has the most"):
                future.result(0)
    assert sorted(done) == ["one", "two", "two"]


def test_one_that_is_alone_is_admitted_whatever_it_is() -> None:
    done: list[str] = []
    with queue_of(most_pixels=1) as queue:
        put_all(queue, "a", 1, LARGE, done)[0].result(10)
    assert done == ["a"]


def test_what_a_request_left_behind_is_dropped() -> None:
    done: list[str] = []
    with queue_of() as queue:
        go, held = hold(queue)
        share = queue.share()
        queue.admit(share, 2 * LARGE)
        futures = [queue.put(share, lambda: done.append("gone"), pixels=LARGE) for _ in range(2)]
        queue.leave(share)
        go.set()
        put_all(queue, "next", 1, LARGE, done)[0].result(10)
        assert all(future.cancelled() for future in futures)
        held.result(10)
        assert queue._pixels == 0
    assert done == ["next"]


def test_a_failure_reaches_who_waits_and_the_thread_lives_on() -> None:
    with queue_of() as queue:
        share = queue.share()
        with pytest.raises(ZeroDivisionError):
            queue.put(share, lambda: 1 / 0).result(10)
        assert queue.put(share, lambda: 2).result(10) == 2


def test_a_closed_queue_cancels_and_refuses() -> None:
    with queue_of() as queue:
        go, _ = hold(queue)
        share = queue.share()
        waits = queue.put(share, lambda: 1, pixels=LARGE)
        queue.close()
        with pytest.raises(CancelledError):
            waits.result(10)
        with pytest.raises(RequestError, match="stopping"):
            queue.put(share, lambda: 1)
        go.set()
