import io

import pytest

from netwright.evaluation.progress import Progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_elsewhere_a_line_comes_every_ten_seconds() -> None:
    times = iter([0.0, 1.0, 12.0, 13.0, 24.0])
    stream = io.StringIO()
    with Progress(1000, 2, stream, lambda: next(times)) as progress:
        for images in (10, 60, 70, 240):
            progress.update(images)
    assert stream.getvalue().splitlines() == [
        "120 of 1,000 images, 10 images/s, 88 s left",
        "480 of 1,000 images, 20 images/s, 26 s left",
    ]


def test_on_a_terminal_there_is_a_bar_that_goes_when_it_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    times = iter([0.0, 1.0])
    stream = Terminal()
    with Progress(100, 1, stream, lambda: next(times)) as progress:
        progress.update(40)
    assert "validating" in stream.getvalue()
    assert "\x1b[2K" in stream.getvalue()  # the line is cleared
