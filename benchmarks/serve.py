"""Compare a server with its bare runtime and with LitServe: images per second, latency under load, memory, faults.

    python benchmarks/serve.py REF [--runtime openvino --precision bf16] [--quick]   a table of images/s and latency
    python benchmarks/serve.py REF --minutes 10                                      errors and memory at 80% load
    python benchmarks/serve.py REF --faults                                          a killed worker, and bad clients

REF: any model that `netwright serve` takes. The load comes from a process of its own over loopback: a closed loop
(--clients connections that each send the next request at once) for images/s, an open loop (a fixed rate) for latency.
Contenders take turns, --rounds times; the table has medians. LitServe (pip install litserve) gets the same runtime,
batch size and decoder; it is left out if it is not installed.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from serve_killed import faults, memory  # beside this file
from serve_load import make_jpeg

from netwright.runtime import Runtime, open_runtime

_LOAD = Path(__file__).with_name("serve_load.py")
# LitServe's worker imports the program again, so it must be a file
_LITSERVE = """
import sys, litserve as ls, numpy as np
from fastapi import Request
from netwright.runtime import open_runtime
ref, runtime, precision, threads, batch, port = sys.argv[1:]

class Api(ls.LitAPI):
    def setup(self, device):
        self.runtime = open_runtime(ref, runtime=runtime, precision=precision or None, threads=int(threads) or None)
    def decode_request(self, request: Request): return self.runtime.pixels(request["image"].file.read())
    def batch(self, inputs): return np.stack(inputs)
    def predict(self, x): return self.runtime.probabilities(self.runtime.logits(self.runtime.normalize(x)))
    def unbatch(self, output): return list(output)
    def encode_response(self, row):
        top = np.argsort(-row)[:5]
        return {"classes": [{"index": int(i), "probability": float(row[i])} for i in top]}
if __name__ == "__main__":
    ls.LitServer(Api(max_batch_size=int(batch), batch_timeout=0.002), accelerator="cpu").run(
        host="127.0.0.1", port=int(port), generate_client_file=False, log_level="error")
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("ref")
    parser.add_argument("--runtime", default="auto")
    parser.add_argument("--precision", default="")
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--max_batch", type=int, default=16)
    parser.add_argument("--clients", type=int, default=32)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--minutes", type=float, default=0.0)
    parser.add_argument("--faults", action="store_true")
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    if options.quick:
        options.seconds, options.rounds = min(options.seconds, 2.0), 1
    if options.faults:
        options.workers = max(2, options.workers)
        with _server(options) as (address, process):
            faults(address, process, options.workers, options.clients, options.seconds, make_jpeg(64, 64))
        return
    with open_runtime(options.ref, **_runtime_options(options)) as runtime, _server(options) as (address, process):
        if options.minutes:
            _soak(options, runtime, address, process)
        else:
            _table(options, runtime, address)


def _runtime_options(options: argparse.Namespace) -> dict[str, object]:
    return {"runtime": options.runtime, "precision": options.precision or None, "threads": options.threads or None}


@contextmanager
def _server(options: argparse.Namespace) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    arguments = ["serve", options.ref, "--port=0", f"--runtime={options.runtime}", f"--max_batch={options.max_batch}"]
    arguments += [f"--precision={options.precision}"] if options.precision else []
    arguments += [f"--threads={options.threads}"] if options.threads else []
    arguments += [f"--workers={options.workers}", "--max_queue=1024", "--log_format=json"]
    process = subprocess.Popen(
        [sys.executable, "-m", "netwright.cli.main", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout is not None
    line = process.stdout.readline()
    try:
        yield line.split()[2].rstrip(";,"), process
    finally:
        process.send_signal(signal.SIGTERM)
        print(f"the server stopped with status {process.wait(60)}")


@contextmanager
def _litserve(options: argparse.Namespace) -> Iterator[str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    settings = [options.runtime, options.precision, options.threads, options.max_batch, port]
    folder = tempfile.TemporaryDirectory()
    program = Path(folder.name) / "litserve_program.py"
    program.write_text(_LITSERVE)
    process = subprocess.Popen([sys.executable, str(program), options.ref, *map(str, settings)], start_new_session=True)
    try:
        for _ in range(600):
            time.sleep(0.1)
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
        time.sleep(3)
        yield f"http://127.0.0.1:{port}"
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        folder.cleanup()


def _run_load(address: str, runtime: Runtime, kind: str, **task: object) -> dict[str, float]:
    """Send requests from a process of its own; the result is that of `load`."""
    size, name = runtime.info.preprocessing.image_size, runtime.info.name
    task |= {"kind": kind, "size": size, "channels": runtime.info.preprocessing.channels, "model": name}
    done = subprocess.run(
        [sys.executable, str(_LOAD), address, json.dumps(task)], capture_output=True, text=True, check=True
    )
    measured: dict[str, float] = json.loads(done.stdout)
    return measured


def _bare_rate(runtime: Runtime, batch: int, seconds: float) -> float:
    """images/s of the runtime alone, for normalized images in memory."""
    x = np.random.default_rng(0).standard_normal((batch, *runtime.info.input_shape)).astype(np.float32)
    runtime.logits(x)
    count, began = 0, time.perf_counter()
    while (elapsed := time.perf_counter() - began) < seconds:
        runtime.logits(x)
        count += batch
    return count / elapsed


def _table(options: argparse.Namespace, runtime: Runtime, address: str) -> None:
    rates: dict[str, list[float]] = {}
    closed_loop = {"clients": options.clients, "seconds": options.seconds}
    try:
        import litserve  # noqa: F401

        has_litserve = True
    except ImportError:
        has_litserve = False
    for _ in range(options.rounds):
        rates.setdefault("bare runtime", []).append(_bare_rate(runtime, options.max_batch, options.seconds))
        for kind in ("pixels", "input", "jpeg"):
            measured = _run_load(address, runtime, kind, **closed_loop)
            assert not measured["errors"], measured
            rates.setdefault(f"{kind} in", []).append(measured["rate"])
        if has_litserve:
            with _litserve(options) as rival:
                measured = _run_load(rival, runtime, "litserve", **closed_loop)
            rates.setdefault("jpeg in, LitServe", []).append(measured["rate"])
    bare = statistics.median(rates["bare runtime"])
    for name, values in rates.items():
        middle = statistics.median(values)
        print(
            f"{name:<18} {middle:8.1f} images/s  {middle / bare:6.1%} of bare  ({min(values):.1f} to {max(values):.1f})"
        )
    for share in (0.5, 0.8):
        rate = share * statistics.median(rates["pixels in"])
        measured = _run_load(address, runtime, "pixels", rate=rate, seconds=options.seconds)
        latency = f"p50 {measured['p50']:.1f} ms, p99 {measured['p99']:.1f} ms"
        print(f"at {rate:.1f} images/s: {latency}, {measured['errors']} errors")


def _soak(options: argparse.Namespace, runtime: Runtime, address: str, process: subprocess.Popen[str]) -> None:
    best = _run_load(address, runtime, "pixels", clients=options.clients, seconds=options.seconds)["rate"]
    began, errors, requests = time.monotonic(), 0.0, 0.0
    print(f"{best:.1f} images/s at most; now 80% of that for {options.minutes:g} minutes")
    while time.monotonic() - began < 60 * options.minutes:
        measured = _run_load(address, runtime, "pixels", rate=0.8 * best, seconds=min(30.0, 60 * options.minutes))
        errors, requests = errors + measured["errors"], requests + measured["requests"]
        latency = f"p50 {measured['p50']:.1f} ms  p99 {measured['p99']:.1f} ms"
        print(f"{time.monotonic() - began:6.0f} s  {latency}  {memory(process.pid):.0f} MiB", flush=True)
    print(f"{requests:.0f} requests, {errors:.0f} errors")


if __name__ == "__main__":
    main()
