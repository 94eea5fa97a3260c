"""Workers that live and do nothing: how they are found, and what is done about them."""

import io
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from netwright.errors import ServeError
from netwright.serving import Client, ServeSettings
from netwright.serving.supervisor.heartbeat import HeartbeatMonitor, HeartbeatSender, heartbeat_interval
from netwright.serving.supervisor.process import Server

Save = Callable[..., Path]
Start = Callable[..., AbstractContextManager[Any]]

in_proc = pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="looks for workers in /proc")


def send(monitor: HeartbeatMonitor, *states: str) -> None:
    for state in states:
        monitor.receive(json.dumps([state, "cats"]).encode() + b"\n")


def test_silence_is_added_up_from_checks_and_any_heartbeat_ends_it() -> None:
    monitor = HeartbeatMonitor(1.0)
    send(monitor, "ready")
    assert [monitor.check(0.4)[0] for _ in range(3)] == ["", "", "silent"]
    send(monitor, "alive")
    assert monitor.check(0.4) == ("", "")
    monitor.receive(b"Warning: something that a library prints\n")
    monitor.receive(b"[1, 2, 3]\n")
    assert [monitor.check(0.4)[0] for _ in range(2)] == ["", "silent"]


def test_a_start_is_not_judged_and_loading_and_stopping_have_more_time() -> None:
    monitor = HeartbeatMonitor(1.0)
    send(monitor, "loading", "loaded")
    assert monitor.check(1000) == ("", "")
    send(monitor, "ready", "loading")
    assert monitor.check(9) == ("", "")
    assert monitor.check(2)[0] == "silent"
    send(monitor, "loaded")
    assert monitor.check(2)[0] == "silent"
    send(monitor, "stopping")
    assert monitor.check(9) == ("", "")


def test_what_hangs_is_reported_until_it_does_not() -> None:
    monitor = HeartbeatMonitor(1.0)
    send(monitor, "ready", "hanging")
    assert monitor.check(0.1) == ("hanging", "cats")
    send(monitor, "alive")
    assert monitor.check(0.1) == ("", "")
    send(silent := HeartbeatMonitor(0.0), "ready", "hanging")
    assert silent.check(1000) == ("", "")  # 0 is for never


def test_several_heartbeats_fit_into_the_limit() -> None:
    assert [heartbeat_interval(limit) for limit in (0, 0.5, 15)] == [1.0, 0.1, 1.0]


def test_a_limit_that_no_heartbeat_fits_into_is_refused() -> None:
    with pytest.raises(ServeError, match=r"heartbeat is 0, or 0\.1 seconds or more, not 0\.05"):
        ServeSettings("x", heartbeat=0.05)
    assert ServeSettings("x", heartbeat=0).heartbeat == 0


def test_nobody_waits_for_a_supervisor_that_does_not_read_or_is_gone() -> None:
    reading, writing = os.pipe()
    sender = HeartbeatSender(writing)
    for _ in range(5000):
        sender.send("hanging", "x\n" * 5000)
    lines = os.read(reading, 1 << 20).split(b"\n")[:-1]
    assert {json.loads(line)[0] for line in lines} == {"hanging"}  # whole lines only
    os.close(reading)
    sender.send("alive")
    os.close(writing)


def until(claim: Callable[[], bool], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not claim():
        assert time.monotonic() < end
        time.sleep(0.1)


def figure(address: str, name: str) -> float:
    """Of /metrics, 0 where it is not there."""
    with Client(address, timeout=10) as client:
        lines = client.request("GET", "/metrics")[0].decode().splitlines()
    return sum(float(line.split()[-1]) for line in lines if line.startswith(f"netwright_{name} "))


@pytest.fixture(scope="module")
def pool(start: Start, save: Save, save_slow: Save, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Two workers; each test leaves two that are ready."""
    folder = tmp_path_factory.mktemp("pool")
    save(folder / "tiny" / "1" / "w.safetensors")
    save_slow(folder / "slow" / "1" / "w.safetensors")
    words = ("--heartbeat=1", "--timeout=4", "--grace=0.5", "--threads=1", "--max_batch=4096", "--max_queue=4096")
    with start(str(folder), "--workers=2", "--poll=0", *words) as server:
        yield server
        hangs = [line["message"] for line in server.stop() if line["event"] == "worker hangs"]
        assert ["no sign of life for 1." in message for message in hangs] == [True, False]
        assert hangs[1] == "slow version 1 has been at one computation for more than 4 s: terminating it"


@in_proc
def test_workers_of_a_busy_machine_are_left_alone(pool: Any, photo: bytes) -> None:
    address, before = pool.address, pool.workers()
    code = "import time\nend = time.monotonic() + 2.5\nwhile time.monotonic() < end: sum(range(10000))"
    burning = [subprocess.Popen([sys.executable, "-c", code]) for _ in range(2 * (os.cpu_count() or 1))]
    with Client(address) as client:
        while any(each.poll() is None for each in burning):
            client.predict(photo, model="tiny")
    os.kill(pool.program.pid, signal.SIGSTOP)  # nor does a supervisor that was stopped think that they were
    time.sleep(1.5)
    os.kill(pool.program.pid, signal.SIGCONT)
    time.sleep(0.5)
    assert pool.workers() == before


@in_proc
def test_a_stopped_worker_is_replaced_while_others_answer(pool: Any, photo: bytes) -> None:
    address, before = pool.address, pool.workers()
    os.kill(before[0], signal.SIGSTOP)
    answered = 0
    while before[0] in pool.workers():
        with Client(address, timeout=20) as client:  # a stopped one accepts nothing
            client.predict(photo, model="tiny")
        answered += 1
    assert answered
    until(lambda: figure(address, "workers_ready") == 2)
    assert figure(address, 'worker_restarts_total{reason="silent"}') == 1
    assert before[1] in pool.workers()


def owners(connections: list[HTTPConnection], pids: list[int]) -> list[int]:
    """The process at the other end of each connection to this machine."""
    inodes = {}
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        words = line.split()
        here, there = (int(word.split(":")[1], 16) for word in words[1:3])
        inodes[here, there] = words[9]
    sockets = {}
    for pid in pids:
        for each in Path(f"/proc/{pid}/fd").iterdir():
            name = os.readlink(each)
            if name.startswith("socket:["):
                sockets[name[8:-1]] = pid
    return [sockets[inodes[each.sock.getpeername()[1], each.sock.getsockname()[1]]] for each in connections]


def ask(connection: HTTPConnection, image: bytes) -> int:
    """The status of an answer, 0 where the connection is cut. TimeoutError where it hangs."""
    try:
        connection.request("POST", "/predict?model=tiny", image)
        answer = connection.getresponse()
        answer.read()
        return answer.status
    except (ConnectionError, HTTPException):
        return 0


@in_proc
def test_a_killed_worker_takes_only_its_own_connections_and_cuts_them(pool: Any, photo: bytes) -> None:
    address, pids, connections = pool.address, pool.workers(), list[HTTPConnection]()
    while len(connections) < 8 or (len(set(owners(connections, pids))) < 2 and len(connections) < 100):
        connections.append(HTTPConnection(address.removeprefix("http://"), timeout=10))
        connections[-1].auto_open = 0
        connections[-1].connect()
        assert ask(connections[-1], photo) == 200
    owned = owners(connections, pids)
    has_ended = threading.Event()
    said: list[list[int]] = [[] for _ in connections]

    def ask_on(place: int) -> None:
        while not has_ended.is_set() and 0 not in said[place]:
            try:
                said[place].append(ask(connections[place], photo))
            except TimeoutError:
                said[place].append(-1)

    threads = [threading.Thread(target=ask_on, args=(place,)) for place in range(len(connections))]
    for thread in threads:
        thread.start()
    until(lambda: min(map(len, said)) > 3)
    os.kill(pids[0], signal.SIGKILL)
    until(lambda: all(0 in said[place] for place, pid in enumerate(owned) if pid == pids[0]), 9)
    before = list(map(len, said))
    until(lambda: all(len(said[place]) > before[place] + 3 for place, pid in enumerate(owned) if pid == pids[1]))
    has_ended.set()
    for thread in threads:
        thread.join(20)
    assert [set(each) for each in said] == [{200, 0} if pid == pids[0] else {200} for pid in owned]
    for connection in connections:
        connection.close()
    until(lambda: figure(address, "workers_ready") == 2)
    assert figure(address, 'worker_restarts_total{reason="died"}') == 1


@in_proc
def test_a_worker_whose_computation_hangs_is_replaced(pool: Any, photo: bytes) -> None:
    address, before = pool.address, pool.workers()
    many = np.zeros((4096, 16, 16, 3), dtype=np.uint8)
    with Client(address, retries=0, timeout=20) as client, pytest.raises(ServeError) as caught:
        client.logits(many, model="slow")
    assert "504" in str(caught.value) or "does not answer" in str(caught.value)  # told, or cut with its worker
    until(lambda: len(set(before) & set(pool.workers())) == 1)
    with Client(address, timeout=20) as client:
        client.predict(photo, model="tiny")  # the other one
    until(lambda: figure(address, 'worker_restarts_total{reason="hanging"}') == 1)
    until(lambda: figure(address, "workers_ready") == 2)


class Blocked:
    """A runtime that does not return until `go`."""

    def __init__(self, server: Server) -> None:
        self.batcher = server._state.service.repository.get("tiny").batcher
        self.inner, self.info, self.normalize = (runtime := self.batcher.runtime), runtime.info, runtime.normalize
        self.go = threading.Event()

    def logits(self, x: np.ndarray) -> np.ndarray:
        assert self.go.wait(30)
        return self.inner.logits(x)

    def close(self) -> None:
        self.inner.close()


@pytest.fixture
def blocked(
    serving: Callable[..., AbstractContextManager[Server]], weights: Path
) -> Iterator[tuple[Server, Blocked, Client]]:
    with serving(weights, heartbeat=0.2, timeout=0.5, grpc_port=0) as server:
        held = Blocked(server)
        held.batcher.runtime = held  # type: ignore[assignment]
        with Client(f"http://127.0.0.1:{server.port}", retries=0) as client:
            yield server, held, client
            held.go.set()


@pytest.mark.slow
def test_one_process_that_hangs_is_not_ready_and_says_so(blocked: tuple[Server, Blocked, Client], photo: bytes) -> None:
    server, held, client = blocked
    server._log._stream = log = io.StringIO()
    assert client.is_ready()
    with pytest.raises(ServeError, match="504"):
        client.predict(photo)
    until(lambda: not client.is_ready(), 10)
    with pytest.raises(ServeError, match=r"503: tiny version 1 has been at one computation for more than 0\.5 s"):
        client.request("GET", "/v2/health/ready")
    client.request("GET", "/v2/health/live")
    until(lambda: figure(f"http://127.0.0.1:{server.port}", "workers_ready") == 0, 10)
    grpc = pytest.importorskip("tritonclient.grpc").InferenceServerClient(f"127.0.0.1:{server.grpc_port}")
    assert not grpc.is_server_ready()
    held.go.set()
    until(client.is_ready, 10)
    until(grpc.is_server_ready, 10)
    grpc.close()
    assert client.predict(photo)
    until(lambda: figure(f"http://127.0.0.1:{server.port}", "workers_ready") == 1, 10)
    said = log.getvalue()
    assert said.count("computation hangs") == said.count("computation ended") == 1


@pytest.mark.slow
def test_the_queue_of_a_model_is_a_figure(blocked: tuple[Server, Blocked, Client]) -> None:
    server, held, _ = blocked
    address = f"http://127.0.0.1:{server.port}"
    name = 'queue_images{model="tiny",version="1"}'
    until(lambda: figure(address, "workers_ready") == 1, 10)
    assert figure(address, name) == 0
    first = held.batcher.submit(np.zeros((1, 16, 16, 3), dtype=np.uint8))
    until(lambda: held.batcher.computing > 0, 10)
    waiting = held.batcher.submit(np.zeros((7, 16, 16, 3), dtype=np.uint8))
    until(lambda: figure(address, name) == 7, 10)
    held.go.set()
    assert (len(first.result(10)), len(waiting.result(10))) == (1, 7)
    until(lambda: figure(address, name) == 0, 10)
