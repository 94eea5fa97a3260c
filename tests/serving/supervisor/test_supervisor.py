"""Real processes that share a port, killed and restarted."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from netwright.errors import ServeError
from netwright.serving import Client

Start = Callable[..., AbstractContextManager[Any]]


pytestmark = [
    pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="looks for workers in /proc"),
    pytest.mark.slow,
]


@pytest.mark.slow
def test_a_worker_is_killed_others_answer_and_it_comes_back(start: Start, weights: Path, photo: bytes) -> None:
    with start(str(weights), "--workers", "2", "--grpc_port", "0") as server:
        address, before = server.address, server.workers()
        assert len(before) == 2
        counted, lost, has_ended = [0], [0], threading.Event()

        def ask_on() -> None:
            while not has_ended.is_set():
                with Client(address, retries=0, timeout=20) as client:
                    try:
                        client.predict(photo)
                        counted[0] += 1
                    except ServeError:  # the connection broke with its worker: reported, not lost silently
                        lost[0] += 1

        asking = threading.Thread(target=ask_on)
        asking.start()
        while counted[0] < 5:
            time.sleep(0.01)
        os.kill(before[0], signal.SIGKILL)
        at_kill = counted[0]
        until = time.monotonic() + 60
        while before[0] in (now := server.workers()) or len(now) < 2:
            assert time.monotonic() < until
            time.sleep(0.02)
        while counted[0] < at_kill + 20:
            time.sleep(0.01)
        has_ended.set()
        asking.join(30)
        assert lost[0] <= 1
        with Client(address) as client:
            text = client.request("GET", "/metrics")[0].decode()
        total = 'netwright_requests_total{code="200",endpoint="predict",model="tiny"} '
        found = [float(line.removeprefix(total)) for line in text.splitlines() if line.startswith(total)]
        # of all workers together, the killed one too, which may have answered once and died before it counted that
        assert sum(found) >= counted[0] - 1
        assert [line["pid"] for line in server.stop() if line["event"] == "worker lost"] == [before[0]]
        assert not any(Path(f"/proc/{pid}").exists() for pid in now)


@pytest.mark.slow
def test_workers_end_with_their_supervisor(start: Start, weights: Path) -> None:
    with start(str(weights), "--workers", "2") as server:
        pids = server.workers()
        server.program.kill()
        until = time.monotonic() + 30
        while any(Path(f"/proc/{pid}").exists() for pid in pids):
            assert time.monotonic() < until
            time.sleep(0.05)


def test_workers_that_cannot_start_are_an_error(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "netwright.cli.main", "serve", str(tmp_path / "no.onnx"), "--workers=2", "--port=0"],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 1
    assert "a worker could not start" in done.stderr
    assert "worker failed" in done.stderr
    assert "no.onnx" in done.stderr
    assert "Traceback" not in done.stderr


def test_workers_share_connections_that_come_at_once(start: Start, weights: Path) -> None:
    def held(pid: int) -> int:
        links = [os.readlink(each) for each in Path(f"/proc/{pid}/fd").iterdir() if each.is_symlink()]
        return sum(link.startswith("socket:") for link in links)

    with start(str(weights), "--workers", "2") as server, contextlib.ExitStack() as stack:
        before = {pid: held(pid) for pid in server.workers()}
        for _ in range(60):
            stack.enter_context(socket.create_connection(("127.0.0.1", int(server.address.rpartition(":")[2]))))
        until = time.monotonic() + 20
        while sum(more := [held(pid) - count for pid, count in before.items()]) < 60:
            assert time.monotonic() < until, more
            time.sleep(0.02)
        assert min(more) >= 20, more


def test_a_stopping_server_takes_no_connection_while_it_answers(start: Start, weights: Path, photo: bytes) -> None:
    with start(str(weights), "--workers", "2", "--grpc_port", "0", "--grace", "20") as server:
        port = int(server.address.rpartition(":")[2])
        with socket.create_connection(("127.0.0.1", port), timeout=20) as held:
            head = f"POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(photo)}\r\n\r\n"
            held.sendall(head.encode() + photo[:-1])
            time.sleep(0.5)
            os.kill(server.workers()[0], signal.SIGSTOP)  # one that hangs must not take connections either
            server.program.send_signal(signal.SIGTERM)
            time.sleep(0.5)
            for _ in range(12):
                began = time.monotonic()
                with pytest.raises(ConnectionRefusedError):
                    socket.create_connection(("127.0.0.1", port), timeout=10)
                assert time.monotonic() - began < 1
            os.kill(server.workers()[0], signal.SIGCONT)
            held.sendall(photo[-1:])
            assert held.recv(100).startswith(b"HTTP/1.1 200")
        assert server.program.wait(60) == 0
