"""e_fit: of the published RegNets, of random networks, and how long 10,000 of them take on one core.

    OMP_NUM_THREADS=1 python benchmarks/linear_fit.py [--n 10000] [--seed 0]

e_fit is the mean absolute log ratio of a network's block widths to the nearest quantized linear function (DDS, arXiv
2003.13678, section 3.3). "rounded" are the widths that equations 2 to 4 give the 24 published RegNets: multiples of 8.
"built" are those of the networks, which fit their groups as well. "own" is what is left at the published w0, wa and wm
themselves; no fit is further away. The peer of the times is a grid search, as the paper describes it: for each of 240
slopes and 61 wm (arXiv 2003.13678 gives no grid), the best w0 is a median.

CPU seconds are of this process alone, so a busy machine lengthens them little.
"""

from __future__ import annotations

import argparse
import time

import numpy as np
from environment import as_line, environment  # beside this file

from netwright.arch import PUBLISHED, block_widths, fit_batch, fit_widths, published
from netwright.space import load_space, sample

SPACES = ("anynetx_a", "anynetx_b", "anynetx_c", "anynetx_d", "anynetx_e", "regnetx")
PEER = 40  # networks that the peer fits


def grid_search(widths: tuple[int, ...]) -> float:
    """The e_fit of one network, by the grid alone."""
    slopes, steps = (axis.ravel() for axis in np.meshgrid(np.geomspace(1e-3, 64, 240), np.linspace(1.5, 3.0, 61)))
    logs, log_wm = np.log(widths), np.log(steps)[:, None]
    left = logs - np.rint(np.log1p(slopes[:, None] * np.arange(len(widths))) / log_wm) * log_wm
    return float(np.abs(left - np.median(left, axis=1, keepdims=True)).mean(axis=1).min())


def own_error(name: str) -> float:
    """The distance of a published network to its own parameters."""
    depth, w0, wa, wm, _ = PUBLISHED[name]
    steps = np.rint(np.log1p(wa / w0 * np.arange(depth)) / np.log(wm))
    return float(np.abs(np.log(w0 * wm**steps / np.array(published(name).block_widths))).mean())


def show_published() -> None:
    """A row for each network, and the largest of each column."""
    rows = []
    for name, (depth, w0, wa, wm, _) in PUBLISHED.items():
        rounded, built = (
            fit_widths([widths]).e_fit[0]
            for widths in (block_widths(depth, w0, wa, wm)[0], published(name).block_widths)
        )
        rows.append((name, rounded, built, own_error(name)))
    print(f"{'':<16}  rounded  built    own")
    for name, *values in [*rows, ("largest", *(max(column) for column in list(zip(*rows, strict=True))[1:]))]:
        print(f"{name:<16}  {'  '.join(f'{value:.4f} ' for value in values)}")


def show_spaces(n: int, seed: int) -> None:
    """How long the networks of each space take, and what comes out."""
    print(f"{n:,} networks a space, seed {seed}: e_fit, CPU seconds; the peer fits {PEER} of them")
    print(f"{'':<10}  5%     median  95%    seconds (wall)   peer, for as many   further than the peer by")
    for name in SPACES:
        batch = sample(load_space(name), n, seed)
        cpu, wall = time.process_time(), time.perf_counter()
        e_fit = fit_batch(batch).e_fit
        cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
        began = time.process_time()
        peer = np.array([grid_search(arch.block_widths) for arch in batch[:PEER]])
        slow = (time.process_time() - began) * n / PEER
        low, middle, high = np.quantile(e_fit, [0.05, 0.5, 0.95])
        further = float((e_fit[:PEER] - peer).max())
        print(
            f"{name:<10}  {low:.3f}  {middle:.3f}   {high:.3f}  {cpu:7.2f} ({wall:5.1f})   {slow:12.0f}        "
            f"{further:10.4f} at most"
        )


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--n", type=int, default=10_000, help="networks of each space")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    print(as_line(environment()))
    show_published()
    show_spaces(options.n, options.seed)


if __name__ == "__main__":
    main()
