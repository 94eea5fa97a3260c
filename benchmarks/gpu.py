"""What netwright does on one GPU, in at most 8 minutes, with nothing to download.

    python benchmarks/gpu.py [--only train sweep serve parity] [--quick] [--out gpu.json]

train   training images/s of RegNetX-800MF and RegNetY-4.0GF beside timm at its best: AMP, channels_last, compile
sweep   trials of CIFAR-10's size, 1, 4, 8 and 16 at a time on the GPU, without and with MPS
serve   images/s of the server with weights on the GPU, beside the bare runtime
parity  the same 8 trials on CPU and GPU, and what another seed changes

Each section is a program of its own (gpu_train.py, gpu_sweep.py, gpu_serve.py) with a time limit; one that fails or is
cut off loses only what it had not measured yet. It prints tables and writes JSON.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from environment import as_line, environment  # beside this file

_HERE = Path(__file__).parent
# section -> the program, its limit in seconds, flags, and flags of --quick
SECTIONS: dict[str, tuple[list[str], float, list[str], list[str]]] = {
    "train": (["gpu_train.py"], 165, [], ["--no_compile", "--repeats", "2"]),
    "sweep": (["gpu_sweep.py", "sweep"], 160, [], ["--packed", "1", "4", "--mps", "4"]),
    "parity": (["gpu_sweep.py", "parity"], 85, ["--images=3750", "--epochs=4"], ["--images=1250", "--trials=4"]),
    "serve": (["gpu_serve.py"], 70, ["--precision", "bf16"], ["--seconds=2", "--precision", "bf16"]),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=tuple(SECTIONS), default=list(SECTIONS))
    parser.add_argument("--quick", action="store_true", help="see that all of it runs, in two minutes")
    parser.add_argument("--device", default="cuda:0")
    parser.add_argument("--limit", type=float, default=480.0, help="seconds in all")
    parser.add_argument("--out", type=Path, default=Path("gpu.json"))
    options = parser.parse_args()
    facts = environment("timm") | card(options.device)
    print(as_line(facts), flush=True)
    found: dict[str, Any] = {"facts": facts, "quick": options.quick, "sections": {}}
    until = time.monotonic() + options.limit
    for name in SECTIONS:
        if name in options.only:
            found["sections"][name] = run(name, options, until - time.monotonic())
            options.out.write_text(json.dumps(found, indent=2), encoding="utf-8")


def run(name: str, options: argparse.Namespace, left: float) -> dict[str, Any]:
    """One section; returns what it measured, also where it failed."""
    program, limit, flags, quick = SECTIONS[name]
    if left <= 5:
        print(f"\n== {name}: left out, the time is over", flush=True)
        return {"error": "left out: the time is over"}
    print(f"\n== {name}", flush=True)
    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "result.json"
        command = [sys.executable, "-W", "ignore", str(_HERE / program[0]), *program[1:], f"--out={out}"]
        command += [f"--device={options.device}", *(quick if options.quick else flags)]
        error = ended(command, min(limit, left))
        measured = json.loads(out.read_text(encoding="utf-8")) if out.is_file() else {}
    seconds = time.perf_counter() - began
    print(f"   ({name}: {seconds:.0f} s{', ' + error if error else ''})", flush=True)
    return measured | {"seconds": seconds} | ({"error": error} if error else {})


def ended(command: list[str], limit: float) -> str:
    """Run a program, and end it and all that it started after `limit` seconds; returns what went wrong."""
    process = subprocess.Popen(command, start_new_session=True)
    try:
        status = process.wait(limit)
        return f"status {status}" if status else ""
    except subprocess.TimeoutExpired:
        return f"cut off after {limit:.0f} s"
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)


def card(device: str) -> dict[str, str]:
    """Name and memory of the device."""
    import torch

    if not device.startswith("cuda") or not torch.cuda.is_available():
        return {"device": device}
    properties = torch.cuda.get_device_properties(torch.device(device))
    return {"device": properties.name, "memory": f"{properties.total_memory / 2**30:.0f} GiB",
            "cuda": str(torch.version.cuda), "cudnn": str(torch.backends.cudnn.version())}  # fmt: skip


if __name__ == "__main__":
    main()
