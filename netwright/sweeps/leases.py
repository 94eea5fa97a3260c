"""What machines that share a folder agree on by files alone: who has taken what, and who is alive.

No locks and no clocks: many network disks have no locks, and machines disagree about the time. A thing is taken by
making a file of its name, which one machine only can. Whoever has taken anything changes a file of its own again and
again; others give up on it when they have seen no change for long, by their own clock.
"""

from __future__ import annotations

import os
import secrets
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

__all__ = ["Heart", "SilenceMeter", "take"]

_BEATS = 8  # in the time after which a silent worker is given up


def take(path: Path, holder: str) -> bool:
    """Whether the file was made, by this call alone; False where it is there.

    Args:
        path: Its name is what is taken. Its folder is there.
        holder: Who takes it: the content.

    Raises:
        OSError: The folder cannot be written, or is gone.
    """
    draft = path.with_name(f".{path.name}.{secrets.token_hex(6)}")
    draft.write_text(holder, encoding="utf-8")
    try:
        os.link(draft, path)  # with its content, and never over another file; old network disks have this too
        return True
    except FileExistsError:
        # a network disk asks once more where an answer was lost: then the file that is there already is ours
        return draft.stat().st_nlink == 2
    except OSError:
        return _made(path, holder)  # a disk without hard links
    finally:
        with suppress(OSError):
            draft.unlink()


def _made(path: Path, holder: str) -> bool:
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(holder)
    except FileExistsError:
        return False
    return True


class Heart:
    """A file that changes as long as this process lives and works; in a with statement, from a thread of its own.

    Attributes:
        name: Of this worker: host, process, and what no other one has.
        folder: Of the files.
    """

    def __init__(self, folder: Path, silence: float) -> None:
        """silence: Seconds after which others give this worker up; it shows itself several times as often."""
        self.name = f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(3)}"
        self._path, self._pause = folder / self.name, silence / _BEATS
        self._beats, self._over = 0, threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def beat(self) -> None:
        """Show that it lives."""
        self._beats += 1
        # in place: network disks show the content of a file that is opened anew, and a new file perhaps a minute later
        with suppress(OSError), open(os.open(self._path, os.O_RDWR | os.O_CREAT, 0o644), "r+b") as file:
            file.write(b"%016d\n" % self._beats)

    def _run(self) -> None:
        while not self._over.wait(self._pause):
            if self._path.parent.is_dir():
                self.beat()

    def __enter__(self) -> Self:
        self.beat()
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._over.set()
        self._thread.join()
        with suppress(OSError):
            self._path.unlink()  # what it has taken is free again


class SilenceMeter:
    """Who has been silent for how long, by this machine's clock."""

    def __init__(self, folder: Path, silence: float, now: Callable[[], float] = time.monotonic) -> None:
        """folder: Of the files of each `Heart`; silence: seconds."""
        self._folder, self._silence, self._now = folder, silence, now
        self._seen: dict[str, tuple[bytes, float]] = {}

    def is_gone(self, taken: str, holder: str) -> bool:
        """Whether a worker took its leave, or has shown nothing for too long since it was first looked at.

        Args:
            taken: What it has taken.
            holder: Its name; empty where it ended before it wrote it.
        """
        beat = b""
        if holder:
            try:
                beat = (self._folder / holder).read_bytes()
            except FileNotFoundError:
                return True
            except OSError:  # a disk that answers again later
                return False
        key, now = holder or taken, self._now()
        before = self._seen.get(key)
        if before is None or before[0] != beat:
            self._seen[key] = (beat, now)
            return False
        return now - before[1] > self._silence
