"""Files and folders appear whole or not at all, and errors say what was written, where, and the cure."""

import errno
import os
import resource
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from netwright.errors import OutputError
from netwright.system import atomic
from netwright.system.atomic import (
    atomic_file,
    atomic_folder,
    explain_errors,
    free_bytes,
    remove_abandoned,
    require_room,
    require_writable,
    write_bytes,
    write_text,
)

WORDS = {"what": "the answer", "elsewhere": "another --out"}


def full(*_: object) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def names(folder: Path) -> list[str]:
    return sorted(each.name for each in folder.iterdir())


def test_a_file_is_replaced_whole_in_a_folder_that_is_made(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "x"
    for content in (b"old", b"newer"):
        write_bytes(path, content, **WORDS)
        assert path.read_bytes() == content
    assert names(path.parent) == ["x"]


def test_a_text_may_have_what_no_encoding_has(tmp_path: Path) -> None:
    write_text(tmp_path / "x", "é\udce9\n", **WORDS)
    assert (tmp_path / "x").read_bytes() == "é?\n".encode()


def test_others_may_read_it_as_they_may_any_new_file(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        write_bytes(tmp_path / "x", b"", **WORDS)
        assert stat.S_IMODE((tmp_path / "x").stat().st_mode) == 0o640
    finally:
        os.umask(before)


@pytest.mark.parametrize("call", ["fsync", "replace"])
@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO])
def test_a_failed_write_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str, code: int
) -> None:
    path = tmp_path / "x"
    path.write_text("the old file")

    def fail(*_: object) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, call, fail)
    room = (
        r" \(about 3 bytes are needed and [\d,]+ bytes are free there\)\. Free some space, or choose another --out\.$"
    )
    says = rf"^the answer cannot be written to {path}: {os.strerror(code)}"
    says += room if code == errno.ENOSPC else r"\. Choose another --out\.$"
    with pytest.raises(OutputError, match=says):
        write_bytes(path, b"new", **WORDS)
    assert path.read_text() == "the old file"
    assert names(tmp_path) == ["x"]


def test_an_error_of_the_block_leaves_the_old_file_and_is_itself(tmp_path: Path) -> None:
    write_bytes(tmp_path / "x", b"old", **WORDS)
    with pytest.raises(ZeroDivisionError), atomic_file(tmp_path / "x", **WORDS) as file:
        file.write(bytes([1 // 0]))
    assert (tmp_path / "x").read_bytes() == b"old"
    assert names(tmp_path) == ["x"]


def test_a_file_that_cannot_grow_is_explained(tmp_path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (15_000, hard))
    try:
        with pytest.raises(OutputError, match=r"^the answer cannot be written .*: File too large \(about 20,000 bytes"):
            write_bytes(tmp_path / "x", bytes(20_000), **WORDS)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert names(tmp_path) == []


def test_what_is_in_the_way_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "folder").mkdir()
    for path in (tmp_path / "file" / "x", tmp_path / "folder"):
        says = rf"^the answer cannot be written to {path}: .* \(another file or folder is in the way\)\. Choose"
        with pytest.raises(OutputError, match=says):
            write_bytes(path, b"", **WORDS)


def test_what_would_take_less_room_is_said_where_room_is_short(tmp_path: Path) -> None:
    for code, cure in ((errno.EFBIG, "Free some space, lower --n, or choose another --out."), (errno.EACCES, "Choose")):
        with pytest.raises(OutputError) as caught, explain_errors(tmp_path, **WORDS, smaller="lower --n"):
            raise OSError(code, os.strerror(code))
        assert cure in str(caught.value)
        assert ("--n" in str(caught.value)) == (code == errno.EFBIG)


def test_a_folder_is_there_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "deep" / "state"
    with atomic_folder(path, **WORDS) as partial:
        (partial / "a").write_text("1")
        (partial / "b").mkdir()
        (partial / "b" / "c").write_text("2")
        assert not path.exists()
    assert names(path.parent) == ["state"]
    assert (path / "b" / "c").read_text() == "2"
    with pytest.raises(ZeroDivisionError), atomic_folder(tmp_path / "new", **WORDS):
        raise ZeroDivisionError
    with pytest.raises(OutputError, match="in the way"), atomic_folder(path, **WORDS):
        pass
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OutputError, match=r"^the answer .* No space left"), atomic_folder(tmp_path / "new", **WORDS):
        pass
    assert names(tmp_path) == ["deep"]
    assert names(path.parent) == ["state"]


def test_a_folder_may_be_made_elsewhere(tmp_path: Path) -> None:
    with atomic_folder(tmp_path / "models" / "1", **WORDS, beside=tmp_path / "work") as partial:
        assert partial.parent == tmp_path / "work"
    assert (tmp_path / "models" / "1").is_dir()
    assert names(tmp_path / "work") == []


def test_everything_is_brought_to_the_disk_before_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []
    fsync, rename, replace = os.fsync, os.rename, os.replace

    def note_sync(handle: int) -> None:
        done.append(f"sync {Path(f'/proc/self/fd/{handle}').resolve().name.split('.')[1:2] or 'folder'}")
        fsync(handle)

    def note_rename(source: Path, target: Path) -> None:
        done.append(f"name {target.name}")
        rename(source, target)

    def note_replace(source: Path, target: Path) -> None:
        done.append(f"name {target.name}")
        replace(source, target)

    monkeypatch.setattr(os, "fsync", note_sync)
    monkeypatch.setattr(os, "rename", note_rename)
    monkeypatch.setattr(os, "replace", note_replace)
    write_bytes(tmp_path / "x", b"1", **WORDS)
    assert done == ["sync ['x']", "name x"]
    done.clear()
    with atomic_folder(tmp_path / "y", **WORDS) as partial:
        (partial / ".a.").write_text("1")
    assert done == ["sync ['a']", "sync ['y']", "name y", "sync folder"]


def test_room_and_a_place_to_write_are_asked_for_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    require_room(tmp_path / "new" / "x", 1, **WORDS)
    with pytest.raises(
        OutputError, match=r"^the answer cannot be written to .*x: No space .*about 1,\d{3},[\d,]+ bytes"
    ):
        require_room(tmp_path / "new" / "x", 10**18 + free_bytes(tmp_path), **WORDS)
    require_writable(tmp_path / "made", **WORDS)
    assert names(tmp_path / "made") == []
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match=r"^the answer cannot be written to .*file: .* Choose another --out"):
        require_writable(tmp_path / "file", **WORDS)
    monkeypatch.setattr(atomic.tempfile, "TemporaryFile", lambda **_: full())
    with pytest.raises(OutputError, match="Free some space"):
        require_writable(tmp_path / "made", **WORDS)


def test_what_is_long_abandoned_goes_and_what_is_written_stays(tmp_path: Path) -> None:
    old, folder, young, other = (tmp_path / f".{name}.partial" for name in ("[x].1-a", "[x].2-b", "[x].3-c", "x.4-d"))
    folder.mkdir()
    for path in (old, young, other):
        path.write_bytes(b"half")
    for path in (old, folder, other):
        os.utime(path, (time.time() - 10_000,) * 2)
    write_bytes(tmp_path / "[x]", b"", **WORDS)
    assert names(tmp_path) == sorted([young.name, other.name, "[x]"])
    remove_abandoned(tmp_path / "[x]", 0.0)
    assert names(tmp_path) == sorted([other.name, "[x]"])


_WRITER = """
import sys
from pathlib import Path
from netwright.system.atomic import atomic_file
with atomic_file(Path(sys.argv[1]), what="x", elsewhere="y") as file:
    file.write(b"half of")
    file.flush()
    print("writing", flush=True)
    sys.stdin.read()
"""


def test_a_killed_writer_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "x"
    write_bytes(path, b"old", **WORDS)
    command = [sys.executable, "-c", _WRITER, str(path)]
    writer = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert writer.stdout is not None
    assert next(writer.stdout) == "writing\n"
    writer.send_signal(signal.SIGKILL)
    writer.communicate()
    assert path.read_bytes() == b"old"
    remove_abandoned(path, 0.0)
    assert names(tmp_path) == ["x"]
