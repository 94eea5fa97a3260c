"""Pauses of the event loop are shorter while a server runs, and as before for whoever called it."""

import contextlib
import gc
import sys

from netwright.serving.supervisor.pauses import settle, short_pauses


def test_whoever_called_the_server_has_everything_as_before() -> None:
    interval, thresholds, frozen = sys.getswitchinterval(), gc.get_threshold(), gc.get_freeze_count()
    with contextlib.suppress(ValueError), short_pauses():
        assert sys.getswitchinterval() < interval
        assert gc.get_threshold() < thresholds
        settle()
        assert gc.get_freeze_count() > frozen
        raise ValueError
    assert (sys.getswitchinterval(), gc.get_threshold()) == (interval, thresholds)
    assert gc.get_freeze_count() == 0
