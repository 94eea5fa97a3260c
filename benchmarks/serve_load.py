"""The load of `serve.py`, as a program: send requests to a server, print as JSON what was measured.

python benchmarks/serve_load.py ADDRESS '{"kind": "pixels", "size": 224, ...}'      the arguments of `load`
"""

from __future__ import annotations

import asyncio
import io
import json
import random
import sys
import time
from urllib.parse import urlsplit

import numpy as np
from PIL import Image

__all__ = ["load", "make_jpeg"]


def make_jpeg(height: int, width: int) -> bytes:
    noise = np.random.default_rng(0).integers(0, 256, (height // 8, width // 8, 3), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(noise).resize((width, height)).save(file, "JPEG", quality=90)
    return file.getvalue()


def _request(kind: str, size: int, channels: int, model: str) -> bytes:
    """The bytes of one request. A jpeg has 500 x 375 pixels, a typical size in ImageNet."""
    jpeg, headers, path = make_jpeg(375, 500), "", "/predict"
    if kind == "litserve":
        part = b'--xyz\r\nContent-Disposition: form-data; name="image"; filename="a.jpg"\r\n\r\n'
        body, headers = part + jpeg + b"\r\n--xyz--\r\n", "Content-Type: multipart/form-data; boundary=xyz\r\n"
    elif kind == "jpeg":
        body = jpeg
    else:
        shape = [1, size, size, channels] if kind == "pixels" else [1, channels, size, size]
        values = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
        data = values.tobytes() if kind == "pixels" else (values / 128 - 1).astype(np.float32).tobytes()
        datatype, parameters = "UINT8" if kind == "pixels" else "FP32", {"binary_data_size": len(data)}
        tensor = {"name": kind, "datatype": datatype, "shape": shape, "parameters": parameters}
        output = {"name": "logits", "parameters": {"binary_data": True}}
        text = json.dumps({"inputs": [tensor], "outputs": [output]}).encode()
        body, path = text + data, f"/v2/models/{model}/infer"
        headers = f"Inference-Header-Content-Length: {len(text)}\r\n"
    return f"POST {path} HTTP/1.1\r\nHost: localhost\r\n{headers}Content-Length: {len(body)}\r\n\r\n".encode() + body


async def load(
    address: str,
    kind: str,
    size: int,
    channels: int,
    model: str,
    seconds: float,
    clients: int = 0,
    rate: float = 0.0,
) -> dict[str, float]:
    """Send requests and measure the answers.

    Args:
        address: The server's.
        kind: pixels, input (normalized), jpeg or litserve.
        size: Height and width of pixels.
        channels: Of pixels.
        model: Name of the model.
        seconds: How long.
        clients: Above 0: a closed loop of this many connections.
        rate: Requests per second of an open loop with Poisson arrivals; its latencies count from the moment when a
            request is due.

    Returns:
        rate (requests per second), requests, errors, p50 and p99 (milliseconds).
    """
    connections = _Connections(address, _request(kind, size, channels, model))
    if clients:
        await connections.loop(clients, 1.0)  # to warm up
        connections.latencies.clear()
    began = time.perf_counter()
    if clients:
        await connections.loop(clients, seconds)
    else:
        await connections.arrive(rate, seconds)
    elapsed, latencies = time.perf_counter() - began, sorted(connections.latencies)
    return {
        "rate": len(latencies) / elapsed,
        "requests": len(latencies),
        "errors": connections.errors,
        "p50": 1000 * latencies[len(latencies) // 2],
        "p99": 1000 * latencies[int(0.99 * len(latencies))],
    }


class _Connections:
    """Sends one request again and again; connections are kept and reused.

    Attributes:
        latencies: Seconds until each answer.
        errors: Number of answers other than 200.
    """

    def __init__(self, address: str, request: bytes) -> None:
        self._target, self._request = urlsplit(address), request
        self._idle: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []
        self.latencies: list[float] = []
        self.errors = 0

    async def loop(self, clients: int, seconds: float) -> None:
        """Closed loop: each client sends the next request when it has the answer."""
        until = time.perf_counter() + seconds

        async def client() -> None:
            while (now := time.perf_counter()) < until:
                await self._send(now)

        await asyncio.gather(*(client() for _ in range(clients)))

    async def arrive(self, rate: float, seconds: float) -> None:
        """Open loop: requests arrive at random, `rate` per second on average."""
        due, generator, tasks = time.perf_counter(), random.Random(0), []
        until = due + seconds
        while (due := due + generator.expovariate(rate)) < until:
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            tasks.append(asyncio.create_task(self._send(due)))
        await asyncio.gather(*tasks)

    async def _send(self, due: float) -> None:
        if self._idle:
            reader, writer = self._idle.pop()
        else:
            reader, writer = await asyncio.open_connection(self._target.hostname, self._target.port)
        writer.write(self._request)
        head = await reader.readuntil(b"\r\n\r\n")
        lines = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:] if b": " in line)
        await reader.readexactly(int(lines[b"content-length"]))
        self.errors += not head.startswith(b"HTTP/1.1 200")
        self.latencies.append(time.perf_counter() - due)
        self._idle.append((reader, writer))


if __name__ == "__main__":
    print(json.dumps(asyncio.run(load(sys.argv[1], **json.loads(sys.argv[2])))))
