"""Sequential statistics over all looks: what they hold, what they cost, and how many trials they save.

    python benchmarks/statistics.py [--tables FOLDER] [--repeats 1000] [--seed 14] [--json FILE]     # some minutes

Somebody looks at two populations after every trial and stops when a difference shows. Fixed-n bands and tests are not
made for that, and here is how often they are wrong then; those of `netwright.stats` that are, over the same looks. The
networks of a table are a space; populations are drawn from it with replacement, so the true distribution is known.

coverage    of bands of the EDF, at all n from 16 to 300 at once
type I      of two-sample tests of two populations of one space, at all looks up to 100 of each. "other spreads": means
            are equal, and errors of the second are half as far from it
power       of populations 0.5 and 1 standard deviations apart, and of two real ones: plain means and networks that the
            plan of `netwright.plan` gives for 80%. `n` is what was used on average, of each population; `saved` is
            against one look at the planned n. A test that was not done by the most networks (20 times the plan, or
            2,000) counts with these
equivalence of populations that are alike, and of two that are a margin (half a standard deviation) apart: those must
            not be called equivalent

Tables: with --tables FOLDER (default: ../shared/populations beside the checkout) those of accel_nasbench_imagenet.csv,
naap440_curves.csv and regnetx_400mf_imagenet.csv that are there, 1,000 networks of each at most; else a made one. "5%
fail": every twentieth network of that space fails, which counts as 100%.

The exit status is 1 where a method with a guarantee (all looks, betting, KS for all looks) is above 5% by more than
three simulation errors. Group-sequential tests are approximations by the normal distribution: theirs are shown.
"""

from __future__ import annotations

import sys
from importlib.machinery import PathFinder
from importlib.util import module_from_spec
from sysconfig import get_path


def _make_way() -> None:
    """Be the standard library's `statistics` for all that imports this name: scripts find this folder first."""
    spec = PathFinder.find_spec("statistics", [get_path("stdlib")])
    assert spec is not None, "the standard library has it"
    assert spec.loader is not None, "and it is a file"
    sys.modules["statistics"] = module = module_from_spec(spec)
    spec.loader.exec_module(module)


_make_way()

if __name__ == "__main__":
    from statistics_simulated import main  # beside this file

    sys.exit(main(__doc__))
