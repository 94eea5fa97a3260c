"""Trials on a Ray cluster: as many actors as fit, each of which trains one trial after another.

Ray decides where they are, starts machines where the cluster can, and tells when one is gone. What is finished is in
the population at once, so any part may die, this program too: the same command goes on.
"""

from __future__ import annotations

import logging
import os
import socket
import threading
import time
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from netwright.data import ImageSet
from netwright.errors import PopulationError, RecipeError
from netwright.sweeps.executor import WOKEN, Executor, TrialEvent, TrialSpec
from netwright.sweeps.ray_trainer import Trainer
from netwright.system.extras import optional

__all__ = ["RayExecutor"]

_LOG = logging.getLogger(__name__)

_MOST_FAILED_STARTS = 3  # actors in a row that died before they were ready
_WAIT_SECONDS = 0.5  # for an event, before nodes and times are looked at
_LOOK_SECONDS = 2.0  # between two looks at which nodes are alive
_CONNECT_SECONDS = 10.0
_NODE_DIED = "node has died"  # in the words of Ray
_SHARED_BYTES = 2 << 30  # larger sets of images are read from where they are, by each process


@dataclass
class _Worker:
    """An actor.

    Attributes:
        number: Among those that live.
        actor: Its handle.
        starting: What is there once it is ready; None from then on.
        known: pid, node and session.
        trial: What it trains.
        events: Of that trial.
        since: When the trial began.
        curve: Records of its epochs so far.
    """

    number: int
    actor: Any
    starting: Any
    known: dict[str, Any] = field(default_factory=dict)
    trial: TrialSpec | None = None
    events: Any = None
    since: float = 0.0
    curve: list[dict[str, Any]] = field(default_factory=list)


class RayExecutor(Executor):
    """Trains in actors of a Ray cluster, which stay for all trials; the extra `ray` of netwright has Ray.

    Several trials share a machine or an accelerator where each takes a part of it. A trial whose process or node dies
    is lost, and the caller may retry it. Images of less than 2 GiB are put into the object store once, larger ones are
    read from their path, which all nodes see then. The package itself is shipped; torch and the others are on the
    nodes.

    Args:
        manifest: Of the saved images (`ImageSet.path`).
        address: Of a cluster: "auto", host:port, ray://host:port. None joins the one that RAY_ADDRESS names, and starts
            one on this machine otherwise.
        workers: The most trials at a time; None is as many as fit.
        threads: Processor threads of each trial.
        cpus: Processors of each trial, parts of one allowed; by default its threads.
        gpus: Accelerators of each trial, parts of one allowed; 0 trains on processors.
    """

    def __init__(
        self,
        manifest: Path,
        *,
        address: str | None = None,
        workers: int | None = None,
        threads: int = 1,
        cpus: float | None = None,
        gpus: float = 0.0,
    ) -> None:
        for name, value in (("cpus", cpus), ("gpus", gpus)):
            if value is not None and value < 0:
                raise RecipeError(
                    f"{name} of a trial is 0 or more, not {value:g}. Parts of one are meant, such as 0.5."
                )
        self._ray: Any = optional("ray", "ray")
        self._manifest, self._address, self._most = manifest, address, workers
        self._threads, self._cpus, self._gpus = threads, float(threads if cpus is None else cpus), float(gpus)
        self._waiting: deque[TrialSpec] = deque()
        self._workers: list[_Worker] = []
        self._images: Any = None
        self._ours = False  # whether the connection to the cluster is
        self._failed_starts, self._looked = 0, 0.0
        self._woken = threading.Event()
        self.seconds: dict[str, float] = {}  # node -> of training there

    # -- what an executor does ---------------------------------------------------------------------------------

    @property
    def slots(self) -> int:
        self._connect()
        return self._fitting()

    def run(self, trials: Iterable[TrialSpec]) -> Iterator[TrialEvent]:
        self._connect()
        self._waiting.extend(trials)
        try:
            while self._waiting or self._busy():
                self._fill()
                for worker in list(self._workers):
                    if worker.starting is None and worker.trial is None and self._waiting:
                        yield self._begin(worker, self._waiting.popleft())
                if self._woken.is_set():
                    self._woken.clear()
                    yield TrialEvent(WOKEN, -1, {})
                yield from self._wait()
                yield from self._look()
        finally:
            self._waiting.clear()
            for worker in self._busy():
                self._end(worker)

    def retry(self, trial: TrialSpec) -> None:
        self._waiting.appendleft(trial)

    def add(self, trial: TrialSpec) -> None:
        self._waiting.append(trial)

    def wake(self) -> None:
        self._woken.set()

    def close(self) -> None:
        for worker in list(self._workers):
            self._end(worker)
        self._waiting.clear()
        self._images = None
        if self._ours and self._ray.is_initialized():
            self._ray.shutdown()
        self._ours = False

    # -- the cluster -------------------------------------------------------------------------------------------

    def _connect(self) -> None:
        """Join the cluster, or start one, and put the images where its processes find them."""
        if self._images is not None:
            return
        if not self._ray.is_initialized():
            package = str(Path(__file__).parents[1])
            threads = {name: str(self._threads) for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS")}
            try:
                _reach(self._address or os.environ.get("RAY_ADDRESS"))
                context = self._ray.init(
                    address=self._address,
                    runtime_env={"py_modules": [package], "env_vars": threads},
                    include_dashboard=False,  # of a cluster that is started here; another one has its own
                    log_to_driver=False,
                    logging_level=logging.ERROR,
                )
            except (ConnectionError, RuntimeError, ValueError, OSError) as error:
                where = self._address or "RAY_ADDRESS, or a new one here"
                raise PopulationError(
                    f"no Ray cluster can be joined ({where}): {str(error).splitlines()[0]}. Start one by `ray start "
                    "--head`, and give its --address."
                ) from error
            self._ours = True
            if link := getattr(context, "dashboard_url", ""):
                _LOG.info("Ray: %d trials at a time; dashboard http://%s", self._fitting(), link)
        images = ImageSet.open(self._manifest)
        if images.images.nbytes < _SHARED_BYTES:
            self._images = self._ray.put(replace(images, images=np.array(images.images), path=None))
        else:
            self._images = str(self._manifest)

    def _fitting(self) -> int:
        """Trials at a time that the cluster has room for now, at most as many as wanted; 1 at least: it may grow."""
        has = self._ray.cluster_resources()
        room = [has.get(name, 0.0) / each for name, each in (("CPU", self._cpus), ("GPU", self._gpus)) if each]
        fits = int(min(room) + 1e-6) if room else 1
        return max(1, fits if self._most is None else min(fits, self._most))

    def _fill(self) -> None:
        """As many actors as there is work and room for."""
        wanted = min(self._fitting(), len(self._waiting) + len(self._busy()))
        taken = {worker.number for worker in self._workers}
        for number in range(len(self._workers), wanted):
            number = next(each for each in range(number + 1) if each not in taken)
            taken.add(number)
            made = self._ray.remote(Trainer).options(
                num_cpus=self._cpus,
                num_gpus=self._gpus,
                max_restarts=0,
                max_task_retries=0,
                scheduling_strategy="SPREAD",
            )
            actor = made.remote(self._images, self._threads, self._gpus)
            self._workers.append(_Worker(number, actor, actor.machine.remote()))

    def _busy(self) -> list[_Worker]:
        return [worker for worker in self._workers if worker.trial is not None]

    def _end(self, worker: _Worker) -> None:
        self._workers.remove(worker)
        with suppress(Exception):  # it is dead already
            self._ray.kill(worker.actor)

    # -- trials ------------------------------------------------------------------------------------------------

    def _begin(self, worker: _Worker, trial: TrialSpec) -> TrialEvent:
        worker.trial, worker.curve, worker.since = trial, [], time.monotonic()
        worker.events = worker.actor.train.options(num_returns="streaming").remote(asdict(trial))
        values = {"worker": worker.number, "pid": worker.known["pid"], "node": worker.known["node"]}
        return TrialEvent("began", trial.index, values | {"session": worker.known["session"]})

    def _wait(self) -> Iterator[TrialEvent]:
        """What has happened, at most one thing of each worker."""
        things = [each.starting if each.starting is not None else each.events for each in self._workers]
        waited = {id(thing): each for thing, each in zip(things, self._workers, strict=True)}
        things = [thing for thing in things if waited[id(thing)].starting is not None or waited[id(thing)].trial]
        if not things:
            time.sleep(_WAIT_SECONDS)
            return
        ready, _ = self._ray.wait(things, num_returns=1, timeout=self._patience())
        for thing in ready:
            worker = waited[id(thing)]
            try:
                if worker.starting is not None:
                    worker.known, worker.starting, self._failed_starts = self._ray.get(thing), None, 0
                    continue
                event = self._ray.get(next(thing))
            except StopIteration:  # an end was read before
                continue
            except self._ray.exceptions.RayError as error:
                yield from self._lose(worker, error)
                continue
            yield from self._handle(worker, event)

    def _patience(self) -> float:
        """Seconds to wait for an event: a trial must not be longer than its timeout."""
        ends = [w.since + w.trial.timeout for w in self._busy() if w.trial is not None and w.trial.timeout is not None]
        return max(0.0, min([_WAIT_SECONDS, *(end - time.monotonic() for end in ends)]))

    def _handle(self, worker: _Worker, event: dict[str, Any]) -> Iterator[TrialEvent]:
        assert worker.trial is not None
        index = worker.trial.index
        if event["kind"] == "epoch":
            worker.curve.append(event["values"])
        else:
            self._account(worker)
            worker.trial = None
        yield TrialEvent(event["kind"], index, event["values"])

    def _look(self) -> Iterator[TrialEvent]:
        """End trials that take too long, and see which nodes are gone: Ray may tell the waiting one late."""
        now = time.monotonic()
        for worker in self._busy():
            trial = worker.trial
            if trial is not None and trial.timeout is not None and now - worker.since >= trial.timeout:
                self._account(worker)
                self._end(worker)
                values = {"reason": trial.timeout_reason, "curve": worker.curve, "failure": "machine"}
                yield TrialEvent("failed", trial.index, values)
        if now - self._looked < _LOOK_SECONDS:
            return
        self._looked = now
        alive = self._alive()
        for worker in list(self._workers):
            if worker.known and worker.known["node"] not in alive:
                yield from self._lose(worker, None)

    def _lose(self, worker: _Worker, error: Exception | None) -> Iterator[TrialEvent]:
        """A process or a node has died."""
        self._end(worker)
        if worker.trial is None:
            if worker.starting is not None:
                self._failed_starts += 1
            if self._failed_starts >= _MOST_FAILED_STARTS:
                raise PopulationError(
                    f"no worker could be started on the Ray cluster: {self._failed_starts} in a row died before they "
                    f"were ready, the last: {_first_line(error)}. Are torch and netwright's other packages installed "
                    "on its nodes?"
                )
            return
        self._account(worker)
        node, where = worker.known["node"], worker.known["node"][:8]
        if error is None or _NODE_DIED in str(error) or node not in self._alive():
            values = {"reason": f"the worker died with its node {where}", "vanished": True}
        else:
            values = {"reason": f"the worker died on node {where}: {_first_line(error)}"}
        yield TrialEvent("lost", worker.trial.index, values)

    def _alive(self) -> set[str]:
        return {node["NodeID"] for node in self._ray.nodes() if node["Alive"]}

    def _account(self, worker: _Worker) -> None:
        node = worker.known["node"]
        self.seconds[node] = self.seconds.get(node, 0.0) + time.monotonic() - worker.since


def _reach(address: str | None) -> None:
    """Raise OSError where nobody listens at the address of a cluster: Ray itself tries for minutes."""
    host, separator, port = (address or "").removeprefix("ray://").rpartition(":")
    if separator and port.isdecimal():
        socket.create_connection((host.strip("[]"), int(port)), _CONNECT_SECONDS).close()


def _first_line(error: Exception | None) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0] if lines else type(error).__name__
