"""Sweeps on two real Ray nodes while workers, a node, the network and the program itself fail at random moments.

    python benchmarks/ray_campaign.py [--campaigns 10] [--trials 64] [--epochs 3] [--seed 0] [--kinds worker,node,...]

Two nodes are started by `ray start`, one processor each; where this process may make network namespaces (as root), the
second one has an address of its own behind a cable that can be cut. Each campaign runs `netwright sweep --executor ray`
and disturbs it once in each of these ways, in random order at random moments:

worker   SIGKILL to a process that trains
node     SIGKILL to the raylet of the second node; another node is started in its place
cut      the cable is cut for as long as Ray takes to give the node up, and mended; without namespaces the node is
         stopped (SIGSTOP) for as long
driver   SIGKILL to the program that sweeps, and the same command again
head     (only by --kinds) SIGKILL to the first node, which is the cluster; a new cluster, and the same command again

At the end every trial is done once, and its losses are those of an undisturbed sweep to the last bit. The exit status
is 0 if all campaigns hold.
"""

from __future__ import annotations

import argparse
import base64
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from campaigns import children, finished, log_of, reference, run_campaigns, start, sweep_words  # beside this file
from environment import as_line, environment

KINDS = ("worker", "node", "cut", "driver")
_NET = "10.213.7"
_GIVE_UP_SECONDS = 15  # of silence, after which Ray gives a node up


def set_up_ray() -> None:
    """What all processes of the cluster, and the program, are started with: one token, and little patience."""
    os.environ |= {
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN": base64.b16encode(os.urandom(32)).decode(),
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
        "RAY_gcs_server_port_wait_time_s": "180",
        "RAY_health_check_initial_delay_ms": "5000",
        "RAY_health_check_period_ms": "2000",
        "RAY_health_check_timeout_ms": str(1000 * _GIVE_UP_SECONDS // 3),
        "RAY_health_check_failure_threshold": "3",
    }
    os.environ.pop("RAY_ADDRESS", None)


@contextmanager
def cable(wanted: bool) -> Iterator[bool]:
    """A network namespace at the end of a cable, where it is wanted and may be made; whether there is one."""
    words = [
        "netns add nwnode",
        "link add nwcable type veth peer name nwend netns nwnode",
        f"addr add {_NET}.1/24 dev nwcable",
        "link set nwcable up",
        f"-n nwnode addr add {_NET}.2/24 dev nwend",
        "-n nwnode link set nwend up",
        "-n nwnode link set lo up",
    ]
    if not wanted or shutil.which("ip") is None or os.geteuid():
        yield False
        return
    try:
        made = all(subprocess.run(["ip", *each.split()], check=False).returncode == 0 for each in words)
        yield made
    finally:
        subprocess.run(["ip", "link", "del", "nwcable"], check=False, stderr=subprocess.DEVNULL)
        subprocess.run(["ip", "netns", "del", "nwnode"], check=False, stderr=subprocess.DEVNULL)


class Cluster:
    """Two nodes on this machine. has_cable: the second one is behind it."""

    def __init__(self, home: Path, has_cable: bool) -> None:
        self._home, self._has_cable = home, has_cable
        self._temp = tempfile.mkdtemp(prefix="ray", dir="/tmp")
        self._limits = ("--num-cpus=1", "--object-store-memory=80000000", "--block", "--disable-usage-stats")
        self.address, self.head, self.second = "", None, None
        self.start()

    def start(self) -> None:
        """Both, at a new port."""
        host = f"{_NET}.1" if self._has_cable else "127.0.0.1"
        with socket.socket() as free:
            free.bind((host, 0))
            port = free.getsockname()[1]
        self.address = f"{host}:{port}"
        words = ("--head", f"--port={port}", f"--node-ip-address={host}", "--include-dashboard=false")
        self.head = self._start((), *words, f"--temp-dir={self._temp}")
        self.second = self._start_second()

    def _start_second(self) -> subprocess.Popen[bytes]:
        if not self._has_cable:
            return self._start((), f"--address={self.address}")
        inside = ("ip", "netns", "exec", "nwnode")
        return self._start(inside, f"--address={self.address}", f"--node-ip-address={_NET}.2")

    def _start(self, before: tuple[str, ...], *words: str) -> subprocess.Popen[bytes]:
        command = [*before, sys.executable, "-m", "ray.scripts.scripts", "start", *words, *self._limits]
        with (self._home / "ray.log").open("ab") as log:
            node = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
        end = time.monotonic() + 300
        while self.raylet(node) is None:
            if time.monotonic() > end or node.poll() is not None:
                raise SystemExit(f"a Ray node did not start:\n{log_of(self._home / 'ray.log', 30)}")
            time.sleep(0.5)
        return node

    @staticmethod
    def raylet(node: subprocess.Popen[bytes]) -> int | None:
        """The process id of a node's raylet."""
        return next((pid for pid, words in children(node.pid) if "raylet/raylet" in words.split(" ")[0]), None)

    def trainers(self) -> list[int]:
        """The process ids of those that train."""
        raylets = [raylet for node in (self.head, self.second) if (raylet := self.raylet(node))]
        return [pid for raylet in raylets for pid, words in children(raylet) if "ray::Trainer" in words]

    def replace_second(self) -> None:
        """The second node dies at once, and another one comes in its place."""
        _kill_all(self.second)
        self.second = self._start_second()

    def replace(self) -> None:
        """The whole cluster dies at once, and another one comes in its place."""
        _kill_all(self.head)
        _kill_all(self.second)
        self.start()

    def cut(self) -> None:
        """The second node cannot be reached for a while; one that Ray has given up by then is replaced."""
        raylet = self.raylet(self.second)
        if self._has_cable:
            _ip("link set nwcable down")
        elif raylet is not None:
            os.kill(raylet, signal.SIGSTOP)
        time.sleep(2 * _GIVE_UP_SECONDS)
        if self._has_cable:
            _ip("link set nwcable up")
        elif raylet is not None:
            os.kill(raylet, signal.SIGCONT)
        end = time.monotonic() + 30  # Ray tells a node that it has given up to end
        while self.second.poll() is None and time.monotonic() < end:
            time.sleep(0.5)
        self.replace_second()

    def close(self) -> None:
        """End both, and remove their files."""
        for node in (self.second, self.head):
            _kill_all(node)
        shutil.rmtree(self._temp, ignore_errors=True)


def _kill_all(node: subprocess.Popen[bytes]) -> None:
    """SIGKILL to the raylet first, then to what is left of the node."""
    family = children(node.pid)
    for pid, _ in sorted(family, key=lambda each: "raylet/raylet" not in each[1].split(" ")[0]):
        family += children(pid)
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    node.kill()
    node.wait()
    time.sleep(1)  # workers end with their raylet
    for pid, _ in family:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def _ip(words: str) -> None:
    subprocess.run(["ip", *words.split()], check=True)


class Campaign:
    """One sweep, disturbed."""

    def __init__(self, cluster: Cluster, folder: Path, options: argparse.Namespace) -> None:
        self._cluster, self._folder, self._options = cluster, folder, options
        self._log = folder.with_suffix(".log")
        self._driver = self._start()

    def _start(self) -> subprocess.Popen[bytes]:
        options = self._options
        words = sweep_words(self._folder, options.trials, options.epochs, options.seed)
        return start(*words, "--executor", "ray", "--address", self._cluster.address, log=self._log)

    def run(self, number: int) -> None:
        """Until all trials are finished."""
        chance = random.Random(self._options.seed * 1000 + number)
        kinds = chance.sample(self._options.kinds, len(self._options.kinds))
        moments = sorted(chance.sample(range(1, self._options.trials - 2), len(kinds)))
        try:
            for kind, moment in zip(kinds, moments, strict=True):
                while finished(self._folder) < moment and self._driver.poll() is None:
                    time.sleep(0.3)
                time.sleep(chance.uniform(0, 1.0))
                print(f"  {finished(self._folder)} finished: {kind}", flush=True)
                self._disturb(kind, chance)
            self._to_the_end()
        finally:
            self._driver.kill()
            self._driver.wait()

    def _disturb(self, kind: str, chance: random.Random) -> None:
        if kind == "worker":
            if trainers := self._cluster.trainers():
                os.kill(chance.choice(trainers), signal.SIGKILL)
        elif kind == "node":
            self._cluster.replace_second()
        elif kind == "cut":
            self._cluster.cut()
        elif kind == "driver":
            self._driver.kill()
            self._driver.wait()
            self._driver = self._start()
        elif kind == "head":
            self._cluster.replace()
            self._driver.kill()
            self._driver.wait()
            self._driver = self._start()

    def _to_the_end(self) -> None:
        for _ in range(3):
            if self._driver.wait(1800) == 0:
                return
            print(f"  the program ended with {self._driver.returncode}:\n{log_of(self._log)}", flush=True)
            self._driver = self._start()


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, default in (("campaigns", 10), ("trials", 64), ("epochs", 3), ("seed", 0)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--kinds", type=lambda text: text.split(","), default=list(KINDS))
    parser.add_argument("--no_cable", action="store_true", help="no network namespace")
    options = parser.parse_args()
    print(as_line(environment("ray")), flush=True)
    set_up_ray()
    with tempfile.TemporaryDirectory() as folder, cable(not options.no_cable) as has_cable:
        home = Path(folder)
        expected = reference(home, options.trials, options.epochs, options.seed)
        cluster = Cluster(home, has_cable)
        print(f"two nodes at {cluster.address}{', the second one behind a cable' if has_cable else ''}", flush=True)
        try:

            def one(number: int, folder: Path) -> None:
                Campaign(cluster, folder, options).run(number)

            failed = run_campaigns(home, options.campaigns, expected, one, lambda number: home / f"c{number}.log")
        finally:
            cluster.close()
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main())
