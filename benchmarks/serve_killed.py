"""`serve.py --faults`: good and bad clients use one server while one of its workers is killed."""

from __future__ import annotations

import http.client
import os
import random
import signal
import socket
import subprocess
import threading
import time
import zlib
from collections import Counter
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np

__all__ = ["faults", "memory"]

_HEAD = b"POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n"


def memory(pid: int) -> float:
    """MiB of a process and its descendants."""
    total, remaining = 0.0, [pid]
    while remaining:
        each = remaining.pop()
        try:
            status = Path(f"/proc/{each}/status").read_text()
            remaining += map(int, Path(f"/proc/{each}/task/{each}/children").read_text().split())
        except OSError:
            continue
        total += sum(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS")) / 1024
    return total


def faults(
    address: str, process: subprocess.Popen[str], workers: int, clients: int, seconds: float, jpeg: bytes
) -> None:
    """Print what good clients see while bad ones use the server too and a worker is killed.

    A request is accepted if all of it was sent over an open connection. It is lost if it was accepted and no answer
    came, as happens to the requests of the killed worker. netwright's client would send it again; these clients do not.

    Args:
        address: The server's.
        process: The server.
        workers: Its number of workers.
        clients: Number of good clients.
        seconds: How long; the worker is killed after a third.
        jpeg: The image that good clients send.
    """
    url = urlsplit(address)
    target = (url.hostname or "", url.port or 0)
    until, outcomes, latencies = time.monotonic() + seconds, Counter[str](), list[float]()
    before, peak = memory(process.pid), 0.0
    threads = [threading.Thread(target=_good, args=(target, jpeg, until, outcomes, latencies)) for _ in range(clients)]
    threads += [threading.Thread(target=_bad, args=(target, jpeg, until, outcomes, seed)) for seed in range(4)]
    for each in threads:
        each.start()
    time.sleep(seconds / 3)
    victim = int(Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()[0])
    os.kill(victim, signal.SIGKILL)
    killed, is_down, recovery = time.monotonic(), False, 0.0
    while time.monotonic() < until:
        ready = _workers_ready(target)
        is_down |= 0 <= ready < workers
        if is_down and not recovery and ready == workers:
            recovery = time.monotonic() - killed
        peak = max(peak, memory(process.pid))
        time.sleep(0.05)
    for each in threads:
        each.join(90)
    after = memory(process.pid)
    for outcome, count in sorted(outcomes.items()):
        print(f"{outcome:<28} {count}")
    accepted = sum(count for outcome, count in outcomes.items() if outcome.startswith("good "))
    errors = sum(count for outcome, count in outcomes.items() if outcome.split()[1].startswith("5"))
    print(f"good: {accepted} accepted, {outcomes['good lost']} lost, {outcomes['good not let in']} not let in")
    print(f"5xx in total: {errors}; clients that hang: {sum(each.is_alive() for each in threads)}")
    p50, p99, longest = np.percentile(latencies, (50, 99, 100)) * 1000
    print(f"good answers: p50 {p50:.1f} ms, p99 {p99:.1f} ms, longest {longest:.1f} ms")
    replaced = f"{workers} ready again after {recovery:.2f} s" if recovery else "it was not replaced"
    print(f"worker {victim} killed; {replaced}")
    print(f"memory of all processes: {before:.0f} MiB before, {peak:.0f} at most, {after:.0f} after")


def _workers_ready(target: tuple[str, int]) -> float:
    """Number of ready workers from /metrics; -1 if there is no answer."""
    try:
        with socket.create_connection(target, timeout=5) as connection, connection.makefile("rb") as answer:
            connection.sendall(b"GET /metrics HTTP/1.0\r\n\r\n")
            lines = [line for line in answer.read().split(b"\n") if line.startswith(b"netwright_workers_ready")]
        return float(lines[0].split()[1]) if lines else -1.0
    except (OSError, ValueError):
        return -1.0


def _good(target: tuple[str, int], jpeg: bytes, until: float, outcomes: Counter[str], latencies: list[float]) -> None:
    """Send one request after the other over one connection; open a new one if it is cut."""
    connection: http.client.HTTPConnection | None = None
    while time.monotonic() < until:
        began = time.monotonic()
        try:
            connection = connection or http.client.HTTPConnection(*target, timeout=60)
            connection.request("POST", "/predict", jpeg)
        except OSError:
            outcomes["good not let in"] += 1
            connection = None
            continue
        try:
            answer = connection.getresponse()
            answer.read()
            outcomes[f"good {answer.status}"] += 1
        except (OSError, http.client.HTTPException):
            outcomes["good lost"] += 1
            connection.close()
            connection = None
        latencies.append(time.monotonic() - began)


def _bad(target: tuple[str, int], jpeg: bytes, until: float, outcomes: Counter[str], seed: int) -> None:
    """Send noise, incomplete bodies, endless headers and decompression bombs; keep silent connections open."""
    generator, kept = random.Random(seed), list[socket.socket]()
    bomb = zlib.compress(bytes(64 << 20))
    while time.monotonic() < until:
        noisy = bytearray(jpeg)
        for _ in range(generator.randrange(1, 40)):
            noisy[generator.randrange(len(noisy))] = generator.randrange(256)
        randomness = generator.randbytes(generator.randrange(5000))
        kinds = {
            "noise": _HEAD % len(noisy) + noisy,
            "random": _HEAD % len(randomness) + randomness,
            "bomb": _HEAD.replace(b"Host", b"Content-Encoding: deflate\r\nHost") % len(bomb) + bomb,
            "endless": b"GET / HTTP/1.1\r\nX: " + b"x" * 200_000,
            "smuggled": (_HEAD % 9).replace(b"Host", b"Transfer-Encoding: chunked\r\nHost") + b"0\r\n\r\n",
            "gone": (_HEAD % len(jpeg) + jpeg)[: generator.randrange(100, len(jpeg))],
            "silent": (_HEAD % len(jpeg) + jpeg)[: generator.randrange(1, 200)],
            "deaf": b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n" * 500,
        }
        for kind, data in kinds.items():
            status = "lost"
            try:
                connection = socket.create_connection(target, timeout=60)
                connection.sendall(data)
                if kind in ("silent", "deaf"):
                    kept.append(connection)
                    status = "stays"
                elif kind == "gone":
                    status = "went"
                else:
                    status = connection.recv(4096)[9:12].decode() or "cut"
            except OSError:  # cut, by the killed worker or for a header that is too long
                status = "cut"
            if status != "stays":
                connection.close()
            outcomes[f"{kind} {status}"] += 1
        for each in kept[:-20]:
            each.close()
        kept = kept[-20:]
        time.sleep(0.02)
