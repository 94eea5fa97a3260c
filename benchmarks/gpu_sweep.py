"""Sections `sweep` and `parity` of gpu.py: trials of CIFAR-10's size packed on one GPU, and the same trials on the CPU.

    python benchmarks/gpu_sweep.py sweep [--packed 1 2 4 8 16] [--epochs 4]
    python benchmarks/gpu_sweep.py parity [--trials 8]

The images are drawn: patterns of ten classes, moved and drowned in noise, 32 pixels; nothing is downloaded. Networks
are of RegNetX at DDS's 400M flops, scaled to 32 pixels. Throughput is measured from when all workers stand and have
trained once, to the last result.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import mean, stdev
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


def run_all(executor: LocalExecutor, trials: Sequence[TrialSpec]) -> tuple[dict[int, float], list[str]]:
    """Errors (percent) by trial, and the reasons of failures."""
    errors, reasons = {}, []
    for event in executor.run(trials):
        if event.kind == "done":
            errors[event.index] = float(event.values["error"])
        elif event.kind in ("failed", "lost", "unsaved"):
            reasons.append(str(event.values["reason"]))
    return errors, reasons


def sweep(options: argparse.Namespace, manifest: Path, images: ImageSet) -> dict[str, Any]:
    """Trials per hour, by the number of workers on the device."""
    networks = networks_for(images, 64, options.seed)
    recipe = recipe_for(options.epochs, images, "bf16")
    once = recipe.with_(epochs=1)
    rows = []
    plans = [(1, "0"), *((packed, "1") for packed in options.packed)]
    for packed, graphs in plans:
        os.environ["NETWRIGHT_CUDA_GRAPHS"] = graphs
        count = max(options.least, 3 * packed)
        chosen = [networks[i % len(networks)] for i in range(count)]
        with LocalExecutor(manifest, workers=packed, threads=1, devices=(options.device,)) as executor:
            began = time.perf_counter()
            run_all(executor, trials_of(networks[:packed], once, options.seed))
            ready = time.perf_counter()
            errors, reasons = run_all(executor, trials_of(chosen, recipe, options.seed, first=packed))
            seconds = time.perf_counter() - ready
        rate = 3600 * len(errors) / seconds
        rows.append({
            "packed": packed, "graphs": graphs == "1", "trials": count, "trials_per_hour": rate, "failed": len(reasons),
            "seconds": seconds, "start_seconds": ready - began, "mean_error": mean(errors.values()) if errors else None,
        })  # fmt: skip
        times = rate / rows[0]["trials_per_hour"]
        kind = "graph" if graphs == "1" else "eager"
        print(
            f"{packed:3} at a time, {kind}: {rate:8,.0f} trials/hour, {times:5.2f} times one eager trial at a time, "
            f"{len(reasons)} failed, started in {ready - began:.1f} s{reasons[:1]}",
            flush=True,
        )
        write(options, {"sweep": rows})
    one = next(row["trials_per_hour"] for row in rows if row["packed"] == 1 and row["graphs"])
    best = max(rows, key=lambda row: row["trials_per_hour"])
    gain = best["trials_per_hour"] / one
    print(
        f"packed {best['packed']}: {gain:.2f} times one at a time with graphs, "
        f"{best['trials_per_hour'] / rows[0]['trials_per_hour']:.2f} times one at a time without; goal {GOAL:g}"
    )
    return {"sweep": rows, "gain": gain}


def parity(options: argparse.Namespace, manifest: Path, images: ImageSet) -> dict[str, Any]:
    """The same trials on the CPU and on the device, beside what another seed changes."""
    networks = networks_for(images, options.trials, options.seed)
    slots = max(1, min(options.trials, processors()))
    runs = {
        "cpu, fp32": ("cpu", "fp32", options.seed, "1"),
        "device, fp32": (options.device, "fp32", options.seed, "1"),
        "device, fp32, eager": (options.device, "fp32", options.seed, "0"),
        "device, bf16": (options.device, "bf16", options.seed, "1"),
        "device, fp32, other seed": (options.device, "fp32", options.seed + 1, "1"),
    }
    found: dict[str, list[float | None]] = {}
    for title, (device, precision, seed, graphs) in runs.items():
        os.environ["NETWRIGHT_CUDA_GRAPHS"] = graphs
        workers = slots if device == "cpu" else min(4, options.trials)
        began = time.perf_counter()
        with LocalExecutor(manifest, workers=workers, threads=1, devices=(device,)) as executor:
            recipe = recipe_for(options.epochs, images, precision)
            errors, reasons = run_all(executor, trials_of(networks, recipe, seed))
        found[title] = [errors.get(i) for i in range(options.trials)]
        shown = " ".join("failed" if error is None else f"{error:.1f}" for error in found[title])
        print(f"{title:<26} {shown}   ({time.perf_counter() - began:.0f} s){reasons[:1]}", flush=True)
        write(options, {"parity": found})
    gaps = {title: _gap(found["cpu, fp32"], errors) for title, errors in found.items() if title != "cpu, fp32"}
    for title, (average, spread, largest) in gaps.items():
        print(f"{title} against the CPU: {average:+.2f} points on average, sd {spread:.2f}, at most {largest:.2f}")
    return {"parity": found, "gaps": gaps}


def _gap(one: Sequence[float | None], other: Sequence[float | None]) -> tuple[float, float, float]:
    pairs = zip(one, other, strict=True)
    each = [b - a for a, b in pairs if a is not None and b is not None]
    if len(each) < 2:
        return (float("nan"),) * 3
    return mean(each), stdev(each), max(map(abs, each))


def networks_for(images: ImageSet, count: int, seed: int) -> list[Arch]:
    space = load_space("regnetx").for_images(images.resolution, images.num_classes, images.channels)
    return list(draw(space.refine(flops=(0.9 * _FLOPS, _FLOPS)), count, seed).batch)


def recipe_for(epochs: int, images: ImageSet, precision: str) -> Recipe:
    recipe = Recipe(epochs=epochs, batch_size=128, precision=precision)
    return recipe.resolve(resolution=images.resolution, flip_suits=images.flip_suits, bf16_helps=True)


def write(options: argparse.Namespace, values: dict[str, Any]) -> None:
    if options.out:
        options.out.write_text(json.dumps(values, indent=2), encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("section", choices=("sweep", "parity"))
    parser.add_argument("--packed", type=int, nargs="+", default=[1, 2, 4, 8, 16])
    parser.add_argument("--images", type=int, default=12_500)
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--least", type=int, default=8, help="trials of each number of workers, at least")
    parser.add_argument("--trials", type=int, default=8, help="of parity")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--device", default="cuda:0")
    parser.add_argument("--out", type=Path, help="a JSON file, written as results come")
    options = parser.parse_args()
    images = drawn_images(options.images, options.seed)
    with tempfile.TemporaryDirectory() as folder:
        manifest = images.save(folder)
        section = sweep if options.section == "sweep" else parity
        write(options, section(options, manifest, images))


if __name__ == "__main__":
    main()
