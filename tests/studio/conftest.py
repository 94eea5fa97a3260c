"""A studio in a thread of the test's own process, and a browser where there is one."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn
from fixtures.populations import made_population
from studio.material import full_runs

from netwright.studio import StudioSettings
from netwright.studio.app import make_app
from netwright.studio.protection import OWN_HEADER
from netwright.studio.state import Studio

OWN = {OWN_HEADER: "1"}


@dataclass
class Running:
    """A studio that answers. url: of its page; client: sends what our own page sends."""

    url: str
    studio: Studio
    client: httpx.Client

    def get(self, path: str, **parameters: Any) -> Any:
        answer = self.client.get(f"/api/{path}", params=parameters)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def post(self, path: str, body: Any) -> Any:
        answer = self.client.post(f"/api/{path}", json=body)
        assert answer.status_code == 200, answer.text
        return answer.json()


@contextlib.contextmanager
def running(*folders: Path, temporary: Path, **options: Any) -> Iterator[Running]:
    settings = StudioSettings.from_options(folders, port=0, **options)
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    temporary.mkdir(exist_ok=True)
    studio = Studio(settings, temporary)
    config = uvicorn.Config(make_app(studio, port), lifespan="on", log_level="error", timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    url = f"http://127.0.0.1:{port}"
    with httpx.Client(base_url=url, headers=OWN, timeout=60) as client:
        yield Running(url, studio, client)
    studio.events.stop()
    server.should_exit = True
    thread.join()
    listener.close()


@pytest.fixture(scope="session")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of populations that nobody changes: A and C of AnyNetX, and half a sweep of E."""
    folder = tmp_path_factory.mktemp("studio") / "runs"
    command = f"netwright sweep anynetx_a --data_dir digits --trials 80 --epochs 3 --out {folder / 'a'}"
    made_population(folder / "a", "anynetx_a", 80, command=command)
    made_population(folder / "deep" / "c", "anynetx_c", 40, seed=1)
    made_population(folder / "half", "anynetx_e", 20, done=0.5)
    return folder


@pytest.fixture(scope="session")
def full(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """The studio of a folder with runs of every kind, which nobody changes."""
    folder = full_runs(tmp_path_factory.mktemp("full") / "runs")
    with running(folder, temporary=tmp_path_factory.mktemp("dropped")) as studio:
        yield studio


@pytest.fixture
def start(tmp_path: Path) -> Callable[..., AbstractContextManager[Running]]:
    def started(*folders: Path, **options: Any) -> AbstractContextManager[Running]:
        return running(*folders, temporary=tmp_path / "dropped", **options)

    return started


@pytest.fixture(scope="session")
def shown(runs: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """The studio of `runs`."""
    with running(runs, temporary=tmp_path_factory.mktemp("dropped"), look_only=True) as studio:
        yield studio
