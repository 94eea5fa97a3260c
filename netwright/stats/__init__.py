"""Statistics of populations: error distributions, their bands and comparisons, and what makes networks good.

Arrays in, frozen values out. Every random step takes a seed; input that makes no sense is a StatsError with the cure.
In a notebook the results are shown as charts; `plot()` returns such a chart, to be changed or saved (Altair).
Sources: "Designing Network Design Spaces" (DDS, arXiv 2003.13678) and "On Network Design Spaces for Visual Recognition"
(NDS, arXiv 1905.13214).
"""

from netwright.stats.best import BestAgainstRest, best_against_rest
from netwright.stats.compare import Effect, KsTest, PermutationTest, ks, permutation_test
from netwright.stats.distribution import Band, Edf, band, edf, normalized_weights
from netwright.stats.front import pareto, plot_front
from netwright.stats.normalized import NormalizedTest, normalized_test
from netwright.stats.outcomes import Outcomes, outcomes
from netwright.stats.relevance import Relevance, importance
from netwright.stats.resampling import GoodRange, bootstrap
from netwright.stats.search import Efficiency, EfficiencyRatio, efficiency, efficiency_ratio
from netwright.stats.seeds import SeedTest, seed_test
from netwright.stats.table import ErrorColumn, error_column, read_table
from netwright.system.deprecation import moved_names

__all__ = [
    "Band",
    "BestAgainstRest",
    "Edf",
    "Effect",
    "Efficiency",
    "EfficiencyRatio",
    "ErrorColumn",
    "GoodRange",
    "KsTest",
    "NormalizedTest",
    "Outcomes",
    "PermutationTest",
    "Relevance",
    "SeedTest",
    "band",
    "best_against_rest",
    "bootstrap",
    "edf",
    "efficiency",
    "efficiency_ratio",
    "error_column",
    "importance",
    "ks",
    "normalized_test",
    "normalized_weights",
    "outcomes",
    "pareto",
    "permutation_test",
    "plot_front",
    "read_table",
    "seed_test",
]

__getattr__ = moved_names(
    "netwright.stats", {"Comparison": "netwright.stats:KsTest", "Difference": "netwright.stats:PermutationTest"}
)
