import os
import subprocess
import sys
import time
from importlib import metadata
from pathlib import Path

import pytest

from netwright.system.machine import Others, hardware, processors, versions


def test_versions_are_of_what_the_numbers_depend_on() -> None:
    assert versions()["netwright"] == metadata.version("netwright")
    assert {"python", "torch", "numpy", "scipy"} <= versions().keys()


def test_hardware_is_in_words() -> None:
    told = hardware()
    assert told["processors"] == str(processors())
    assert all(isinstance(value, str) and value for value in told.values())


def test_processors_are_those_that_this_process_may_use() -> None:
    assert 1 <= processors() <= (os.cpu_count() or 1)


@pytest.mark.skipif(not Path("/proc/stat").exists(), reason="the system does not tell")
def test_others_are_those_that_compute_beside() -> None:
    before, own, began = Others(), time.process_time(), time.monotonic()
    while time.monotonic() - began < 1.0:
        pass
    alone, own = before.processors(), (time.process_time() - own) / (time.monotonic() - began)
    neighbor = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        time.sleep(0.3)
        during = Others()
        time.sleep(1.0)
        beside = during.processors()
    finally:
        neighbor.kill()
        neighbor.wait()
    assert alone is not None
    assert 0.0 <= alone <= processors() - own + 0.1  # the loop of this process is not among them
    assert beside is not None
    assert beside >= 0.3
