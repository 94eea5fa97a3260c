"""Several processes that accept from one socket, and one that starts them anew when they die."""

from __future__ import annotations

import contextlib
import json
import math
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from netwright.errors import ServeError
from netwright.serving.logs import Log
from netwright.serving.metrics import SHARED_FOLDER
from netwright.serving.supervisor.heartbeat import Pulse
from netwright.serving.supervisor.listening import Held, listen
from netwright.system.extras import optional
from netwright.system.machine import processors

if TYPE_CHECKING:
    from netwright.serving.settings import ServeSettings

__all__ = ["Supervisor"]

_LOOK = 0.1  # seconds between looks at the workers
_HELD = "connections"  # file in the folder that the workers share
_SLOWEST = 30.0  # seconds before a worker that cannot start is tried again
_LAST_WORDS = 5.0  # seconds between SIGTERM and SIGKILL for one that hangs


class _Worker:
    """A process that serves. It ends when its standard input does: so none outlives its supervisor.

    place: which of the workers it is; no two that live have the same. why: what its predecessor died of, or empty.
    """

    def __init__(self, settings: ServeSettings, sock: socket.socket, shared: str, place: int, why: str = "") -> None:
        self.place, self.pulse = place, Pulse(settings.heartbeat)
        self.why = "died"  # what a successor is told
        self.kill_at = self.restart_at = math.inf
        self.process = subprocess.Popen(
            [sys.executable, "-m", "netwright.serving.supervisor.worker", str(sock.fileno())],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=os.environ | {SHARED_FOLDER: shared},
            pass_fds=(sock.fileno(),),
            start_new_session=True,  # Ctrl-C is for the supervisor, which tells them in its own way
        )
        assert self.process.stdin is not None
        told = {"settings": settings.to_dict(), "place": place, "why": why, "held": _HELD}
        with contextlib.suppress(BrokenPipeError):  # it died at once: the next look sees that
            self.process.stdin.write(json.dumps(told).encode() + b"\n")
            self.process.stdin.flush()
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()

    def _listen(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.pulse.hear(line)

    def tell(self, number: int) -> None:
        """A signal, where it still lives."""
        if self.process.poll() is None:
            self.process.send_signal(number)

    def close(self) -> None:
        """After its end."""
        self._listener.join(1)
        for stream in (self.process.stdin, self.process.stdout):
            if stream is not None:
                with contextlib.suppress(OSError):
                    stream.close()


class Supervisor:
    """Listens, and keeps `settings.workers` processes alive until `run` is told to stop by SIGINT or SIGTERM."""

    def __init__(self, settings: ServeSettings) -> None:
        threads = settings.threads or max(1, processors() // settings.workers)
        self._settings = replace(settings, threads=threads)
        self._log = Log(settings.log_format)
        self._workers: list[_Worker] = []
        self._delays = [0.0] * settings.workers
        self._stopping = threading.Event()

    def run(self, on_ready: Callable[[int, int], None]) -> None:
        """Until it is told to stop. ServeError where the first workers cannot start: they have said why."""
        with contextlib.ExitStack() as stack:
            sock = stack.enter_context(listen(self._settings.host, self._settings.port))
            shared = stack.enter_context(tempfile.TemporaryDirectory(prefix="netwright-metrics-"))
            grpc_port = stack.enter_context(self._reserved())
            settings = replace(self._settings, grpc_port=grpc_port or None)
            stack.enter_context(self._signals())
            stack.callback(self._end)
            Held.create(Path(shared) / _HELD, settings.workers)
            self._workers = [_Worker(settings, sock, shared, place) for place in range(settings.workers)]
            self._await_first()
            if not self._stopping.is_set():
                on_ready(sock.getsockname()[1], grpc_port)
            seen = time.monotonic()
            while not self._stopping.wait(_LOOK):
                now = time.monotonic()
                passed = min(now - seen, 2 * _LOOK)  # what this process slept through is nobody's silence
                seen = now
                for worker in self._workers:
                    if worker.process.poll() is None:
                        self._judge(worker, passed)
                    elif self._is_due(worker, shared):
                        self._workers[worker.place] = _Worker(settings, sock, shared, worker.place, worker.why)

    def _await_first(self) -> None:
        for worker in self._workers:
            while not worker.pulse.is_ready.wait(_LOOK) and not self._stopping.is_set():
                if worker.process.poll() is not None:
                    raise ServeError(
                        f"a worker could not start (exit status {worker.process.returncode}); it says why above."
                    )

    def _judge(self, worker: _Worker, passed: float) -> None:
        """End one that hangs: SIGTERM, so that it may answer what does not hang, and soon SIGKILL."""
        if time.monotonic() >= worker.kill_at:
            worker.tell(signal.SIGKILL)
        if worker.kill_at < math.inf:
            return
        why, said = worker.pulse.look(passed)
        if why:
            self._log.write("worker hangs", pid=worker.process.pid, said=f"{said}: it is ended")
            worker.why, worker.kill_at = why, time.monotonic() + min(self._settings.grace, _LAST_WORDS)
            worker.tell(signal.SIGTERM)

    def _is_due(self, worker: _Worker, shared: str) -> bool:
        """Whether a dead one's successor may start: at once, or later each time where it never became ready."""
        place = worker.place
        if worker.restart_at == math.inf:
            has_served = worker.pulse.is_ready.is_set()
            self._delays[place] = 0.0 if has_served else min(_SLOWEST, 2 * self._delays[place] + 0.5)
            worker.restart_at = time.monotonic() + self._delays[place]
            worker.close()
            # its gauges of living processes; what it counted stays, and its successor in this place counts on
            for path in Path(shared).glob(f"gauge_live*_{place}.db"):
                path.unlink(missing_ok=True)
            Held.forget(Path(shared) / _HELD, place)
            pid, status = worker.process.pid, worker.process.returncode
            self._log.write("worker lost", pid=pid, status=status, said="started anew")
        return time.monotonic() >= worker.restart_at

    def _end(self) -> None:
        for worker in self._workers:
            worker.tell(signal.SIGTERM)
        until = time.monotonic() + self._settings.grace + 5
        for worker in self._workers:
            try:
                worker.process.wait(max(0.1, until - time.monotonic()))
            except subprocess.TimeoutExpired:
                worker.tell(signal.SIGKILL)
                worker.process.wait()
            worker.close()

    @contextlib.contextmanager
    def _reserved(self) -> Iterator[int]:
        """A port that all workers' gRPC may share, kept for them; 0 where there is no gRPC."""
        if self._settings.grpc_port is None:
            yield 0
            return
        optional("grpc", "serve")
        family = socket.AF_INET6 if ":" in self._settings.host else socket.AF_INET
        with socket.socket(family, socket.SOCK_STREAM) as kept:
            kept.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            try:
                kept.bind((self._settings.host, self._settings.grpc_port))
            except OSError as error:
                raise ServeError(
                    f"gRPC cannot listen on port {self._settings.grpc_port}: {error.strerror}. Give another "
                    "--grpc_port."
                ) from error
            yield kept.getsockname()[1]

    @contextlib.contextmanager
    def _signals(self) -> Iterator[None]:
        def stop(number: int, frame: FrameType | None) -> None:
            if self._stopping.is_set():  # twice: at once
                for worker in self._workers:
                    worker.tell(signal.SIGKILL)
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
