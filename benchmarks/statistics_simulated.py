"""The simulations of statistics.py: many pairs of populations at once, looked at after every trial."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from environment import as_line, environment  # beside this file
from scipy.special import ndtri, stdtr, stdtrit
from statistics_spaces import Space, spaces  # beside this file

from netwright.stats import (
    equivalence_test,
    equivalence_trials,
    group_plan,
    group_sequential,
    howard_ramdas_half_width,
    sequential_half_width,
    sequential_ks,
    sequential_ks_gap,
    sequential_means,
    spending_bounds,
    trials_for,
)
from netwright.stats.betting import log_capital
from netwright.stats.bounds import dkw_half_width
from netwright.stats.time_uniform import START

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

LEVEL = 0.05
BANDS_TO, LOOKS_TO = 300, 100
LOOKS = 5  # of group-sequential tests
FEWEST = 5  # networks of each before a mean is compared
HERE = Path(__file__).parent


# -- looks -----------------------------------------------------------------------------------------------------------


def gaps(drawn: Sequence[tuple[Floats, float]], known: Floats | None, start: int) -> Floats:
    """The largest gap at every n from `start` on, (r, n - start + 1).

    Args:
        drawn: ((r, n) errors, sign) of one or two populations, whose EDFs are added with these signs.
        known: (k,) errors of the true distribution that is taken off; None for a difference of two populations.
        start: The first n.
    """
    places = np.unique(np.concatenate([x.ravel() for x, _ in drawn] + ([] if known is None else [known])))
    truth = 0.0 if known is None else np.searchsorted(np.sort(known), places, side="right") / known.size
    index = [np.searchsorted(places, x) for x, _ in drawn]
    repeats, n = drawn[0][0].shape
    counts = np.zeros((repeats, places.size))
    found = np.empty((repeats, n - start + 1))
    grid = np.arange(places.size)
    for k in range(n):
        for where, (_, sign) in zip(index, drawn, strict=True):
            counts += sign * (grid >= where[:, k : k + 1])
        if k + 1 >= start:
            found[:, k + 1 - start] = np.abs(counts / (k + 1) - truth).max(axis=1)
    return found


@dataclass(frozen=True)
class Moments:
    """Means and Welch's t at every n from 2 on. All: (r, n - 1)."""

    gap: Floats
    error: Floats
    freedom: Floats

    @classmethod
    def of(cls, a: Floats, b: Floats) -> Moments:
        n = np.arange(1, a.shape[1] + 1)
        means, squares = [], []
        for x in (a, b):
            center = x.mean()
            mean = np.cumsum(x - center, axis=1) / n
            square = np.cumsum((x - center) ** 2, axis=1) - n * mean**2
            means.append((mean + center)[:, 1:])
            squares.append(np.maximum(square[:, 1:], 1e-9) / (n[1:] * (n[1:] - 1)))
        doubt = (squares[0] ** 2 + squares[1] ** 2) / (n[1:] - 1)
        total = squares[0] + squares[1]
        return cls(means[0] - means[1], np.sqrt(total), total**2 / doubt)

    def z(self) -> Floats:
        t = self.gap / self.error
        return -np.sign(t) * ndtri(np.maximum(stdtr(self.freedom, -np.abs(t)), 1e-300))


def stops(shown: Bools, sizes: Sequence[int] | npt.NDArray[np.int64], most: int) -> tuple[Bools, Floats]:
    """Whether a row ever shows something, and how many networks it took; `most` where it never does.

    Args:
        shown: (r, looks).
        sizes: (looks,) networks of each.
        most: Of a row that never does.
    """
    ever = shown.any(axis=1)
    return ever, np.where(ever, np.asarray(sizes)[shown.argmax(axis=1)], most).astype(np.float64)


def group_looks(moments: Moments, most: int, spending: str, every: bool = False) -> tuple[Bools, list[int]]:
    """At which looks a group-sequential test shows a difference."""
    sizes = (
        list(range(FEWEST, most + 1))
        if every
        else sorted({max(FEWEST, round(k * most / LOOKS)) for k in range(1, LOOKS + 1)})
    )
    bounds = spending_bounds([n / most for n in sizes], spending=spending)
    return np.abs(moments.z()[:, np.array(sizes) - 2]) >= bounds, sizes


def betting_looks(a: Floats, b: Floats) -> Bools:
    """At which looks betting shows a difference, (r, n)."""
    up = ((a - b) / 100 + 1) / 2
    return np.maximum(log_capital(up, 0.5), log_capital(1 - up, 0.5)) >= np.log(2 / LEVEL)


def ks_looks(a: Floats, b: Floats, most: int | None) -> Bools:
    """At which looks from 16 on the Kolmogorov-Smirnov test for all looks shows a difference."""
    enough = np.array([sequential_ks_gap(n, most=most) for n in range(START, a.shape[1] + 1)])
    return gaps([(a, 1.0), (b, -1.0)], None, START) >= enough


def check_agreement(space: Space, rng: np.random.Generator) -> None:
    """Fail where these fast versions and the functions of the package differ."""
    a, b = space.draw(rng, 6, 80) + 0.8 * space.spread, space.draw(rng, 6, 80)
    a = np.minimum(a, 100)
    group, sizes = group_looks(Moments.of(a, b), 80, "pocock")
    betting, ks = betting_looks(a, b), ks_looks(a, b, None)
    for r in range(6):
        test, before, shown = group_sequential(80, spending="pocock"), 0, []
        for n in sizes:
            test, before = test.update(a[r, before:n], b[r, before:n]), n
            shown.append(abs(test.looks[-1].z) >= test.looks[-1].bound)
        assert shown == group[r].tolist()
        assert (sequential_means(a[r], b[r]).p_value <= LEVEL) == betting[r].any()
        assert (sequential_ks(a[r], b[r]).decision == "different") == ks[r].any()


# -- tables of results -----------------------------------------------------------------------------------------------


def coverage(space: Space, repeats: int, rng: np.random.Generator) -> list[dict[str, Any]]:
    distance = gaps([(space.draw(rng, repeats, BANDS_TO), 1.0)], space.errors, START)
    sizes = range(START, BANDS_TO + 1)
    rows = []
    widths: dict[str, tuple[Callable[[int], float], bool]] = {
        "DKW, one look at the end": (lambda n: dkw_half_width(n, 0.95) if n == BANDS_TO else 1.0, False),
        "DKW, looked at every n": (lambda n: dkw_half_width(n, 0.95), False),
        "all looks": (sequential_half_width, True),
        f"all looks up to {BANDS_TO}": (lambda n: sequential_half_width(n, most=BANDS_TO), True),
        "Howard and Ramdas": (lambda n: howard_ramdas_half_width(n, start=START), True),
    }
    for method, (width, is_guaranteed) in widths.items():
        each = np.array([width(n) for n in sizes])
        missed = float((distance > each).any(axis=1).mean())
        price = float(np.mean([width(n) / dkw_half_width(n, 0.95) for n in sizes if width(n) < 1]))
        rows.append(
            {"space": space.name, "method": method, "wrong": missed, "price": price, "guaranteed": is_guaranteed}
        )
    return rows


def type_one(name: str, one: Space, other: Space, repeats: int, rng: np.random.Generator) -> list[dict[str, Any]]:
    a, b = one.draw(rng, repeats, LOOKS_TO), other.draw(rng, repeats, LOOKS_TO)
    moments = Moments.of(a, b)
    t = np.abs(moments.gap / moments.error)
    welch = t >= -stdtrit(moments.freedom, LEVEL / 2)
    found: dict[str, tuple[Bools, bool]] = {
        "Welch, one look at the end": (welch[:, -1:], False),
        "Welch, looked at every n": (welch[:, FEWEST - 2 :], False),
        "O'Brien-Fleming, 5 looks": (group_looks(moments, LOOKS_TO, "obrien_fleming")[0], False),
        "Pocock, 5 looks": (group_looks(moments, LOOKS_TO, "pocock")[0], False),
        "O'Brien-Fleming, every n": (group_looks(moments, LOOKS_TO, "obrien_fleming", every=True)[0], False),
        "betting, every n": (betting_looks(a, b), True),
    }
    if one is other:
        found["KS for all looks"] = ks_looks(a, b, None), True
        found[f"KS for all looks up to {LOOKS_TO}"] = ks_looks(a, b, LOOKS_TO), True
    return [
        {"space": name, "method": method, "wrong": float(shown.any(axis=1).mean()), "guaranteed": is_guaranteed}
        for method, (shown, is_guaranteed) in found.items()
    ]


def power(name: str, one: Space, other: Space, repeats: int, rng: np.random.Generator) -> list[dict[str, Any]]:
    difference = float(other.errors.mean() - one.errors.mean())
    spread = float(np.sqrt((one.errors.var() + other.errors.var()) / 2))
    fixed = trials_for(difference, spread)
    plans = {
        spending: group_plan(difference, spread, spending=spending).most for spending in ("obrien_fleming", "pocock")
    }
    ends = {"betting, every n": min(2000, 20 * fixed), "KS for all looks": min(2000, 8 * fixed)}
    most = max(*plans.values(), *ends.values())
    a, b = one.draw(rng, repeats, most), other.draw(rng, repeats, most)
    moments = Moments.of(a, b)
    welch = np.abs(moments.gap[:, fixed - 2] / moments.error[:, fixed - 2]) >= -stdtrit(
        moments.freedom[:, fixed - 2], LEVEL / 2
    )
    found = {"one look at the end": stops(welch[:, np.newaxis], [fixed], fixed)}
    for spending, label in (("obrien_fleming", "O'Brien-Fleming, 5 looks"), ("pocock", "Pocock, 5 looks")):
        shown, sizes = group_looks(moments, plans[spending], spending)
        found[label] = stops(shown, sizes, plans[spending])
    shown, sizes = group_looks(moments, plans["obrien_fleming"], "obrien_fleming", every=True)
    found["O'Brien-Fleming, every n"] = stops(shown, sizes, plans["obrien_fleming"])
    end = ends["betting, every n"]
    found["betting, every n"] = stops(betting_looks(a[:, :end], b[:, :end]), range(1, end + 1), end)
    end = ends["KS for all looks"]
    few = slice(0, min(repeats, 300))  # the slow one
    found["KS for all looks"] = stops(ks_looks(a[few, :end], b[few, :end], None), range(START, end + 1), end)
    return [
        {
            "space": name,
            "difference": difference,
            "spread": spread,
            "method": method,
            "power": float(ever.mean()),
            "n": float(n.mean()),
            "saved": 1 - float(n.mean()) / fixed,
        }
        for method, (ever, n) in found.items()
    ]


def equivalence(space: Space, repeats: int, rng: np.random.Generator) -> list[dict[str, Any]]:
    margin = space.spread / 2
    n = equivalence_trials(margin, space.spread)
    rows = []
    for name, by in (("alike", 0.0), ("a margin apart", margin)):
        a, b = space.moved(by).draw(rng, repeats, n), space.draw(rng, repeats, n)
        fixed = [equivalence_test(x, y, margin, repeats=199).is_equivalent for x, y in zip(a, b, strict=True)]
        looks = []
        for x, y in zip(a, b, strict=True):
            test, before = group_sequential(n, margin=margin), 0
            for k in range(1, LOOKS + 1):
                until = round(k * n / LOOKS)
                test, before = test.update(x[before:until], y[before:until]), until
                if test.is_equivalent:
                    break
            looks.append(test.is_equivalent)
        for method, shown in (("TOST, one look at the end", fixed), ("O'Brien-Fleming, 5 looks", looks)):
            rows.append(
                {"space": space.name, "pair": name, "n": n, "method": method, "equivalent": float(np.mean(shown))}
            )
    return rows


# -- output ----------------------------------------------------------------------------------------------------------


def table(title: str, rows: Sequence[Mapping[str, Any]], columns: Mapping[str, str]) -> None:
    """Print rows. columns: key -> format."""
    print(f"\n{title}")
    cells = [list(columns)] + [[f"{row[key]:{form}}" for key, form in columns.items()] for row in rows]
    widths = [max(len(line[i]) for line in cells) for i in range(len(columns))]
    for line in cells:
        print(
            "  "
            + "  ".join(
                f"{cell:<{w}}" if i < 2 else f"{cell:>{w}}"
                for i, (cell, w) in enumerate(zip(line, widths, strict=True))
            )
        )
    sys.stdout.flush()


def above(rows: Sequence[Mapping[str, Any]], repeats: int) -> list[str]:
    """What is wrong too often, of what has a guarantee."""
    limit = LEVEL + 3 * np.sqrt(LEVEL * (1 - LEVEL) / repeats)
    return [
        f"{row['space']}, {row['method']}: {row['wrong']:.1%}"
        for row in rows
        if row["guaranteed"] and row["wrong"] > limit
    ]


def main(description: str | None) -> int:
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tables", type=Path, default=HERE.parents[1] / "shared" / "populations")
    parser.add_argument("--repeats", type=int, default=1000, help="pairs of populations of each row")
    parser.add_argument("--seed", type=int, default=14)
    parser.add_argument("--json", type=Path, metavar="FILE", help="for the JSON (default: printed last)")
    options = parser.parse_args()
    began, repeats = time.perf_counter(), options.repeats
    found, pairs = spaces(options.tables)
    names = ", ".join(f"{space.name} ({space.errors.size})" for space in found)
    print(f"{repeats} pairs of populations a row, seed {options.seed}; {names}\n{as_line(environment())}")

    def rng(*key: int) -> np.random.Generator:
        return np.random.default_rng([options.seed, *key])

    check_agreement(found[0], rng(0))
    bands = [row for i, each in enumerate(found) for row in coverage(each, repeats, rng(1, i))]
    table(
        f"coverage: bands that miss the truth at some n from {START} to {BANDS_TO}; price: width against one look",
        bands,
        {"space": "", "method": "", "wrong": ".1%", "price": ".2f"},
    )
    nulls = [row for i, each in enumerate(found) for row in type_one(each.name, each, each, repeats, rng(2, i))]
    nulls += type_one(f"{found[0].name}, other spreads", found[0], found[0].narrowed(), repeats, rng(2, len(found)))
    table(
        f"type I: equal means (and spaces) called different at some look up to {LOOKS_TO} of each",
        nulls,
        {"space": "", "method": "", "wrong": ".1%"},
    )
    apart = [
        (f"{each.name}, {times:g} sd", each, each.moved(times * each.spread))
        for each in found[:-1]
        for times in (0.5, 1.0)
    ]
    apart += [(f"{one.name} / {other.name.split(' ', 1)[1]}", one, other) for one, other in pairs]
    powers = [row for i, each in enumerate(apart) for row in power(*each, max(100, repeats // 2), rng(3, i))]
    table(
        "power: of the planned 80%; n: networks of each, on average; saved: against one look",
        powers,
        {"space": "", "method": "", "difference": ".2f", "power": ".0%", "n": ".0f", "saved": "+.0%"},
    )
    alike = [row for i, each in enumerate(found[:-1]) for row in equivalence(each, max(100, repeats // 2), rng(4, i))]
    table(
        "equivalence: called closer than half a standard deviation",
        alike,
        {"space": "", "method": "", "pair": "", "n": "d", "equivalent": ".1%"},
    )
    seconds = time.perf_counter() - began
    print(f"\n{seconds:.0f} s")
    answer = {
        "format": 1,
        "repeats": repeats,
        "seed": options.seed,
        "seconds": round(seconds),
        "environment": environment(),
    }
    text = json.dumps(answer | {"coverage": bands, "type I": nulls, "power": powers, "equivalence": alike}, indent=1)
    if options.json is None:
        print(text)
    else:
        options.json.write_text(text + "\n", encoding="utf-8")
    wrong = above([*bands, *nulls], repeats)
    for line in wrong:
        print(f"ABOVE 5%: {line}", file=sys.stderr)
    return 1 if wrong else 0
