import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path

import numpy as np
import pytest

from netwright.runtime import Runtime, open_runtime
from netwright.serving.errors import RequestError
from netwright.serving.models.batcher import Batcher, BatcherClosed, BatchRecord


@pytest.fixture
def runtime(weights: Path) -> Iterator[Runtime]:
    with open_runtime(weights, threads=1) as found:
        yield found


class Held:
    """A runtime whose computing waits until `go`."""

    def __init__(self, runtime: Runtime) -> None:
        self.inner, self.info = runtime, runtime.info
        self.sizes: list[int] = []
        self.go, self.has_begun = threading.Event(), threading.Event()
        self.normalize = runtime.normalize

    def logits(self, x: np.ndarray) -> np.ndarray:
        self.sizes.append(len(x))
        self.has_begun.set()
        assert self.go.wait(20)
        return self.inner.logits(x)

    def close(self) -> None:
        pass


def pixels(count: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (count, 16, 16, 3), dtype=np.uint8)


def batcher(runtime: object, **more: float) -> Batcher:
    settings = {"max_batch": 4, "max_delay": 0.0, "max_queue": 8} | more
    return Batcher(runtime, **settings)  # type: ignore[arg-type]


def test_each_gets_its_own_answer(runtime: Runtime) -> None:
    made = batcher(runtime, max_queue=100, max_delay=0.05)
    inputs = [pixels(1 + seed % 3, seed) for seed in range(20)]
    futures = [made.submit(rows) for rows in inputs]
    for rows, future in zip(inputs, futures, strict=True):
        expected = runtime.logits(runtime.normalize(rows))
        np.testing.assert_allclose(future.result(20), expected, rtol=1e-4, atol=1e-5)
    made.close()


def test_pixels_and_normalized_images_are_computed_together(runtime: Runtime) -> None:
    held = Held(runtime)
    made = batcher(held)
    first = made.submit(pixels(1))
    assert held.has_begun.wait(10)
    both = [made.submit(pixels(1)), made.submit(runtime.normalize(pixels(1)))]
    held.go.set()
    np.testing.assert_allclose(both[0].result(10), both[1].result(10), rtol=1e-4, atol=1e-5)
    first.result(10)
    assert held.sizes == [1, 2]
    made.close()


def test_what_waits_is_batched_in_order_and_large_requests_in_parts(runtime: Runtime) -> None:
    held, seen = Held(runtime), list[BatchRecord]()
    made = Batcher(held, max_batch=4, max_delay=0.0, max_queue=100, on_batch=seen.append)  # type: ignore[arg-type]
    first = made.submit(pixels(1))
    assert held.has_begun.wait(10)
    futures = [made.submit(pixels(count)) for count in (2, 2, 1, 9)]
    held.go.set()
    assert [len(future.result(10)) for future in (first, *futures)] == [1, 2, 2, 1, 9]
    assert held.sizes == [1, 4, 1, 4, 4, 1]
    made.close()
    assert [batch.images for batch in seen] == [1, 4, 1, 4, 4, 1]
    assert [[images for images, _ in batch.parts] for batch in seen] == [[1], [4], [1], [4], [4], [1]]
    assert [batch.requests for batch in seen] == [1, 2, 1, 0, 0, 1]


def test_a_large_request_holds_up_no_small_one(runtime: Runtime) -> None:
    held, order = Held(runtime), list[str]()
    made = batcher(held, max_queue=20)
    large = made.submit(pixels(40))
    assert held.has_begun.wait(10)
    other = made.submit(pixels(40, 1))
    small = [made.submit(pixels(1, seed)) for seed in (2, 3)]
    for name, future in (("large", large), ("other", other), ("small", small[0]), ("small", small[1])):
        future.add_done_callback(lambda _, name=name: order.append(name))
    held.go.set()
    for seed, future in ((0, large), (1, other), (2, small[0]), (3, small[1])):
        rows = pixels(len(future.result(10)), seed)
        np.testing.assert_allclose(future.result(10), runtime.logits(runtime.normalize(rows)), rtol=1e-4, atol=1e-5)
    made.close()
    assert order == ["small", "small", "large", "other"]
    assert held.sizes[:3] == [4, 4, 2]  # what is computed, then who came first of those that start now


def test_where_the_queue_is_full_the_largest_request_makes_room(runtime: Runtime) -> None:
    held = Held(runtime)
    made = batcher(held)
    first = made.submit(pixels(1))
    assert held.has_begun.wait(10)
    large = [made.submit(pixels(count)) for count in (20, 30)]  # each counts as one batch of 4
    small = made.submit(pixels(1))
    with pytest.raises(RequestError, match="at most 8 images wait for tiny, and 51 do"):
        large[1].result(0)
    held.go.set()
    assert [len(future.result(10)) for future in (first, large[0], small)] == [1, 20, 1]
    made.close()
    assert made.waiting == 0


def test_of_a_large_request_whose_client_is_gone_nothing_more_is_computed(runtime: Runtime) -> None:
    held = Held(runtime)
    made = batcher(held)
    large = made.submit(pixels(40))
    assert held.has_begun.wait(10)
    assert large.cancel()
    held.go.set()
    assert len(made.submit(pixels(1)).result(10)) == 1
    made.close()
    assert held.sizes == [4, 1]


def test_the_first_waits_for_others_during_the_batching_delay(runtime: Runtime) -> None:
    held = Held(runtime)
    held.go.set()
    made = batcher(held, max_delay=20.0)
    began = time.monotonic()
    futures = [made.submit(pixels(1)) for _ in range(4)]
    for future in futures:
        future.result(10)
    assert held.sizes == [4]
    assert time.monotonic() - began < 10  # a full batch waits no longer
    made.close()


def test_a_full_queue_refuses_with_a_time_and_cancelling_frees_the_place(runtime: Runtime) -> None:
    held = Held(runtime)
    made = batcher(held)
    first = made.submit(pixels(1))
    assert held.has_begun.wait(10)
    waiting = [made.submit(pixels(4)) for _ in range(2)]
    with pytest.raises(RequestError, match="at most 8 images wait for tiny, and 8 do") as caught:
        made.submit(pixels(1))
    assert caught.value.status == 429
    assert caught.value.retry_after == 1
    assert waiting[0].cancel()
    last = made.submit(pixels(4))
    held.go.set()
    assert len(last.result(10)) == len(waiting[1].result(10)) == 4
    first.result(10)
    made.close()
    assert sum(held.sizes) == 9


def test_what_is_late_is_not_computed(runtime: Runtime) -> None:
    held = Held(runtime)
    made = batcher(held)
    first = made.submit(pixels(1))
    assert held.has_begun.wait(10)
    late = made.submit(pixels(2), deadline=time.monotonic())
    held.go.set()
    with pytest.raises(RequestError, match="ran out"):
        late.result(10)
    first.result(10)
    made.close()
    assert held.sizes == [1]


def test_closing_answers_what_was_accepted(runtime: Runtime) -> None:
    held = Held(runtime)
    made = batcher(held)
    futures = [made.submit(pixels(2)) for _ in range(4)]
    closing = threading.Thread(target=made.close)
    closing.start()
    time.sleep(0.05)
    with pytest.raises(BatcherClosed):
        made.submit(pixels(1))
    held.go.set()
    assert [len(future.result(10)) for future in futures] == [2] * 4
    closing.join(10)


def test_waiting_requests_get_the_error_and_the_next_is_answered(runtime: Runtime) -> None:
    made = batcher(runtime)
    bad = made.submit(np.zeros((1, 3, 8, 8), dtype=np.float32))
    with pytest.raises(RequestError, match="tiny cannot compute this"):
        bad.result(10)
    assert made.submit(pixels(1)).result(10).shape == (1, 3)
    made.close()


@pytest.mark.slow
def test_many_threads(runtime: Runtime) -> None:
    made = batcher(runtime, max_queue=1000)
    wrong = []

    def ask(seed: int) -> None:
        for each in range(20):
            rows = pixels(1 + each % 4, 100 * seed + each)
            expected = runtime.logits(runtime.normalize(rows))
            if not np.allclose(made.submit(rows).result(20), expected, rtol=1e-4, atol=1e-5):
                wrong.append((seed, each))

    threads = [threading.Thread(target=ask, args=(seed,)) for seed in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    made.close()


def test_how_long_the_network_computes_is_seen_and_each_part_for_itself(runtime: Runtime) -> None:
    held = Held(runtime)
    made = batcher(held)
    assert made.computing == 0
    first = made.submit(pixels(1))
    assert held.has_begun.wait(10)
    time.sleep(0.05)
    assert 0.05 <= made.computing < 10
    held.go.set()
    first.result(10)
    made.close()
    assert made.computing == 0


def test_what_was_accepted_and_failed_is_recorded_too(runtime: Runtime) -> None:
    held, seen = Held(runtime), list[BatchRecord]()
    made = Batcher(held, max_batch=4, max_delay=0.0, max_queue=100, on_batch=seen.append)  # type: ignore[arg-type]
    first = made.submit(pixels(1))
    assert held.has_begun.wait(10)
    late = made.submit(pixels(2), deadline=time.monotonic())
    bad = made.submit(np.zeros((1, 3, 8, 8), dtype=np.float32))
    held.go.set()
    for future in (late, bad):
        with pytest.raises(RequestError):
            future.result(10)
    good = [made.submit(pixels(2)), made.submit(pixels(2))]
    for future in (first, *good):
        future.result(10)
    made.close()
    assert [(each.images, each.requests) for each in seen if each.has_failed] == [(2, 1), (1, 1)]
    answered = [each for each in seen if not each.has_failed]
    assert (sum(each.images for each in answered), sum(each.requests for each in answered)) == (5, 3)
    assert all(0 <= each.preparing <= each.seconds and each.queued >= each.waited for each in answered)


def test_a_batch_is_recorded_before_its_requests_are_answered(runtime: Runtime) -> None:
    """Who gets an answer and then asks for the statistics finds it counted: computed, failed and late alike."""
    held, futures, answered = Held(runtime), list[Future[np.ndarray]](), list[list[bool]]()

    def record(batch: BatchRecord) -> None:
        answered.append([future.done() for future in futures])

    made = Batcher(held, max_batch=1, max_delay=0.0, max_queue=100, on_batch=record)  # type: ignore[arg-type]
    futures.append(made.submit(pixels(1)))
    assert held.has_begun.wait(10)
    futures += [made.submit(np.zeros((1, 3, 5, 5), dtype=np.float32)), made.submit(pixels(1), time.monotonic())]
    held.go.set()
    made.close()
    assert answered == [[False, False, False], [True, False, False], [True, True, False]]
    assert [future.exception() is None for future in futures] == [True, False, False]
