import time

import pytest
from torch.distributed import HashStore

from netwright.errors import DistributedError
from netwright.training.watchdog import Watchdog

INTERVAL = 0.02


def watchdog(store: HashStore, rank: int, ends: list[str], timeout: float = 60.0, world: int = 2) -> Watchdog:
    return Watchdog(store, rank, world, timeout, end=ends.append, interval=INTERVAL)


def until(ends: list[str], seconds: float = 5.0) -> str:
    limit = time.monotonic() + seconds
    while not ends and time.monotonic() < limit:
        time.sleep(INTERVAL)
    return ends[0] if ends else ""


@pytest.mark.slow
def test_ranks_that_go_on_are_left_alone():
    store, ends = HashStore(), []
    pair = [watchdog(store, rank, ends, timeout=0.2) for rank in (0, 1)]
    for each in pair:
        each.start()
    for _ in range(30):
        for each in pair:
            each.heartbeat()
        time.sleep(INTERVAL)
    for each in reversed(pair):
        each.stop()
    assert ends == []


def test_a_rank_that_says_nothing_more_has_a_name():
    store, ends = HashStore(), []
    store.set("watch/1", "5 7")
    watchdog(store, 0, ends).start()
    assert until(ends).startswith("rank 1 has been silent for")


def test_a_rank_that_lives_and_hangs_has_a_name():
    store, ends = HashStore(), []
    pair = [watchdog(store, 0, ends, timeout=0.3), watchdog(store, 1, [], timeout=60)]
    pair[0].heartbeat()
    for each in pair:
        each.start()
    assert until(ends).startswith("rank 1 has made no progress for 0.3 s (since its step 0)")
    pair[1].stop()


def test_why_a_rank_stopped_reaches_the_others():
    store, ends = HashStore(), []
    pair = [watchdog(store, 0, ends), watchdog(store, 1, [])]
    for each in pair:
        each.start()
    pair[1].report_failure(ValueError("no images"))
    assert until(ends) == "rank 1 stopped: ValueError: no images"
    with pytest.raises(DistributedError, match="rank 1 stopped: ValueError: no images"):
        pair[0].raise_if_lost(RuntimeError("connection closed"))


@pytest.mark.slow
def test_a_rank_that_is_done_is_not_missed():
    store, ends = HashStore(), []
    pair = [watchdog(store, rank, ends, timeout=60) for rank in (0, 1)]
    for each in pair:
        each.start()
    pair[1].stop()
    time.sleep(INTERVAL * 30)
    assert ends == []
    pair[0].stop()
