"""Persistent worker processes on this machine, each with its share of threads or of a GPU."""

from __future__ import annotations

import logging
import queue
import signal
import subprocess
import time
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from netwright.errors import PopulationError
from netwright.sweeps.executor import OUT_OF_MEMORY, WOKEN, Executor, TrialEvent, TrialSpec
from netwright.sweeps.worker_process import WorkerProcess

__all__ = ["LocalExecutor"]

_LOG = logging.getLogger(__name__)

_MOST_FAILED_STARTS = 3  # workers in a row that died before they were ready
_EXIT_SECONDS = 10.0  # from the end of a worker's events to its exit
_START_SECONDS = 600.0  # from the start of a worker until it is ready, at most: torch may come over a slow network
_FIRST_EPOCH_SECONDS = 600.0  # before an epoch of any trial is over, a trial that is silent for so long is named
_SILENCE_SECONDS = 60.0  # a trial that is silent for less is not worth a line
_SILENCE_EPOCHS = 10.0  # nor one that is silent for less than so many of the longest epochs of all trials


class LocalExecutor(Executor):
    """Trains in worker processes on this machine, which stay for all trials.

    A worker that dies is replaced. Its trial is lost, and the caller may retry it. A worker whose trial has no result
    within its `TrialSpec.timeout`, stopped or hanging, is killed and replaced, and its trial has failed. A trial that
    is silent for long is named in the log. A trial that runs out of memory beside others on its device is trained again
    while no other is: where that succeeds, fewer workers share the device from then on, else the trial has failed.

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
        self._crowded: deque[TrialSpec] = deque()  # ran out of memory beside others
        self._alone: int | None = None  # of these, the one that is trained now
        self._failed_starts = 0
        self._most = workers
        # how many workers a device takes at a time
        self._room = Counter(self._devices[number % len(self._devices)] for number in range(workers))
        self._longest = 0.0  # seconds between two events of one trial, of all so far
        self._workers: list[WorkerProcess] = []

    def run(self, trials: Iterable[TrialSpec]) -> Iterator[TrialEvent]:
        self._waiting.extend(trials)
        try:
            while self._waiting or self._crowded or self._busy():
                wanted = len(self._waiting) + len(self._crowded) + len(self._busy())
                while len(self._workers) < min(self._room.total(), wanted):
                    self._start()
                for worker in list(self._workers):
                    trial = self._next() if worker.ready and worker.trial is None else None
                    if trial is not None and worker.assign(trial):
                        values = {"worker": worker.number, "pid": worker.process.pid}
                        yield TrialEvent("began", trial.index, values)
                try:
                    message = self._inbox.get(timeout=self._patience())
                except queue.Empty:  # so whatever is late has not answered by now
                    yield from self._end_late()
                else:
                    yield from [TrialEvent(WOKEN, -1, {})] if message is None else self._handle(*message)
        finally:
            self._forget()
            for worker in self._busy():
                self._workers.remove(worker)
                worker.end(_EXIT_SECONDS)

    def _handle(self, worker: WorkerProcess, message: dict[str, Any] | None) -> Iterator[TrialEvent]:
        """message: None where the worker's output ended."""
        if worker not in self._workers:
            return  # it has been ended
        if message is None:
            yield from self._remove_dead(worker)
        elif message["kind"] == "ready":
            worker.ready, self._failed_starts = True, 0
        else:
            self._longest = max(self._longest, worker.heard())
            if message["kind"] == "epoch":
                worker.curve.append(message["values"])
            elif self._is_crowded(worker, message):
                self._put_back(worker)
                return
            else:
                self._end_alone(worker, succeeded=message["kind"] in ("done", "pruned"))
                worker.trial = None
            yield TrialEvent(message["kind"], message["index"], message["values"])

    def _busy(self) -> list[WorkerProcess]:
        return [worker for worker in self._workers if worker.trial is not None]

    def _start(self) -> None:
        taken = {worker.number for worker in self._workers}
        used = Counter(worker.device for worker in self._workers)
        free = [number for number in range(self._most) if number not in taken]
        places = [(number, self._devices[number % len(self._devices)]) for number in free]
        number, device = next((number, device) for number, device in places if used[device] < self._room[device])
        self._workers.append(WorkerProcess(number, self._manifest, self._threads, device, self._inbox))

    def _is_crowded(self, worker: WorkerProcess, message: dict[str, Any]) -> bool:
        """Whether a trial ran out of memory that others on its device have."""
        if message["kind"] != "failed" or not message["values"]["reason"].startswith(OUT_OF_MEMORY):
            return False
        return any(other.device == worker.device for other in self._busy() if other is not worker)

    def _put_back(self, worker: WorkerProcess) -> None:
        """Its trial waits until no other is trained: only then it shows whether it is too large or was crowded."""
        assert worker.trial is not None
        _LOG.warning(
            "trial %d ran out of memory beside others on %s: it is trained again alone",
            worker.trial.index,
            worker.device,
        )
        self._crowded.append(worker.trial)
        worker.trial = None

    def _next(self) -> TrialSpec | None:
        """The trial that is to begin now; a crowded one only while no other is trained."""
        if self._alone is not None or (self._crowded and self._busy()):
            return None
        if self._crowded:
            trial = self._crowded.popleft()
            self._alone = trial.index
            return trial
        return self._waiting.popleft() if self._waiting else None

    def _end_alone(self, worker: WorkerProcess, succeeded: bool) -> None:
        """A trial ended that may have been alone: if it succeeded so, its device takes one worker less."""
        if worker.trial is None or worker.trial.index != self._alone:
            return
        self._alone = None
        others = [each for each in self._workers if each.device == worker.device and each is not worker]
        if not succeeded or not others:
            return
        self._room[worker.device] = len(others)
        _LOG.warning("%d at a time train on %s from now on", len(others), worker.device)
        self._workers.remove(others[-1])
        others[-1].end(_EXIT_SECONDS)

    def _forget(self) -> None:
        """Nothing waits any more."""
        self._waiting.clear()
        self._crowded.clear()
        self._alone = None

    # -- what takes too long -----------------------------------------------------------------------------------

    def _patience(self) -> float | None:
        """Seconds until a worker is late, or is to be named as silent; None where none can be."""
        moments = [self._late_at(worker) for worker in self._workers]
        moments += [self._silent_at(worker) for worker in self._busy()]
        known = [moment for moment in moments if moment is not None]
        return max(0.0, min(min(known) - time.monotonic(), _START_SECONDS)) if known else None

    def _late_at(self, worker: WorkerProcess) -> float | None:
        """When a worker is to be ended."""
        if not worker.ready:
            return worker.since + _START_SECONDS
        if worker.trial is None or worker.trial.timeout is None:
            return None
        return worker.since + worker.trial.timeout

    def _silent_at(self, worker: WorkerProcess) -> float | None:
        """When a worker is to be named as silent."""
        if worker.is_named:
            return None
        if not self._longest:  # nobody knows yet how long an epoch takes
            return worker.last_heard + _FIRST_EPOCH_SECONDS
        return worker.last_heard + max(_SILENCE_SECONDS, _SILENCE_EPOCHS * self._longest)

    def _end_late(self) -> Iterator[TrialEvent]:
        now = time.monotonic()
        for worker in list(self._workers):
            late, silent = self._late_at(worker), self._silent_at(worker) if worker.trial is not None else None
            if late is not None and late <= now:
                yield from self._end_one(worker)
            elif silent is not None and silent <= now:
                self._name(worker)

    def _end_one(self, worker: WorkerProcess) -> Iterator[TrialEvent]:
        if worker.trial is None:
            worker.process.kill()
            yield from self._remove_dead(worker)
            return
        self._end_alone(worker, succeeded=False)
        self._workers.remove(worker)
        worker.end(_EXIT_SECONDS)
        values = {"reason": worker.trial.timeout_reason, "curve": worker.curve, "failure": "machine"}
        yield TrialEvent("failed", worker.trial.index, values)

    def _name(self, worker: WorkerProcess) -> None:
        """A line about a silent trial."""
        assert worker.trial is not None
        worker.is_named = True
        _LOG.warning(
            "trial %d has sent nothing for %.0f s (process %d); %s. A trial that hangs is ended by --trial_timeout, or "
            "with its process",
            worker.trial.index,
            time.monotonic() - worker.last_heard,
            worker.process.pid,
            f"no epoch took longer than {self._longest:.1f} s so far" if self._longest else "no epoch is over so far",
        )

    def _remove_dead(self, worker: WorkerProcess) -> Iterator[TrialEvent]:
        self._workers.remove(worker)
        with suppress(subprocess.TimeoutExpired):  # one that closed its output and still runs is killed below
            worker.process.wait(_EXIT_SECONDS)
        output, code = worker.end(_EXIT_SECONDS), worker.process.returncode
        if not worker.ready:
            self._failed_starts += 1
            if self._failed_starts >= _MOST_FAILED_STARTS:
                raise PopulationError(
                    f"no worker could be started: {self._failed_starts} in a row died before they were ready, the last "
                    f"with code {code}. Its output:\n{output or '(nothing)'}"
                )
        self._end_alone(worker, succeeded=False)
        if worker.trial is not None:
            yield TrialEvent("lost", worker.trial.index, {"reason": _cause(code, output)})

    def retry(self, trial: TrialSpec) -> None:
        self._waiting.appendleft(trial)

    @property
    def slots(self) -> int:
        return self._room.total()

    def add(self, trial: TrialSpec) -> None:
        self._waiting.append(trial)

    def wake(self) -> None:
        self._inbox.put(None)

    def answer(self, index: int, *, stop: bool) -> None:
        for worker in self._busy():
            if worker.trial is not None and worker.trial.index == index:
                worker.send({"index": index, "stop": stop})

    def pids(self) -> list[int]:
        """Process ids of the workers."""
        return [worker.process.pid for worker in self._workers]

    def close(self) -> None:
        for worker in self._workers:
            worker.end(_EXIT_SECONDS)
        self._workers.clear()
        self._forget()


def _cause(code: int | None, output: str) -> str:
    """Why a worker died: by its exit code and the end of its standard error."""
    if code == -signal.SIGKILL:
        return "the worker was killed (signal 9): out of memory is the usual cause"
    if code is not None and code < 0:
        return f"the worker died of {signal.Signals(-code).name}"
    return f"the worker ended with code {code}: {output.splitlines()[-1] if output else 'no message'}"
