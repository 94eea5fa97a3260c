import subprocess
import sys

import pytest

from netwright.system.machine import keep_memory

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


@pytest.mark.skipif(not keep_memory(), reason="the C library here has no mallopt")
def test_freed_memory_is_used_again() -> None:
    _, without = page_faults("as it is")
    kept, faults = page_faults("kept")
    assert kept == "True"
    assert faults < 100 < without


def test_other_systems_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.platform", "darwin")
    assert keep_memory() is False
