import os
import subprocess
import sys

import pytest

from netwright.errors import OutputError, PopulationError
from netwright.population import Lock

_HOLDER = """
import sys, time
from pathlib import Path
from netwright.population import Lock
with Lock(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


def test_one_holder_at_a_time(tmp_path):
    with (
        Lock(tmp_path),
        pytest.raises(PopulationError, match=rf"process {os.getpid()}\) is working on"),
        Lock(tmp_path),
    ):
        pass
    with Lock(tmp_path):
        pass


def test_another_process_is_named_and_its_death_frees_the_lock(tmp_path):
    holder = subprocess.Popen([sys.executable, "-c", _HOLDER, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert holder.stdout is not None
    assert next(holder.stdout) == "held\n"
    with pytest.raises(PopulationError, match=rf"process {holder.pid}\) .* Wait for it or end it"), Lock(tmp_path):
        pass
    holder.kill()
    holder.communicate()
    with Lock(tmp_path):
        pass


def test_a_place_that_cannot_be_written_is_told(tmp_path):
    with pytest.raises(OutputError, match="Choose another folder"), Lock(tmp_path / "absent"):
        pass


def test_the_note_of_a_former_holder_is_no_obstacle(tmp_path):
    (tmp_path / ".lock").write_text("999999999999")
    with Lock(tmp_path):
        assert (tmp_path / ".lock").read_text() == str(os.getpid())
