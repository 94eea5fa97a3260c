"""A client of HTTP/2 that begins what no library begins: that of the benchmark of hostile clients."""

import importlib.util
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

PATH = Path(__file__).parents[3] / "benchmarks" / "serve_streams.py"


@pytest.fixture(scope="session")
def streams() -> type[Any]:
    spec = importlib.util.spec_from_file_location("serve_streams", PATH)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    found: type[Any] = module.Streams
    return found


@pytest.fixture
def raw(streams: type[Any]) -> Iterator[Callable[[int], Any]]:
    """Connects to a port; all are closed at the end."""
    made: list[Any] = []

    def connect(port: int) -> Any:
        made.append(streams(("127.0.0.1", port)))
        return made[-1]

    yield connect
    for each in made:
        each.close()
