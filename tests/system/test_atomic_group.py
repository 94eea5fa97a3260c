"""Files that belong together appear together or not at all."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from netwright.errors import OutputError
from netwright.system.atomic_group import atomic_group


def test_all_or_nothing(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "a.xml"
    with atomic_group(path, what="the pair", elsewhere="another --out") as partial:
        partial.write_text("new graph")
        partial.with_suffix(".bin").write_text("new weights")
        assert not path.exists()
    assert sorted(each.name for each in path.parent.iterdir()) == ["a.bin", "a.xml"]
    with (
        pytest.raises(UnicodeEncodeError),
        atomic_group(path, what="the pair", elsewhere="another --out") as partial,
    ):
        partial.write_text("newer \ud800")
    assert path.read_text() == "new graph"
    assert sorted(each.name for each in path.parent.iterdir()) == ["a.bin", "a.xml"]


def test_no_room_is_an_output_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    place = tmp_path / "file" / "a.onnx"
    says = rf"^the network cannot be written to {place}: .* \(another .* in the way\)\. Choose another --out\.$"
    with pytest.raises(OutputError, match=says), atomic_group(place, what="the network", elsewhere="another --out"):
        pass


def pair_of(folder: Path) -> str:
    """What a program finds that knows nothing of digests: which export the graph and the weights beside it are of."""
    graph, weights = folder / "a.xml", folder / "a.bin"
    return f"{graph.read_text()} with {weights.read_text()}" if graph.exists() else "nothing"


def write_pair(folder: Path, what: str) -> None:
    with atomic_group(folder / "a.xml", what="the pair", elsewhere="another --out") as partial:
        partial.write_text(what)
        partial.with_suffix(".bin").write_text(what)


# exports in processes of their own, of which the first is killed at its n-th change of the folder and the second, which
# finds what that left, at its m-th; then a third fails, as one does that disagrees with its network
KILLS = """
import os, pathlib, sys
from netwright.system.atomic_group import atomic_group

path = pathlib.Path(sys.argv[1]) / "a.xml"

def write(what):
    try:
        with atomic_group(path, what="the pair", elsewhere="another --out") as partial:
            partial.write_text(what)
            partial.with_suffix(".bin").write_text(what)
            if what == "bad":
                raise ValueError
    except ValueError:
        pass

def killed(what, last):
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -9
    changes = 0
    def counted(do):
        def done(*given, **more):
            nonlocal changes
            changes += 1
            if changes == last:
                os.kill(os.getpid(), 9)
            return do(*given, **more)
        return done
    for name in ("replace", "unlink", "mkdir", "rmdir"):
        setattr(os, name, counted(getattr(os, name)))
    write(what)
    os._exit(0)

def found():
    weights = path.with_suffix(".bin")
    return f"{path.read_text()} with {weights.read_text()}" if path.exists() else "nothing"

first = 1
while True:
    second = 1
    while True:
        write("old")
        was_first = killed("new", first)
        between = found()
        was_second = killed("newer", second)
        after = found()
        write("bad")
        print(first, second, between, after, found(), len(list(path.parent.iterdir())), sep="|")
        if not was_second or between != "nothing":
            break
        second += 1
    if not was_first:
        break
    first += 1
"""


@pytest.mark.slow
def test_a_kill_at_any_moment_leaves_no_graph_beside_the_weights_of_another(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", KILLS, str(tmp_path)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    lines = [line.split("|") for line in done.stdout.splitlines()]
    whole = {f"{what} with {what}" for what in ("old", "new", "newer")}
    assert {between for _, _, between, *_ in lines} == {"nothing", "old with old", "new with new"}
    assert {after for _, _, _, after, *_ in lines} == whole | {"nothing"}
    assert {last for *_, last, _ in lines} == whole, "what was there is there again"
    assert {count for *_, count in lines} == {"2"}, "and nothing else"
    assert len(lines) > 20


def test_an_error_between_the_two_files_brings_the_old_ones_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    replace, calls = os.replace, 0
    for failing in range(1, 5):
        write_pair(tmp_path, "old")
        calls = 0

        def fail(source: str, target: str, failing: int = failing) -> None:
            nonlocal calls
            calls += 1
            if calls == failing:
                raise OSError(28, "No space left on device")
            replace(source, target)

        monkeypatch.setattr(os, "replace", fail)
        with pytest.raises(OutputError, match="No space left"):
            write_pair(tmp_path, "new")
        monkeypatch.undo()
        assert pair_of(tmp_path) == "old with old"
        assert sorted(each.name for each in tmp_path.iterdir()) == ["a.bin", "a.xml"]
    assert calls > 4, "both went aside, one came, and both went back"


def test_weights_alone_do_not_stay_where_there_was_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    replace = os.replace

    def fail(source: Path, target: Path) -> None:
        if target == tmp_path / "a.xml":
            raise OSError(28, "No space left on device")
        replace(source, target)

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(OutputError):
        write_pair(tmp_path, "new")
    assert list(tmp_path.iterdir()) == []


def test_exports_at_once_do_not_mix(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    replace = os.replace

    def slow(source: Path, target: Path) -> None:
        time.sleep(0.002)
        replace(source, target)

    monkeypatch.setattr(os, "replace", slow)
    with ThreadPoolExecutor(3) as pool:
        for _ in range(8):
            for each in [pool.submit(write_pair, tmp_path, name) for name in "abc"]:
                each.result()
            assert pair_of(tmp_path) in ("a with a", "b with b", "c with c")
    assert len(list(tmp_path.iterdir())) == 2


def test_what_runs_is_not_taken_for_what_was_killed(tmp_path: Path) -> None:
    with atomic_group(tmp_path / "a.xml", what="the pair", elsewhere="another --out") as partial:
        partial.write_text("slow")
        partial.with_suffix(".bin").write_text("slow")
        write_pair(tmp_path, "quick")
        assert partial.exists()
    assert pair_of(tmp_path) == "slow with slow"


def test_a_loss_of_power_meets_the_same_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is renamed was synced before, and each name before the next."""
    said: list[str] = []
    replace, fsync = os.replace, os.fsync

    def note_replace(source: Path, target: Path) -> None:
        said.append(f"{source.parent.name[:1]}{source.name} -> {target.parent.name}")
        replace(source, target)

    def note_sync(handle: int) -> None:
        said.append(f"sync {Path(f'/proc/self/fd/{handle}').resolve().name}")
        fsync(handle)

    folder = tmp_path / "here"
    write_pair(folder, "old")
    monkeypatch.setattr(os, "replace", note_replace)
    monkeypatch.setattr(os, "fsync", note_sync)
    write_pair(folder, "new")
    assert said == [
        *("sync a.bin", "sync a.xml"),
        *("ha.xml -> replaced", "sync here", "ha.bin -> replaced", "sync here"),
        *(".a.bin -> here", "sync here", ".a.xml -> here", "sync here"),
    ]
