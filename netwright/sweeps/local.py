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
from netwright.sweeps.executor import Executor, TrialEvent, TrialSpec

__all__ = ["LocalExecutor"]

_MOST_FAILED_STARTS = 3  # workers in a row that died before they were ready
_KEPT_OUTPUT = 2000  # bytes at the end of a worker's standard error
_EXIT_SECONDS = 10.0  # from the end of a worker's events to its exit


class _Worker:
    """One process: its pipes, its trial, and a thread that reads its events."""

    def __init__(self, number: int, manifest: Path, threads: int, device: str, inbox: queue.Queue[Any]) -> None:
        self.number = number
        self.trial: TrialSpec | None = None
        self.ready = False
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
        assert self.process.stdin is not None
        self.trial = trial
        try:
            self.process.stdin.write(json.dumps(asdict(trial)) + "\n")
            self.process.stdin.flush()
        except OSError:
            return False
        return True

    def end(self) -> str:
        """Kill it if it is alive; returns the end of its standard error."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self._listener.join()  # the pipe ends with the process
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                with suppress(OSError):  # a trial that the dead worker did not read
                    pipe.close()
        with self._errors as errors:
            errors.seek(max(0, errors.seek(0, os.SEEK_END) - _KEPT_OUTPUT))
            return errors.read().decode(errors="replace").strip()


class LocalExecutor(Executor):
    """Trains in worker processes on this machine, which stay for all trials.

    A worker that dies is replaced. Its trial is lost, and the caller may retry it.

    Args:
        manifest: Of the saved images (`ImageSet.path`), which the workers share.
        workers: The most processes at a time.
        threads: Processor threads of each worker.
        devices: "cpu", "cuda:0", ...; workers get them in turn.
    """

    def __init__(self, manifest: Path, *, workers: int, threads: int, devices: Sequence[str] = ("cpu",)) -> None:
        self._manifest, self._threads, self._devices = manifest, threads, tuple(devices)
        self._inbox: queue.Queue[Any] = queue.Queue()
        self._waiting: deque[TrialSpec] = deque()
        self._failed_starts = 0
        self._most = workers
        self._workers: list[_Worker] = []

    def run(self, trials: Iterable[TrialSpec]) -> Iterator[TrialEvent]:
        self._waiting.extend(trials)
        try:
            while self._waiting or self._busy():
                while len(self._workers) < min(self._most, len(self._waiting) + len(self._busy())):
                    self._start()
                for worker in list(self._workers):
                    if worker.ready and worker.trial is None and self._waiting:
                        trial = self._waiting.popleft()
                        if worker.assign(trial):
                            values = {"worker": worker.number, "pid": worker.process.pid}
                            yield TrialEvent("began", trial.index, values)
                yield from self._handle(*self._inbox.get())
        finally:
            self._waiting.clear()
            for worker in self._busy():
                self._workers.remove(worker)
                worker.end()

    def _handle(self, worker: _Worker, message: dict[str, Any] | None) -> Iterator[TrialEvent]:
        """message: None where the worker's output ended."""
        if worker not in self._workers:
            return  # it has been ended
        if message is None:
            yield from self._remove_dead(worker)
        elif message["kind"] == "ready":
            worker.ready, self._failed_starts = True, 0
        else:
            if message["kind"] != "epoch":
                worker.trial = None
            yield TrialEvent(message["kind"], message["index"], message["values"])

    def _busy(self) -> list[_Worker]:
        return [worker for worker in self._workers if worker.trial is not None]

    def _start(self) -> None:
        taken = {worker.number for worker in self._workers}
        number = next(number for number in range(self._most) if number not in taken)
        device = self._devices[number % len(self._devices)]
        self._workers.append(_Worker(number, self._manifest, self._threads, device, self._inbox))

    def _remove_dead(self, worker: _Worker) -> Iterator[TrialEvent]:
        self._workers.remove(worker)
        with suppress(subprocess.TimeoutExpired):  # one that closed its output and still runs is killed below
            worker.process.wait(_EXIT_SECONDS)
        output, code = worker.end(), worker.process.returncode
        if not worker.ready:
            self._failed_starts += 1
            if self._failed_starts >= _MOST_FAILED_STARTS:
                raise PopulationError(
                    f"no worker could be started: {self._failed_starts} in a row died before they were ready, the last "
                    f"with code {code}. Its output:\n{output or '(nothing)'}"
                )
        if worker.trial is not None:
            yield TrialEvent("lost", worker.trial.index, {"reason": _cause(code, output)})

    def retry(self, trial: TrialSpec) -> None:
        self._waiting.appendleft(trial)

    def pids(self) -> list[int]:
        """Process ids of the workers."""
        return [worker.process.pid for worker in self._workers]

    def close(self) -> None:
        for worker in self._workers:
            worker.end()
        self._workers.clear()
        self._waiting.clear()


def _cause(code: int, output: str) -> str:
    """Why a worker died: by its exit code and the end of its standard error."""
    if code == -signal.SIGKILL:
        return "the worker was killed (signal 9): out of memory is the usual cause"
    if code < 0:
        return f"the worker died of {signal.Signals(-code).name}"
    return f"the worker ended with code {code}: {output.splitlines()[-1] if output else 'no message'}"
