"""What a replica does by itself, without Ray."""

import asyncio
import json
import logging
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from netwright.errors import DataError, ServeError
from netwright.serving import ServeSettings
from netwright.serving.ray.replica import Replica


@pytest.fixture
def replica(network: Path) -> Iterator[Replica]:
    found = Replica(ServeSettings(str(network), threads=1, max_delay_ms=0.0, max_pixels=1000, max_body=100_000))
    yield found
    found.__del__()


def test_a_replica_is_healthy_until_it_computes_nothing(replica: Replica, photo: bytes) -> None:
    async def look_twice() -> None:  # an answer is there before it is counted: the first look may see it as news
        await replica.check_health()
        await replica.check_health()

    async def looks() -> None:
        await look_twice()
        await replica.predict([photo])
        await look_twice()
        [served] = replica._state.service.repository.models()
        served.runtime.close()
        with pytest.raises(ServeError, match="tiny version 1 computes nothing"):
            await look_twice()

    asyncio.run(looks())


def test_a_replica_that_hangs_is_not_healthy(network: Path, photo: bytes, slow_down: Any) -> None:
    replica = Replica(ServeSettings(str(network), threads=1, max_delay_ms=0.0, timeout=0.2, heartbeat=0.1))
    go = threading.Event()
    has_begun = slow_down(replica, go)

    async def looks() -> None:
        with pytest.raises(ServeError, match="time of this request ran out"):
            await replica.predict([photo])
        assert has_begun.is_set()
        [served] = replica._state.service.repository.models()
        while served.batcher.computing < 0.25:
            await asyncio.sleep(0.01)
        with pytest.raises(ServeError, match="has been at one computation for more than"):
            await replica.check_health()
        go.set()

    try:
        asyncio.run(looks())
    finally:
        go.set()
        replica.__del__()


def test_a_replica_has_the_limits_of_a_server_and_releases_all(replica: Replica, photo: bytes) -> None:
    async def asks() -> None:
        with pytest.raises(ServeError, match="1,000 pixels"):
            await replica.predict([np.zeros((200, 100, 3), dtype=np.uint8)])
        with pytest.raises(ServeError, match="100,000 bytes"):
            await replica.predict([photo, np.zeros((200, 200, 3), dtype=np.uint8)])
        with pytest.raises(DataError, match="uint8"):
            await replica.predict([np.zeros((4, 4, 3), dtype=np.float32)])  # type: ignore[list-item]
        counted = replica._metrics.text()[0]
        assert b'netwright_requests_total{code="413",endpoint="handle",model="tiny"} 2.0' in counted
        assert b'netwright_requests_total{code="422",endpoint="handle",model="tiny"} 1.0' in counted
        limits = replica._state.limits
        assert (limits.requests, limits.bytes) == (0, 0)
        replica.__del__()
        with pytest.raises(ServeError, match="stopping"):
            await replica.predict([photo])

    asyncio.run(asks())


def test_a_replica_takes_its_token_from_its_environment(network: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NETWRIGHT_TOKEN", "secret")
    replica = Replica(ServeSettings(str(network), threads=1))
    try:
        assert replica._settings.token == "secret"
    finally:
        replica.__del__()


def test_a_call_is_one_line_of_the_log(network: Path, photo: bytes, caplog: pytest.LogCaptureFixture) -> None:
    replica = Replica(ServeSettings(str(network), threads=1, max_delay_ms=0.0, log_format="json"))
    try:
        with caplog.at_level(logging.INFO, "ray.serve"):
            asyncio.run(replica.predict([photo]))
    finally:
        replica.__del__()
    line = json.loads(caplog.messages[-1])
    assert (line["event"], line["status"], line["model"], line["images"]) == ("call", 200, "tiny", 1)
