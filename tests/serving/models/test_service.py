"""Requests that wait: refused, answered, too late, cancelled, and while versions are replaced."""

import json
import socket
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from netwright.serving import Client
from netwright.serving.supervisor.process import Server

Ask = Callable[..., tuple[int, bytes, dict[str, str]]]
SlowDown = Callable[[Server, threading.Event], threading.Event]
InThreads = Callable[..., tuple[list[threading.Thread], list[Any]]]
Until = Callable[[Callable[[], bool]], None]
Serving = Callable[..., AbstractContextManager[Server]]


def test_more_than_there_is_room_for_is_refused_with_a_time(
    ask: Ask, slow_down: SlowDown, in_threads: InThreads, serving: Serving, weights: Path, photo: bytes
) -> None:
    go = threading.Event()
    with serving(weights, max_batch=1, max_queue=2) as server:
        has_begun = slow_down(server, go)
        threads, answers = in_threads(1, lambda: ask(server, "POST", "/predict", photo))
        assert has_begun.wait(10)
        more, others = in_threads(6, lambda: ask(server, "POST", "/predict", photo))
        while len(others) < 4:
            more[0].join(0.01)
        go.set()
        for thread in threads + more:
            thread.join(20)
    assert [answer[0] for answer in answers] == [200]
    assert sorted(answer[0] for answer in others) == [200, 200, 429, 429, 429, 429]
    assert all(int(answer[2]["retry-after"]) >= 1 for answer in others if answer[0] == 429)


def test_stopping_answers_what_was_accepted(
    ask: Ask, slow_down: SlowDown, in_threads: InThreads, serving: Serving, weights: Path, photo: bytes
) -> None:
    go = threading.Event()
    with serving(weights, max_batch=1) as server:
        has_begun = slow_down(server, go)
        threads, answers = in_threads(4, lambda: ask(server, "POST", "/predict", photo))
        assert has_begun.wait(10)
        while server._state.limits.requests < 4:
            threads[0].join(0.01)
        server.stop()
        threads[0].join(0.2)
        go.set()
        for thread in threads:
            thread.join(20)
    assert [answer[0] for answer in answers] == [200] * 4


@pytest.mark.slow
def test_a_request_whose_time_runs_out_is_refused(
    until: Until, ask: Ask, slow_down: SlowDown, serving: Serving, weights: Path, photo: bytes
) -> None:
    go = threading.Event()
    with serving(weights, timeout=0.3) as server:
        slow_down(server, go)
        status, answer, headers = ask(server, "POST", "/predict", photo)
        assert (status, headers["retry-after"]) == (504, "1")
        assert "ran out" in json.loads(answer)["error"]
        go.set()
        until(lambda: server._state.limits.requests == server._state.limits.bytes == 0)


def test_a_client_that_disconnects_frees_its_place(
    ask: Ask, slow_down: SlowDown, in_threads: InThreads, serving: Serving, weights: Path, photo: bytes
) -> None:
    go = threading.Event()
    with serving(weights, max_batch=1) as server:
        has_begun = slow_down(server, go)
        batcher = server._state.service.repository.get("").batcher
        threads, _ = in_threads(1, lambda: ask(server, "POST", "/predict", photo))
        assert has_begun.wait(10)
        with socket.create_connection(("127.0.0.1", server.port)) as connection:
            head = f"POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(photo)}\r\n\r\n".encode()
            connection.sendall(head + photo)
            while batcher.waiting < 1:
                threads[0].join(0.01)
        while server._state.limits.requests > 1:
            threads[0].join(0.01)
        assert server._state.limits.bytes == len(photo) + 16 * 16 * 3
        go.set()
        threads[0].join(20)


@pytest.mark.slow
def test_versions_change_under_load_without_a_request_lost(
    ask: Ask, serving: Serving, save: Callable[..., Path], tmp_path: Path, photo: bytes
) -> None:
    save(tmp_path / "cats" / "1" / "w.safetensors")
    with serving(tmp_path) as server:
        has_ended, statuses = threading.Event(), list[tuple[int, str]]()

        def ask_on() -> None:
            client = Client(f"http://127.0.0.1:{server.port}", retries=0)
            while not has_ended.is_set():
                body, _ = client.request("POST", "/predict", photo)
                statuses.append((200, json.loads(body)["version"]))
            client.close()

        threads = [threading.Thread(target=ask_on) for _ in range(3)]
        for thread in threads:
            thread.start()
        repository = server._state.service.repository
        for version in (2, 3, 3, 3):
            save(tmp_path / "cats" / str(version) / "w.safetensors", seed=version)
            repository.refresh(at_once=True)
            seen = len(statuses)
            while len(statuses) < seen + 10 and any(thread.is_alive() for thread in threads):
                threads[0].join(0.01)
        has_ended.set()
        for thread in threads:
            thread.join(20)
    assert {version for _, version in statuses} == {"1", "2", "3"}
    assert len(statuses) > 30
