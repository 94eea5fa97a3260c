"""Good clients and bad ones at one server, and a worker killed among them: `serve.py --faults`."""

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

__all__ = ["faults", "memory"]

_HEAD = b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n"


def memory(pid: int) -> float:
    """MiB of a process and its children."""
    total, waiting = 0.0, [pid]
    while waiting:
        each = waiting.pop()
        try:
            status = Path(f"/proc/{each}/status").read_text()
            waiting += map(int, Path(f"/proc/{each}/task/{each}/children").read_text().split())
        except OSError:
            continue
        total += sum(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS")) / 1024
    return total


def faults(
    address: str, process: subprocess.Popen[str], workers: int, clients: int, seconds: float, jpeg: bytes
) -> None:
    """Good clients that ask on and on, bad ones beside them, and a worker killed in the middle: what good ones saw.

    A request counts as accepted when all of it was sent and the connection stood. Lost: accepted, and no answer came,
    as of those that the killed worker had in its hands. A client of ours would ask again; these do not.
    """
    where = urlsplit(address)
    place = (where.hostname or "", where.port or 0)
    until, seen, took = time.monotonic() + seconds, Counter[str](), list[float]()
    before, peak = memory(process.pid), 0.0
    threads = [threading.Thread(target=_good, args=(place, jpeg, until, seen, took)) for _ in range(clients)]
    threads += [threading.Thread(target=_bad, args=(place, jpeg, until, seen, seed)) for seed in range(4)]
    for each in threads:
        each.start()
    time.sleep(seconds / 3)
    victim = int(Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()[0])
    os.kill(victim, signal.SIGKILL)
    killed, is_down, back = time.monotonic(), False, 0.0
    while time.monotonic() < until:
        now = _workers_ready(place)
        is_down |= 0 <= now < workers
        if is_down and not back and now == workers:
            back = time.monotonic() - killed
        peak = max(peak, memory(process.pid))
        time.sleep(0.05)
    for each in threads:
        each.join(90)
    after = memory(process.pid)
    for what, count in sorted(seen.items()):
        print(f"{what:<28} {count}")
    accepted = sum(count for what, count in seen.items() if what.startswith("good "))
    errors = sum(count for what, count in seen.items() if what.split()[1].startswith("5"))
    ordered = sorted(took)
    print(f"good: {accepted} accepted, {seen['good lost']} lost, {seen['good not let in']} not let in")
    print(f"5xx of all: {errors}; clients that hang: {sum(each.is_alive() for each in threads)}")
    middle, late = ordered[len(ordered) // 2], ordered[int(0.99 * len(ordered))]
    print(f"good answers: p50 {1000 * middle:.1f} ms, p99 {1000 * late:.1f} ms, longest {1000 * ordered[-1]:.1f} ms")
    print(
        f"worker {victim} killed; {workers} ready again after {back:.2f} s" if back else "the killed worker is not back"
    )
    print(f"memory of all processes: {before:.0f} MiB before, {peak:.0f} at most, {after:.0f} after")


def _workers_ready(place: tuple[str, int]) -> float:
    """As the metrics have it; -1 where nobody says it."""
    try:
        with socket.create_connection(place, timeout=5) as connection, connection.makefile("rb") as answer:
            connection.sendall(b"GET /metrics HTTP/1.0\r\n\r\n")
            lines = [line for line in answer.read().split(b"\n") if line.startswith(b"netwright_workers_ready")]
        return float(lines[0].split()[1]) if lines else -1.0
    except (OSError, ValueError):
        return -1.0


def _good(place: tuple[str, int], jpeg: bytes, until: float, seen: Counter[str], took: list[float]) -> None:
    """One request after the other on a connection that is kept, and opened anew where it is cut."""
    connection: http.client.HTTPConnection | None = None
    while time.monotonic() < until:
        began = time.monotonic()
        try:
            connection = connection or http.client.HTTPConnection(*place, timeout=60)
            connection.request("POST", "/predict", jpeg)
        except OSError:
            seen["good not let in"] += 1
            connection = None
            continue
        try:
            answer = connection.getresponse()
            answer.read()
            seen[f"good {answer.status}"] += 1
        except (OSError, http.client.HTTPException):
            seen["good lost"] += 1
            connection.close()
            connection = None
        took.append(time.monotonic() - began)


def _bad(place: tuple[str, int], jpeg: bytes, until: float, seen: Counter[str], seed: int) -> None:
    """Noise, cut bodies, heads without end, bombs, and clients that stay and say or read nothing."""
    generator, kept = random.Random(seed), list[socket.socket]()
    bomb = zlib.compress(bytes(64 << 20))
    while time.monotonic() < until:
        noisy = bytearray(jpeg)
        for _ in range(generator.randrange(1, 40)):
            noisy[generator.randrange(len(noisy))] = generator.randrange(256)
        chance = generator.randbytes(generator.randrange(5000))
        kinds = {
            "noise": _HEAD % len(noisy) + noisy,
            "random": _HEAD % len(chance) + chance,
            "bomb": _HEAD.replace(b"Host", b"Content-Encoding: deflate\r\nHost") % len(bomb) + bomb,
            "endless": b"GET / HTTP/1.1\r\nX: " + b"x" * 200_000,
            "smuggled": (_HEAD % 9).replace(b"Host", b"Transfer-Encoding: chunked\r\nHost") + b"0\r\n\r\n",
            "gone": (_HEAD % len(jpeg) + jpeg)[: generator.randrange(100, len(jpeg))],
            "silent": (_HEAD % len(jpeg) + jpeg)[: generator.randrange(1, 200)],
            "deaf": b"GET / HTTP/1.1\r\nHost: x\r\n\r\n" * 500,
        }
        for kind, sent in kinds.items():
            status = "lost"
            try:
                connection = socket.create_connection(place, timeout=60)
                connection.sendall(sent)
                if kind in ("silent", "deaf"):
                    kept.append(connection)
                    status = "stays"
                elif kind == "gone":
                    status = "went"
                else:
                    status = connection.recv(4096)[9:12].decode() or "cut"
            except OSError:  # cut, as of the worker that is killed, or of a head that is too long
                status = "cut"
            if status != "stays":
                connection.close()
            seen[f"{kind} {status}"] += 1
        for each in kept[:-20]:
            each.close()
        kept = kept[-20:]
        time.sleep(0.02)
