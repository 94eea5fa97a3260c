"""Several processes that accept from one socket, and one that restarts them when they die or hang."""

from __future__ import annotations

import contextlib
import json
import math
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from netwright.errors import ServeError
from netwright.serving.logs import Log
from netwright.serving.metrics import SHARED_FOLDER
from netwright.serving.supervisor.heartbeat import HeartbeatMonitor
from netwright.serving.supervisor.listening import ConnectionCounts, listen, listen_for, port_of
from netwright.system.extras import optional
from netwright.system.machine import default_threads
from netwright.system.temporary import temporary_folder

if TYPE_CHECKING:
    from netwright.serving.settings import ServeSettings

__all__ = ["Supervisor"]

_CHECK_SECONDS = 0.1  # between looks at the workers
# files in the folder that the workers share: of HTTP, and of gRPC
_CONNECTION_COUNTS = ("connections", "grpc_connections")
_LONGEST_DELAY = 30.0  # seconds before a worker that cannot start is tried again
_KILL_SECONDS = 5.0  # between SIGTERM and SIGKILL, for one that hangs


class _Worker:
    """A process that serves. It ends when its standard input does, so none outlives its supervisor.

    Args:
        settings: Of the server.
        sockets: They listen, for HTTP and perhaps for gRPC; the worker inherits them.
        shared: Folder of the metrics and connection counts that the workers share.
        place: Which of the workers this is; no two that live have the same.
        restart_reason: Why its predecessor ended: died, silent or hanging; empty for the first.
    """

    def __init__(
        self,
        settings: ServeSettings,
        sockets: Sequence[socket.socket],
        shared: str,
        place: int,
        restart_reason: str = "",
    ) -> None:
        self.place, self.monitor = place, HeartbeatMonitor(settings.heartbeat)
        self.end_reason = "died"  # the restart_reason of its successor
        self.kill_at = self.restart_at = math.inf
        self.process = subprocess.Popen(
            [sys.executable, "-m", "netwright.serving.supervisor.worker", *(str(each.fileno()) for each in sockets)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=os.environ | {SHARED_FOLDER: shared},
            pass_fds=[each.fileno() for each in sockets],
            start_new_session=True,  # Ctrl-C is for the supervisor, which sends SIGTERM to the workers
        )
        assert self.process.stdin is not None
        orders = {"settings": settings.to_dict(), "place": place, "restart_reason": restart_reason}
        orders["connection_counts"] = _CONNECTION_COUNTS
        with contextlib.suppress(BrokenPipeError):  # it died at once: the next look sees that
            self.process.stdin.write(json.dumps(orders).encode() + b"\n")
            self.process.stdin.flush()
        self._reader = threading.Thread(target=self._read_heartbeats, daemon=True)
        self._reader.start()

    def _read_heartbeats(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.monitor.receive(line)

    def send_signal(self, number: int) -> None:
        """Send a signal, where it still lives."""
        if self.process.poll() is None:
            self.process.send_signal(number)

    def close(self) -> None:
        """Close the pipes, once it has ended."""
        self._reader.join(1)
        for stream in (self.process.stdin, self.process.stdout):
            if stream is not None:
                with contextlib.suppress(OSError):
                    stream.close()


class Supervisor:
    """Listens, and keeps `settings.workers` processes alive until SIGINT or SIGTERM.

    Args:
        settings: Of the server; the workers share this machine's processors where it names no threads.
    """

    def __init__(self, settings: ServeSettings) -> None:
        threads = settings.threads or default_threads(settings.workers)
        self._settings = replace(settings, threads=threads)
        self._log = Log(settings.log_format)
        self._workers: list[_Worker] = []
        self._delays = [0.0] * settings.workers
        self._stopping = threading.Event()

    def run(self, on_ready: Callable[[int, int], None]) -> None:
        """Serve until a signal.

        Args:
            on_ready: Called with the ports of HTTP and gRPC (0 for none) once the workers answer.

        Raises:
            ServeError: Where the first workers cannot start; their log says why.
        """
        with contextlib.ExitStack() as stack:
            sockets = [stack.enter_context(listen_for(self._settings))]
            shared = str(stack.enter_context(temporary_folder("metrics")))
            settings, grpc_port = self._settings, self._settings.grpc_port
            if grpc_port is not None:
                optional("grpc", "serve")
                sockets.append(stack.enter_context(listen(settings.host, grpc_port, flag="--grpc_port")))
            ports = [port_of(each) for each in sockets]
            stack.enter_context(self._signals())
            stack.callback(self._end, sockets)
            for name in _CONNECTION_COUNTS:
                ConnectionCounts.create(Path(shared) / name, settings.workers)
            self._workers = [_Worker(settings, sockets, shared, place) for place in range(settings.workers)]
            self._wait_until_ready()
            if not self._stopping.is_set():
                on_ready(ports[0], ports[1] if len(ports) > 1 else 0)
            checked = time.monotonic()
            while not self._stopping.wait(_CHECK_SECONDS):
                now = time.monotonic()
                elapsed = min(now - checked, 2 * _CHECK_SECONDS)  # while this process slept, no worker was silent
                checked = now
                for worker in self._workers:
                    if worker.process.poll() is None:
                        self._end_if_hanging(worker, elapsed)
                    elif self._may_restart(worker, shared):
                        place = worker.place
                        self._workers[place] = _Worker(settings, sockets, shared, place, worker.end_reason)

    def _wait_until_ready(self) -> None:
        for worker in self._workers:
            while not worker.monitor.is_ready.wait(_CHECK_SECONDS) and not self._stopping.is_set():
                if worker.process.poll() is not None:
                    raise ServeError(
                        f"a worker could not start (exit status {worker.process.returncode}); its log line above says "
                        "why."
                    )

    def _end_if_hanging(self, worker: _Worker, elapsed: float) -> None:
        """End one that hangs: by SIGTERM, so that it may answer what does not hang, and soon by SIGKILL."""
        if time.monotonic() >= worker.kill_at:
            worker.send_signal(signal.SIGKILL)
        if worker.kill_at < math.inf:
            return
        reason, detail = worker.monitor.check(elapsed)
        if reason:
            self._log.write(
                "worker hangs", worker=worker.place, pid=worker.process.pid, message=f"{detail}: terminating it"
            )
            worker.end_reason = reason
            worker.kill_at = time.monotonic() + min(self._settings.grace, _KILL_SECONDS)
            worker.send_signal(signal.SIGTERM)

    def _may_restart(self, worker: _Worker, shared: str) -> bool:
        """Whether a dead one's successor may start: at once, or after a growing delay if it never became ready."""
        place = worker.place
        if worker.restart_at == math.inf:
            was_ready = worker.monitor.is_ready.is_set()
            self._delays[place] = 0.0 if was_ready else min(_LONGEST_DELAY, 2 * self._delays[place] + 0.5)
            worker.restart_at = time.monotonic() + self._delays[place]
            worker.close()
            # only its gauges of living processes: its successor in this place continues its counters
            for path in Path(shared).glob(f"gauge_live*_{place}.db"):
                path.unlink(missing_ok=True)
            for name in _CONNECTION_COUNTS:
                ConnectionCounts.forget(Path(shared) / name, place)
            pid, status = worker.process.pid, worker.process.returncode
            self._log.write("worker lost", worker=place, pid=pid, status=status, message="restarting it")
        return time.monotonic() >= worker.restart_at

    def _end(self, sockets: Sequence[socket.socket]) -> None:
        for sock in sockets:
            # for all processes at once, also for a worker that hangs: else connections would wait for nobody
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
            sock.close()
        for worker in self._workers:
            worker.send_signal(signal.SIGTERM)
        until = time.monotonic() + self._settings.grace + 5
        for worker in self._workers:
            try:
                worker.process.wait(max(0.1, until - time.monotonic()))
            except subprocess.TimeoutExpired:
                worker.send_signal(signal.SIGKILL)
                worker.process.wait()
            worker.close()

    @contextlib.contextmanager
    def _signals(self) -> Iterator[None]:
        def stop(number: int, frame: FrameType | None) -> None:
            if self._stopping.is_set():  # a second signal: at once
                for worker in self._workers:
                    worker.send_signal(signal.SIGKILL)
            self._stopping.set()

        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {each: signal.signal(each, stop) for each in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for each, handler in before.items():
                signal.signal(each, handler)
