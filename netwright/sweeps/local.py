"""Persistent worker processes on this machine, each with its share of threads or of a GPU."""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import sys
import tempfile
import threading
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import IO, Any

from netwright.errors import PopulationError
from netwright.sweeps.executor import Event, Executor, Job

__all__ = ["LocalExecutor"]

_STARTED_IN_VAIN = 3  # workers in a row that died before they were ready
_LAST_WORDS = 2000  # bytes
_DYING = 10.0  # seconds from the end of a worker's events to its own


class _Worker:
    """One process: its pipes, its job, and a thread that reads its events."""

    def __init__(self, number: int, manifest: Path, threads: int, device: str, inbox: queue.Queue[Any]) -> None:
        self.number = number
        self.job: Job | None = None
        self.ready = False
        self._errors: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - as long as the process
        # BLAS and OpenMP read these when they are loaded: the process has its share from the start
        share = {name: str(threads) for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")}
        # the worker imports what the program would: with -P a queue.py in the current folder is none of its business
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

    def give(self, job: Job) -> bool:
        """Whether the worker took it; a dead one cannot."""
        assert self.process.stdin is not None
        self.job = job
        try:
            self.process.stdin.write(json.dumps(asdict(job)) + "\n")
            self.process.stdin.flush()
        except OSError:
            return False
        return True

    def end(self) -> str:
        """Kill it if it still lives; its last words."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self._listener.join()  # the pipe ends with the process
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                with suppress(OSError):  # a job that the dead worker did not read
                    pipe.close()
        with self._errors as errors:
            errors.seek(max(0, errors.seek(0, os.SEEK_END) - _LAST_WORDS))
            return errors.read().decode(errors="replace").strip()


class LocalExecutor(Executor):
    """manifest: of the saved images, which the workers share. threads: of each worker. devices: one a worker, in turn.

    A worker that dies is replaced; the job under it is lost, which the caller may put back.
    """

    def __init__(self, manifest: Path, *, workers: int, threads: int, devices: Sequence[str] = ("cpu",)) -> None:
        self._manifest, self._threads, self._devices = manifest, threads, tuple(devices)
        self._inbox: queue.Queue[Any] = queue.Queue()
        self._waiting: deque[Job] = deque()
        self._in_vain = 0
        self._most = workers
        self._workers: list[_Worker] = []

    def run(self, jobs: Iterable[Job]) -> Iterator[Event]:
        self._waiting.extend(jobs)
        try:
            while self._waiting or self._busy():
                while len(self._workers) < min(self._most, len(self._waiting) + len(self._busy())):
                    self._start()
                for worker in list(self._workers):
                    if worker.ready and worker.job is None and self._waiting:
                        job = self._waiting.popleft()
                        if worker.give(job):
                            yield Event("began", job.index, {"worker": worker.number, "pid": worker.process.pid})
                yield from self._hear(*self._inbox.get())
        finally:
            self._waiting.clear()
            for worker in self._busy():
                self._workers.remove(worker)
                worker.end()

    def _hear(self, worker: _Worker, message: dict[str, Any] | None) -> Iterator[Event]:
        if worker not in self._workers:
            return  # it has been ended
        if message is None:
            yield from self._bury(worker)
        elif message["kind"] == "ready":
            worker.ready, self._in_vain = True, 0
        else:
            if message["kind"] != "epoch":
                worker.job = None
            yield Event(message["kind"], message["index"], message["values"])

    def _busy(self) -> list[_Worker]:
        return [worker for worker in self._workers if worker.job is not None]

    def _start(self) -> None:
        taken = {worker.number for worker in self._workers}
        number = next(number for number in range(self._most) if number not in taken)
        device = self._devices[number % len(self._devices)]
        self._workers.append(_Worker(number, self._manifest, self._threads, device, self._inbox))

    def _bury(self, worker: _Worker) -> Iterator[Event]:
        self._workers.remove(worker)
        with suppress(subprocess.TimeoutExpired):  # what has no voice any more but lives on is ended below
            worker.process.wait(_DYING)
        words, code = worker.end(), worker.process.returncode
        if not worker.ready:
            self._in_vain += 1
            if self._in_vain >= _STARTED_IN_VAIN:
                raise PopulationError(
                    f"no worker could be started: {self._in_vain} in a row died first, the last with code {code}. "
                    f"It said:\n{words or '(nothing)'}"
                )
        if worker.job is not None:
            yield Event("lost", worker.job.index, {"reason": _cause(code, words)})

    def again(self, job: Job) -> None:
        self._waiting.appendleft(job)

    def pids(self) -> list[int]:
        """Process ids of the workers."""
        return [worker.process.pid for worker in self._workers]

    def close(self) -> None:
        for worker in self._workers:
            worker.end()
        self._workers.clear()
        self._waiting.clear()


def _cause(code: int, words: str) -> str:
    if code == -signal.SIGKILL:
        return "the worker was killed (signal 9): out of memory is the usual cause"
    if code < 0:
        return f"the worker died of {signal.Signals(-code).name}"
    return f"the worker ended with code {code}: {words.splitlines()[-1] if words else 'no message'}"
