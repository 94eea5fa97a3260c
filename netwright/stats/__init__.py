"""Statistics of populations: distributions, their bands and comparisons, and what makes networks good.

Arrays in, frozen values out; every random step takes a seed; every refusal is a StatsError that says the cure.
Sources: "Designing Network Design Spaces" (DDS, arXiv 2003.13678) and "On Network Design Spaces for Visual Recognition"
(NDS, arXiv 1905.13214).
"""

from netwright.stats.compare import Comparison, Difference, Effect, ks, permutation_test
from netwright.stats.distribution import Band, Edf, band, edf, normalized_weights
from netwright.stats.front import pareto
from netwright.stats.relevance import Relevance, importance
from netwright.stats.resampling import GoodRange, bootstrap
from netwright.stats.search import Efficiency, efficiency
from netwright.stats.table import ErrorColumn, error_column, read_table

__all__ = [
    "Band",
    "Comparison",
    "Difference",
    "Edf",
    "Effect",
    "Efficiency",
    "ErrorColumn",
    "GoodRange",
    "Relevance",
    "band",
    "bootstrap",
    "edf",
    "efficiency",
    "error_column",
    "importance",
    "ks",
    "normalized_weights",
    "pareto",
    "permutation_test",
    "read_table",
]
