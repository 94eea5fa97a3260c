"""A worker as its executor sees it: a process, its pipes, and its trial."""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import IO, Any

from netwright.sweeps.executor import TrialSpec

__all__ = ["WorkerProcess"]

_KEPT_OUTPUT = 2000  # bytes at the end of a worker's standard error


class WorkerProcess:
    """One process, and a thread that puts its events into the inbox as (worker, event), and None after the last.

    Attributes:
        number: Among the workers that live.
        device: Where it trains.
        trial: What it trains, or None.
        curve: Records of the trial's epochs so far.
        ready: Whether it has imported torch and takes trials.
        since: When its trial began, or before any when it was started (`time.monotonic`).
        last_heard: When its trial began or last told something.
        is_named: The log says that its trial is silent.
    """

    def __init__(self, number: int, manifest: Path, threads: int, device: str, inbox: queue.Queue[Any]) -> None:
        self.number, self.device = number, device
        self.trial: TrialSpec | None = None
        self.curve: list[dict[str, Any]] = []
        self.ready = self.is_named = False
        self.since = self.last_heard = time.monotonic()
        self._errors: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - as long as the process
        # BLAS and OpenMP read these when they are loaded, so they are set before the process starts
        share = {name: str(threads) for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")}
        # the worker imports what the program would: with -P it ignores a queue.py in the current folder
        share["PYTHONPATH"] = os.pathsep.join(sys.path)
        self.process = subprocess.Popen(
            [sys.executable, "-P", "-m", "netwright.sweeps.worker", str(manifest), str(threads), device],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
            env=os.environ | share,
            start_new_session=True,  # Ctrl-C is for the program, which then ends its workers
        )
        self._listener = threading.Thread(target=self._listen, args=(inbox,), daemon=True)
        self._listener.start()

    def _listen(self, inbox: queue.Queue[Any]) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            with suppress(json.JSONDecodeError):  # a worker that is killed leaves half a line
                inbox.put((self, json.loads(line)))
        inbox.put((self, None))

    def assign(self, trial: TrialSpec) -> bool:
        """Send it a trial; False where the worker is dead."""
        self.trial, self.curve, self.is_named = trial, [], False
        self.since = self.last_heard = time.monotonic()
        return self.send(asdict(trial))

    def send(self, values: Mapping[str, Any]) -> bool:
        """A line to its standard input; False where the worker is dead."""
        assert self.process.stdin is not None
        try:
            self.process.stdin.write(json.dumps(values) + "\n")
            self.process.stdin.flush()
        except OSError:
            return False
        return True

    def heard(self) -> float:
        """It told something; returns the seconds of silence before that."""
        now = time.monotonic()
        silence, self.last_heard, self.is_named = now - self.last_heard, now, False
        return silence

    def end(self, seconds: float) -> str:
        """Kill it if it is alive, which ends a stopped one too; returns the end of its standard error.

        Args:
            seconds: How long it is waited for: one that hangs within the system, on a dead disk or device, stays.
        """
        if self.process.poll() is None:
            self.process.kill()
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(seconds)
        self._listener.join(seconds if self.process.returncode is None else None)  # the pipe ends with the process
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None and not (pipe is self.process.stdout and self._listener.is_alive()):
                with suppress(OSError):  # a trial that the dead worker did not read
                    pipe.close()
        with self._errors as errors:
            errors.seek(max(0, errors.seek(0, os.SEEK_END) - _KEPT_OUTPUT))
            return errors.read().decode(errors="replace").strip()
