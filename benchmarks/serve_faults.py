"""What hostile clients do to a server with default settings, and what its good clients see meanwhile.

    python benchmarks/serve_faults.py                     every hostile input for 8 s, ONNX and torch: about 20 minutes
    python benchmarks/serve_faults.py --mixed 10          then 10 minutes of all of them, mixed at random
    python benchmarks/serve_faults.py --seconds 0 --mixed 10 --runtimes onnx      the mix alone
    python benchmarks/serve_faults.py --only gRPC --seconds 3     those whose names have "gRPC" in them

Three processes on one machine: the server, with default settings and gRPC; the hostile clients (serve_hostile.py), at a
low priority, as they would have a machine of their own; the good ones (serve_good.py). The network is RegNetX-200MF at
224 pixels with random weights, seed 0, or --ref. The two inputs of formats that a server does not read by default also
go to a server that reads all.

The table: what was sent; the peak memory of the server's processes together, in MiB, how much of it is more than
before, and in brackets the sum of each process's own peak; the longest answer to a good client and to a probe of
health, in seconds, each with the 99th percentile; good requests that got no success; and what the hostile clients saw.

Memory is what the processes hold at the same moment, ten times a second: resident, so that what they share counts in
each. The system notes their own peaks without gaps, but those come at different moments, so their sum is more than the
server ever held. The exit status is 1 where a goal is missed: 1,024 MiB together, 1 s, 0.2 s and none lost.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

from environment import as_line, environment  # beside this file
from serve_hostile import ATTACKS

from netwright.serving.formats import FORMATS

_MOST_MIB, _MOST_SECONDS, _MOST_HEALTH = 1024, 1.0, 0.2
_LOOK = 0.1  # seconds between looks at the memory


@dataclass(frozen=True, slots=True)
class _Running:
    """A server. before: its memory when it was warm, in MiB."""

    process: subprocess.Popen[str]
    http: tuple[str, int]
    grpc: tuple[str, int]
    model: str
    before: float


def main() -> int:
    """Run the benchmark; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ref", default="", help="a model, in place of the one that is made")
    parser.add_argument("--runtimes", nargs="+", default=["onnx", "torch"], choices=("onnx", "torch"))
    parser.add_argument("--seconds", type=float, default=8.0, help="of each hostile input; 0 leaves them out")
    parser.add_argument("--mixed", type=float, default=0.0, metavar="MINUTES", help="of all of them, mixed")
    parser.add_argument(
        "--only", nargs="+", default=[""], metavar="WORDS", help="hostile inputs that have any of these in their names"
    )
    parser.add_argument("--seed", type=int, default=0, help="of the mix")
    options = parser.parse_args()
    print(as_line(environment("onnxruntime", "grpcio")))
    print(f"seed {options.seed}; each hostile input once, {options.seconds:g} s\n", flush=True)
    chosen = [name for name in ATTACKS if any(words in name for words in options.only)]
    needing = [name for name in chosen if ATTACKS[name].formats]
    misses = 0
    with tempfile.TemporaryDirectory() as folder:
        for runtime in options.runtimes if not options.ref else [""]:
            ref = options.ref or str(_model(Path(folder), runtime))
            print(f"## {runtime or ref}, default settings\n", flush=True)
            misses += _table(ref, Path(folder), chosen, options)
            if needing:
                print(f"\n## {runtime or ref}, all formats\n", flush=True)
                misses += _table(ref, Path(folder), needing, options, "--formats", *FORMATS)
            print(flush=True)
    print("all goals met" if not misses else f"{misses} rows miss a goal")
    return int(misses > 0)


def _table(ref: str, folder: Path, names: list[str], options: argparse.Namespace, *words: str) -> int:
    """Print the rows of one server; returns how many miss a goal."""
    misses = 0
    with _server(ref, folder, *words) as server:
        print(
            f"| sent | MiB, more than the {server.before:.0f} before (own peaks) | good, s (99%) | health, s (99%) "
            "| lost | hostile saw |"
        )
        print("|---|---|---|---|---|---|", flush=True)
        misses += _row(server, [], 3.0, options.seed)
        for name in names if options.seconds else []:
            misses += _row(server, [name], options.seconds, options.seed)
        if options.mixed and not words:
            mixed = [name for name in names if not ATTACKS[name].formats]
            misses += _row(server, mixed, 60 * options.mixed, options.seed)
    return misses


def _row(server: _Running, names: list[str], seconds: float, seed: int) -> int:
    """Attack, print what came of it, and return whether a goal is missed."""
    task: dict[str, Any] = {"http": server.http, "grpc": server.grpc, "model": server.model}
    with _client("serve_good", task) as good:
        attacking = {"attacks": names, "seconds": seconds, "seed": seed}
        attacker = _client("serve_hostile", task | attacking) if names else contextlib.nullcontext()
        with attacker as hostile, _watched(server.process.pid) as peak:
            found, saw = _measure(good, hostile, seconds)
    longest, usual = (max(found[who][key] for who in ("HTTP", "gRPC")) for key in ("longest", "p99"))
    health, usually = (max(found[who][key] for who in ("health", "gRPC health")) for key in ("longest", "p99"))
    lost = {f"{who} {why}": count for who, each in found.items() for why, count in each["lost"].items()}
    is_missed = peak[0] > _MOST_MIB or longest > _MOST_SECONDS or health > _MOST_HEALTH or bool(lost)
    answers = sum(each["answers"] for each in found.values())
    said = ", ".join(f"{what} x {count:,}" for what, count in saw.items())
    name = names[0] if len(names) == 1 else f"all, mixed, {seconds / 60:g} min" if names else "nothing"
    memory = f"{peak[0]:.0f}, +{max(0.0, peak[0] - server.before):.0f}"
    cells = [
        name,
        f"{_marked(memory, peak[0] > _MOST_MIB)} ({peak[1]:.0f})",
        f"{_marked(f'{longest:.2f}', longest > _MOST_SECONDS)} ({usual:.2f})",
        f"{_marked(f'{health:.2f}', health > _MOST_HEALTH)} ({usually:.2f})",
        f"{_marked(_lost(lost), bool(lost))} of {answers:,}",
        said,
    ]
    print(f"| {' | '.join(cells)} |", flush=True)
    if server.process.poll() is not None:
        raise SystemExit(f"the server has ended, with status {server.process.returncode}")
    return int(is_missed)


def _measure(good: subprocess.Popen[str], hostile: Any, seconds: float) -> tuple[dict[str, Any], dict[str, int]]:
    """Let both begin, and give what each saw. What hostile clients began is still there when the good ones end."""
    _say(good)
    saw: dict[str, int] = {}
    if hostile is None:
        time.sleep(seconds)
    else:
        _say(hostile)
        time.sleep(seconds)
    _say(good)
    found: dict[str, Any] = json.loads(_line(good))
    if hostile is not None:
        saw = json.loads(_line(hostile))
    return found, saw


def _marked(text: str, is_missed: bool) -> str:
    return f"**{text}**" if is_missed else text


def _lost(lost: dict[str, int]) -> str:
    return ", ".join(f"{count} {what}" for what, count in lost.items()) or "0"


@contextmanager
def _client(program: str, task: dict[str, Any]) -> Iterator[subprocess.Popen[str]]:
    """A program beside this one that has said that it is ready."""
    path = Path(__file__).with_name(f"{program}.py")
    process = subprocess.Popen(
        [sys.executable, str(path), json.dumps(task)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        assert _line(process) == "ready\n"
        yield process
    finally:
        process.kill()
        process.communicate()


def _say(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    process.stdin.write("\n")
    process.stdin.flush()


def _line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline()


@contextmanager
def _server(ref: str, folder: Path, *words: str) -> Iterator[_Running]:
    command = [sys.executable, "-m", "netwright.cli.main", "serve", ref, "--port=0", "--grpc_port=0", *words]
    log: TextIO
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True)
    try:
        found = re.match(r"serving on http://(.+):(\d+), gRPC on .+:(\d+)", _line(process))
        if not found:
            raise SystemExit((folder / "log").read_text())
        http, grpc = (found[1], int(found[2])), (found[1], int(found[3]))
        from netwright.serving import Client

        with Client(f"http://{http[0]}:{http[1]}") as client:
            model = client.models()[0]["name"]
        task = {"http": http, "grpc": grpc, "model": model}
        with _client("serve_good", task):  # its first requests are answered
            yield _Running(process, http, grpc, model, _held(process.pid)[0])
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            process.kill()


@contextmanager
def _watched(pid: int) -> Iterator[list[float]]:
    """The peak of the memory of a process and its descendants in MiB, and the sum of their own peaks, while inside."""
    for each in _family(pid):
        with contextlib.suppress(OSError):
            Path(f"/proc/{each}/clear_refs").write_text("5")  # forgets the peak so far
    peak, done = [0.0, 0.0], threading.Event()

    def look() -> None:
        while not done.wait(_LOOK):
            peak[:] = map(max, peak, _held(pid))

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield peak
    finally:
        done.set()
        thread.join()


def _family(pid: int) -> list[int]:
    found, remaining = [], [pid]
    while remaining:
        found.append(remaining.pop())
        with contextlib.suppress(OSError):
            for each in Path(f"/proc/{found[-1]}/task").iterdir():
                remaining += map(int, (each / "children").read_text().split())
    return found


def _held(pid: int) -> tuple[float, float]:
    """MiB of a process and its descendants: what they hold now, and the sum of their peaks."""
    now = peaks = 0
    for each in _family(pid):
        with contextlib.suppress(OSError):
            status = Path(f"/proc/{each}/status").read_text()
            now += sum(map(int, re.findall(r"VmRSS:\s+(\d+)", status)))
            peaks += sum(map(int, re.findall(r"VmHWM:\s+(\d+)", status)))
    return now / 1024, peaks / 1024


def _model(folder: Path, runtime: str) -> Path:
    """The network as a file, random weights."""
    from netwright.arch import published
    from netwright.data.preprocess import Preprocessing
    from netwright.exports import export
    from netwright.nn import build
    from netwright.weights import save_model

    weights, path = folder / "x200.safetensors", folder / "x200.onnx"
    if not weights.exists():
        module = build(published("regnet_x_200mf"), seed=0)
        save_model(weights, module.eval(), preprocessing=Preprocessing(), facts={})
    if runtime == "onnx" and not path.exists():
        export(weights, path)
    return path if runtime == "onnx" else weights


if __name__ == "__main__":
    sys.exit(main())
