"""A look at the other ranks, from a thread: one that died or hangs ends the run with its name, instead of never."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable

from torch.distributed import Store  # type: ignore[attr-defined]

from netwright.errors import DistributedError

__all__ = ["Watch"]

_EVERY = 1.0  # seconds between looks
_LATE = 10  # looks that a living process may miss


class Watch:
    """Each rank publishes once a second that it lives, and how much it has done.

    A rank that publishes nothing for ten seconds is dead or stopped; when no rank has done anything for `timeout`
    seconds, those that have done the least hang. Either ends this process with status 1, because a collective that
    waits for a lost rank cannot be interrupted otherwise.
    """

    def __init__(
        self,
        store: Store,
        rank: int,
        world: int,
        timeout: float,
        end: Callable[[str], None] | None = None,
        every: float = _EVERY,
    ) -> None:
        self._store, self._rank, self._world, self._timeout = store, rank, world, timeout
        self._end, self._every = end or _end, every
        self._done = 0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="watch", daemon=True)
        self._seen: dict[int, tuple[str, float]] = {}

    def start(self) -> None:
        self._publish(0)
        self._thread.start()

    def beat(self) -> None:
        """This rank has done something."""
        self._done += 1

    def stop(self) -> None:
        """This rank is done: nobody waits for it any more. Rank 0, where the store is, is the last to go."""
        self._over.set()
        self._thread.join()
        self._store.set(self._key(self._rank), "done")
        until = time.monotonic() + _LATE * self._every
        others = [self._key(rank) for rank in range(self._world)] if self._rank == 0 else []
        while others and time.monotonic() < until:
            if all(value == b"done" for value in self._store.multi_get(others)):
                return
            time.sleep(self._every / 20)

    def report(self, error: BaseException) -> None:
        """Tell the others why this rank ends."""
        self._over.set()
        try:
            self._store.set(self._key(self._rank), f"failed {type(error).__name__}: {error}")
        except RuntimeError:  # the store went with rank 0
            return

    def blame(self, error: BaseException) -> None:
        """After a collective failed: raises DistributedError with the rank that is gone, if one is."""
        until = time.monotonic() + (_LATE + 3) * self._every
        while time.monotonic() < until:
            if (lost := self._lost()) is not None:
                raise DistributedError(lost) from error
            time.sleep(self._every / 4)

    def _key(self, rank: int) -> str:
        return f"watch/{rank}"

    def _publish(self, look: int) -> None:
        self._store.set(self._key(self._rank), f"{look} {self._done}")

    def _run(self) -> None:
        look = 0
        while not self._over.wait(self._every):
            look += 1
            try:
                self._publish(look)
                lost = self._lost()
            except RuntimeError:
                lost = "rank 0 is gone, and the others cannot go on without it. See its output above."
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
            return "rank 0 is gone, and the others cannot go on without it. See its output above."
        for rank, value in enumerate(values):
            if rank == self._rank or value == "done":
                continue
            if value.startswith("failed"):
                return f"rank {rank} stopped: {value.removeprefix('failed ')}"
            if self._seen.get(rank, ("", 0.0))[0] != value:
                self._seen[rank] = (value, now)
            elif now - self._seen[rank][1] > _LATE * self._every:
                return (
                    f"rank {rank} has said nothing for {now - self._seen[rank][1]:.0f} s: it was killed or stopped, "
                    "and the others cannot go on without it. The last state is kept; the same command goes on."
                )
        return self._hangs(values, now)

    def _hangs(self, values: list[str], now: float) -> str | None:
        done = [int(value.split()[1]) if " " in value else None for value in values]
        counts = ",".join(map(str, done))
        if self._seen.get(-1, ("", 0.0))[0] != counts:
            self._seen[-1] = (counts, now)
        elif now - self._seen[-1][1] > self._timeout:
            least = min(count for count in done if count is not None)
            behind = [str(rank) for rank, count in enumerate(done) if count == least]
            return (
                f"rank {', '.join(behind)} has made no progress for {self._timeout:g} s (step {least} of its own), and "
                "the others wait for it. The last state is kept; the same command goes on; --timeout waits longer."
            )
        return None


def _end(message: str) -> None:
    print(f"netwright: {message}", file=sys.stderr, flush=True)
    os._exit(1)
