"""Compare how fast networks are drawn on one core: netwright's batches against one network at a time.

    python benchmarks/sampling.py [--seconds 2] [--repeats 5] [--seed 0]

There are two spaces. `pycls` has the default ranges of pycls's sampler for a RegNetX of 400M multiply-adds: depth 12 to
28, w0 8 to 256 in steps of 8, wa 8 to 256 in steps of 0.1, wm 2 to 3 in steps of 0.001, group width 8 to 128 in steps
of 8, bottleneck 1; 360M to 400M flops, params below 5.2M, activations below 4.11M. `catalog` is netwright's `regnetx`,
narrowed to the same ranges as far as its steps allow, with the same limits.

The rival is plain Python, written for this file: draw one set of parameters, make the stages, add up the cost of the
layers, test the limits. It shows how fast a program can be that handles one configuration per network. pycls itself,
measured on a similar machine, makes 380 draws and 1.3 valid networks a second. Most of its time goes into the
configuration object, which its sampler resets and merges for every draw. The functions of pycls 0.1.1 alone, called in
a bare loop, make about 8,000 draws and 40 valid networks a second.

Both count a draw as one set of parameters, and a valid network as one that meets every limit; netwright also removes
networks that were drawn before. The two alternate; the table has medians over the repeats.
"""

from __future__ import annotations

import argparse
import itertools
import math
import os
import random
import statistics
import time
from collections.abc import Callable
from typing import Any

from environment import as_line, environment  # beside this file

from netwright.arch import complexity, regnet
from netwright.space import Choice, DesignSpace, LogUniform, Uniform, draw, load_space

LIMITS: dict[str, Any] = {"flops": (360e6, 400e6), "params": (0, 5.2e6), "acts": (0, 4.11e6)}
PYCLS_ALONE = (380, 1.3)  # draws and valid networks a second; not measured by this file
BATCH = 200  # networks per call of `draw`

Counts = tuple[int, int]  # draws, valid networks


def spaces() -> dict[str, DesignSpace]:
    """Map names to spaces, with the same limits."""
    regnetx = load_space("regnetx")
    pycls = (
        regnetx.with_distribution("depth", Uniform(12, 28, 1))
        .with_distribution("w0", LogUniform(8, 256, 8))
        .with_distribution("wa", LogUniform(8, 256, 0.1))
        .with_distribution("wm", LogUniform(2, 3, 0.001))
        .with_distribution("group_width", LogUniform(8, 128, 8))
        .with_distribution("bottleneck", Choice((1,)))
    )
    catalog = regnetx.refine(depth=(12, 28), w0=(8, 256), wa=(8, 256), wm=(2, 3), group_width=(8, 128), bottleneck=1)
    return {"pycls": pycls.refine(**LIMITS), "catalog": catalog.refine(**LIMITS)}


def draw_batches(space: DesignSpace, seconds: float, seed: int) -> Counts:
    """Draw batches of distinct networks with netwright until the time is over."""
    draws = valid = 0
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        counts = draw(space, BATCH, seed).rejection_counts
        draws += counts["draws"]
        # surplus networks of the last chunk are valid too
        valid += counts["accepted"] + counts["unused"]
        seed += 1
    return draws, valid


def draw_one_by_one(space: DesignSpace, seconds: float, seed: int) -> Counts:
    """Draw one network at a time, in plain Python, until the time is over."""
    rng = random.Random(seed)
    # both draw a value by bisection
    distributions = {}
    for name, distribution in space.distributions.items():
        levels = distribution.levels()
        assert levels is not None
        values, probabilities = levels
        distributions[name] = (values.tolist(), list(itertools.accumulate(probabilities.tolist())))
    draws = valid = 0
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        drawn = {name: rng.choices(values, cum_weights=weights)[0] for name, (values, weights) in distributions.items()}
        stages = make_stages(drawn)
        draws += 1
        if len(stages) != 4:
            continue
        cost = compute_cost(stages)
        valid += all(low <= value <= high for value, (low, high) in zip(cost, LIMITS.values(), strict=True))
    return draws, valid


Stages = list[tuple[int, int, int, int]]  # depth, width, inner width, group width of each


def make_stages(drawn: dict[str, float]) -> Stages:
    """Make the stages of one RegNet (DDS, arXiv 2003.13678, equations 2 to 4)."""
    w0, wa, log_step = drawn["w0"], drawn["wa"], math.log(drawn["wm"])
    widths = []
    for j in range(int(drawn["depth"])):
        step = round(math.log((w0 + wa * j) / w0) / log_step)
        widths.append(max(8, round(w0 * drawn["wm"] ** step / 8) * 8))
    stages = []
    for width, run in itertools.groupby(widths):
        inner = int(width / drawn["bottleneck"])
        group_width = min(int(drawn["group_width"]), inner)
        inner = max(group_width, round(inner / group_width) * group_width)
        stages.append((len(list(run)), int(inner * drawn["bottleneck"]), inner, group_width))
    return stages


def compute_cost(stages: Stages) -> tuple[int, int, int]:
    """Add up (flops, params, acts) of one RegNetX at 224 pixels, layer by layer."""
    flops = params = acts = 0

    def conv(kernel: int, inputs: int, outputs: int, side: int) -> None:
        nonlocal flops, params, acts
        weights = kernel * kernel * inputs * outputs
        flops += weights * side * side
        params += weights + 2 * outputs
        acts += outputs * side * side

    side, entering = 112, 32
    conv(3, 3, entering, side)
    for depth, width, inner, group_width in stages:
        for block in range(depth):
            before = side
            if block == 0:
                side = (side + 1) // 2
                conv(1, entering, width, side)
            conv(1, entering, inner, before)
            conv(3, group_width, inner, side)
            conv(1, inner, width, side)
            entering = width
    head = (entering + 1) * 1000
    return flops + head, params + head, acts + 1000


def check_rival() -> None:
    """Check that the rival makes the same network, with the same cost, as netwright."""
    values = {"depth": 22, "w0": 24, "wa": 24.48, "wm": 2.54, "group_width": 16, "bottleneck": 1}
    cost = complexity(regnet(22, 24, 24.48, 2.54, 16))
    expected = (int(cost.flops[0]), int(cost.params[0]), int(cost.acts[0]))
    assert compute_cost(make_stages(values)) == expected


def rates(
    run: Callable[[DesignSpace, float, int], Counts], space: DesignSpace, seconds: float, seed: int
) -> list[float]:
    """Draws and valid networks per second of one repeat."""
    began = time.perf_counter()
    counts = run(space, seconds, seed)
    elapsed = time.perf_counter() - began
    return [count / elapsed for count in counts]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=2.0, help="of one repeat of each contender")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    check_rival()
    print(
        f"one core; medians of n = {options.repeats} repeats of {options.seconds:g} s, alternating; seed {options.seed}"
    )
    print(as_line(environment()) + "\n")
    print(f"{'space':<12}{'':<24}{'draws/s':>12}{'valid/s':>12}{'times':>10}")
    for name, space in spaces().items():
        measured: dict[str, list[list[float]]] = {"one at a time": [], "netwright": []}
        for repeat in range(options.repeats):
            seed = options.seed + 1000 * repeat
            measured["one at a time"].append(rates(draw_one_by_one, space, options.seconds, seed))
            measured["netwright"].append(rates(draw_batches, space, options.seconds, seed))
        medians = {
            label: [statistics.median(column) for column in zip(*each, strict=True)] for label, each in measured.items()
        }
        base = medians["one at a time"][1]
        for label, (draws, valid) in medians.items():
            times = f"{valid / base:,.0f}x" if base else "-"
            print(f"{name:<12}{label:<24}{draws:>12,.0f}{valid:>12,.1f}{times:>10}")
        if name == "pycls":
            ratio = medians["netwright"][1] / PYCLS_ALONE[1]
            print(f"{name:<12}{'pycls, measured apart':<24}{PYCLS_ALONE[0]:>12,}{PYCLS_ALONE[1]:>12,}{'':>10}")
            print(
                f"{'':<12}netwright finds {ratio:,.0f} times as many valid networks a second as pycls was measured to"
            )


if __name__ == "__main__":
    main()
