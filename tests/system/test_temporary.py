"""Folders of killed programs are cleared by the next, those of living ones are not."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from netwright.system.temporary import temporary_folder

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="folders cannot be locked there")

_PROGRAM = """
import sys
from netwright.system.temporary import temporary_folder
with temporary_folder("test") as folder:
    (folder / "file").write_text("x")
    print(folder, flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    return tmp_path


def test_it_is_there_within_the_block(place: Path) -> None:
    with temporary_folder("test") as folder:
        assert folder.parent == place
        assert folder.name.startswith("netwright-test-")
        assert folder.stat().st_mode & 0o077 == 0
        (folder / "file").write_text("x")
    assert list(place.iterdir()) == []


def test_what_a_killed_program_left_is_cleared_by_the_next(place: Path) -> None:
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    programs = [subprocess.Popen([sys.executable, "-c", _PROGRAM], text=True, **pipes) for _ in range(2)]
    killed, living = (Path(str(each.stdout and each.stdout.readline()).strip()) for each in programs)
    programs[0].kill()
    programs[0].communicate()
    assert (killed / "file").exists()
    with temporary_folder("other"):
        assert killed.exists()
    with temporary_folder("test"):
        assert not killed.exists()
        assert (living / "file").exists()
    programs[1].communicate("")
    assert list(place.iterdir()) == []


def test_links_and_what_is_being_made_are_left_alone(place: Path) -> None:
    (place / "precious").mkdir()
    (place / "netwright-test-link").symlink_to(place / "precious")
    (place / "netwright-test-draft.new").mkdir()
    (place / "netwright-test-old.new").mkdir()
    long_ago = time.time() - 1000
    os.utime(place / "netwright-test-old.new", (long_ago, long_ago))
    with temporary_folder("test"):
        pass
    assert {each.name for each in place.iterdir()} == {"precious", "netwright-test-link", "netwright-test-draft.new"}
