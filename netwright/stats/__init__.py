"""Statistics of populations: error distributions, their bands and comparisons, and what makes networks good.

Arrays in, frozen values out. Every random step takes a seed; input that makes no sense is a StatsError with the cure.
In a notebook the results are shown as charts; `plot()` returns such a chart, to be changed or saved (Altair).
Sources: "Designing Network Design Spaces" (DDS, arXiv 2003.13678) and "On Network Design Spaces for Visual Recognition"
(NDS, arXiv 1905.13214).
"""

from netwright.stats.best import BestAgainstRest, best_against_rest
from netwright.stats.betting import SequentialMeans, sequential_means
from netwright.stats.chosen import ChosenError, chosen_error
from netwright.stats.compare import Effect, KsTest, PermutationTest, ks, permutation_test
from netwright.stats.distribution import Band, Edf, band, edf, normalized_weights
from netwright.stats.equivalence import Equivalence, equivalence_test
from netwright.stats.fanova import Fanova, FanovaEffect, fanova
from netwright.stats.fidelity import RankFidelity, epoch_fidelity, rank_fidelity
from netwright.stats.front import pareto, plot_front
from netwright.stats.group_sequential import GroupSequential, group_sequential, spending_bounds
from netwright.stats.noise import Ceiling, SeedNoise, seed_noise
from netwright.stats.normalized import NormalizedTest, normalized_test
from netwright.stats.outcomes import Outcomes, outcomes
from netwright.stats.power import (
    GroupPlan,
    betting_trials,
    detectable_difference,
    equivalence_trials,
    group_plan,
    power_of,
    trials_for,
)
from netwright.stats.relevance import Relevance, importance
from netwright.stats.resampling import GoodRange, bootstrap
from netwright.stats.search import Efficiency, EfficiencyRatio, efficiency, efficiency_ratio
from netwright.stats.seeds import SeedTest, seed_test
from netwright.stats.sequential import SequentialTest
from netwright.stats.sequential_ks import SequentialKs, sequential_ks, sequential_ks_gap
from netwright.stats.table import ErrorColumn, error_column, read_table
from netwright.stats.time_uniform import (
    howard_ramdas_half_width,
    price_of_looking,
    sequential_band,
    sequential_half_width,
)
from netwright.system.deprecation import moved_names

__all__ = [
    "Band",
    "BestAgainstRest",
    "Ceiling",
    "ChosenError",
    "Edf",
    "Effect",
    "Efficiency",
    "EfficiencyRatio",
    "Equivalence",
    "ErrorColumn",
    "Fanova",
    "FanovaEffect",
    "GoodRange",
    "GroupPlan",
    "GroupSequential",
    "KsTest",
    "NormalizedTest",
    "Outcomes",
    "PermutationTest",
    "RankFidelity",
    "Relevance",
    "SeedNoise",
    "SeedTest",
    "SequentialKs",
    "SequentialMeans",
    "SequentialTest",
    "band",
    "best_against_rest",
    "betting_trials",
    "bootstrap",
    "chosen_error",
    "detectable_difference",
    "edf",
    "efficiency",
    "efficiency_ratio",
    "epoch_fidelity",
    "equivalence_test",
    "equivalence_trials",
    "error_column",
    "fanova",
    "group_plan",
    "group_sequential",
    "howard_ramdas_half_width",
    "importance",
    "ks",
    "normalized_test",
    "normalized_weights",
    "outcomes",
    "pareto",
    "permutation_test",
    "plot_front",
    "power_of",
    "price_of_looking",
    "rank_fidelity",
    "read_table",
    "seed_noise",
    "seed_test",
    "sequential_band",
    "sequential_half_width",
    "sequential_ks",
    "sequential_ks_gap",
    "sequential_means",
    "spending_bounds",
    "trials_for",
]

__getattr__ = moved_names(
    "netwright.stats", {"Comparison": "netwright.stats:KsTest", "Difference": "netwright.stats:PermutationTest"}
)
