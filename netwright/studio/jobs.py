"""Programs that the studio started: sweeps and trainings, each in a process of its own that outlives the page.

What is known of a job is in a file beside its log, so that a studio that is started again, or a second one on the same
folder, knows it too. Only a process that a studio started is ever signaled: its number and the moment of its start are
compared first, for numbers are used again.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from netwright.studio.commands import as_typed
from netwright.studio.errors import StudioError
from netwright.system.atomic import write_text
from netwright.system.lock import locked

__all__ = ["HIDDEN", "Job", "Jobs", "aside"]

HIDDEN = ".studio"  # in the folder of the runs
_ASIDE = " + more"  # a program that adds trials to a sweep while another one trains it
_TAIL_BYTES = 16_000
_ENDED = "ended"


@dataclass(frozen=True, slots=True)
class Job:
    """A program.

    Attributes:
        id: Of the run that it makes, as in the list.
        words: The command, from `netwright` on.
        pid: Of its process, which leads a group of its own.
        start: When that process began, as the system counts; empty where it does not tell.
        began: Seconds since 1970.
        status: Its exit status; None while it runs, or where nobody saw it end.
        wish: What was last wanted of it: "run", "pause" or "stop".
    """

    id: str
    words: tuple[str, ...]
    pid: int
    start: str
    began: float
    status: int | None = None
    wish: str = "run"


def aside(id: str) -> str:
    """The id of a program that adds something to a run while another program works on it."""
    return f"{id}{_ASIDE}"


class Jobs:
    """Starts, pauses and stops programs, and knows those of earlier studios."""

    def __init__(self, home: Path | None) -> None:
        self._home = None if home is None else home / HIDDEN
        self._own: dict[str, subprocess.Popen[bytes]] = {}
        self._lock = threading.Lock()

    def start(self, id: str, words: Sequence[str]) -> Job:
        """Start a program.

        Args:
            id: Of the run that it makes.
            words: The command, from `netwright` on.

        Raises:
            StudioError: It runs already, or nothing may be started here.
        """
        home = self._require_home()
        home.mkdir(parents=True, exist_ok=True)
        # and not twice by two studios of one folder
        with self._lock, locked(home / "starting"):
            job = self._known(id)
            if job is not None and self._state(job) in ("running", "paused"):
                raise StudioError(409, f"{id} runs already. Wait for it, or stop it.")
            log = self._log_of(id)
            with log.open("ab") as file:
                file.write(f"\n$ {as_typed(words)}\n".encode())
                file.flush()
                # a session of its own: Ctrl-C at the studio ends the studio alone
                process = subprocess.Popen(
                    [sys.executable, "-m", "netwright", *words[1:]],
                    stdin=subprocess.DEVNULL,
                    stdout=file,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
            self._own[id] = process
            job = Job(id, tuple(words), process.pid, _start_of(process.pid), time.time())
            self._write(job)
            return job

    def signal(self, id: str, wish: str) -> Job:
        """Pause, resume or stop a program. wish: "pause", "run" or "stop".

        A program that stops keeps what it has finished, and the same command continues. One that is paused keeps its
        memory and its running trials.

        Raises:
            StudioError: No studio of this folder started it, or it does not run.
        """
        with self._lock:
            job = self._known(id)
            state = "" if job is None else self._state(job)
            if job is None or state not in ("running", "paused"):
                raise StudioError(
                    409, f"{id} is not run by a studio of this folder now. Where it was started, Ctrl-C ends it."
                )
            group = os.getpgid(job.pid)
            if group != job.pid:
                raise StudioError(409, f"{id} is not run by a studio of this folder now.")
            if wish == "pause":
                os.killpg(group, signal.SIGSTOP)
            else:
                os.killpg(group, signal.SIGCONT)
            if wish == "stop":
                os.kill(job.pid, signal.SIGINT)  # as Ctrl-C does: it ends its own workers
            job = Job(**asdict(job) | {"words": job.words, "wish": wish})
            self._write(job)
            return job

    def all(self) -> list[dict[str, Any]]:
        """id, state ("running", "paused" or "ended"), status, wish, command and `is_sweep` of each job."""
        with self._lock:
            found = []
            for path in sorted(self._home.glob("*.json")) if self._home is not None and self._home.is_dir() else ():
                job = _read(path)
                if job is not None:
                    found.append(
                        {
                            "id": job.id,
                            "state": self._state(job),
                            "status": self._status(job),
                            "wish": job.wish,
                            "command": as_typed(job.words),
                            "is_sweep": job.words[1:2] == ("sweep",) and not job.id.endswith(_ASIDE),
                            "began": job.began,
                        }
                    )
            return found

    def is_running(self, id: str) -> bool:
        """Whether it runs, or is paused."""
        with self._lock:
            job = self._known(id)
            return job is not None and self._state(job) != _ENDED

    def words(self, id: str) -> tuple[str, ...]:
        """The command of a job; empty where there is none."""
        job = self._known(id)
        return () if job is None else job.words

    def log(self, id: str) -> str:
        """The end of what it printed, and of what was added to it."""
        return "\n".join(text for text in (self._tail(id), self._tail(aside(id))) if text)

    def _tail(self, id: str) -> str:
        if self._home is None:
            return ""
        with suppress(OSError), self._log_of(id).open("rb") as file:
            file.seek(0, os.SEEK_END)
            file.seek(max(0, file.tell() - _TAIL_BYTES))
            lines = file.read().decode("utf-8", "replace").splitlines()
            # a progress line overwrites itself
            return "\n".join(line.rpartition("\r")[2] for line in lines)
        return ""

    def _require_home(self) -> Path:
        if self._home is None:
            raise StudioError(
                409, "nothing can be started here: the studio shows single runs. Start it on a folder, such as runs/."
            )
        return self._home

    def _state(self, job: Job) -> str:
        own = self._own.get(job.id)
        if own is not None and own.pid == job.pid:
            if own.poll() is not None:
                if job.status is None:
                    self._write(Job(**asdict(job) | {"words": job.words, "status": own.returncode}))
                return _ENDED
        elif job.status is not None or not _is(job):
            return _ENDED
        return "paused" if _letter(job.pid) == "T" else "running"

    def _status(self, job: Job) -> int | None:
        own = self._own.get(job.id)
        return own.poll() if own is not None and own.pid == job.pid else job.status

    def _known(self, id: str) -> Job | None:
        return None if self._home is None else _read(self._path_of(id, ".json"))

    def _write(self, job: Job) -> None:
        text = json.dumps(asdict(job))
        write_text(self._path_of(job.id, ".json"), text, what="what is known of a job", elsewhere="another folder")

    def _log_of(self, id: str) -> Path:
        return self._path_of(id, ".log")

    def _path_of(self, id: str, suffix: str) -> Path:
        assert self._home is not None, "checked before"
        return self._home / (id.replace("/", "__") + suffix)


def _read(path: Path) -> Job | None:
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        return Job(**values | {"words": tuple(values["words"])})
    except (OSError, ValueError, TypeError, KeyError):
        return None  # none, or of another version


def _is(job: Job) -> bool:
    """Whether its process is there, and not another one of that number."""
    if not job.start:
        try:
            os.kill(job.pid, 0)
        except OSError:
            return False
        return True
    return _start_of(job.pid) == job.start and _letter(job.pid) != "Z"


def _fields(pid: int) -> list[str]:
    """What Linux tells of a process after its name, which may have any letters; empty elsewhere."""
    with suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    return []


def _start_of(pid: int) -> str:
    fields = _fields(pid)
    return fields[19] if len(fields) > 19 else ""


def _letter(pid: int) -> str:
    fields = _fields(pid)
    return fields[0] if fields else ""
