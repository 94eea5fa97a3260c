import errno
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from netwright.errors import OutputError, PopulationError
from netwright.population import Lock
from netwright.system.lock import hold, locked

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


def test_a_population_of_an_older_version_is_locked_alike(tmp_path):
    fcntl = pytest.importorskip("fcntl")
    handle = os.open(tmp_path / ".lock", os.O_RDWR | os.O_CREAT)
    os.pwrite(handle, b"4711", 0)
    fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    with pytest.raises(PopulationError, match=r"process 4711\)"), Lock(tmp_path):
        pass
    os.close(handle)
    with Lock(tmp_path):
        handle = os.open(tmp_path / ".lock", os.O_RDWR)
        with pytest.raises(BlockingIOError):
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.close(handle)


def test_a_disk_without_locks_is_told(tmp_path, monkeypatch):
    def lacking(handle, **_):
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr("filelock.lock_descriptor", lacking)
    with pytest.raises(OutputError, match=r"is on a disk without file locks: .* Choose another disk"), Lock(tmp_path):
        pass
    with locked(tmp_path / "a"), locked(tmp_path / "a"), locked(tmp_path):
        assert hold(tmp_path) is None, "nobody is kept out there"


@pytest.mark.parametrize("name", ["file", ""], ids=["file", "folder"])
def test_one_is_inside_and_the_others_wait(tmp_path, name):
    inside, most = 0, 0

    def enter(_):
        nonlocal inside, most
        for _ in range(5):
            with locked(tmp_path / name):
                inside += 1
                most = max(most, inside)
                time.sleep(0.002)
                inside -= 1

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(enter, range(4)))
    assert most == 1
    assert list(tmp_path.iterdir()) == [], "the file of the lock goes with the last"


def test_an_error_inside_frees_it(tmp_path):
    for _ in range(2):
        with pytest.raises(ZeroDivisionError), locked(tmp_path / "a"):
            raise ZeroDivisionError


def test_a_folder_is_held_by_one(tmp_path):
    handle = hold(tmp_path)
    assert handle is not None
    assert hold(tmp_path) is None
    os.close(handle)
    again = hold(tmp_path)
    assert again is not None
    os.close(again)
