"""The good clients of `serve_faults.py`, as a program of their own.

python benchmarks/serve_good.py '{"http": ["127.0.0.1", 8000], "grpc": [...], "model": NAME}' says "ready", waits for a
line, asks until a second one, and prints as JSON: {WHO: {"answers", "lost": {WHY: N}, "longest", "p99"}}, in seconds.
One client asks by HTTP and one by gRPC, on a connection each and 20 times a second at most; a probe asks both for their
health every 100 ms, on a new connection each time, as a kubelet does. A request is lost where its answer is no success.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import struct
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import grpc
from serve_load import make_jpeg  # beside this file

from netwright.serving.grpc.messages import messages

_PAUSE, _PROBE = 0.05, 0.1  # seconds


@dataclass(slots=True)
class _Seen:
    answers: int = 0
    lost: Counter[str] = field(default_factory=Counter)
    seconds: list[float] = field(default_factory=list)


def main() -> None:
    """Ask until a line comes."""
    task, jpeg = json.loads(sys.argv[1]), make_jpeg(375, 500)
    done = threading.Event()
    asking = {
        "HTTP": (_http(task["http"], "POST", "/predict", jpeg, keeps=True), _PAUSE),
        "gRPC": (_infer(task["grpc"], task["model"], jpeg), _PAUSE),
        "health": (_http(task["http"], "GET", "/v2/health/ready", None, keeps=False), _PROBE),
        "gRPC health": (_health(task["grpc"]), _PROBE),
    }
    for ask, _ in asking.values():
        ask()  # connects, and fails at once where it cannot
    seen = {who: _Seen() for who in asking}
    threads = [
        threading.Thread(target=_loop, args=(ask, pause, seen[who], done)) for who, (ask, pause) in asking.items()
    ]
    print("ready", flush=True)
    sys.stdin.readline()
    for thread in threads:
        thread.start()
    sys.stdin.readline()
    done.set()
    for thread in threads:
        thread.join()
    print(json.dumps({who: vars_of(each) for who, each in seen.items()}))


def vars_of(seen: _Seen) -> dict[str, Any]:
    """For JSON."""
    took = sorted(seen.seconds) or [0.0]
    p99 = took[min(len(took) - 1, 99 * len(took) // 100)]
    return {"answers": seen.answers, "lost": dict(seen.lost), "longest": took[-1], "p99": p99}


def _loop(ask: Callable[[], str], pause: float, seen: _Seen, done: threading.Event) -> None:
    while not done.wait(pause):
        began = time.monotonic()
        why = ask()
        seen.seconds.append(time.monotonic() - began)
        seen.answers += not why
        if why:
            seen.lost[why] += 1


def _http(address: list[Any], method: str, path: str, body: bytes | None, *, keeps: bool) -> Callable[[], str]:
    """Asks, and says why there was no answer."""
    connection = http.client.HTTPConnection(*address, timeout=60)

    def ask() -> str:
        try:
            connection.request(method, path, body)
            answer = connection.getresponse()
            answer.read()
            if not keeps:
                connection.close()
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            return type(error).__name__
        return "" if answer.status == 200 else str(answer.status)

    return ask


def _infer(address: list[Any], model: str, jpeg: bytes) -> Callable[[], str]:
    raw = struct.pack("<I", len(jpeg)) + jpeg
    tensor = {"name": "image", "datatype": "BYTES", "shape": [1]}
    request = messages()["ModelInferRequest"](model_name=model, inputs=[tensor], raw_input_contents=[raw])
    channel = grpc.insecure_channel(f"{address[0]}:{address[1]}")
    call = channel.unary_unary("/inference.GRPCInferenceService/ModelInfer", type(request).SerializeToString)
    return lambda: _code(lambda: call(request, timeout=60))


def _health(address: list[Any]) -> Callable[[], str]:
    def ask() -> str:
        # a channel of its own each time; the option keeps the library from sharing one
        options = [("grpc.use_local_subchannel_pool", 1)]
        with contextlib.closing(grpc.insecure_channel(f"{address[0]}:{address[1]}", options=options)) as channel:
            call = channel.unary_unary("/inference.GRPCInferenceService/ServerReady")
            return _code(lambda: call(b"", timeout=60))

    return ask


def _code(call: Callable[[], Any]) -> str:
    try:
        call()
    except grpc.RpcError as error:
        return str(error.code().name)
    return ""


if __name__ == "__main__":
    main()
