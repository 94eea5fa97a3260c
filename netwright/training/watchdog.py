"""Watch the other ranks from a thread: one that died or hangs ends the run with an error that names it."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable

from torch.distributed import Store  # type: ignore[attr-defined]

from netwright.errors import DistributedError

__all__ = ["Watchdog"]

_INTERVAL = 1.0  # seconds between checks
_MISSED = 10  # checks that a living process may miss
_RANK_0_IS_GONE = "rank 0 is gone, and the others cannot continue without it. See its output above."


class Watchdog:
    """Publishes once a second that this rank lives and how much it has done, and checks the others.

    A rank that publishes nothing for ten seconds is dead or stopped. When no rank has done anything for `timeout`
    seconds, those that have done the least hang. Either ends this process with status 1, because a collective that
    waits for a lost rank cannot be interrupted.

    Args:
        store: Shared by the ranks.
        rank: Of this process.
        world: Number of ranks.
        timeout: Seconds without progress.
        end: Called with a message instead of ending the process.
        interval: Seconds between checks.
    """

    def __init__(
        self,
        store: Store,
        rank: int,
        world: int,
        timeout: float,
        end: Callable[[str], None] | None = None,
        interval: float = _INTERVAL,
    ) -> None:
        self._store, self._rank, self._world, self._timeout = store, rank, world, timeout
        self._end, self._interval = end or _end_process, interval
        self._done = 0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="watchdog", daemon=True)
        self._seen: dict[int, tuple[str, float]] = {}

    def start(self) -> None:
        """Start the thread."""
        self._publish(0)
        self._thread.start()

    def heartbeat(self) -> None:
        """Count that this rank has done something."""
        self._done += 1

    def stop(self) -> None:
        """Tell the others that this rank is done; rank 0, which has the store, waits for them."""
        self._over.set()
        self._thread.join()
        self._store.set(self._key(self._rank), "done")
        until = time.monotonic() + _MISSED * self._interval
        others = [self._key(rank) for rank in range(self._world)] if self._rank == 0 else []
        while others and time.monotonic() < until:
            if all(value == b"done" for value in self._store.multi_get(others)):
                return
            time.sleep(self._interval / 20)

    def report_failure(self, error: BaseException) -> None:
        """Tell the others why this rank ends."""
        self._over.set()
        try:
            self._store.set(self._key(self._rank), f"failed {type(error).__name__}: {error}")
        except RuntimeError:  # the store ended with rank 0
            return

    def raise_if_lost(self, error: BaseException) -> None:
        """After a failed collective, find the rank that is gone.

        Raises:
            DistributedError: With that rank, if there is one.
        """
        until = time.monotonic() + (_MISSED + 3) * self._interval
        while time.monotonic() < until:
            if (lost := self._lost()) is not None:
                raise DistributedError(lost) from error
            time.sleep(self._interval / 4)

    def _key(self, rank: int) -> str:
        return f"watch/{rank}"

    def _publish(self, check: int) -> None:
        self._store.set(self._key(self._rank), f"{check} {self._done}")

    def _run(self) -> None:
        check = 0
        while not self._over.wait(self._interval):
            check += 1
            try:
                self._publish(check)
                lost = self._lost()
            except RuntimeError:
                lost = _RANK_0_IS_GONE
            if lost is not None and not self._over.is_set():
                self._end(lost)
                return

    def _lost(self) -> str | None:
        """What is wrong with another rank, or None."""
        now = time.monotonic()
        keys = [self._key(rank) for rank in range(self._world)]
        try:
            if not self._store.check(keys):
                return None
            values = [value.decode(errors="replace") for value in self._store.multi_get(keys)]
        except RuntimeError:
            return _RANK_0_IS_GONE
        for rank, value in enumerate(values):
            if rank == self._rank or value == "done":
                continue
            if value.startswith("failed"):
                return f"rank {rank} stopped: {value.removeprefix('failed ')}"
            if self._seen.get(rank, ("", 0.0))[0] != value:
                self._seen[rank] = (value, now)
            elif now - self._seen[rank][1] > _MISSED * self._interval:
                return (
                    f"rank {rank} has been silent for {now - self._seen[rank][1]:.0f} s: it was killed or stopped, and "
                    "the others cannot continue without it. The last state is kept; the same command resumes from it."
                )
        return self._hanging(values, now)

    def _hanging(self, values: list[str], now: float) -> str | None:
        done = [int(value.split()[1]) if " " in value else None for value in values]
        counts = ",".join(map(str, done))
        if self._seen.get(-1, ("", 0.0))[0] != counts:
            self._seen[-1] = (counts, now)
        elif now - self._seen[-1][1] > self._timeout:
            least = min(count for count in done if count is not None)
            behind = [str(rank) for rank, count in enumerate(done) if count == least]
            return (
                f"rank {', '.join(behind)} has made no progress for {self._timeout:g} s (since its step {least}), and "
                "the others wait for it. The last state is kept; the same command resumes from it; --timeout waits "
                "longer."
            )
        return None


def _end_process(message: str) -> None:
    # not logged: the process ends at once, whatever handlers there are
    sys.stderr.write(f"netwright: {message}\n")
    sys.stderr.flush()
    os._exit(1)
