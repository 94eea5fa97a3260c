"""Does `netwright design` pick better networks than one would have had without it? On several sets of real images.

    python benchmarks/pick_study.py flowers=PHOTOS/flowers signs=PHOTOS/signs trash=PHOTOS/trash cifar10=PHOTOS/cifar10
        [--budget 2h] [--seeds 5] [--out runs/pick] [--csv docs/studies/pick.csv] [-- --flops 30M:40M ...]

For each data set one design with a budget of time; what follows `--` is given to each, as flags of `netwright design`.
The pick is trained with so many seeds, and beside it, by the same recipe, seeds and epochs, and at the same flops: the
published RegNet and ResNet-18, scaled; the best of random search at the same compute; and the network that the lowest
error of the brief trainings alone would have chosen (brief). Where the last two are the pick itself, its errors count.

The same command goes on where it was interrupted, and a data set that is finished is not trained again. After each the
table is written: a row for each training. At the end, for each opponent: the difference of mean test errors on each
data set (Welch's t-test and permutation test, the larger p), and over all data sets Stouffer's method on one-sided
Welch's p-values (pick better), each data set with the same weight.
"""

from __future__ import annotations

import argparse
import csv
import io
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from environment import as_line, environment  # beside this file
from scipy.stats import combine_pvalues, ttest_ind

import netwright
from netwright.cli.main import parser_of
from netwright.cli.options import design_options
from netwright.stats.seeds import seed_test
from netwright.system.atomic import write_text

COLUMNS = ("dataset", "network", "role", "seed", "flops", "params", "test_error")
OPPONENTS = ("baseline", "resnet18", "random", "brief")


def rows_of(dataset: str, result: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The rows of one design, from its result.json; an opponent that is the pick has the pick's errors."""
    found = []
    for role in ("pick", *OPPONENTS):
        network = result.get(role) or result["pick"]
        for seed, error in zip(network["seeds"], network["test_errors"], strict=True):
            values = (dataset, network["name"], role, seed, network["flops"], network["params"], round(error, 4))
            found.append(dict(zip(COLUMNS, values, strict=True)))
    return found


def combined(rows: Sequence[Mapping[str, Any]], role: str) -> tuple[list[tuple[str, float, float]], float]:
    """Of one opponent: (data set, difference, two-sided p) of each, and Stouffer's one-sided p over all."""
    each, one_sided = [], []
    for dataset in dict.fromkeys(row["dataset"] for row in rows):
        pick, other = (
            np.array([float(row["test_error"]) for row in rows if (row["dataset"], row["role"]) == (dataset, which)])
            for which in ("pick", role)
        )
        if min(len(pick), len(other)) < 2:
            continue
        test = seed_test(pick, other)
        each.append((dataset, test.difference, test.p_value))
        # equal samples, as of a pick that is the opponent, say nothing
        same = np.array_equal(np.sort(pick), np.sort(other)) or not (pick.std() + other.std())
        p = 0.5 if same else float(ttest_ind(pick, other, equal_var=False, alternative="less").pvalue)
        one_sided.append(min(max(p, 1e-12), 1 - 1e-12))
    return each, float(combine_pvalues(one_sided, method="stouffer").pvalue) if one_sided else 1.0


def write_table(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Whole or not at all."""
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_text(path, text.getvalue(), what="the table", elsewhere="another --csv")


def read_table(path: Path) -> list[dict[str, Any]]:
    """The rows of a table that was written before; none where there is none."""
    if not path.exists():
        return []
    with open(path, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def main(arguments: Sequence[str]) -> None:
    own = list(arguments)
    more = own[own.index("--") + 1 :] if "--" in own else []
    own = own[: own.index("--")] if "--" in own else own
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", nargs="+", metavar="NAME=DIR")
    parser.add_argument("--budget", default="2h", help="of each design; none: what follows -- says how much is trained")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--out", type=Path, default=Path("runs/pick"))
    parser.add_argument("--csv", type=Path, default=Path("docs/studies/pick.csv"))
    options = parser.parse_args(own)
    given = design_options(parser_of("design").parse_args(more))
    print(as_line(environment("torch")), flush=True)
    rows = read_table(options.csv)
    for word in options.data:
        name, _, folder = word.partition("=")
        if not folder:
            parser.error(f"{word} is no NAME=DIR, such as flowers=PHOTOS/flowers")
        out = options.out / name
        if not (out / "result.json").exists():
            budget = {} if options.budget == "none" else {"budget": options.budget}
            chosen = {"final_seeds": options.seeds, "opponents": "resnet18,random,brief"} | budget
            netwright.design(**given | chosen | {"data_dir": folder, "out": out})
        result = json.loads((out / "result.json").read_text(encoding="utf-8"))
        rows = [row for row in rows if row["dataset"] != name] + rows_of(name, result)
        write_table(options.csv, rows)
        selection = result["selection"]
        print(f"\n{name}: rungs {selection['rungs']}, ranks {selection.get('rank_agreement')}", flush=True)
    for role in OPPONENTS:
        each, p = combined(rows, role)
        said = "; ".join(f"{dataset} {difference:+.2f} (p = {value:.2g})" for dataset, difference, value in each)
        print(f"pick less {role}, points: {said}. Over all, pick better (Stouffer, one-sided): p = {p:.2g}")


if __name__ == "__main__":
    main(sys.argv[1:])
