"""The command line within this process, for speed; process behavior is tested with processes."""

from collections.abc import Callable
from typing import NamedTuple

import pytest

from netwright.cli.main import main


class Done(NamedTuple):
    status: int
    out: str
    err: str


@pytest.fixture
def netwright(capsys: pytest.CaptureFixture[str]) -> Callable[..., Done]:
    """Run `netwright WORDS`."""

    def run(*words: object) -> Done:
        try:
            status = main([str(word) for word in words])
        except SystemExit as stop:
            status = int(stop.code or 0)
        captured = capsys.readouterr()
        return Done(status, captured.out, captured.err)

    return run
