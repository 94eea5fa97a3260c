"""Compare forward pass and training step of netwright's networks with the same networks of timm and torchvision.

    python benchmarks/models.py [--quick] [--networks regnet_y_400mf 'resnet*'] [--batch_size 16] [--image_size 0]
                                [--modes forward train] [--precision auto] [--repeats 15] [--most 40] [--json FILE]

forward  inference without gradients: netwright's network after `fuse`, and unchanged ("not fused", for comparison)
train    forward pass, backward pass and a step of fused SGD with Nesterov momentum

All contenders are modules in this one process, with the same images, precision, optimizer and allocator. A rival gets
the memory layout that was faster in its first turns. The contenders take turns, one pass each, in rotating order. A
ratio compares the turns of one repeat: the rival's seconds divided by netwright's. A machine that slows down then slows
both. The verdict follows from the median ratio against the faster rival; quartiles show how certain it is.

--most: leave out networks with more million parameters. --quick: six networks, about three minutes on two cores.
--networks takes names and patterns; networks without a rival are left out.
"""

from __future__ import annotations

import argparse
import fnmatch
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from statistics import median, quantiles

import torch
from environment import as_line, environment  # beside this file
from torch import Tensor, nn

from netwright.arch import NETWORKS, complexity, published
from netwright.bench import rival_name
from netwright.bench.timed_network import synchronize
from netwright.nn import build, fuse
from netwright.system.machine import keep_memory, processors
from netwright.training.device import resolve_device
from netwright.training.precision import autocast, resolve_precision
from netwright.training.process import process_settings

QUICK = ("regnet_x_200mf", "regnet_y_400mf", "regnet_z_500mf", "resnet18", "regnet_x_800mf", "resnext50_32x4d")
MODES = ("forward", "train")
_WARM_UP = 2  # turns of each contender and layout that do not count
_LAYOUTS = {"NHWC": torch.channels_last, "NCHW": torch.contiguous_format}

Turn = Callable[[], object]


def rivals(name: str) -> dict[str, Callable[[], nn.Module]]:
    """Map each library that has the network to a function that makes it.

    Args:
        name: The network's name in netwright.
    """
    import timm
    import torchvision

    makers: dict[str, Callable[[], nn.Module]] = {}
    if (rival := rival_name(name, "timm")) is not None:
        makers["timm"] = partial(timm.create_model, rival)
    if (rival := rival_name(name, "torchvision")) is not None:
        makers["torchvision"] = partial(torchvision.models.get_model, rival)
    return makers


# -- one turn ----------------------------------------------------------------------------------------------------


def make_turn(module: nn.Module, mode: str, layout: str, options: argparse.Namespace) -> Turn:
    """Make the function that a contender runs at its turn; it waits until the device has finished."""
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


def time_turn(turn: Turn) -> float:
    """Seconds that a turn takes."""
    began = time.perf_counter()
    turn()
    return time.perf_counter() - began


# -- the comparison ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Comparison:
    """A network against its rivals in one mode.

    Attributes:
        milliseconds: Contender -> median of its turns.
        fastest: The fastest rival.
        ratio: Seconds of the fastest rival divided by netwright's: median over the repeats.
        low: Lower quartile of the ratio.
        high: Upper quartile.
    """

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
        """Equal: 1 lies between the quartiles."""
        if self.low <= 1.0 <= self.high:
            return "equal"
        return "faster" if self.ratio > 1.0 else "SLOWER"


def compare(network: str, mode: str, options: argparse.Namespace) -> Comparison:
    """Let all contenders of a network take turns."""
    options.network = network
    torch.manual_seed(options.seed)
    module = build(published(network), seed=options.seed)
    params = sum(value.numel() for value in module.parameters())
    turns: dict[str, Turn] = {}
    if mode == "forward":
        turns["netwright"] = make_turn(fuse(module), mode, "NHWC", options)
        turns["not fused"] = make_turn(module, mode, "NHWC", options)
    else:
        turns["netwright"] = make_turn(module, mode, "NHWC", options)
    for turn in turns.values():
        warm_up(turn)
    rival_names = []
    for library, make in rivals(network).items():
        count = sum(value.numel() for value in make().parameters())
        assert count == params, f"{network} has {count:,} parameters in {library} and {params:,} in netwright"
        by_layout = {layout: make_turn(make(), mode, layout, options) for layout in _LAYOUTS}
        layout = min(by_layout, key=lambda layout: warm_up(by_layout[layout]))
        rival_names.append(f"{library} {layout}")
        turns[rival_names[-1]] = by_layout[layout]
    seconds = take_turns(turns, options.repeats)
    rival_ratios = {
        name: [rival / own for rival, own in zip(seconds[name], seconds["netwright"], strict=True)]
        for name in rival_names
    }
    fastest = min(rival_names, key=lambda name: median(rival_ratios[name]))
    ratios = rival_ratios[fastest]
    low, _, high = quantiles(ratios, n=4) if len(ratios) > 1 else ratios * 3
    milliseconds = {name: 1000 * median(values) for name, values in seconds.items()}
    precision, _ = resolve_precision(options.precision, resolve_device(options.device))
    return Comparison(network, mode, precision, milliseconds, fastest, median(ratios), low, high)


def warm_up(turn: Turn) -> float:
    """Seconds of the fastest of the first turns."""
    return min(time_turn(turn) for _ in range(_WARM_UP))


def take_turns(turns: dict[str, Turn], repeats: int) -> dict[str, list[float]]:
    """Seconds of each contender, one value per repeat."""
    names = list(turns)
    seconds: dict[str, list[float]] = {name: [] for name in names}
    for repeat in range(repeats):
        for position in range(len(names)):
            name = names[(repeat + position) % len(names)]
            seconds[name].append(time_turn(turns[name]))
    return seconds


def selected(options: argparse.Namespace) -> Iterator[str]:
    """Names of the networks that match and have a rival; prints which of the matching ones are left out, and why."""
    patterns = options.networks or (QUICK if options.quick else ["*"])
    for pattern in patterns:
        if not fnmatch.filter(NETWORKS, pattern):
            raise SystemExit(f"no network matches {pattern!r}; the names are {', '.join(NETWORKS)}")
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


def as_row(comparison: Comparison) -> str:
    times = ", ".join(f"{name} {value:.1f}" for name, value in comparison.milliseconds.items())
    return (
        f"{comparison.network:<20} {comparison.mode:<8} {comparison.ratio:5.2f} "
        f"({comparison.low:.2f} to {comparison.high:.2f}) {comparison.verdict:<7} ms: {times}"
    )


def as_header(options: argparse.Namespace) -> str:
    return (
        f"batch {options.batch_size}, {options.image_size or 'own'} pixels, {options.repeats} repeats, "
        f"{options.threads} threads, device {options.device}, precision {options.precision}, seed {options.seed}\n"
        + as_line(environment("timm", "torchvision"))
    )


def main(arguments: list[str] | None = None) -> None:
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
    options = parser.parse_args(arguments)
    options.repeats = options.repeats or (5 if options.quick else 15)
    keep_memory()
    print(as_header(options), flush=True)
    networks = list(selected(options))
    comparisons = []
    with process_settings(threads=options.threads, flush_denormal=True):
        for network in networks:
            for mode in options.modes:
                comparisons.append(compare(network, mode, options))
                print(as_row(comparisons[-1]), flush=True)
    for mode in options.modes:
        in_mode = [each for each in comparisons if each.mode == mode]
        ratios = [each.ratio for each in in_mode]
        slower = [each.network for each in in_mode if each.verdict == "SLOWER"]
        if ratios:
            print(
                f"{mode}: median ratio {median(ratios):.2f} over {len(ratios)} networks, lowest {min(ratios):.2f}; "
                f"slower: {', '.join(slower) or 'none'}"
            )
    if options.json:
        options.json.write_text(json.dumps([asdict(each) for each in comparisons], indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
