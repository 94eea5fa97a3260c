"""Section `train` of gpu.py: training images per second on one GPU, beside timm at its best, and beside the bf16 peak.

    python benchmarks/gpu_train.py [--networks regnet_x_800mf:256 regnet_y_4_0gf:128] [--repeats 5] [--steps 10]

Contenders, each a program of its own, which take turns on one batch of random images:

netwright           the engine's defaults on CUDA: bf16, channels_last, fused SGD, the step recorded as a CUDA graph
netwright eager     the same without the graph
netwright compiled  the same through torch.compile
timm best           timm's network: bf16 autocast, channels_last, fused SGD
timm compiled       the same through torch.compile
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from statistics import median
from typing import Any

from netwright.arch import complexity, published
from train import Program  # beside this file

CONTENDERS = ("netwright", "netwright eager", "netwright compiled", "timm best", "timm compiled")
ASCEND = 1506  # images per second and card of RegNetX-800MF: MindCV's page, Ascend 910, 8 cards, batch 64


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--networks", nargs="+", default=["regnet_x_800mf:256", "regnet_y_4_0gf:128"])
    parser.add_argument("--image_size", type=int, default=224)
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=4)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--no_compile", action="store_true", help="leave out what compiles, which takes minutes")
    parser.add_argument("--out", type=Path, help="a JSON file, written after each network")
    options = parser.parse_args()
    options.compile, options.batch_size = False, 0
    names = [name for name in CONTENDERS if not (options.no_compile and "compiled" in name)]
    peak = float(Program("peak", "", options).first_line())
    print(f"bf16 matrix product: {peak / 1e12:,.0f} TFLOP/s", flush=True)
    started = [(network, _start(network, names, options)) for network in options.networks]
    ready = [(network, _ready(network, programs)) for network, programs in started]
    found: dict[str, Any] = {"peak": peak, "image_size": options.image_size, "networks": {}}
    for network, programs in ready:
        found["networks"][network] = measure(network, programs, options, peak)
        if options.out:
            options.out.write_text(json.dumps(found, indent=2), encoding="utf-8")


def _start(network: str, names: list[str], options: argparse.Namespace) -> dict[str, Program]:
    """All contenders at once: they compile side by side."""
    name, _, batch = network.partition(":")
    own = argparse.Namespace(**vars(options) | {"batch_size": int(batch)})
    return {each: Program(each, name, own) for each in names}


def _ready(network: str, programs: dict[str, Program]) -> dict[str, Program]:
    """Wait until nothing compiles any more; those that end with an error are left out."""
    left = {}
    for name, program in programs.items():
        try:
            program.first_line()
            left[name] = program
        except SystemExit as error:
            print(f"{network}: {name} is left out: {error}", flush=True)
    return left


def measure(network: str, programs: dict[str, Program], options: argparse.Namespace, peak: float) -> dict[str, Any]:
    """Let the contenders of a network take turns."""
    rates: dict[str, list[float]] = {name: [] for name in programs}
    kind, _, batch = network.partition(":")
    names = list(rates)
    for repeat in range(options.repeats):
        for turn in range(len(names)):
            name = names[(repeat + turn) % len(names)]
            rates[name].append(options.steps * int(batch) / programs[name].seconds(options.steps))
    for name in names:
        programs[name].end()
    operations = 6 * int(complexity(published(kind, resolution=options.image_size)).flops[0])
    rows = {
        name: {"images_per_s": median(rates[name]), "range": [min(rates[name]), max(rates[name])]} for name in names
    }
    print(f"\n{kind}, batch {batch}, {options.image_size} pixels")
    for name, row in rows.items():
        row["share_of_peak"] = operations * row["images_per_s"] / peak
        low, high = row["range"]
        share = f"{row['share_of_peak']:.1%} of the peak"
        print(f"  {name:<18} {row['images_per_s']:9,.0f} images/s ({low:,.0f} to {high:,.0f}), {share}")
    return {"contenders": rows, "ratios": _ratios(kind, rates)}


def _ratios(kind: str, rates: dict[str, list[float]]) -> dict[str, float]:
    own = [name for name in rates if name.startswith("netwright")]
    rivals = [name for name in rates if name.startswith("timm")]
    if not own or not rivals:
        return {}
    best = max(own, key=lambda name: median(rates[name]))
    rival = max(rivals, key=lambda name: median(rates[name]))
    pairs = {f"{best} / {rival}": (best, rival)}
    pairs |= {f"{name} / timm best": (name, "timm best") for name in own if "timm best" in rates}
    found = {}
    for title, (one, other) in pairs.items():
        each = [a / b for a, b in zip(rates[one], rates[other], strict=True)]
        found[title] = median(each)
        goal = "; goal 1.0: " + ("met" if median(each) >= 1 else "not met") if title == next(iter(pairs)) else ""
        print(f"  {title}: {median(each):.2f} ({min(each):.2f} to {max(each):.2f}){goal}", flush=True)
    if kind == "regnet_x_800mf":
        found["against an Ascend 910"] = median(rates[best]) / ASCEND
        print(
            f"  {best} / MindCV on an Ascend 910 ({ASCEND:,} images/s a card, published): "
            f"{found['against an Ascend 910']:.1f}; goal 3",
            flush=True,
        )
    return found


if __name__ == "__main__":
    main()
