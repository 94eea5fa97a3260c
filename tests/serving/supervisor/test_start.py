"""What is said before a server listens."""

import logging
from pathlib import Path

import pytest

from netwright.errors import NetwrightError
from netwright.serving import ServeSettings, serve


def test_a_warning_goes_to_the_logger_and_nothing_is_printed(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    settings = ServeSettings(str(tmp_path / "nothing"), host="0.0.0.0", port=0)
    with caplog.at_level(logging.WARNING, "netwright.serving"), pytest.raises(NetwrightError, match="nothing"):
        serve(settings)
    assert [(each.name, each.getMessage()) for each in caplog.records] == [("netwright.serving", settings.warning)]
    assert "give --token" in settings.warning
    assert capfd.readouterr() == ("", "")
