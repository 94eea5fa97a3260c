"""Which policy picks the best network for its cost? Regret of policies on a table of learning curves.

    python benchmarks/selection.py naap440_curves.csv [--repeats 2000] [--seed 0] [--json FILE]     # a minute

The table has a row for each network, and a column of the accuracy after each epoch (0 to 1, or percent): e1Accuracy,
e2Accuracy, ... as NAAP-440 names them (440 networks, CIFAR-10, 90 epochs, arXiv 2309.02121).

A policy is a schedule of rungs, (networks, epochs): all begin, and of each rung the networks of the lowest errors go on
to the next one, from where they are. Its cost is what is trained, in epochs of one network. The one that is left is the
pick: of the last rung, the lowest error. Regret is the error of the pick after the last epoch of the table, less the
lowest of all networks that were drawn for the policy, in points (first table), or less the lowest of the whole table
(the others, where policies of one cost draw different numbers of networks).

    single      one rung: what `netwright design` did before it had finalists
    finalists   the best k of these are trained fully
    halving     rungs of a third (or a half) of the networks, with three times (or twice) the epochs

Each repeat draws networks without replacement; all policies of a row have the same repeats. ± is the standard error.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
from environment import as_line, environment  # beside this file

from netwright.system.plural import count

Floats = npt.NDArray[np.float64]
Schedule = tuple[tuple[int, int], ...]  # (networks, epochs) of each rung

FRACTIONS = (0.5, 0.33, 0.25, 0.15)  # of the cost that rungs after the first may take, where the trials are given
BUDGETS = (2, 4, 8, 16, 32)  # full trainings


def read(path: Path) -> Floats:
    """(networks, epochs) errors in percent. SystemExit where the table has no such columns."""
    table = pd.read_csv(path)
    epochs = 0
    while f"e{epochs + 1}Accuracy" in table.columns:
        epochs += 1
    if not epochs:
        raise SystemExit(f"{path} has no column e1Accuracy: give a table with the accuracy after each epoch.")
    accuracy = table[[f"e{epoch}Accuracy" for epoch in range(1, epochs + 1)]].to_numpy(float)
    return np.asarray(100 - (100 if accuracy.max() <= 1 else 1) * accuracy)


def cost(schedule: Schedule) -> int:
    """Epochs of one network that are trained."""
    before = (0, *(epochs for _, epochs in schedule))
    return sum(networks * (epochs - then) for (networks, epochs), then in zip(schedule, before, strict=False))


def pick(errors: Floats, drawn: npt.NDArray[np.int64], schedule: Schedule) -> int:
    """The network that a schedule leaves, of those that were drawn."""
    left = drawn
    for networks, epochs in schedule:
        left = left[:networks]
        left = left[np.argsort(errors[left, epochs - 1], kind="stable")]
    return int(left[0])


def regrets(
    errors: Floats, schedules: Sequence[Schedule], repeats: int, seed: int, *, of_all: bool
) -> list[tuple[float, float]]:
    """Mean regret of each schedule, and its standard error. of_all: against the best of the whole table."""
    last, rng = errors[:, -1], np.random.default_rng(seed)
    found = np.empty((len(schedules), repeats))
    for repeat in range(repeats):
        order = rng.permutation(len(errors))
        for at, schedule in enumerate(schedules):
            drawn = order[: schedule[0][0]]
            best = last.min() if of_all else last[drawn].min()
            found[at, repeat] = last[pick(errors, drawn, schedule)] - best
    return [(float(row.mean()), float(row.std(ddof=1) / np.sqrt(repeats))) for row in found]


def single(budget: float, epochs: int, networks: int) -> Schedule:
    """As many networks as the budget has room for."""
    return ((max(1, min(networks, int(budget / epochs))), epochs),)


def finalists(budget: float, epochs: int, many: int, full: int, networks: int) -> Schedule:
    """Many of them trained fully, and the others for some epochs; () where there is no room."""
    room = int((budget - many * (full - epochs)) / epochs)
    return ((min(networks, room), epochs), (many, full)) if room > many else ()


def halving(budget: float, first: int, by: int, full: int, networks: int) -> Schedule:
    """Rungs of one by-th of the networks and by times the epochs, up to full; () where there is no room."""
    epochs = [first]
    while epochs[-1] * by < full:
        epochs.append(epochs[-1] * by)
    epochs.append(full)
    for most in range(networks, 1, -1):
        many = [max(1, round(most / by**rung)) for rung in range(len(epochs))]
        schedule = tuple(zip(many, epochs, strict=True))
        if cost(schedule) <= budget:
            return schedule
    return ()


def extended(search: int, epochs: int, share: float, full: int) -> dict[str, Schedule]:
    """What may follow on trials that are done: rungs that take a share of all the cost."""
    room = search * epochs * share / (1 - share)
    found: dict[str, Schedule] = {}
    if (many := int(room / (full - epochs))) > 1:
        found[f"{many} fully"] = ((search, epochs), (many, full))
    for middle in (2, 3):
        # the first rung takes about half of it
        first = max(2, round(room / 2 / ((middle - 1) * epochs)))
        last = int((room - first * (middle - 1) * epochs) / (full - middle * epochs))
        if 1 < last < first:
            found[f"{first} x {middle}, {last} fully"] = ((search, epochs), (first, middle * epochs), (last, full))
    return found


def table(
    title: str, rows: Iterable[tuple[str, Schedule]], errors: Floats, arguments: argparse.Namespace, *, of_all: bool
) -> list[dict[str, object]]:
    """Print a table, and return its rows."""
    named = [(name, schedule) for name, schedule in rows if schedule]
    found = regrets(errors, [schedule for _, schedule in named], arguments.repeats, arguments.seed, of_all=of_all)
    print(f"\n{title}\n\n| policy | rungs: networks x epochs | cost | regret |\n|---|---|---|---|")
    records: list[dict[str, object]] = []
    for (name, schedule), (mean, error) in zip(named, found, strict=True):
        rungs = ", ".join(f"{networks} x {epochs}" for networks, epochs in schedule)
        print(f"| {name} | {rungs} | {cost(schedule)} | {mean:.2f} ± {error:.2f} |")
        records.append(
            {"table": title, "policy": name, "rungs": schedule, "cost": cost(schedule), "regret": mean, "error": error}
        )
    return records


def main() -> None:
    """The tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("table", type=Path)
    parser.add_argument("--repeats", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path, help="the rows, as a file")
    arguments = parser.parse_args()
    errors = read(arguments.table)
    networks, full = errors.shape
    print(as_line(environment()))
    print(f"{arguments.table.name}: {count(networks, 'network')}, {full} epochs; {arguments.repeats} repeats")
    tenth = max(1, full // 10)
    rows: list[dict[str, object]] = []
    known: list[tuple[str, Schedule]] = [
        ("single", ((72, tenth),)),
        ("four finalists", ((72, tenth), (4, full))),
        ("halving at the cost of single", halving(72 * tenth, max(1, tenth // 3), 3, full, 72)),
    ]
    rows += table("72 networks; regret against the best of them", known, errors, arguments, of_all=False)
    for budget in BUDGETS:
        whole = budget * full
        equal = [(f"single, {each} epochs", single(whole, each, networks)) for each in (tenth // 3, tenth, 3 * tenth)]
        equal += [
            (f"{many} finalists of {tenth} epochs", finalists(whole, tenth, many, full, networks)) for many in (2, 4, 8)
        ]
        equal += [
            (f"halving by {by} from {first} epochs", halving(whole, first, by, full, networks))
            for by, first in ((3, tenth // 3), (2, tenth // 3), (3, tenth), (2, tenth))
        ]
        rows += table(f"the cost of {budget} full trainings", equal, errors, arguments, of_all=True)
    for search in (16, 32, 72):
        after: list[tuple[str, Schedule]] = [("single", ((search, tenth),))]
        for share in FRACTIONS[::-1]:
            after += [
                (f"{share:.0%}: {name}", each) for name, each in extended(search, tenth, share, full // 2).items()
            ]
        rows += table(
            f"rungs after {search} trials of {tenth} epochs, up to {full // 2}", after, errors, arguments, of_all=False
        )
    if arguments.json:
        arguments.json.write_text(json.dumps(rows, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
