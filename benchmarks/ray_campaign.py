"""Sweeps on two real Ray nodes while processes, a node and the program itself are killed at random moments.

    python benchmarks/ray_campaign.py [--campaigns 10] [--trials 64] [--epochs 8] [--seed 0] [--join 0]

Each campaign starts two nodes on this machine (`ray start`, one processor each), sweeps a population of small networks
on a few of the bundled digits, and disturbs it once in each of these ways, in random order at random moments:

worker   SIGKILL to a process that trains
node     SIGKILL to the raylet of the second node; another node is started
silence  SIGSTOP to the second node's raylet for 20 s, as a cut network looks to the others
driver   SIGKILL to the program that sweeps, and the same command again

At the end every trial is finished once, and its losses are those of an undisturbed sweep to the last bit. With --join N
there is no Ray: N processes of `netwright sweep --join` train one folder, and each is killed once. The exit status is 0
if all campaigns hold.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import pandas as pd
from environment import as_line, environment  # beside this file

from netwright.arch import Arch, Stage, Stem
from netwright.data import ImageSet, load_images
from netwright.population import FILE, Population
from netwright.recipe import Recipe
from netwright.sweeps import join_sweep, run, share

_SILENCE = 20.0
_LEASE = 8.0


def networks(n: int) -> list[Arch]:
    return [
        Arch((Stage(1, 8 * (1 + i % 8)),), stem=Stem("cifar", 8), resolution=8, num_classes=10, in_channels=1)
        for i in range(n)
    ]


def images_of(cache: Path) -> ImageSet:
    return load_images("digits", cache=cache, train_images=250)


def recipe(epochs: int) -> Recipe:
    return Recipe(epochs=epochs, batch_size=32, lr=0.1).resolve(resolution=8, flip_suits=False, bf16_helps=False)


def sweep(folder: Path, cache: Path, trials: int, epochs: int, seed: int, address: str) -> None:
    """The program that is killed: a sweep on the cluster, resumed where it is there already."""
    from netwright.sweeps.ray_executor import RayExecutor

    images = images_of(cache)
    assert images.path is not None
    with (
        Population.open_or_create(folder, networks=networks(trials), seed=seed, identity={}) as population,
        RayExecutor(images.path, address=address, threads=1) as executor,
    ):
        run(population, images, recipe(epochs), executor=executor)


def reference(folder: Path, cache: Path, options: argparse.Namespace) -> pd.DataFrame:
    with Population.create(folder, networks=networks(options.trials), seed=options.seed, identity={}) as population:
        run(population, images_of(cache), recipe(options.epochs), workers=2)
        return population.frame()


def program(*words: object) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, __file__, *map(str, words)], stderr=subprocess.DEVNULL)


def finished(folder: Path) -> int:
    if not (folder / FILE).exists():
        return 0
    with Population.open(folder) as population:
        counts = population.counts()
    return counts["done"] + counts["failed"]


def children(process: int) -> list[tuple[int, str]]:
    """Process ids and command lines of what a process started."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            words = (folder / "cmdline").read_bytes().decode(errors="replace").replace("\0", " ")
        except (OSError, ValueError):
            continue
        if parent == process:
            found.append((int(folder.name), words))
    return found


class Cluster:
    """Two nodes on this machine."""

    def __init__(self) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.address = f"127.0.0.1:{port}"
        self._temp = tempfile.mkdtemp(prefix="ray", dir="/tmp")
        self._limits = ("--num-cpus=1", "--object-store-memory=80000000", "--block", "--disable-usage-stats")
        self.head = self._start("--head", f"--port={port}", "--include-dashboard=false", f"--temp-dir={self._temp}")
        self.second = self._start(f"--address={self.address}")

    def _start(self, *words: str) -> subprocess.Popen[bytes]:
        command = Path(sys.executable).with_name("ray")
        node = subprocess.Popen([command, "start", *words, *self._limits], stdout=subprocess.DEVNULL)
        end = time.monotonic() + 180
        while not self.raylet(node):
            if time.monotonic() > end or node.poll() is not None:
                raise SystemExit("a Ray node did not start")
            time.sleep(0.2)
        return node

    @staticmethod
    def raylet(node: subprocess.Popen[bytes]) -> int | None:
        return next((pid for pid, words in children(node.pid) if "raylet/raylet" in words.split(" ")[0]), None)

    def trainers(self) -> list[int]:
        nodes = [raylet for node in (self.head, self.second) if (raylet := self.raylet(node))]
        return [pid for raylet in nodes for pid, words in children(raylet) if "ray::Trainer" in words]

    def replace_second(self) -> None:
        raylet = self.raylet(self.second)
        if raylet is not None:
            os.kill(raylet, signal.SIGKILL)
        self.second.terminate()
        self.second.wait(60)
        self.second = self._start(f"--address={self.address}")

    def close(self) -> None:
        for node in (self.second, self.head):
            node.terminate()
            node.wait(60)
        shutil.rmtree(self._temp, ignore_errors=True)


def ray_campaign(number: int, folder: Path, cache: Path, options: argparse.Namespace) -> None:
    """Sweep and disturb, until all trials are finished."""
    chance, cluster = random.Random(options.seed * 1000 + number), Cluster()
    words = ("--sweep", folder, cache, options.trials, options.epochs, options.seed, cluster.address)
    driver = program(*words)
    kinds = chance.sample(["worker", "node", "silence", "driver"], 4)
    moments = sorted(chance.sample(range(1, options.trials - 2), 4))
    try:
        for kind, moment in zip(kinds, moments, strict=True):
            while finished(folder) < moment and driver.poll() is None:
                time.sleep(0.2)
            time.sleep(chance.uniform(0, 0.5))
            print(f"  {finished(folder)} finished: {kind}", flush=True)
            if kind == "worker" and (trainers := cluster.trainers()):
                os.kill(chance.choice(trainers), signal.SIGKILL)
            elif kind == "node":
                cluster.replace_second()
            elif kind == "silence" and (raylet := cluster.raylet(cluster.second)):
                os.kill(raylet, signal.SIGSTOP)
                time.sleep(_SILENCE)
                os.kill(raylet, signal.SIGCONT)
            elif kind == "driver":
                driver.kill()
                driver.wait()
                driver = program(*words)
        while driver.wait() != 0:
            driver = program(*words)
    finally:
        driver.kill()
        cluster.close()


def join_campaign(number: int, folder: Path, cache: Path, options: argparse.Namespace) -> None:
    """The same without Ray: processes that join one folder, each of which is killed once."""
    chance = random.Random(options.seed * 1000 + number)
    with Population.create(folder, networks=networks(options.trials), seed=options.seed, identity={}) as population:
        share(population, images_of(cache), recipe(options.epochs), lease=_LEASE)
    members = [program("--member", folder) for _ in range(options.join)]
    moments = sorted(chance.sample(range(1, options.trials - 2), options.join))
    try:
        for victim, moment in zip(chance.sample(range(options.join), options.join), moments, strict=True):
            results = folder / "join"
            while results.exists() and _results(results) < moment:
                time.sleep(0.2)
            time.sleep(chance.uniform(0, 0.5))
            print(f"  {_results(results)} finished: process {victim}", flush=True)
            members[victim].kill()
            members[victim].wait()
            members[victim] = program("--member", folder)
        for member in members:
            member.wait()
    finally:
        for member in members:
            member.kill()


def _results(folder: Path) -> int:
    return sum(len(list((folder / name).glob("[0-9]*"))) for name in ("results", "folded"))


def check(folder: Path, expected: pd.DataFrame) -> list[str]:
    """What does not hold."""
    with Population.open(folder) as population:
        frame = population.frame()
    wrong = []
    if frame["state"].tolist() != ["done"] * len(expected):
        wrong.append(f"states {frame['state'].value_counts().to_dict()}")
    if frame["error"].tolist() != expected["error"].tolist():
        wrong.append("errors differ")
    losses = [[[epoch["loss"] for epoch in curve] for curve in each["curve"]] for each in (frame, expected)]
    if losses[0] != losses[1]:
        wrong.append("losses differ")
    return wrong


def campaigns(options: argparse.Namespace) -> int:
    print(as_line(environment(*([] if options.join else ["ray"]))), flush=True)
    one: Callable[[int, Path, Path, argparse.Namespace], None] = join_campaign if options.join else ray_campaign
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        expected = reference(home / "reference", home / "cache", options)
        for number in range(options.campaigns):
            print(f"campaign {number + 1}", flush=True)
            began = time.perf_counter()
            one(number, home / f"c{number}", home / "cache", options)
            wrong = check(home / f"c{number}", expected)
            failed += bool(wrong)
            verdict = "; ".join(wrong) or f"all {options.trials} finished once, equal to the undisturbed sweep"
            print(f"  {time.perf_counter() - began:.0f} s: {verdict}", flush=True)
    print(f"{options.campaigns - failed} of {options.campaigns} campaigns hold")
    return 1 if failed else 0


def main() -> int:
    if sys.argv[1:2] == ["--sweep"]:
        folder, cache, trials, epochs, seed, address = sys.argv[2:]
        sweep(Path(folder), Path(cache), int(trials), int(epochs), int(seed), address)
        return 0
    if sys.argv[1:2] == ["--member"]:
        join_sweep(sys.argv[2], workers=1, device="cpu")
        return 0
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--campaigns", type=int, default=10)
    parser.add_argument("--trials", type=int, default=64)
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--join", type=int, default=0, metavar="N", help="processes that join a folder, in place of Ray"
    )
    return campaigns(parser.parse_args())


if __name__ == "__main__":
    raise SystemExit(main())
