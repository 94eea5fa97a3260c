"""Does it help to refine a space? Each policy against random search, on tables of networks that are trained already.

    python benchmarks/refinement.py [--tables FOLDER] [--repeats 400] [--seed 0]     # a minute; two with the tables

The networks of a table stand for a space, and its columns for parameters. Each repeat draws n networks, refines by each
policy as `netwright design` does, draws n / 2 others within the refined ranges (where there are too few, parameters get
their range back, the least relevant first), and picks the lowest error that it saw of all. Random search sees n + n / 2
networks without refining, the same n first. Columns of the result:

    gain        true error of the pick less that of random search, points, and its standard error; negative: it helps
    worse       how often the true mean error of the refined part is above that of the whole table
    mean        true mean error of the refined part less that of the table, points
    best 1%     how many of the best 1% of all networks are still in the refined part
    left        how much of the table is left: the median
    as before   how often nothing was narrowed and no order set

Policies: those of `netwright refine`. "+order" sets an order after a rank trend alone; without it an order is set where
the ordered networks of the sample are better than the others by a test, too.

Tables. Two are made here, from seed 0. `rising`: 6,000 networks of AnyNetX-C of 360M to 400M flops, better where widths
rise for the most part, where depths rise but for the last stage, and where the whole is not too deep. `ridge`: 6,000 of
RegNetX of the same flops, good where depth and slope suit each other, so that no parameter alone says much. With
--tables FOLDER, those of these files that the folder has: regnetx_400mf_imagenet.csv (32 networks),
accel_nasbench_imagenet.csv (5,138), naap440_curves.csv (440).

Noise. What is seen of a network is its true error and a normal error of --noise points, as of one seed. In naap440 it
is the error after --epoch of 90, which was really measured, and the true one is that of the highest accuracy.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
from environment import as_line, environment  # beside this file

from netwright.analysis.finding import narrower
from netwright.analysis.policy import POLICIES, Policy
from netwright.analysis.trends import Trend, is_ordered, rise, trends_of
from netwright.space import DesignSpace, load_space, sample
from netwright.stats import GoodRange, Relevance, bootstrap, importance

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

SIZES = (10, 16, 24, 32, 48, 100)
NETWORKS = 6000  # of a table that is made here
SHUFFLES = 499  # of a permutation test: p = 0.2 and 0.05 need no more


@dataclass(frozen=True)
class Table:
    """Networks that are all trained.

    Attributes:
        values: Parameter -> (n,).
        truth: (n,) errors in percent.
        seen: (n,) what a short training shows; None: the truth and noise.
        stages: Parameter that each stage has -> its columns.
    """

    name: str
    values: Mapping[str, Floats]
    truth: Floats
    seen: Floats | None = None
    stages: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def observe(self, noise: float, rng: np.random.Generator) -> Floats:
        """What one training of each network shows, (n,)."""
        return self.truth + rng.normal(0, noise, self.truth.size) if self.seen is None else self.seen

    def within(self, ranges: Mapping[str, tuple[float, float]], orders: Mapping[str, str]) -> Bools:
        """Which networks are in the refined part, (n,)."""
        kept = np.ones(self.truth.size, np.bool_)
        for name, (low, high) in ranges.items():
            kept &= (self.values[name] >= low) & (self.values[name] <= high)
        for name, order in orders.items():
            kept &= is_ordered(self.per_stage(name), order)
        return kept

    def per_stage(self, name: str, rows: Sequence[int] | slice = slice(None)) -> Floats:
        """(n, stages)."""
        return np.stack([self.values[column][rows] for column in self.stages[name]], axis=1)


# -- tables ----------------------------------------------------------------------------------------------------------


def rising() -> Table:
    """AnyNetX-C whose widths should rise."""
    values, space = drawn("anynetx_c")
    width, depth = (np.stack([values[f"{name}_{i}"] for i in range(1, 5)], axis=1) for name in ("width", "depth"))
    rng = np.random.default_rng(0)
    truth = 36 - 2 * np.minimum(rise(width), 0.5) - rise(depth[:, :3]) + 2 * np.abs(np.log2(depth.sum(axis=1) / 22))
    truth += 1.5 * np.abs(np.log2(depth[:, 3] / 3)) / 2
    truth += 0.8 * np.log2(values["bottleneck"]) + 0.5 * np.abs(np.log2(values["group_width"] / 16))
    truth += rng.normal(0, 0.8, truth.size) + 4 * (rng.random(truth.size) < 0.1) * rng.random(truth.size)
    stages = {each.name: each.columns for each in space.parameters if each.name in ("width", "depth")}
    return Table("rising (made here)", values, truth, stages=stages)


def ridge() -> Table:
    """RegNetX, where only depth and slope together tell."""
    values, _ = drawn("regnetx")
    rng = np.random.default_rng(1)
    apart = np.log2(values["depth"]) / 2 + np.log2(values["wa"]) / 2
    truth = 36 + 2.5 * np.abs(apart - np.median(apart)) + 0.3 * np.log2(values["bottleneck"])
    return Table("ridge (made here)", values, truth + rng.normal(0, 0.8, truth.size))


def drawn(name: str) -> tuple[dict[str, Floats], DesignSpace]:
    """Networks of a space of the package."""
    space = load_space(name).refine(flops=(360e6, 400e6))
    batch = sample(space, NETWORKS, 0)
    return {column: np.asarray(values, float) for column, values in batch.parameters.items()}, space


def real(folder: Path, epoch: int) -> list[Table]:
    """Those of the files that are in the folder."""
    tables = []
    if (path := folder / "regnetx_400mf_imagenet.csv").exists():
        frame = pd.read_csv(path)
        tables.append(table_of("regnetx_400mf", frame, ["depth", "w0", "wa", "wm", "group_width"], frame["top1_error"]))
    if (path := folder / "naap440_curves.csv").exists():
        frame = pd.read_csv(path)
        columns = ["NumLayers", "NumStages", "FirstLayerWidth", "LastLayerWidth", "NumParams", "NumMACs"]
        seen = 100 * (1 - frame[f"e{epoch}Accuracy"].to_numpy(float))
        tables.append(table_of(f"naap440, epoch {epoch}", frame, columns, 100 * (1 - frame["MaxAccuracy"]), seen=seen))
    if (path := folder / "accel_nasbench_imagenet.csv").exists():
        frame = pd.read_csv(path)
        columns = [f"block{i}_{letter}" for i in range(7) for letter in "ekl"]
        # what comes nearest to widths and depths of stages
        stages = {letter: tuple(f"block{i}_{letter}" for i in range(7)) for letter in "el"}
        tables.append(table_of("accel_nasbench", frame, columns, frame["top1_error"], stages=stages))
    return tables


def table_of(
    name: str,
    frame: pd.DataFrame,
    columns: Sequence[str],
    truth: pd.Series,
    *,
    seen: Floats | None = None,
    stages: Mapping[str, tuple[str, ...]] | None = None,
) -> Table:
    values = {column: frame[column].to_numpy(float) for column in columns}
    return Table(name, values, truth.to_numpy(float), seen, stages or {})


# -- one repeat ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Evidence:
    """What n networks say, before any policy."""

    good: Mapping[str, GoodRange]
    relevance: Mapping[str, Relevance]
    trends: tuple[Trend, ...]
    cuts: Mapping[str, tuple[float, float]]


def evidence(table: Table, first: npt.NDArray[np.intp], errors: Floats, seed: int) -> Evidence:
    values = {name: x[first] for name, x in table.values.items() if np.ptp(x[first]) > 0}
    good = bootstrap(values, errors, method="exact")
    relevance = importance(values, errors, repeats=SHUFFLES, seed=seed)
    stages = {name: table.per_stage(name, first) for name in table.stages}
    found = trends_of(stages, errors, repeats=SHUFFLES, seed=seed) if stages else ()
    cuts = {name: cut for name, x in values.items() if (cut := narrower(x, good[name])) is not None}
    return Evidence(good, relevance, found, cuts)


def refined(table: Table, found: Evidence, policy: Policy, fresh: Bools, n: int) -> tuple[Bools, bool]:
    """The refined part, with n networks that are fresh at least, and whether it is the whole table."""
    names = [name for name, each in found.relevance.items() if name in found.cuts and policy.narrows(each)]
    orders = {
        each.parameter: each.order for each in found.trends if each.order and (policy.orders or each.is_confirmed)
    }
    # ranges go before orders, and where the ordered networks are too few at all, the ranges are tried without
    tries = [(names[:many], kept) for kept in ((orders, {}) if orders else ({},)) for many in range(len(names), -1, -1)]
    for ranges, kept in tries:
        part = table.within({name: found.cuts[name] for name in ranges}, kept)
        if np.count_nonzero(part & fresh) >= n:
            return part, not (ranges or kept)
    raise AssertionError("the whole table is large enough")


def repeat(table: Table, n: int, noise: float, seed: Sequence[int]) -> dict[str, list[float]]:
    """Policy -> gain, worse, difference of means, share of the best, share that is left, nothing refined."""
    rng = np.random.default_rng(seed)
    total, more = table.truth.size, max(1, n // 2)
    seen = table.observe(noise, rng)
    order = rng.permutation(total)
    first, rest = order[:n], order[n:]
    fresh = np.zeros(total, np.bool_)
    fresh[rest] = True
    found = evidence(table, first, seen[first], int(rng.integers(2**31)))
    best = table.truth <= np.sort(table.truth)[max(1, total // 100) - 1]

    def pick(second: npt.NDArray[np.intp]) -> float:
        both = np.concatenate([first, second])
        return float(table.truth[both[seen[both].argmin()]])

    by_chance = pick(rest[:more])
    results = {}
    for policy in POLICIES.values():
        part, is_all = refined(table, found, policy, fresh, more)
        # in the order of the random search: a part that is the whole table picks the same
        change = float(table.truth[part].mean() - table.truth.mean())
        gain = pick(rest[part[rest]][:more]) - by_chance
        results[policy.name] = [gain, change > 1e-9, change, part[best].mean(), part.mean(), is_all]
    return results


def run(table: Table, n: int, noise: float, repeats: int, seed: int) -> None:
    """Print the lines of one table and n."""
    each = [repeat(table, n, noise, [seed, n, i]) for i in range(repeats)]
    shown = [name for name in POLICIES if table.stages or "+" not in name]
    for name in shown:
        numbers = np.array([one[name] for one in each], float)
        gain, worse, change, best, _, is_all = numbers.mean(axis=0)
        error = numbers[:, 0].std(ddof=1) / np.sqrt(repeats)
        left = np.median(numbers[:, 4])
        print(
            f"{n:>5}  {name:<15}{gain:>+8.3f} ± {error:.3f}{worse:>8.0%}{change:>+9.2f}{best:>10.0%}{left:>9.1%}"
            f"{is_all:>11.0%}",
            flush=True,
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tables", type=Path, help="a folder with the real tables")
    parser.add_argument("--repeats", type=int, default=400, help="of each table and n")
    parser.add_argument("--noise", type=float, default=0.3, help="points: standard deviation of a seed")
    parser.add_argument("--epoch", type=int, default=9, help="of naap440: after which a network is seen")
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES, metavar="N", help="of the first sample")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    tables = [rising(), ridge(), *(real(options.tables, options.epoch) if options.tables else [])]
    print(f"{options.repeats} repeats of each table and n, noise {options.noise:g} points, seed {options.seed}")
    print(as_line(environment()))
    began = time.perf_counter()
    for table in tables:
        sizes = [n for n in options.sizes if n + max(1, n // 2) <= table.truth.size]
        if not sizes:
            continue
        print(f"\n{table.name}: {table.truth.size:,} networks, {len(table.values)} parameters, ", end="")
        print(f"error {table.truth.min():.2f} to {table.truth.max():.2f}, mean {table.truth.mean():.2f}")
        print(f"{'n':>5}  {'policy':<15}{'gain':>16}{'worse':>8}{'mean':>9}{'best 1%':>10}{'left':>9}{'as before':>11}")
        for n in sizes:
            run(table, n, options.noise, options.repeats, options.seed)
    print(f"\n{time.perf_counter() - began:.0f} s")


if __name__ == "__main__":
    main()
