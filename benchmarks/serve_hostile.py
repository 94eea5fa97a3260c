"""The hostile clients of `serve_faults.py`, as a program of their own.

python benchmarks/serve_hostile.py '{"http": ["127.0.0.1", 8000], "grpc": [...], "model": NAME, "attacks": [NAME, ...],
"seconds": 8, "seed": 0}' makes what it will send, says "ready", waits for a line, attacks, and prints as JSON how often
each answer came. With several attacks, --threads of them run at once, chosen at random again and again.
"""

from __future__ import annotations

import contextlib
import functools
import http.client
import json
import os
import random
import socket
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import serve_payloads as payloads  # beside this file
from serve_streams import Streams

__all__ = ["ATTACKS", "Attack", "Target"]

_SOURCE = ("127.0.0.2", 0)  # another address than that of the good clients, where the system lets it
_SLICE = 3.0  # seconds of an attack among others
_MIXED = 8  # at once


@dataclass(frozen=True, slots=True)
class Target:
    """Where a server is. http, grpc: host and port. model: name of a network that it has."""

    http: tuple[str, int]
    grpc: tuple[str, int]
    model: str


@dataclass(frozen=True, slots=True)
class Attack:
    """What a hostile client does.

    Attributes:
        run: Called with the target, when to stop (of time.monotonic()), and where to count the answers.
        make: What `run` sends, made beforehand.
        threads: How many do it at once.
        formats: Whether it needs a server that reads all formats: else it is refused by its first bytes.
    """

    run: Callable[[Target, float, Counter[str]], None]
    make: Callable[[], Any] = lambda: None
    threads: int = 4
    formats: bool = False


def _post(
    make: Callable[[], bytes], path: str = "/predict", threads: int = 4, formats: bool = False, **headers: str
) -> Attack:
    """Post a body again and again."""
    sent = {name.replace("_", "-"): value for name, value in headers.items()}

    def run(target: Target, until: float, seen: Counter[str]) -> None:
        body = make()
        while time.monotonic() < until:
            connection = http.client.HTTPConnection(*target.http, timeout=60, source_address=_SOURCE)
            try:
                connection.request("POST", path.format(model=target.model), body, sent)
                answer = connection.getresponse()
                answer.read()
                seen[str(answer.status)] += 1
            except (OSError, http.client.HTTPException):
                seen["cut"] += 1
            finally:
                connection.close()

    return Attack(run, make, threads, formats)


def _raw(make: Callable[[], bytes], *, keep: int = 1, pause: float = 0.0, drip: bytes = b"") -> Attack:
    """Send bytes over `keep` connections at once that read nothing, then `drip` every `pause` seconds."""

    def run(target: Target, until: float, seen: Counter[str]) -> None:
        kept: list[socket.socket] = []
        while time.monotonic() < until:
            try:
                if len(kept) < keep:
                    kept.append(socket.create_connection(target.http, timeout=1, source_address=_SOURCE))
                    kept[-1].sendall(make())
                    seen["sent"] += 1
                else:
                    time.sleep(pause)
                    for each in kept if drip else [kept[0]]:
                        each.sendall(drip)
                    if not drip:
                        kept.pop(0).close()
            except OSError:  # cut, which is what should come
                seen["cut"] += 1
                for each in kept if drip else kept[-1:]:
                    each.close()
                kept = [] if drip else kept[:-1]
        for each in kept:
            each.close()

    return Attack(run, make, 2)


def _streams(
    method: str, *, streams: int, announced: int = 0, fills: bool = False, pings: bool = False, threads: int = 4
) -> Attack:
    """Begin calls of gRPC that never end; a connection that the server cuts is made again."""

    def run(target: Target, until: float, seen: Counter[str]) -> None:
        while time.monotonic() < until:
            try:
                client = Streams(target.grpc, _SOURCE)
            except OSError:
                seen["cut"] += 1
                time.sleep(0.1)
                continue
            for _ in range(streams):
                stream = client.begin(method)
                if announced:
                    client.announce(stream, announced)
            while client.is_open and time.monotonic() < until:
                sent = sum(client.send(each) for each in client.begun) if fills else 0
                if pings:
                    client.ping()
                elif not sent:
                    time.sleep(0.05)
            seen["stays" if client.is_open else "cut"] += 1
            client.close()

    return Attack(run, threads=threads)


def _packed_message(target: Target, until: float, seen: Counter[str]) -> None:
    import grpc

    options = [("grpc.max_send_message_length", -1)]
    with grpc.insecure_channel(f"{target.grpc[0]}:{target.grpc[1]}", options=options) as channel:
        call = channel.unary_unary("/inference.GRPCInferenceService/ModelInfer")
        while time.monotonic() < until:
            try:
                call(bytes(64 << 20), timeout=10, compression=grpc.Compression.Gzip)
            except grpc.RpcError as error:
                seen[error.code().name] += 1


def _form(image: Callable[[], bytes], count: int, threads: int, path: str = "/predict") -> Attack:
    return _post(
        functools.partial(payloads.form, image, count),
        path,
        threads=threads,
        Content_Type=f"multipart/form-data; boundary={payloads.BOUNDARY}",
    )


_INFER, _V1 = "/v2/models/{model}/infer", "/v1/models/{model}:predict"
# what a hostile client does -> how; the points are those of the tests in tests/serving
ATTACKS: dict[str, Attack] = {
    "PNG of 8,000 x 2": _post(lambda: payloads.sliver(8_000, 2)),
    "PNG of 20,000 x 2": _post(lambda: payloads.sliver(20_000, 2)),
    "PNG of 40,000,000 x 1": _post(lambda: payloads.sliver(40_000_000, 1)),
    "PNG of 160,000 x 200, allowed": _post(lambda: payloads.sliver(160_000, 200)),
    "gRPC: 4 x 32 messages of 30 MiB without end": _streams("ModelInfer", streams=32, announced=30 << 20, fills=True),
    "gRPC: 4 x 300 heads without a message": _streams("ModelInfer", streams=300),
    "gRPC: 4 x 300 heads of ServerReady": _streams("ServerReady", streams=300),
    "gRPC: 4 x 32 silent streams": _streams("ModelStreamInfer", streams=32),
    "gRPC: a flood of pings": _streams("ModelInfer", streams=1, pings=True),
    "gRPC: 64 MiB packed": Attack(_packed_message, threads=2),
    "form of 1,000 WebP of 6,300 x 6,300": _form(lambda: payloads.image("WEBP", 6_300), 1_000, 4),
    "form of 19 WebP of 4,500 x 4,500": _form(lambda: payloads.image("WEBP", 4_500), 19, 4),
    "form of 10 PNG of 6,300 x 6,300, RGBA": _form(lambda: payloads.image("PNG", 6_300, "RGBA"), 10, 4),
    "form of 10 progressive JPEG of 6,300 x 6,300": _form(
        lambda: payloads.image("JPEG", 6_300, progressive=True), 10, 4
    ),
    "form of 1,000 small JPEG": _form(lambda: payloads.image("JPEG", 64), 1_000, 4),
    "form of 200 small JPEG, 1,000 classes of each": _form(
        lambda: payloads.image("JPEG", 64), 200, 4, "/predict?top_k=1000"
    ),
    "8 JPEG 2000 of 3,000 x 3,000": _post(lambda: payloads.image("JPEG2000", 3_000), threads=8, formats=True),
    "damaged fax TIFF": _post(payloads.damaged_fax, formats=True),
    "JSON: 25 MB of numbers": _post(lambda: payloads.numbers(25_000_000), _INFER),
    "JSON: 16 MB of numbers": _post(lambda: payloads.numbers(16_000_000), _INFER),
    "JSON: 32 MiB of useless keys": _post(lambda: payloads.useless_keys(32 << 20), _INFER),
    "JSON: 16 MB of useless keys": _post(lambda: payloads.useless_keys(16_000_000), _INFER),
    "JSON: 16 MB of empty lists": _post(lambda: payloads.empty_lists(16_000_000), _INFER),
    "JSON: 16 MB of instances": _post(lambda: payloads.instances(16_000_000), _V1),
    "JSON: 60 KB of numbers": _post(lambda: payloads.numbers(60_000), _INFER, threads=8),
    "a body of 32 MiB that is no image": _post(lambda: b"\xff\xd8\xff" + bytes((32 << 20) - 3)),
    "a batch of 32 MiB of pixels": _post(payloads.batch, _INFER, Inference_Header_Content_Length=payloads.BATCH_HEAD),
    "a packed body of 64 MiB": _post(payloads.packed, Content_Encoding="deflate"),
    "heads that come by bytes": _raw(lambda: b"POST /predict HTTP/1.1\r\nX: ", keep=200, pause=0.5, drip=b"x"),
    "bodies that come by bytes": _raw(lambda: payloads.HEAD % 30_000_000, keep=200, pause=0.5, drip=b"x"),
    "bodies cut in the middle": _raw(lambda: payloads.HEAD % (8 << 20) + bytes(4 << 20), keep=8, pause=0.05),
    "heads of 200 KB": _raw(lambda: b"GET / HTTP/1.1\r\nX: " + b"x" * 200_000, pause=0.01),
    "heads of 20,000 lines": _raw(lambda: b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 20_000, pause=0.01),
    "500 requests at once, no answer read": _raw(
        lambda: b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n" * 500, keep=50, pause=0.05
    ),
    "400 silent connections": _raw(lambda: b"G", keep=200, pause=0.5, drip=b""),
}


def main() -> None:
    """Attack as the first argument says."""
    task = json.loads(sys.argv[1])
    target = Target(tuple(task["http"]), tuple(task["grpc"]), task["model"])
    attacks = [ATTACKS[name] for name in task["attacks"]]
    for each in attacks:
        each.make()
    # hostile clients have machines of their own: here they leave the processors to the others
    os.nice(10)
    print("ready", flush=True)
    sys.stdin.readline()
    until, seen = time.monotonic() + task["seconds"], Counter[str]()
    if len(attacks) == 1:
        work = [functools.partial(attacks[0].run, target, until, seen)] * attacks[0].threads
    else:
        work = [functools.partial(_mix, attacks, target, until, seen, [task["seed"], each]) for each in range(_MIXED)]
    threads = [threading.Thread(target=each, daemon=True) for each in work]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(max(0.0, until + 60 - time.monotonic()))
    print(json.dumps(seen), flush=True)
    os._exit(0)  # whatever still waits for an answer


def _mix(attacks: list[Attack], target: Target, until: float, seen: Counter[str], seed: list[int]) -> None:
    generator = random.Random(str(seed))
    while (now := time.monotonic()) < until:
        with contextlib.suppress(OSError):
            generator.choice(attacks).run(target, min(until, now + _SLICE), seen)


if __name__ == "__main__":
    main()
