"""What a server costs over its runtime: images/s beside the bare runtime and LitServe, latency at a load, soak, faults.

    python benchmarks/serve.py REF [--runtime openvino --precision bf16] [--quick]   the table
    python benchmarks/serve.py REF --minutes 10                                      80 % load, errors and memory
    python benchmarks/serve.py REF --faults                                          a killed worker, and bad clients

REF: what `netwright serve` takes, of ImageNet's input size or any other. The load comes from a process of its own over
loopback: closed loop (--clients connections that each ask again at once) for images/s, open loop (a fixed rate) for
latency. Contenders take turns, --rounds times, and medians are shown. LitServe (pip install litserve) is left out
where it is not installed; it gets the same runtime, batch size and decoder.
"""

from __future__ import annotations

import argparse
import asyncio
import io
import json
import os
import random
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
from urllib.parse import urlsplit

import numpy as np
from PIL import Image
from serve_faults import faults, memory  # beside this file

from netwright.runtime import Runtime, open_runtime

# a program of its own; its worker imports it again, so it is a file
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
    parser.add_argument("--load", default="", help=argparse.SUPPRESS)  # the process that asks: a JSON of its task
    options = parser.parse_args()
    if options.load:
        print(json.dumps(asyncio.run(_load(options.ref, **json.loads(options.load)))))
        return
    if options.quick:
        options.seconds, options.rounds = min(options.seconds, 2.0), 1
    if options.faults:
        options.workers = max(2, options.workers)
        with _server(options) as (address, process):
            faults(address, process, options.workers, options.clients, options.seconds, _jpeg(64, 64))
        return
    with open_runtime(options.ref, **_opening(options)) as runtime, _server(options) as (address, process):
        if options.minutes:
            _soak(options, runtime, address, process)
        else:
            _table(options, runtime, address)


def _opening(options: argparse.Namespace) -> dict[str, object]:
    return {"runtime": options.runtime, "precision": options.precision or None, "threads": options.threads or None}


@contextmanager
def _server(options: argparse.Namespace) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    words = ["serve", options.ref, "--port=0", f"--runtime={options.runtime}", f"--max_batch={options.max_batch}"]
    words += [f"--precision={options.precision}"] if options.precision else []
    words += [f"--threads={options.threads}"] if options.threads else []
    words += [f"--workers={options.workers}", "--max_queue=1024", "--log_format=json"]
    process = subprocess.Popen(
        [sys.executable, "-m", "netwright.cli.main", *words],
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
    words = [options.ref, options.runtime, options.precision, str(options.threads), str(options.max_batch), str(port)]
    folder = tempfile.TemporaryDirectory()
    program = Path(folder.name) / "litserve_program.py"
    program.write_text(_LITSERVE)
    process = subprocess.Popen([sys.executable, str(program), *words], start_new_session=True)
    try:
        for _ in range(600):
            time.sleep(0.1)
            with socket.socket() as tried:
                if tried.connect_ex(("127.0.0.1", port)) == 0:
                    break
        time.sleep(3)
        yield f"http://127.0.0.1:{port}"
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        folder.cleanup()


def _ask(address: str, runtime: Runtime, kind: str, **task: object) -> dict[str, float]:
    """Run the load in a process of its own."""
    size, name = runtime.info.preprocessing.image_size, runtime.info.name
    task |= {"kind": kind, "size": size, "channels": runtime.info.preprocessing.channels, "model": name}
    done = subprocess.run(
        [sys.executable, __file__, address, "--load", json.dumps(task)], capture_output=True, text=True, check=True
    )
    found: dict[str, float] = json.loads(done.stdout)
    return found


def _bare(runtime: Runtime, batch: int, seconds: float) -> float:
    """images/s of normalized images that are there already."""
    x = np.random.default_rng(0).standard_normal((batch, *runtime.info.input_shape)).astype(np.float32)
    runtime.logits(x)
    count, began = 0, time.perf_counter()
    while (passed := time.perf_counter() - began) < seconds:
        runtime.logits(x)
        count += batch
    return count / passed


def _table(options: argparse.Namespace, runtime: Runtime, address: str) -> None:
    rates: dict[str, list[float]] = {}
    lasting = {"clients": options.clients, "seconds": options.seconds}
    try:
        import litserve  # noqa: F401

        has_litserve = True
    except ImportError:
        has_litserve = False
    for _ in range(options.rounds):
        rates.setdefault("bare runtime", []).append(_bare(runtime, options.max_batch, options.seconds))
        for kind in ("pixels", "input", "jpeg"):
            answered = _ask(address, runtime, kind, **lasting)
            assert not answered["errors"], answered
            rates.setdefault(f"{kind} in", []).append(answered["rate"])
        if has_litserve:
            with _litserve(options) as other:
                rates.setdefault("jpeg in, LitServe", []).append(_ask(other, runtime, "litserve", **lasting)["rate"])
    bare = statistics.median(rates["bare runtime"])
    for name, values in rates.items():
        middle = statistics.median(values)
        print(
            f"{name:<18} {middle:8.1f} images/s  {middle / bare:6.1%} of bare  ({min(values):.1f} to {max(values):.1f})"
        )
    for share in (0.5, 0.8):
        rate = share * statistics.median(rates["pixels in"])
        found = _ask(address, runtime, "pixels", rate=rate, seconds=options.seconds)
        print(f"at {rate:.1f} images/s: p50 {found['p50']:.1f} ms, p99 {found['p99']:.1f} ms, {found['errors']} errors")


def _soak(options: argparse.Namespace, runtime: Runtime, address: str, process: subprocess.Popen[str]) -> None:
    best = _ask(address, runtime, "pixels", clients=options.clients, seconds=options.seconds)["rate"]
    began, errors, asked = time.monotonic(), 0.0, 0.0
    print(f"{best:.1f} images/s at most; now 80 % of it for {options.minutes:g} minutes")
    while time.monotonic() - began < 60 * options.minutes:
        found = _ask(address, runtime, "pixels", rate=0.8 * best, seconds=min(30.0, 60 * options.minutes))
        errors, asked = errors + found["errors"], asked + found["asked"]
        held = memory(process.pid)
        passed = time.monotonic() - began
        print(f"{passed:6.0f} s  p50 {found['p50']:.1f} ms  p99 {found['p99']:.1f} ms  {held:.0f} MiB", flush=True)
    print(f"{asked:.0f} requests, {errors:.0f} errors")


def _jpeg(height: int, width: int) -> bytes:
    rough = np.random.default_rng(0).integers(0, 256, (height // 8, width // 8, 3), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(rough).resize((width, height)).save(file, "JPEG", quality=90)
    return file.getvalue()


def _request(kind: str, size: int, channels: int, model: str) -> bytes:
    """One whole request. jpeg: 500 x 375 pixels, the middle of ImageNet's."""
    jpeg, more, path = _jpeg(375, 500), "", "/predict"
    if kind == "litserve":
        part = b'--xyz\r\nContent-Disposition: form-data; name="image"; filename="a.jpg"\r\n\r\n'
        body, more = part + jpeg + b"\r\n--xyz--\r\n", "Content-Type: multipart/form-data; boundary=xyz\r\n"
    elif kind == "jpeg":
        body = jpeg
    else:
        shape = [1, size, size, channels] if kind == "pixels" else [1, channels, size, size]
        values = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
        data = values.tobytes() if kind == "pixels" else (values / 128 - 1).astype(np.float32).tobytes()
        tensor = {"name": kind, "datatype": "UINT8" if kind == "pixels" else "FP32", "shape": shape}
        tensor["parameters"] = {"binary_data_size": len(data)}
        wanted = {"name": "logits", "parameters": {"binary_data": True}}
        text = json.dumps({"inputs": [tensor], "outputs": [wanted]}).encode()
        body, path = text + data, f"/v2/models/{model}/infer"
        more = f"Inference-Header-Content-Length: {len(text)}\r\n"
    return f"POST {path} HTTP/1.1\r\nHost: x\r\n{more}Content-Length: {len(body)}\r\n\r\n".encode() + body


async def _load(
    address: str,
    kind: str,
    size: int,
    channels: int,
    model: str,
    seconds: float,
    clients: int = 0,
    rate: float = 0.0,
) -> dict[str, float]:
    """clients: a closed loop of so many; else an open loop of Poisson arrivals at `rate`, timed from when due."""
    where, request = urlsplit(address), _request(kind, size, channels, model)
    free: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []
    took: list[float] = []
    errors = 0

    async def once(due: float) -> None:
        nonlocal errors
        reader, writer = free.pop() if free else await asyncio.open_connection(where.hostname, where.port)
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        lines = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:] if b": " in line)
        await reader.readexactly(int(lines[b"content-length"]))
        errors += not head.startswith(b"HTTP/1.1 200")
        took.append(time.perf_counter() - due)
        free.append((reader, writer))

    async def again_and_again(until: float) -> None:
        while time.perf_counter() < until:
            await once(time.perf_counter())

    if clients:
        await asyncio.gather(*(again_and_again(time.perf_counter() + 1.0) for _ in range(clients)))  # to warm up
        took.clear()
        began = time.perf_counter()
        await asyncio.gather(*(again_and_again(began + seconds) for _ in range(clients)))
    else:
        began = due = time.perf_counter()
        generator, tasks = random.Random(0), []
        while (due := due + generator.expovariate(rate)) < began + seconds:
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            tasks.append(asyncio.create_task(once(due)))
        await asyncio.gather(*tasks)
    passed = time.perf_counter() - began
    ordered = sorted(took)
    return {
        "rate": len(took) / passed,
        "asked": len(took),
        "errors": errors,
        "p50": 1000 * ordered[len(took) // 2],
        "p99": 1000 * ordered[min(len(took) - 1, int(0.99 * len(took)))],
    }


if __name__ == "__main__":
    main()
