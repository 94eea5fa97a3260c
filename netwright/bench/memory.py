"""Measure the peak memory of training or inference, in a new process.

A process that has done something before keeps memory. On an accelerator the peak of torch's allocations is measured; on
a CPU, by how much the resident memory of the process rises above that after the imports: weights, gradients, momentum,
activations, memory of kernels, and what the allocator keeps.
"""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from pathlib import Path

import torch

from netwright.bench.contender import Contender, build_contender
from netwright.bench.settings import Settings
from netwright.bench.timed_network import TimedNetwork, synchronize
from netwright.system.machine import keep_memory
from netwright.training.device import resolve_device

__all__ = ["peak_memory"]

_STEPS = 3  # the first one makes the optimizer's momentum; the later ones show what is not freed


def peak_memory(contender: Contender, settings: Settings, device: torch.device, what: str) -> int | None:
    """Measure peak memory.

    Args:
        contender: The network.
        settings: Of the benchmark.
        device: To run on.
        what: `train` or `infer`.

    Returns:
        Bytes; None where the process failed, maybe out of memory.
    """
    job = json.dumps({"name": contender.name, "settings": settings.to_dict(), "device": str(device), "what": what})
    done = subprocess.run(
        [sys.executable, "-m", "netwright.bench.memory", job], capture_output=True, text=True, check=False
    )
    return int(done.stdout.split()[-1]) if done.returncode == 0 else None


def _measure(name: str, settings: Settings, device: torch.device, what: str) -> int:
    contender = Contender(name)
    if contender.package != "netwright":
        importlib.import_module(contender.package)  # the code of the library is not measured
    torch.set_num_threads(settings.threads or torch.get_num_threads())
    keep_memory()  # as in every training
    before = _resident("VmRSS")
    timed = TimedNetwork(build_contender(name, settings.image_size, settings.seed), settings, device)
    (timed.train if what == "train" else timed.infer)(_STEPS)
    synchronize(device)
    if device.type != "cpu":
        return torch.accelerator.max_memory_allocated(device)
    return _resident("VmHWM") - before


def _resident(field: str) -> int:
    """Resident memory of this process in bytes: VmRSS now, VmHWM the peak; off Linux both are the peak."""
    try:
        # not ru_maxrss, which a process inherits from its parent
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith(f"{field}:"):
                return 1024 * int(line.split()[1])
    except OSError:
        pass
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


if __name__ == "__main__":
    job = json.loads(sys.argv[1])
    print(_measure(job["name"], Settings.from_dict(job["settings"]), resolve_device(job["device"]), job["what"]))
