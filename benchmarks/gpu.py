"""What netwright does on one GPU, in at most 8 minutes, with nothing to download.

    python benchmarks/gpu.py [--only sweep parity serve train] [--quick] [--out gpu.json]
    python benchmarks/gpu.py --dry              tiny, on the processor: to see that all of it runs

sweep   trials of CIFAR-10's size, 1, 2, 4, 8 and 16 at a time on the GPU, without and with MPS
parity  the same 8 trials on CPU and GPU, and what another seed changes
serve   images/s of the server with weights on the GPU, beside the bare runtime
train   training images/s of RegNetX-800MF and RegNetY-4.0GF beside timm at its best: AMP, channels_last, compile

The order is that of what is known least. Each section is a program of its own (gpu_sweep.py, gpu_serve.py,
gpu_train.py) with a time limit, and writes what it has measured at once, to gpu.SECTION.json beside the whole: one that
fails or is cut off loses only what it had not measured yet. At the end there is one table of all.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from environment import as_line, environment  # beside this file

_HERE = Path(__file__).parent
_DRY_SWEEP = ["--images=300", "--epochs=1", "--flops=0.4", "--warm=200"]


@dataclass(frozen=True, slots=True)
class Section:
    """A program, its limit in seconds, its flags, and what is added for --quick and for --dry."""

    program: tuple[str, ...]
    limit: float
    flags: tuple[str, ...] = ()
    quick: tuple[str, ...] = ()
    dry: tuple[str, ...] = ()


SECTIONS = {
    "sweep": Section(
        ("gpu_sweep.py", "sweep"),
        200,
        quick=("--packed", "4", "--mps", "4", "--seconds=5"),
        dry=(*_DRY_SWEEP, "--seconds=1", "--packed", "2", "--mps"),
    ),
    "parity": Section(
        ("gpu_sweep.py", "parity"),
        90,
        flags=("--images=3750", "--epochs=4"),
        quick=("--images=1250", "--trials=4"),
        dry=(*_DRY_SWEEP, "--trials=2"),
    ),
    "serve": Section(
        ("gpu_serve.py",),
        70,
        quick=("--seconds=2",),
        dry=("--network=regnet_x_200mf", "--side=32", "--seconds=0.5", "--clients=2", "--workers=1", "--max_batch=2",
             "--precision", "fp32"),
    ),
    "train": Section(
        ("gpu_train.py",),
        165,
        quick=("--no_compile", "--repeats=2"),
        dry=("--no_compile", "--repeats=1", "--steps=1", "--image_size=32", "--threads=1", "--networks",
             "regnet_x_200mf:2"),
    ),
}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=tuple(SECTIONS), default=list(SECTIONS))
    parser.add_argument("--quick", action="store_true", help="less of everything, in two minutes")
    parser.add_argument("--dry", action="store_true", help="tiny; on the processor unless a --device is given")
    parser.add_argument("--device", help="default: cuda:0")
    parser.add_argument("--limit", type=float, default=480.0, help="seconds in all")
    parser.add_argument("--out", type=Path, default=Path("gpu.json"))
    options = parser.parse_args()
    options.device = options.device or ("cpu" if options.dry else "cuda:0")
    facts = environment("timm") | card(options.device)
    print(as_line(facts), flush=True)
    kind = "dry" if options.dry else "quick" if options.quick else "whole"
    found: dict[str, Any] = {"facts": facts, "kind": kind, "sections": {}}
    until = time.monotonic() + options.limit
    for name in SECTIONS:
        if name in options.only:
            found["sections"][name] = run(name, options, until - time.monotonic())
            options.out.write_text(json.dumps(found, indent=2), encoding="utf-8")
    print("\n".join(["", "== all", *table(found["sections"])]))
    if options.dry and any("error" in each for each in found["sections"].values()):
        sys.exit(1)


def run(name: str, options: argparse.Namespace, left: float) -> dict[str, Any]:
    """One section; returns what it measured, also where it failed."""
    section = SECTIONS[name]
    if left <= 5:
        print(f"\n== {name}: left out, the time is over", flush=True)
        return {"error": "left out: the time is over"}
    print(f"\n== {name}", flush=True)
    began = time.perf_counter()
    out = options.out.with_suffix(f".{name}.json").absolute()
    out.unlink(missing_ok=True)
    command = [sys.executable, "-W", "ignore", str(_HERE / section.program[0]), *section.program[1:], f"--out={out}"]
    command += [f"--device={options.device}", *section.flags]
    command += section.dry if options.dry else section.quick if options.quick else ()
    error = ended(command, min(section.limit, left))
    measured = json.loads(out.read_text(encoding="utf-8")) if out.is_file() else {}
    seconds = time.perf_counter() - began
    print(f"   ({name}: {seconds:.0f} s{', ' + error if error else ''})", flush=True)
    return measured | {"seconds": seconds} | ({"error": error} if error else {})


def table(sections: dict[str, Any]) -> list[str]:
    """A line for each figure, and for what is missing."""
    lines = []
    for row in sections.get("sweep", {}).get("sweep", []):
        lines.append((f"sweep, {row['packed']} at a time, {row['kind']}", row["trials_per_hour"], "trials/hour"))
    for title, (average, spread, _) in sections.get("parity", {}).get("gaps", {}).items():
        lines.append((f"parity, {title} less CPU (sd {spread:.2f})", average, "points"))
    for precision, rows in sections.get("serve", {}).items():
        for kind, rate in rows.items() if isinstance(rows, dict) else ():
            lines.append((f"serve, {precision}, {kind}", rate["rate"] if isinstance(rate, dict) else rate, "images/s"))
    for network, each in sections.get("train", {}).get("networks", {}).items():
        for contender, row in each["contenders"].items():
            lines.append((f"train, {network}, {contender}", row["images_per_s"], "images/s"))
    shown = [f"{what:<52} {value:12,.2f} {unit}" for what, value, unit in lines]
    return shown + [f"{name:<52} {each['error']}" for name, each in sections.items() if "error" in each]


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
        process.wait()


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
