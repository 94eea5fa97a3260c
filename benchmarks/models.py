"""Forward pass and training step of the networks here, against the same ones of timm and torchvision.

    python benchmarks/models.py [--quick] [--networks regnet_y_400mf 'resnet*'] [--batch_size 16] [--image_size 0]
                                [--modes forward train] [--precision auto] [--repeats 15] [--most 40] [--json FILE]

forward  evaluation without gradients: ours as `fuse` makes it, and as it is ("not fused", for comparison)
train    forward and backward pass and a step of SGD with Nesterov momentum, fused

Every contender is a module in this one process, with the same images, precision, optimizer and allocator; a rival gets
the memory layout that was faster in its first turns. They take turns, one pass each, and the order turns too. A ratio
is of the turns of one repeat, the rival's seconds over ours, so that a machine that slows down slows both; the verdict
is on the median of the ratios against the faster rival, and quartiles tell what it is worth.

--most: networks of up to so many million parameters, of those that have a rival. --quick: six networks, about three
minutes on two cores. --networks takes names and patterns.
"""

from __future__ import annotations

import argparse
import fnmatch
import json
import os
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from functools import partial
from importlib import metadata
from pathlib import Path
from statistics import median, quantiles

import torch
from torch import Tensor, nn

from netwright.arch import NETWORKS, complexity, published
from netwright.bench import peer_of
from netwright.bench.timed_network import synchronize
from netwright.nn import build, fuse
from netwright.system.machine import hardware, keep_memory, processors, versions
from netwright.training.device import resolve_device
from netwright.training.precision import autocast, resolve_precision

QUICK = ("regnet_x_200mf", "regnet_y_400mf", "regnet_z_500mf", "resnet18", "regnet_x_800mf", "resnext50_32x4d")
MODES = ("forward", "train")
_WARM = 2  # turns of each contender and layout that are not counted
_LAYOUTS = {"NHWC": torch.channels_last, "NCHW": torch.contiguous_format}

Turn = Callable[[], object]


def rivals(name: str) -> dict[str, Callable[[], nn.Module]]:
    """Library -> what makes its network of a name here."""
    import timm
    import torchvision

    makers: dict[str, Callable[[], nn.Module]] = {}
    if (theirs := peer_of(name, "timm")) is not None:
        makers["timm"] = partial(timm.create_model, theirs)
    if (theirs := peer_of(name, "torchvision")) is not None:
        makers["torchvision"] = partial(torchvision.models.get_model, theirs)
    return makers


# -- one turn ----------------------------------------------------------------------------------------------------


def turn_of(module: nn.Module, mode: str, layout: str, options: argparse.Namespace) -> Turn:
    """What a contender does at its turn, waiting until the device has done it."""
    device = resolve_device(options.device)
    precision, _ = resolve_precision(options.precision, device)
    arch = published(options.network)
    side = options.image_size or arch.resolution
    generator = torch.Generator().manual_seed(options.seed)
    x = torch.randn(options.batch_size, arch.in_channels, side, side, generator=generator)
    target = torch.randint(0, arch.num_classes, (options.batch_size,), generator=generator).to(device)
    x = x.to(device, memory_format=_LAYOUTS[layout])
    module = module.to(device).to(memory_format=_LAYOUTS[layout])
    if mode == "forward":
        return partial(_forward, module.eval(), x, precision, device)
    fused = True if device.type in ("cpu", "cuda") else None
    optimizer = torch.optim.SGD(module.parameters(), lr=1e-4, momentum=0.9, nesterov=True, fused=fused)
    return partial(_train, module.train(), optimizer, x, target, precision, device)


@torch.inference_mode()
def _forward(module: nn.Module, x: Tensor, precision: str, device: torch.device) -> None:
    with autocast(precision, device):
        module(x)
    synchronize(device)


def _train(
    module: nn.Module,
    optimizer: torch.optim.Optimizer,
    x: Tensor,
    target: Tensor,
    precision: str,
    device: torch.device,
) -> None:
    with autocast(precision, device):
        loss = nn.functional.cross_entropy(module(x), target)
    optimizer.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]
    optimizer.step()
    synchronize(device)


def seconds(turn: Turn) -> float:
    began = time.perf_counter()
    turn()
    return time.perf_counter() - began


# -- the comparison ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Result:
    """milliseconds: contender -> median of its turns. ratio: seconds of the fastest rival over ours, median and
    quartiles over the repeats."""

    network: str
    mode: str
    precision: str
    milliseconds: dict[str, float]
    fastest: str
    ratio: float
    low: float
    high: float

    @property
    def verdict(self) -> str:
        """Equal: the quartiles lie about 1."""
        if self.low <= 1.0 <= self.high:
            return "equal"
        return "faster" if self.ratio > 1.0 else "SLOWER"


def compare(network: str, mode: str, options: argparse.Namespace) -> Result:
    """Turns of all contenders of a network."""
    options.network = network
    torch.manual_seed(options.seed)
    own = build(published(network), seed=options.seed)
    params = sum(value.numel() for value in own.parameters())
    turns: dict[str, Turn] = {}
    if mode == "forward":
        turns["netwright"] = turn_of(fuse(own), mode, "NHWC", options)
        turns["not fused"] = turn_of(own, mode, "NHWC", options)
    else:
        turns["netwright"] = turn_of(own, mode, "NHWC", options)
    for turn in turns.values():
        warm(turn)
    theirs = []
    for library, make in rivals(network).items():
        count = sum(value.numel() for value in make().parameters())
        assert count == params, f"{library}'s {network} has {count:,} parameters, and ours {params:,}"
        each = {layout: turn_of(make(), mode, layout, options) for layout in _LAYOUTS}
        layout = min(each, key=lambda layout: warm(each[layout]))
        theirs.append(f"{library} {layout}")
        turns[theirs[-1]] = each[layout]
    took = take_turns(turns, options.repeats)
    by_rival = {
        name: [rival / ours for rival, ours in zip(took[name], took["netwright"], strict=True)] for name in theirs
    }
    fastest = min(theirs, key=lambda name: median(by_rival[name]))
    ratios = by_rival[fastest]
    low, _, high = quantiles(ratios, n=4) if len(ratios) > 1 else ratios * 3
    times = {name: 1000 * median(each) for name, each in took.items()}
    precision, _ = resolve_precision(options.precision, resolve_device(options.device))
    return Result(network, mode, precision, times, fastest, median(ratios), low, high)


def warm(turn: Turn) -> float:
    """The fastest of the first turns."""
    return min(seconds(turn) for _ in range(_WARM))


def take_turns(turns: dict[str, Turn], repeats: int) -> dict[str, list[float]]:
    """Seconds of each contender, one a repeat."""
    names = list(turns)
    took: dict[str, list[float]] = {name: [] for name in names}
    for repeat in range(repeats):
        for position in range(len(names)):
            name = names[(repeat + position) % len(names)]
            took[name].append(seconds(turns[name]))
    return took


def chosen(options: argparse.Namespace) -> Iterator[str]:
    """Networks that match and have a rival; what is left out is said."""
    patterns = options.networks or (QUICK if options.quick else ["*"])
    for pattern in patterns:
        if not fnmatch.filter(NETWORKS, pattern):
            raise SystemExit(f"no network here matches {pattern!r}; they are {', '.join(NETWORKS)}")
    for name in NETWORKS:
        if not any(fnmatch.fnmatch(name, pattern) for pattern in patterns):
            continue
        params = int(complexity(published(name)).params[0])
        if params > options.most * 1e6:
            print(f"{name}: left out, {params / 1e6:.0f} million parameters are more than --most {options.most:g}")
        elif not rivals(name):
            print(f"{name}: left out, neither timm nor torchvision has it")
        else:
            yield name


def show(result: Result) -> str:
    times = ", ".join(f"{name} {each:.1f}" for name, each in result.milliseconds.items())
    return (
        f"{result.network:<20} {result.mode:<8} {result.ratio:5.2f} ({result.low:.2f} to {result.high:.2f}) "
        f"{result.verdict:<7} ms: {times}"
    )


def _facts(options: argparse.Namespace) -> str:
    known = hardware() | versions()
    known |= {library: metadata.version(library) for library in ("timm", "torchvision")}
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False)
    if commit.returncode == 0:
        known["commit"] = commit.stdout.strip()
    busy = os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0
    # threads wait for each other at every layer: beside another program the slowest decides, for whoever's turn it is
    load = f"{busy:.1f}" + (": something else runs here, and figures are indications only" if busy > 0.5 else "")
    return (
        f"batch {options.batch_size}, {options.image_size or 'own'} pixels, {options.repeats} repeats, "
        f"{options.threads} threads, device {options.device}, precision {options.precision}, seed {options.seed}; "
        f"load before: {load}\n" + ", ".join(f"{name} {value}" for name, value in known.items())
    )


def main(words: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--networks", nargs="+")
    parser.add_argument("--modes", nargs="+", choices=MODES, default=list(MODES))
    parser.add_argument("--batch_size", type=int, default=16)
    parser.add_argument("--image_size", type=int, default=0)
    parser.add_argument("--precision", default="auto", choices=("fp32", "bf16", "fp16", "auto"))
    parser.add_argument("--repeats", type=int)
    parser.add_argument("--most", type=float, default=40.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--threads", type=int, default=processors())
    parser.add_argument("--json", type=Path)
    options = parser.parse_args(words)
    options.repeats = options.repeats or (5 if options.quick else 15)
    torch.set_num_threads(options.threads)
    torch.set_flush_denormal(True)
    keep_memory()
    print(_facts(options), flush=True)
    results = []
    for network in chosen(options):
        for mode in options.modes:
            results.append(compare(network, mode, options))
            print(show(results[-1]), flush=True)
    for mode in options.modes:
        ratios = [result.ratio for result in results if result.mode == mode]
        slower = [result.network for result in results if result.mode == mode and result.verdict == "SLOWER"]
        if ratios:
            print(
                f"{mode}: median ratio {median(ratios):.2f} over {len(ratios)} networks, least {min(ratios):.2f}; "
                f"slower: {', '.join(slower) or 'none'}"
            )
    if options.json:
        options.json.write_text(json.dumps([asdict(result) for result in results], indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
