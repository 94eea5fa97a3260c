"""The contract of executors, for each that there is."""

from pathlib import Path

import pytest

from netwright.sweeps import Executor, LocalExecutor
from netwright.testing import ExecutorContract


@pytest.mark.slow
class TestLocalExecutor(ExecutorContract):
    def make_executor(self, images: Path) -> Executor:
        return LocalExecutor(images, workers=2, threads=1)


@pytest.mark.slow
def test_reasons_of_failures_name_the_error(crew, trials):
    wrong = [trials.crashing(0), trials.too_large(1), trials.diverging(4)]
    reasons = {event.index: event.values["reason"] for event in crew.run(wrong) if event.kind == "failed"}
    assert reasons[0].startswith("RuntimeError: Given groups=1, weight of size")
    assert reasons[1].startswith("out of memory: ")
    assert reasons[4].startswith("diverged: the loss became ")


def test_a_killed_worker_is_named(crew, trials, killer):
    events = list(killer(crew, {0: 1}).run([trials.good(0, epochs=200)]))
    assert [event.kind for event in events] == ["began", "lost"]
    assert "signal 9" in events[-1].values["reason"]
