"""Sections `sweep` and `parity` of gpu.py: trials of CIFAR-10's size packed on one GPU, and the same trials on the CPU.

    python benchmarks/gpu_sweep.py sweep [--packed 8 16 2 4] [--mps 8 16] [--epochs 3]
    python benchmarks/gpu_sweep.py parity [--trials 8]

The images are drawn: patterns of ten classes, moved and drowned in noise, 32 pixels; nothing is downloaded. Networks
are of RegNetX at DDS's 400M flops, scaled to 32 pixels. Throughput is measured from when all workers stand and have
trained once, for some seconds, by the epochs that were done.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from statistics import mean, stdev
from threading import Lock, Thread
from typing import Any

import numpy as np

from netwright.arch import Arch
from netwright.data.images import ImageSet
from netwright.population import trial_seed
from netwright.recipe import Recipe
from netwright.space import draw, load_space
from netwright.sweeps.executor import TrialSpec
from netwright.sweeps.local import LocalExecutor
from netwright.system.machine import processors

_SIDE, _CLASSES, _FLOPS = 32, 10, 400e6 * (32 / 224) ** 2
GOAL = 5.0
_BAD = ("failed", "lost", "unsaved")
_GRAPHS, _EAGER = {"NETWRIGHT_CUDA_GRAPHS": "1"}, {"NETWRIGHT_CUDA_GRAPHS": "0"}


def drawn_images(count: int, seed: int) -> ImageSet:
    """Patterns of ten classes; 10% of the images to validate on, 10% to test."""
    rng = np.random.default_rng(seed)
    coarse = rng.normal(size=(_CLASSES, 8, 8, 3))
    patterns = coarse.repeat(6, 1).repeat(6, 2)  # (classes, 48, 48, 3)
    labels = rng.integers(0, _CLASSES, count)
    down, right = rng.integers(0, 48 - _SIDE + 1, (2, count))
    images = np.empty((count, _SIDE, _SIDE, 3), np.uint8)
    for i in range(count):
        seen = patterns[labels[i], down[i] : down[i] + _SIDE, right[i] : right[i] + _SIDE]
        noisy = 0.7 * seen + rng.normal(size=seen.shape)
        images[i] = np.clip(128 + 48 * noisy, 0, 255)
    tenth, order = count // 10, np.arange(count)
    return ImageSet(
        name="drawn", images=images, labels=labels, class_names=tuple(map(str, range(_CLASSES))),
        train=order[2 * tenth :], validation=order[:tenth], test=order[tenth : 2 * tenth],
        mean=(0.5,) * 3, std=(0.22,) * 3, flip_suits=False, resolution=_SIDE, channels=3, skipped=(),
        fingerprint=f"drawn{count:011d}", provenance="drawn", cut=None,
    )  # fmt: skip


def trials_of(networks: Sequence[Arch], recipe: Recipe, seed: int, first: int = 0) -> list[TrialSpec]:
    return [
        TrialSpec(first + i, arch.to_dict(), recipe.to_dict(), trial_seed(seed, i)) for i, arch in enumerate(networks)
    ]


class Workers:
    """Workers that train at a time, ready: torch is imported, and each has trained once.

    Args:
        title: For tables.
        manifest: Of the images.
        device: Of all of them.
        packed: How many.
        environment: More variables of theirs.
    """

    def __init__(self, title: str, manifest: Path, device: str, packed: int, environment: dict[str, str]) -> None:
        self.title, self.packed, self._environment = title, packed, environment
        self._executor = LocalExecutor(manifest, workers=packed, threads=1, devices=(device,))
        self._warming = Thread(daemon=True)

    def start(self, trials: Sequence[TrialSpec]) -> None:
        """Warm up in the background; the workers inherit the environment of this moment."""
        before = {name: os.environ.get(name) for name in self._environment}
        os.environ.update(self._environment)
        self._warming = Thread(target=self.run, args=(trials[: self.packed],), daemon=True)
        self._warming.start()
        while len(self._executor.pids()) < self.packed and self._warming.is_alive():
            time.sleep(0.01)
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value

    def is_warm(self, until: float) -> bool:
        """Wait for that, until a moment of time.monotonic(); what is not warm then is ended."""
        self._warming.join(max(0.0, until - time.monotonic()))
        if not self._warming.is_alive():
            return True
        for pid in self._executor.pids():  # they would not hear that their input ends
            with suppress(OSError):
                os.kill(pid, signal.SIGKILL)
        self.close()
        return False

    def run(self, trials: Sequence[TrialSpec]) -> tuple[dict[int, float], list[str]]:
        """Errors (percent) by trial, and the reasons of failures."""
        errors, reasons = {}, []
        for event in self._executor.run(trials):
            if event.kind == "done":
                errors[event.index] = float(event.values["error"])
            elif event.kind in _BAD:
                reasons.append(str(event.values["reason"]))
        return errors, reasons

    def rate(self, trials: Sequence[TrialSpec], epochs: int, seconds: float) -> tuple[float, int, list[str]]:
        """Trials per hour, trials that were finished, and the reasons of failures.

        It ends when the time is over and each worker could finish one, at the latest after three times that. Epochs of
        trials that are not finished count by their share.
        """
        began = last = time.perf_counter()
        done, passed, reasons = 0, 0, list[str]()
        events = self._executor.run(trials)
        for event in events:
            elapsed = time.perf_counter() - began
            if event.kind == "epoch":
                passed, last = passed + 1, time.perf_counter()
            elif event.kind == "done":
                done += 1
            elif event.kind in _BAD:
                reasons.append(str(event.values["reason"]))
            if elapsed > 3 * seconds or (elapsed > seconds and done + len(reasons) >= self.packed):
                break
        events.close()  # type: ignore[attr-defined]  # a generator: its workers end what they have begun
        return 3600 * passed / epochs / max(last - began, 1e-9), done, reasons

    def close(self) -> None:
        self._executor.close()


def sweep(options: argparse.Namespace, manifest: Path, images: ImageSet) -> dict[str, Any]:
    """Trials per hour, by the number of workers on the device; what was never measured comes first."""
    networks = networks_for(images, 64, options.seed, options.flops)
    recipe = recipe_for(options.epochs, images, "bf16")
    with mps() as pipe:
        plans = [("graphs", 1, _GRAPHS), ("eager", 1, _EAGER)]
        plans += [("graphs", packed, _GRAPHS) for packed in options.packed]
        plans += [("graphs, MPS", packed, _GRAPHS | pipe) for packed in options.mps if pipe]
        if options.mps and not pipe:
            print("no MPS here (nvidia-cuda-mps-control)", flush=True)
        all_workers = [Workers(title, manifest, options.device, *rest) for title, *rest in plans]
        began = time.monotonic()
        for workers in all_workers:
            workers.start(trials_of(networks, recipe.with_(epochs=1), options.seed))
        warm = [workers for workers in all_workers if workers.is_warm(began + options.warm)]
        for workers in set(all_workers) - set(warm):
            print(f"{workers.packed} at a time, {workers.title}: left out, not warm after {options.warm:.0f} s")
        print(f"{sum(w.packed for w in warm)} workers are warm after {time.monotonic() - began:.0f} s", flush=True)
        rows: list[dict[str, Any]] = []
        for workers in warm:
            chosen = [networks[i % len(networks)] for i in range(50 * workers.packed)]
            trials = trials_of(chosen, recipe, options.seed)
            rate, done, reasons = workers.rate(trials, recipe.epochs, options.seconds)
            workers.close()
            row = {"kind": workers.title, "packed": workers.packed, "trials_per_hour": rate, "finished": done}
            rows.append(row | {"failed": len(reasons), "reasons": reasons[:3]})
            print(
                f"{workers.packed:3} at a time, {workers.title:<12} {rate:8,.0f} trials/hour ({done} finished, "
                f"{len(reasons)} failed{reasons[:1] or ''})",
                flush=True,
            )
            write(options, {"sweep": rows})
    return {"sweep": rows, **_gains(rows)}


def _gains(rows: list[dict[str, Any]]) -> dict[str, float]:
    found: dict[str, float] = {}
    if not rows:
        return found
    best = max(rows, key=lambda row: row["trials_per_hour"])
    for kind in ("eager", "graphs"):
        one = [row["trials_per_hour"] for row in rows if row["packed"] == 1 and row["kind"] == kind]
        if one:
            found[f"gain over {kind}"] = best["trials_per_hour"] / one[0]
            print(
                f"{best['packed']} at a time ({best['kind']}): {found[f'gain over {kind}']:.2f} times one at a time "
                f"({kind}); goal {GOAL:g}"
            )
    return found


@contextmanager
def mps() -> Iterator[dict[str, str]]:
    """CUDA's multi-process service, with which kernels of several processes run at the same time, where it is there.

    Yields:
        The environment of its clients; empty without it. The card's compute mode is not changed.
    """
    control = shutil.which("nvidia-cuda-mps-control")
    if control is None:
        yield {}
        return
    with tempfile.TemporaryDirectory() as folder:
        environment = {"CUDA_MPS_PIPE_DIRECTORY": f"{folder}/pipe", "CUDA_MPS_LOG_DIRECTORY": f"{folder}/log"}
        for path in environment.values():
            Path(path).mkdir()
        started = subprocess.run([control, "-d"], env=os.environ | environment, check=False).returncode == 0
        try:
            yield environment if started else {}
        finally:
            if started:
                with suppress(subprocess.TimeoutExpired):
                    subprocess.run([control], input=b"quit\n", env=os.environ | environment, timeout=20, check=False)


def parity(options: argparse.Namespace, manifest: Path, images: ImageSet) -> dict[str, Any]:
    """The same trials on the CPU and on the device, beside what another seed changes; all at the same time."""
    networks = networks_for(images, options.trials, options.seed, options.flops)
    runs = {
        "cpu, fp32": ("cpu", "fp32", options.seed, {}),
        "device, fp32": (options.device, "fp32", options.seed, _GRAPHS),
        "device, other seed": (options.device, "fp32", options.seed + 1, _GRAPHS),
        "device, bf16": (options.device, "bf16", options.seed, _GRAPHS),
        "device, fp32, eager": (options.device, "fp32", options.seed, _EAGER),
    }
    found: dict[str, list[float | None]] = {}
    failed: dict[str, list[str]] = {}
    started = []
    for title, (device, precision, seed, environment) in runs.items():
        packed = max(1, min(options.trials, processors() // 2)) if device == "cpu" else 2
        workers = Workers(title, manifest, device, packed, environment)
        recipe = recipe_for(options.epochs, images, precision)
        workers.start(trials_of(networks, recipe.with_(epochs=1), seed))
        started.append((workers, trials_of(networks, recipe, seed)))
    lock = Lock()

    def measure(workers: Workers, trials: Sequence[TrialSpec]) -> None:
        if not workers.is_warm(time.monotonic() + options.warm):
            return
        began = time.perf_counter()
        errors, reasons = workers.run(trials)
        seconds = time.perf_counter() - began
        workers.close()
        with lock:
            found[workers.title] = [errors.get(i) for i in range(options.trials)]
            failed[workers.title] = reasons[:3]
            shown = " ".join("failed" if error is None else f"{error:.1f}" for error in found[workers.title])
            print(f"{workers.title:<20} {shown}   ({seconds:.0f} s){reasons[:1] or ''}", flush=True)
            write(options, {"parity": found, "reasons": failed})

    measuring = [Thread(target=measure, args=each, daemon=True) for each in started]
    for thread in measuring:
        thread.start()
    for thread in measuring:
        thread.join()
    cpu = found.get("cpu, fp32", [])
    gaps = {title: _gap(cpu, errors) for title, errors in found.items() if cpu and errors is not cpu}
    for title, (average, spread, largest) in gaps.items():
        print(f"{title} against the CPU: {average:+.2f} points on average, sd {spread:.2f}, at most {largest:.2f}")
    return {"parity": found, "reasons": failed, "gaps": gaps}


def _gap(one: Sequence[float | None], other: Sequence[float | None]) -> tuple[float, float, float]:
    pairs = zip(one, other, strict=True)
    each = [b - a for a, b in pairs if a is not None and b is not None]
    if len(each) < 2:
        return (float("nan"),) * 3
    return mean(each), stdev(each), max(map(abs, each))


def networks_for(images: ImageSet, count: int, seed: int, share: float) -> list[Arch]:
    """share: of the flops."""
    space = load_space("regnetx").for_images(images.resolution, images.num_classes, images.channels)
    return list(draw(space.refine(flops=(0.9 * share * _FLOPS, share * _FLOPS)), count, seed).batch)


def recipe_for(epochs: int, images: ImageSet, precision: str) -> Recipe:
    recipe = Recipe(epochs=epochs, batch_size=128, precision=precision)
    return recipe.resolve(resolution=images.resolution, flip_suits=images.flip_suits, bf16_helps=True)


def write(options: argparse.Namespace, values: dict[str, Any]) -> None:
    if options.out:
        options.out.write_text(json.dumps(values, indent=2), encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("section", choices=("sweep", "parity"))
    parser.add_argument("--packed", type=int, nargs="+", default=[8, 16, 2, 4], help="workers at a time, beside one")
    parser.add_argument("--mps", type=int, nargs="*", default=[8, 16], help="numbers of workers with MPS, where it is")
    parser.add_argument("--images", type=int, default=12_500)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=12.0, help="of each number of workers, at least")
    parser.add_argument("--warm", type=float, default=80.0, help="seconds until workers that are not warm are left out")
    parser.add_argument("--flops", type=float, help="share of 8.2M flops; by default 1, of parity 0.25")
    parser.add_argument("--trials", type=int, default=8, help="of parity")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--device", default="cuda:0")
    parser.add_argument("--out", type=Path, help="a JSON file, written as results come")
    options = parser.parse_args()
    if options.flops is None:
        options.flops = 1.0 if options.section == "sweep" else 0.25
    images = drawn_images(options.images, options.seed)
    with tempfile.TemporaryDirectory() as folder:
        manifest = images.save(folder)
        section = sweep if options.section == "sweep" else parity
        write(options, section(options, manifest, images))


if __name__ == "__main__":
    main()
