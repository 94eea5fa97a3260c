import contextlib
import io
import logging
import os
import pty

import pytest

from netwright.sweeps import NullProgress, Progress
from netwright.sweeps.progress import clock


class Clock:
    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


@pytest.mark.parametrize(("seconds", "text"), [(0, "0:00"), (6.6, "0:07"), (754, "12:34"), (3723, "1:02:03")])
def test_clock(seconds, text):
    assert clock(seconds) == text


def test_elsewhere_a_plain_line_now_and_then():
    stream, now = io.StringIO(), Clock()
    with Progress(stream, now) as progress:
        progress.start("sweep", 0, 10)
        for done in range(1, 11):
            now.seconds += 4
            progress.update(done, done - 1 if done > 3 else done, int(done > 3), 12.5, 20.0)
    lines = stream.getvalue().splitlines()
    assert lines == [
        "sweep: 3/10 trials  best accuracy 87.50%  mean 80.00%  0:12 gone, 0:28 left",
        "sweep: 5/10 trials  1 failed  best accuracy 87.50%  mean 80.00%  0:24 gone, 0:16 left",
        "sweep: 8/10 trials  1 failed  best accuracy 87.50%  mean 80.00%  0:36 gone, 0:04 left",
        "sweep: 9/10 trials  1 failed  best accuracy 87.50%  mean 80.00%  0:40 gone, 0:00 left",
    ]


def test_time_left_counts_parts_of_trials_and_only_what_was_done_now():
    stream, now = io.StringIO(), Clock()
    progress = Progress(stream, now)
    progress.start("sweep", 6, 10)
    now.seconds += 20
    progress.update(6.5, 6, 0, None, None)
    assert stream.getvalue().splitlines() == [
        "sweep: 6 of 10 trials were finished before; continuing",
        "sweep: 6/10 trials  0:20 gone, 2:20 left",
    ]


def test_before_anything_is_known_no_time_is_promised():
    stream, now = io.StringIO(), Clock()
    progress = Progress(stream, now)
    progress.start("sweep", 0, 10)
    now.seconds += 11
    progress.update(0.1, 0, 0, None, None)
    assert stream.getvalue() == "sweep: 0/10 trials  0:11 gone, -:-- left\n"


def test_what_follows_a_sweep_is_part_of_the_time_that_is_left():
    stream, now = io.StringIO(), Clock()
    progress = Progress(stream, now)
    progress.expect(lambda trial, left: 100 * trial + left)
    progress.start("sweep", 0, 10)
    now.seconds += 20
    progress.update(2, 2, 0, None, None)
    progress.expect(None)
    now.seconds += 20
    progress.update(4, 4, 0, None, None)
    assert stream.getvalue().splitlines() == [
        "sweep: 2/10 trials  0:20 gone, 1:20 left, 19:20 with the next steps",
        "sweep: 4/10 trials  0:40 gone, 1:00 left",
    ]


def test_a_sweep_that_was_finished_before_says_so():
    stream = io.StringIO()
    Progress(stream).start("sweep", 10, 10)
    assert stream.getvalue() == "sweep: 10 of 10 trials were finished before\n"


def test_on_a_terminal_a_live_bar_and_lines_that_stay(monkeypatch):
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "120")
    ours, theirs = pty.openpty()
    with os.fdopen(theirs, "w") as terminal, Progress(terminal) as progress:
        progress.start("sweep", 0, 2)
        progress.update(0.5, 0, 0, None, None)
        progress._display.live.refresh()
        logging.getLogger("netwright.sweeps.run").warning("sweep: trial %d failed: %s", 0, "[red]diverged[/red]")
        progress.update(1.0, 0, 1, None, None)
        progress.update(2.0, 1, 1, 33.3, 33.3)
    shown = b""
    with contextlib.suppress(OSError):  # how a terminal ends
        while chunk := os.read(ours, 4096):
            shown += chunk
    os.close(ours)
    shown = shown.decode()
    assert "0/2 trials  0:00 gone" in shown
    assert "━" in shown
    assert "\x1b[2K" in shown  # the bar is drawn over
    assert "sweep: trial 0 failed: [red]diverged[/red]" in shown  # as it is, not as markup
    assert "sweep: 1/2 trials  1 failed  best accuracy 66.70%  mean 66.70%" in shown
    assert "\x1b[?25h" in shown  # the cursor is shown again


def test_nothing_is_nothing(capsys):
    with NullProgress() as progress:
        progress.start("sweep", 0, 1)
        progress.update(1.0, 1, 0, 5.0, 5.0)
    assert capsys.readouterr() == ("", "")


def test_what_netwright_logs_is_shown_while_it_is_open():
    stream, logger = io.StringIO(), logging.getLogger("netwright")
    before = logger.level, list(logger.handlers)
    with Progress(stream):
        logging.getLogger("netwright.data").info("%d images", 3)
        logging.getLogger("netwright.sweeps").debug("nobody needs to know")
        logging.getLogger("another").warning("of another library")
    logging.getLogger("netwright.data").info("too late")
    assert stream.getvalue() == "3 images\n"
    assert (logger.level, logger.handlers) == before


def test_a_level_that_the_user_chose_stays():
    stream, logger = io.StringIO(), logging.getLogger("netwright")
    logger.setLevel(logging.DEBUG)
    try:
        with Progress(stream):
            assert logger.level == logging.DEBUG
            logging.getLogger("netwright.sweeps").debug("of no interest on a terminal")
        assert logger.level == logging.DEBUG
    finally:
        logger.setLevel(logging.NOTSET)
    assert stream.getvalue() == ""
