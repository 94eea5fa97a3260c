"""How often chance alone makes a report or the terminal claim a difference: at most 5% of null populations.

    python benchmarks/claims.py
    python benchmarks/claims.py --populations 1000 --only pair

Tests that are looked at after every trial are counted over all looks by statistics.py, beside this file.

A null population has errors that nothing explains, and two null populations have equal means. Each is read, tested and
reported as a user's would be, and what the pages and the terminal then say is searched for claims. These are all
sentences and badges that claim a difference or an effect:

pair        of two populations
  badge         "B is better" (compare, analyze), also "..., but recipes differ" and "..., though both are one space"
  terminal      "B is better in the mean" (compare)
  refinement    "refinement confirmed", "refinement made it worse" (design), and both as a sentence
  networks      "A search of A needs more networks for what 4 networks of B reach"
  mixes         "Their mixes of flops differ" (page), "the mixes of flops differ" (terminal)
  equal mixes   "B is better, also at equal flops" (page), "..., also at equal mixes of flops" (terminal)
equivalent  of two populations whose means are a margin apart, so that a claim that they are alike is wrong
  terminal      "yes, their means are equivalent within the margin" (compare --margin)
  page          "The means are closer than the margin of"
four        of four populations, any of the six pairs
  page          "By the mean error 1 of the 6 pairs, after Holm's correction at 5%, differ by more than chance explains"
  terminal      "B is better than A in the mean"
parameters  of six parameters, any of them
  page          "Shown to matter at 5%, after Holm's correction for 6 tests"
  terminal      a p (Holm) of `analyze` below 0.05
  refine        "clear evidence that it matters" (refine, design), whatever the policy
  policy holm   a space that is narrowed
forest      of four parameters, any of them or of their pairs (from 32 networks on)
  alone         "Shown to explain errors at 5%" (page)
  together      "Shown to act together at 5%" (page)
  terminal      a p below 0.05 of the lines "alone, and together" of `analyze`
linearity   of one population
  e_fit         "The best quarter of A has a smaller e_fit than the others"
curves
  page          "Errors were still falling in the last epoch"
trends      of widths and depths of AnyNetX-C, either of them
  sentence      "networks whose widths rise from stage to stage are better"
  order         an order that the policies without "+order" set
step        of AnyNetX-E to a RegNet space
  linear        "networks with widths nearer to a quantized linear function are better"
  step          the space is offered, by the policies without "+order"
seeds       of the pick and the baseline
  badge         "better than the baseline", "worse than the baseline", and both as a sentence

Each of these is counted by itself, as a reader meets it; a page with several of them holds a false one more often.

The page of an export says that its accuracy "differs" where Tango's interval leaves out 0. Counted exactly that is at
most 5.2%, for 50 to 5,000 images of which 1% to 20% are answered otherwise; it is not simulated here.

Everything else states what is in the table (n, means, best of k, fronts, good ranges, which network is best), or prints
an interval or a p-value that no sentence draws a conclusion from. A good range is said to be no evidence.

Policies. `relevant` narrows a parameter where p < 0.2. That is a rule of search, no claim: what it does with six
parameters that do nothing stands below the table, and it says "a hint, as chance gives of 1 parameter in 5".

The page and the terminal are the real ones; only the tests make fewer shuffles (--repeats). Each share comes with its
simulation error. A share above 5% by more than three simulation errors (of a true 5%) is measured again with four times
as many other populations; the exit status is 1 where it stays above. Then populations that do differ must give each
claim at least once: a claim that is never found is not known to be rare.

Exceptions (EXCEPTIONS), where no test can know, and the page says so ("With fewer than 16 networks, ..."):
  "fails, never"  a fifth of A fails and none of B, with equal means: of 10 networks of A none fails in 11%, and what
                  was never seen cannot be told from what is not there. From 16 networks of A on this is rare enough.
  "tails"         lognormal errors of sd 0.8 and 0.3 (of the logarithm) with equal means, 10 or 16 networks: the long
                  tail of A is missed as often.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from claims_made import (  # beside this file
    LEVEL,
    NULLS,
    UNLIKE,
    Claims,
    Pool,
    Simulation,
    curves,
    equivalent,
    four,
    interactions,
    linearity,
    mixes,
    pair,
    parameters,
    recipes,
    seeds,
    step,
    trends,
)
from environment import as_line, environment  # likewise

SIZES = (10, 16, 32, 48, 100, 500)
UNEQUAL = ((10, 100), (20, 100), (48, 24))
PAIRS = (*((n, n) for n in SIZES), *UNEQUAL)
SEEDS = ((2, 2), (3, 3), (4, 4), (5, 5), (10, 10), (4, 10), (2, 10))
_SOME = frozenset((10, 32, 100))  # by default
EXCEPTIONS = {
    ("pair", "tails"): "a long tail that a small sample misses",
    ("pair", "fails, never"): "failures that a small sample misses",
}
_FEW = 16  # networks of the smaller population, at most: what an exception is of


@dataclass(frozen=True)
class Suite:
    """A kind of populations, with the claims that are made about them.

    Attributes:
        control: (scenario, sizes) of populations that do differ, so much that each claim is made.
        shuffles: Times as many are needed: of six tests the smallest p-value must be below 0.05 / 6.
    """

    name: str
    claims: Callable[[Simulation, str, Any, np.random.Generator], Claims]
    scenarios: Sequence[str]
    sizes: Sequence[tuple[int, ...]]
    control: tuple[str, tuple[int, ...]]
    shuffles: int = 1


_SINGLE = tuple((n,) for n in SIZES)
_FOUR = (*((n,) * 4 for n in SIZES[:-1]), (10, 20, 48, 100))
SUITES = (
    Suite("pair", pair, (*NULLS, *UNLIKE), PAIRS, ("normal", (48, 48))),
    Suite("pair", recipes, ("normal", "20% fail"), ((10, 10), (48, 48), (20, 100)), ("normal", (48, 48))),
    Suite("pair", mixes, ("equal flops", "other flops", "flops matter"), PAIRS, ("flops matter", (100, 100))),
    Suite("equivalent", equivalent, ("normal", "heavy tails", "lognormal", "ties"), PAIRS, ("normal", (48, 48))),
    Suite("four", four, tuple(NULLS), _FOUR, ("normal", (48, 48, 48, 48)), shuffles=5),
    Suite("parameters", parameters, tuple(NULLS), _SINGLE, ("normal", (48,)), shuffles=5),
    Suite("forest", interactions, ("normal", "lognormal", "20% fail", "ties"), ((32,), (100,)), ("normal", (100,))),
    Suite("linearity", linearity, ("normal", "20% fail", "ties"), _SINGLE, ("normal", (100,))),
    Suite("curves", curves, ("normal", "lognormal", "ties"), _SINGLE, ("normal", (48,))),
    Suite("trends", trends, tuple(NULLS), _SINGLE, ("normal", (500,)), shuffles=5),
    Suite("step", step, ("normal", "20% fail", "ties"), _SINGLE, ("normal", (500,))),
    Suite("seeds", seeds, ("equal spreads", "wide, narrow", "360 images"), SEEDS, ("equal spreads", (5, 5))),
)


# -- counting --------------------------------------------------------------------------------------------------------


def shares(
    run: Simulation, suite: Suite, scenario: str, sizes: tuple[int, ...], many: int, seed: int
) -> dict[str, float]:
    """Claim -> the share of populations that have it."""
    counts: dict[str, int] = {}
    key = [ord(letter) for letter in f"{suite.name} {suite.claims.__name__} {scenario}"]
    for i in range(many):
        for claim, found in suite.claims(run, scenario, sizes, np.random.default_rng([seed, i, *sizes, *key])).items():
            counts[claim] = counts.get(claim, 0) + found
    return {claim: count / many for claim, count in counts.items()}


def limit(many: int) -> float:
    """What a true 5% does not exceed but in 1 of 1,000 simulations."""
    return LEVEL + 3 * float(np.sqrt(LEVEL * (1 - LEVEL) / many))


def label_of(sizes: tuple[int, ...]) -> str:
    return str(sizes[0]) if len(set(sizes)) == 1 else "/".join(map(str, sizes))


def measure(run: Simulation, suite: Suite, many: int, seed: int) -> tuple[list[str], list[str]]:
    """Print the table of one suite.

    Returns:
        What exceeds 5%, and the lines about policies, which are no claims.
    """
    above: list[str] = []
    policies: list[str] = []
    print(f"\n{suite.name:<12}{'claim':<13}{'populations':<16}" + "".join(f"{label_of(s):>14}" for s in suite.sizes))
    for scenario in suite.scenarios:
        found = [shares(run, suite, scenario, sizes, many, seed) for sizes in suite.sizes]
        for claim in found[0]:
            is_claim = not claim.startswith("(")
            cells = []
            for sizes, share in zip(suite.sizes, found, strict=True):
                value, of, mark = share[claim], many, ""
                if is_claim and value > limit(many):
                    value, of = shares(run, suite, scenario, sizes, 4 * many, seed + 1)[claim], 4 * many
                    mark = "'"
                    if value > limit(of):
                        mark = "x" if (suite.name, scenario) in EXCEPTIONS and min(sizes) <= _FEW else "*"
                if mark == "*":
                    above.append(f"{suite.name}, {claim}, {scenario}, n = {label_of(sizes)}: {value:.1%}")
                cells.append(f"{100 * value:.1f} ±{100 * error_of(value, of):.1f}{mark:<1}")
            line = f"{'':<12}{claim:<13}{scenario:<16}" + "".join(f"{cell:>14}" for cell in cells)
            if is_claim:
                print(line, flush=True)
            else:
                policies.append(line)
    return above, policies


def error_of(share: float, many: int) -> float:
    """The standard error of a share; of none, that of one in a hundred."""
    return float(np.sqrt(max(share * (1 - share), 0.01 * 0.99) / many))


def unseen(run: Simulation, suite: Suite, seed: int) -> list[str]:
    """The claims that populations which do differ never give."""
    scenario, sizes = suite.control
    found = shares(replace(run, is_real=True), suite, scenario, sizes, 5, seed)
    return [f"{suite.name}, {claim}" for claim, share in found.items() if not share]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--populations", type=int, default=40, help="of each cell")
    parser.add_argument("--repeats", type=int, default=199, help="shuffles of each test")
    parser.add_argument("--only", nargs="+", choices=sorted({suite.name for suite in SUITES}), help="some suites")
    parser.add_argument("--all", action="store_true", help="all n; by default some of them")
    parser.add_argument("--largest", type=int, default=max(SIZES), help="n above which nothing is simulated")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    began = time.perf_counter()
    run = Simulation(options.repeats, {name: Pool.of(name) for name in ("regnetx", "anynetx_c", "anynetx_e")})
    many = options.populations
    print(f"{many} null populations a cell, {options.repeats} shuffles a test, seed {options.seed}")
    print(as_line(environment()))
    print("percent of populations with the claim ± simulation error; ' four times as many, * above 5%, x an exception")
    above, policies, missing = [], [], []
    for suite in SUITES:
        if options.only and suite.name not in options.only:
            continue
        few = [s for s in suite.sizes if options.all or suite.name == "seeds" or _SOME.issuperset(s)]
        suite = replace(suite, sizes=[s for s in few if max(s) <= options.largest])
        run = replace(run, repeats=options.repeats * suite.shuffles)
        if suite.sizes:  # --largest may leave none
            exceeding, told = measure(run, suite, many, options.seed)
            above, policies = above + exceeding, policies + told
        missing += unseen(run, suite, options.seed)
    if policies:
        print("\nno claim: how often a policy narrows one of six parameters that do nothing", *policies, sep="\n")
    print(f"\n{time.perf_counter() - began:.0f} s")
    for line in above:
        print(f"ABOVE 5%: {line}")
    for line in missing:
        print(f"NEVER FOUND where there is a difference: {line}")
    return 1 if above or missing else 0


if __name__ == "__main__":
    sys.exit(main())
