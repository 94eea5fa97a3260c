import os
import subprocess
import sys
import time
from importlib import metadata
from pathlib import Path

import pytest

from netwright.system import machine
from netwright.system.machine import (
    Others,
    available_memory,
    default_threads,
    free_shared_memory,
    hardware,
    keep_memory,
    processors,
    share_memory,
    versions,
)


def test_versions_are_of_what_the_numbers_depend_on() -> None:
    assert versions()["netwright"] == metadata.version("netwright")
    assert {"python", "torch", "numpy", "scipy"} <= versions().keys()


def test_hardware_is_in_words() -> None:
    told = hardware()
    assert told["processors"] == str(processors())
    assert all(isinstance(value, str) and value for value in told.values())


def test_processors_are_those_that_this_process_may_use() -> None:
    assert 1 <= processors() <= (os.cpu_count() or 1)


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({}, 8),
        ({"/sys/fs/cgroup/cpu.max": ["max 100000"]}, 8),
        ({"/sys/fs/cgroup/cpu.max": ["250000 100000"]}, 3),
        ({"/sys/fs/cgroup/cpu.max": ["50000 100000"]}, 1),
        ({"/sys/fs/cgroup/cpu.max": ["9900000 100000"]}, 8),
        (
            {
                f"/sys/fs/cgroup/cpu/cpu.cfs_{name}_us": [value]
                for name, value in (("quota", "-1"), ("period", "100000"))
            },
            8,
        ),
        (
            {
                f"/sys/fs/cgroup/cpu/cpu.cfs_{name}_us": [value]
                for name, value in (("quota", "200000"), ("period", "100000"))
            }
            | {"/proc/self/cgroup": ["2:cpuacct,cpu:/", "1:name=systemd:/x"]},
            2,
        ),
        (  # a service of systemd with CPUQuota=
            {
                "/proc/self/cgroup": ["0::/system.slice/train.service"],
                "/sys/fs/cgroup/system.slice/cpu.max": ["max 100000"],
                "/sys/fs/cgroup/system.slice/train.service/cpu.max": ["300000 100000"],
            },
            3,
        ),
    ],
)
def test_the_quota_of_a_container_counts(
    monkeypatch: pytest.MonkeyPatch, files: dict[str, list[str]], expected: int
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: set(range(8)), raising=False)
    monkeypatch.setattr(machine, "_lines", lambda path: files.get(path, []))
    assert processors() == expected


@pytest.mark.parametrize(
    ("environment", "sharing", "expected"),
    [
        ({}, 1, 8),
        ({}, 3, 2),
        ({}, 20, 1),
        ({"OMP_NUM_THREADS": "3"}, 1, 3),
        ({"OMP_NUM_THREADS": "3"}, 4, 3),
        ({"OMP_NUM_THREADS": "2,4"}, 1, 2),
        ({"OMP_NUM_THREADS": "many"}, 1, 8),
        ({"OMP_NUM_THREADS": "0"}, 1, 8),
        ({"OMP_NUM_THREADS": "1", "TORCHELASTIC_RUN_ID": "x"}, 2, 4),
        ({"OMP_NUM_THREADS": "1", "TORCHELASTIC_RUN_ID": "x"}, 1, 1),
    ],
)
def test_threads_are_what_the_environment_says_or_the_share_of_a_process(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], sharing: int, expected: int
) -> None:
    monkeypatch.setattr(machine, "processors", lambda: 8)
    for name in ("OMP_NUM_THREADS", "TORCHELASTIC_RUN_ID"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert default_threads(sharing) == expected


def test_memory_is_known_here_or_not_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    available = available_memory()
    assert available is None or available > 10**6
    monkeypatch.setattr(machine, "_lines", lambda _: [])
    assert available_memory() is None


def test_a_containers_limit_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    files = {"/proc/meminfo": ["MemAvailable: 9000 kB"], "max": ["5000"], "current": ["2000"]}
    monkeypatch.setattr(machine, "_lines", lambda path: files[path.rsplit(".")[-1]])
    assert available_memory() == 3000


def test_shared_memory_is_known_or_not(monkeypatch: pytest.MonkeyPatch) -> None:
    free = free_shared_memory()
    assert (free is not None) == Path("/dev/shm").exists()

    def hidden(path: str) -> None:
        raise FileNotFoundError(path)

    monkeypatch.setattr(machine.shutil, "disk_usage", hidden)
    assert free_shared_memory() is None


@pytest.mark.slow
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


_PROGRAM = """
import resource, sys
import torch
from netwright.system.machine import keep_memory
kept = keep_memory() if sys.argv[1] == "kept" else False
for _ in range(30):  # the first few settle where blocks lie
    torch.zeros(16 << 20)  # 64 MB, freed at once
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
torch.zeros(16 << 20)
print(kept, resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def page_faults(how: str) -> tuple[str, int]:
    """Of a block that was there before, in a process of its own."""
    done = subprocess.run([sys.executable, "-c", _PROGRAM, how], capture_output=True, text=True, check=True)
    kept, faults = done.stdout.split()
    return kept, int(faults)


@pytest.mark.slow
@pytest.mark.skipif(not keep_memory(), reason="the C library here has no mallopt")
def test_freed_memory_is_used_again() -> None:
    _, without = page_faults("as it is")
    kept, faults = page_faults("kept")
    assert kept == "True"
    assert faults < 100 < without


_SHARING = """
import sys, threading
from netwright.system.machine import resident_memory, share_memory
shared = share_memory() if sys.argv[1] == "shared" else False
def work():
    blocks = [bytes(20 << 20), bytes(6 << 20)]  # freeing the first has glibc keep blocks like the second
    del blocks[0]
    kept.append(bytes(1000))  # above the second, so that its heap stays as large
before, kept = resident_memory(), []
for _ in range(3):
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    work()
print(shared, (resident_memory() - before) >> 20)
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="glibc's")
def test_large_blocks_go_back_to_the_system_as_soon_as_they_are_freed() -> None:
    done = subprocess.run([sys.executable, "-c", _SHARING, "shared"], capture_output=True, text=True, check=True)
    shared, grown = done.stdout.split()
    assert shared == "True"
    assert int(grown) < 2


def test_other_systems_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.platform", "darwin")
    assert keep_memory() is False
    assert share_memory() is False
