"""Real processes that share a port, killed and started anew."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from netwright.errors import ServeError
from netwright.serving import Client


@contextmanager
def started(*words: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A server as people start it, and its address."""
    program = subprocess.Popen(
        [sys.executable, "-m", "netwright.cli.main", "serve", *words, "--port", "0", "--log_format", "json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert program.stdout is not None
    try:
        line = program.stdout.readline()
        assert line.startswith("serving on "), program.communicate()[1]
        yield program, line.split()[2].rstrip(";,")
    finally:
        program.kill()
        program.communicate()


def children(parent: int) -> list[int]:
    text = Path(f"/proc/{parent}/task/{parent}/children").read_text()
    return [int(word) for word in text.split()]


pytestmark = pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="looks for workers in /proc")


def test_a_worker_is_killed_others_answer_and_it_comes_back(weights: Path, photo: bytes) -> None:
    with started(str(weights), "--workers", "2", "--grpc_port", "0") as (program, address):
        before = children(program.pid)
        assert len(before) == 2
        counted, lost, has_ended = [0], [0], threading.Event()

        def ask_on() -> None:
            while not has_ended.is_set():
                with Client(address, retries=0, timeout=20) as client:
                    try:
                        client.predict(photo)
                        counted[0] += 1
                    except ServeError:  # the connection broke with its worker: said, not lost silently
                        lost[0] += 1

        asking = threading.Thread(target=ask_on)
        asking.start()
        while counted[0] < 5:
            time.sleep(0.01)
        os.kill(before[0], signal.SIGKILL)
        at_kill = counted[0]
        until = time.monotonic() + 60
        while before[0] in (now := children(program.pid)) or len(now) < 2:
            assert time.monotonic() < until
            time.sleep(0.02)
        while counted[0] < at_kill + 20:
            time.sleep(0.01)
        has_ended.set()
        asking.join(30)
        assert lost[0] <= 1
        with Client(address) as client:
            text = client.ask("GET", "/metrics")[0].decode()
        total = 'netwright_requests_total{code="200",door="predict",model="tiny"} '
        found = [float(line.removeprefix(total)) for line in text.splitlines() if line.startswith(total)]
        assert sum(found) >= counted[0]  # of all workers together, the killed one too
        program.send_signal(signal.SIGTERM)
        _, errors = program.communicate(timeout=60)
        assert program.returncode == 0
        events = [json.loads(line)["event"] for line in errors.splitlines()]
        assert "worker lost" in events
        assert not any(Path(f"/proc/{pid}").exists() for pid in now)


def test_workers_end_with_their_supervisor(weights: Path) -> None:
    with started(str(weights), "--workers", "2") as (program, _):
        pids = children(program.pid)
        program.kill()
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
    assert "no.onnx" in done.stderr
    assert "Traceback" not in done.stderr
