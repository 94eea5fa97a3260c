"""Compare training images per second: RegNets as `netwright train` trains them, and the same networks of timm.

    python benchmarks/train.py [--networks regnet_x_200mf regnet_x_800mf] [--batch_size 32] [--image_size 224]
                               [--steps 4] [--repeats 7] [--seed 0] [--device auto] [--compile]

All contenders train on one batch of random images: forward pass, backward pass, step of SGD with Nesterov momentum.

netwright  the training engine with its defaults for the device: bf16 if that is fast, channels_last, fused SGD, and an
           allocator that keeps memory
timm       timm's network and optimizer with their defaults: fp32, NCHW
timm best  timm's network with the fastest settings: channels_last, autocast to bf16, fused SGD
timm kept  the same with netwright's allocator setting, which shows its part of the difference

Each contender is a program of its own, which keeps its network ready. They take turns of a few steps in rotating order.
Ratios compare the turns of one repeat: a machine that slows down then slows all of them. --compile compiles the
networks of netwright and timm best with torch.compile, which takes a minute or more each.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Callable
from statistics import median

from environment import as_line, environment  # beside this file

from netwright.arch import complexity, published
from netwright.system.machine import processors

GOAL, MINIMUM = 1.1, 1.0  # ratio of netwright to timm best
_WARM_UP_STEPS = 3

Steps = Callable[[int], None]


# -- the contenders: each makes a function that runs a number of steps and waits until the device has finished ----


def netwright(options: argparse.Namespace) -> Steps:
    from netwright.bench import Settings, build_contender
    from netwright.bench.timed_network import TimedNetwork, synchronize
    from netwright.training.device import resolve_device

    settings = Settings(batch_size=options.batch_size, compile=options.compile, seed=options.seed)
    device = resolve_device(options.device)
    timed = TimedNetwork(build_contender(options.network, options.image_size, options.seed), settings, device)

    def steps(count: int) -> None:
        timed.train(count)
        synchronize(device)

    return steps


def timm(options: argparse.Namespace, best: bool = False) -> Steps:
    import timm
    import torch
    from timm.optim import create_optimizer_v2

    from netwright.bench import rival_name
    from netwright.bench.timed_network import synchronize
    from netwright.training.device import resolve_device

    device = resolve_device(options.device)
    torch.manual_seed(options.seed)
    network = timm.create_model(rival_name(options.network, "timm")).to(device).train()
    x = torch.randn(options.batch_size, 3, options.image_size, options.image_size, device=device)
    target = torch.randint(0, 1000, (options.batch_size,), device=device)
    if best:
        network, x = network.to(memory_format=torch.channels_last), x.contiguous(memory_format=torch.channels_last)
        optimizer = torch.optim.SGD(network.parameters(), lr=1e-4, momentum=0.9, nesterov=True, fused=True)
    else:
        optimizer = create_optimizer_v2(network, opt="sgd", lr=1e-4, momentum=0.9)
    called = torch.compile(network) if best and options.compile else network

    def steps(count: int) -> None:
        for _ in range(count):
            with torch.autocast(device.type, torch.bfloat16) if best else contextlib.nullcontext():
                loss = torch.nn.functional.cross_entropy(called(x), target)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
        synchronize(device)

    return steps


def _eager(options: argparse.Namespace) -> Steps:
    os.environ["NETWRIGHT_CUDA_GRAPHS"] = "0"
    return netwright(options)


def _compiled(options: argparse.Namespace) -> argparse.Namespace:
    return argparse.Namespace(**vars(options) | {"compile": True})


CONTENDERS: dict[str, Callable[[argparse.Namespace], Steps]] = {
    "netwright": netwright,
    "timm": timm,
    "timm best": lambda options: timm(options, best=True),
    "timm kept": lambda options: timm(options, best=True),
    # of gpu_train.py, on an accelerator
    "netwright eager": _eager,
    "netwright compiled": lambda options: netwright(_compiled(options)),
    "timm compiled": lambda options: timm(_compiled(options), best=True),
}
_DEFAULT = ("netwright", "timm", "timm best", "timm kept")


def serve(options: argparse.Namespace) -> None:
    """Be a contender: read a number of steps, run them, print the seconds; repeat until standard input ends."""
    import torch

    from netwright.system.machine import keep_memory

    torch.set_num_threads(options.threads)
    torch.backends.cudnn.benchmark = True  # as training scripts have it on GPUs
    if options.contender == "peak":
        print(_peak(options), flush=True)
        return
    if options.contender in ("netwright", "timm kept"):
        keep_memory()
    steps = CONTENDERS[options.contender](options)
    steps(_WARM_UP_STEPS)
    print("ready", flush=True)
    for line in sys.stdin:
        began = time.perf_counter()
        steps(int(line))
        print(time.perf_counter() - began, flush=True)


def _peak(options: argparse.Namespace) -> float:
    """Operations per second of the fastest of five square matrix products, in netwright's precision."""
    from netwright.bench.timed_network import matmul_rate
    from netwright.training.device import resolve_device
    from netwright.training.precision import resolve_precision

    device = resolve_device(options.device)
    return max(matmul_rate(resolve_precision("auto", device)[0], device, 1.0) for _ in range(5))


# -- the comparison ----------------------------------------------------------------------------------------------


class Program:
    """A contender in a process of its own, which trains while the others wait.

    Several can be started before any is ready: compiling takes long.
    """

    def __init__(self, name: str, network: str, options: argparse.Namespace) -> None:
        flags = ("batch_size", "image_size", "seed", "device", "threads")
        command = [sys.executable, "-W", "ignore", __file__, f"--contender={name}", f"--network={network}"]
        command += [f"--{flag}={getattr(options, flag)}" for flag in flags] + ["--compile"] * options.compile
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def first_line(self) -> str:
        """What it prints when it is ready."""
        return self._read()

    def seconds(self, steps: int) -> float:
        assert self._process.stdin is not None
        print(steps, file=self._process.stdin, flush=True)
        return float(self._read())

    def end(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()

    def _read(self) -> str:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise SystemExit(f"a contender ended with status {self._process.wait()}; see its message above")
        return line.strip()


def compare(network: str, options: argparse.Namespace, peak: float) -> None:
    names = list(_DEFAULT)
    programs = {name: Program(name, network, options) for name in names}
    for program in programs.values():
        program.first_line()
    rates: dict[str, list[float]] = {name: [] for name in names}
    for repeat in range(options.repeats):
        for turn in range(len(names)):
            name = names[(repeat + turn) % len(names)]
            rates[name].append(options.steps * options.batch_size / programs[name].seconds(options.steps))
    for program in programs.values():
        program.end()
    operations = 6 * int(complexity(published(network, resolution=options.image_size)).flops[0])
    print(f"\n{network}")
    for name in names:
        low, middle, high = min(rates[name]), median(rates[name]), max(rates[name])
        share = (
            "" if name == "timm" else f", {operations * middle / peak:.0%} of the peak"
        )  # timm computes in fp32, with another peak
        print(f"  {name:<10} {middle:8.1f} images/s ({low:.1f} to {high:.1f}){share}")
    for name in names[1:]:
        ratios = [a / b for a, b in zip(rates["netwright"], rates[name], strict=True)]
        line = f"  netwright / {name}: {median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"
        if name == "timm best":
            line += f"; goal {GOAL}: {'met' if median(ratios) >= GOAL else 'not met'}"
            line += f", at least {MINIMUM}: {'met' if median(ratios) >= MINIMUM else 'not met'}"
        print(line, flush=True)


def _header(options: argparse.Namespace, peak: float) -> str:
    return (
        f"batch {options.batch_size}, {options.image_size} pixels, {options.repeats} turns of {options.steps} steps, "
        f"{options.threads} threads, device {options.device}, compile {options.compile}, seed {options.seed}\n"
        f"{as_line(environment('timm'))}\n"
        f"matrix product {peak / 1e9:,.0f} GFLOP/s; a multiply-add counts as two operations, training as three forward "
        "passes"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--networks", nargs="+", default=["regnet_x_200mf", "regnet_x_800mf"])
    parser.add_argument("--batch_size", type=int, default=32)
    parser.add_argument("--image_size", type=int, default=224)
    parser.add_argument("--steps", type=int, default=4)
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--compile", action="store_true")
    parser.add_argument("--threads", type=int, default=processors())
    parser.add_argument("--contender", choices=[*CONTENDERS, "peak"], help=argparse.SUPPRESS)
    parser.add_argument("--network", default="", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.contender is not None:
        serve(options)
        return
    peak = float(Program("peak", "", options).first_line())
    print(_header(options, peak), flush=True)
    for network in options.networks:
        compare(network, options, peak)


if __name__ == "__main__":
    main()
