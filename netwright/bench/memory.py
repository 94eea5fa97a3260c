"""The most memory that training or inference takes, seen from a process of its own.

A process that has done something else before holds on to memory, so a new one measures: on an accelerator, the most
that torch had allocated; on a CPU, how far the resident memory of the process rose above what it was after the imports:
weights, gradients, momentum, activations, what kernels need, and what the allocator keeps.
"""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from pathlib import Path

import torch

from netwright.bench.contender import Contender, open_network
from netwright.bench.settings import Settings
from netwright.bench.subject import Subject, synchronize
from netwright.system.machine import keep_memory

__all__ = ["peak_memory"]

_STEPS = 3  # the optimizer has its momentum from the first on; the later ones show what is not given back


def peak_memory(contender: Contender, settings: Settings, device: torch.device, what: str) -> int | None:
    """Bytes, of what: `train` or `infer`. None where the process did not come through (out of memory, say)."""
    job = json.dumps({"name": contender.name, "settings": settings.to_dict(), "device": str(device), "what": what})
    done = subprocess.run(
        [sys.executable, "-m", "netwright.bench.memory", job], capture_output=True, text=True, check=False
    )
    return int(done.stdout.split()[-1]) if done.returncode == 0 else None


def _measure(name: str, settings: Settings, device: torch.device, what: str) -> int:
    contender = Contender(name)
    if contender.package != "netwright":
        importlib.import_module(contender.package)  # code is not what is measured
    torch.set_num_threads(settings.threads or torch.get_num_threads())
    keep_memory()  # as every training has it
    before = _resident("VmRSS")
    subject = Subject(open_network(name, settings.image_size, settings.seed), settings, device)
    (subject.train if what == "train" else subject.infer)(_STEPS)
    synchronize(device)
    if device.type != "cpu":
        return torch.accelerator.max_memory_allocated(device)
    return _resident("VmHWM") - before


def _resident(field: str) -> int:
    """Resident memory of this process in bytes: VmRSS is now, VmHWM the most ever; off Linux both are the most ever."""
    try:
        # not ru_maxrss, which a process inherits from the one that started it
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith(f"{field}:"):
                return 1024 * int(line.split()[1])
    except OSError:
        pass
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


if __name__ == "__main__":
    told = json.loads(sys.argv[1])
    print(_measure(told["name"], Settings.from_dict(told["settings"]), torch.device(told["device"]), told["what"]))
