"""Section `serve` of gpu.py: images per second of `netwright serve` with weights on a GPU, beside the bare runtime.

    python benchmarks/gpu_serve.py [--network regnet_x_800mf] [--seconds 5] [--precision bf16 fp32]

Weights are random. The bare runtime computes batches of --max_batch normalized images that lie in the host's memory
and gives logits there. Requests are a closed loop over loopback (`serve_load.py`): pixels of the network's size in the
binary form of the Open Inference Protocol, and JPEGs of 500 x 375.
"""

from __future__ import annotations

import argparse
import json
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

_LOAD = Path(__file__).with_name("serve_load.py")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--network", default="regnet_x_800mf")
    parser.add_argument("--side", type=int, default=224, help="pixels of an image")
    parser.add_argument("--precision", nargs="+", default=["bf16"])
    parser.add_argument("--max_batch", type=int, default=64)
    parser.add_argument("--clients", type=int, default=128)
    parser.add_argument("--workers", type=int, default=4)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--device", default="cuda:0")
    parser.add_argument("--out", type=Path, help="a JSON file")
    options = parser.parse_args()
    found: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        weights = make_weights(options.network, options.side, Path(folder))
        for precision in options.precision:
            rows = found[precision] = {"bare": bare(weights, precision, options)}
            print(f"{options.network}, {precision}: bare runtime {rows['bare']:,.0f} images/s", flush=True)
            write(options, found)
            with served(weights, precision, options) as address:
                for kind in ("pixels", "jpeg"):
                    answer = load(address, kind, options)
                    rows[kind] = answer
                    write(options, found)
                    print(
                        f"  {kind:<6} {answer['rate']:8,.0f} images/s, {answer['rate'] / rows['bare']:.0%} of the bare "
                        f"runtime, p50 {answer['p50']:.1f} ms, p99 {answer['p99']:.1f} ms, "
                        f"{answer['errors']:.0f} errors",
                        flush=True,
                    )


def write(options: argparse.Namespace, found: dict[str, Any]) -> None:
    if options.out:
        options.out.write_text(json.dumps(found, indent=2), encoding="utf-8")


def make_weights(network: str, side: int, folder: Path) -> Path:
    from netwright.data.preprocess import Preprocessing
    from netwright.nn import build
    from netwright.weights import resolve_arch, save_model

    path = folder / "model.safetensors"
    save_model(path, build(resolve_arch(network), seed=0), preprocessing=Preprocessing(image_size=side))
    return path


def bare(weights: Path, precision: str, options: argparse.Namespace) -> float:
    """Images per second, the median of five rounds."""
    from netwright.runtime import open_runtime

    with open_runtime(weights, precision=precision, device=options.device) as runtime:
        x = np.random.default_rng(0).normal(size=(options.max_batch, 3, options.side, options.side)).astype(np.float32)
        for _ in range(5):
            runtime.logits(x)
        rates = []
        for _ in range(5):
            began, batches = time.perf_counter(), 0
            while time.perf_counter() - began < options.seconds / 5:
                runtime.logits(x)
                batches += 1
            rates.append(batches * len(x) / (time.perf_counter() - began))
    return median(rates)


@contextmanager
def served(weights: Path, precision: str, options: argparse.Namespace) -> Iterator[str]:
    """A server of its own; yields its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    flags = {"port": port, "device": options.device, "precision": precision, "max_batch": options.max_batch,
             "workers": options.workers, "threads": 1, "name": "net"}  # fmt: skip
    command = [sys.executable, "-m", "netwright", "serve", str(weights), *(f"--{k}={v}" for k, v in flags.items())]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    address = f"http://127.0.0.1:{port}"
    try:
        _wait_for(address, process)
        yield address
    finally:
        process.terminate()
        process.wait(30)


def _wait_for(address: str, process: subprocess.Popen[str]) -> None:
    until = time.monotonic() + 120
    while time.monotonic() < until:
        if process.poll() is not None:
            assert process.stderr is not None
            raise SystemExit(f"the server ended with status {process.returncode}: {process.stderr.read()[-2000:]}")
        try:
            with urllib.request.urlopen(f"{address}/v2/health/ready", timeout=2) as answer:
                if answer.status == 200:
                    return
        except OSError:
            time.sleep(0.2)
    raise SystemExit("the server was not ready within 120 seconds")


def load(address: str, kind: str, options: argparse.Namespace) -> dict[str, float]:
    values = {"kind": kind, "size": options.side, "channels": 3, "model": "net", "seconds": options.seconds,
              "clients": options.clients}  # fmt: skip
    command = [sys.executable, str(_LOAD), address, json.dumps(values)]
    output = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout
    return dict(json.loads(output.splitlines()[-1]))


if __name__ == "__main__":
    main()
