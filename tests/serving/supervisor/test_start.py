"""`serve` as a function: what it is given, and what it says before it listens."""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest

from netwright.errors import NetwrightError, ServeError
from netwright.serving import ServeSettings, serve


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> list[ServeSettings]:
    """The settings of servers, which end as soon as they answer."""
    made: list[ServeSettings] = []

    class Server:
        port, grpc_port = 8001, 0

        def __init__(self, settings: ServeSettings, sock: object) -> None:
            made.append(settings)

        def run(self, on_ready: Callable[[Any], None]) -> None:
            on_ready(self)

    monkeypatch.delenv("NETWRIGHT_TOKEN", raising=False)
    monkeypatch.setattr("netwright.serving.supervisor.process.Server", Server)
    monkeypatch.setattr("netwright.serving.supervisor.listening.listen", lambda *_: nullcontext())
    return made


def test_a_network_and_options_by_name(served: list[ServeSettings]) -> None:
    ports: list[tuple[int, int]] = []
    serve("cat-or-dog.onnx", lambda *both: ports.append(both), max_batch=4, max_queue=9)
    serve(Path("cat-or-dog.onnx"), port=0)
    assert served == [
        ServeSettings("cat-or-dog.onnx", max_batch=4, max_queue=9),
        ServeSettings("cat-or-dog.onnx", port=0),
    ]
    assert ports == [(8001, 0)]


def test_settings_as_they_are(served: list[ServeSettings]) -> None:
    serve(settings := ServeSettings("x", token="t"))
    assert served == [settings]
    with pytest.raises(ServeError, match=r"has all options itself\. Put port, host into it\."):
        serve(settings, port=1, host="::1")


def test_a_mistake_is_told_before_anything_is_opened(served: list[ServeSettings]) -> None:
    with pytest.raises(ServeError, match=r"did you mean 'max_batch'\?"):
        serve("x", max_bach=2)
    with pytest.raises(ServeError, match="workers is a whole number of at least 1, not 0"):
        serve("x", workers=0)
    assert served == []


def test_a_warning_goes_to_the_logger_and_nothing_is_printed(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    settings = ServeSettings(str(tmp_path / "nothing"), host="0.0.0.0", port=0)
    with caplog.at_level(logging.WARNING, "netwright.serving"), pytest.raises(NetwrightError, match="nothing"):
        serve(settings)
    assert [(each.name, each.getMessage()) for each in caplog.records] == [("netwright.serving", settings.warning)]
    assert "give --token" in settings.warning
    assert capfd.readouterr() == ("", "")
