"""Design spaces: what may be drawn, how likely it is, and drawing it. numpy only."""

from netwright.space.catalog import load_space, space_names
from netwright.space.combining import intersect, space_difference
from netwright.space.distribution import (
    Choice,
    Distribution,
    LogUniform,
    PowersOfTwo,
    Uniform,
    distribution_from_dict,
)
from netwright.space.membership import contains
from netwright.space.parameter import Parameter
from netwright.space.sampling import Sample, draw, sample
from netwright.space.setting import Setting
from netwright.space.space import DesignSpace
from netwright.space.suggesting import Suggestion, suggest_network
from netwright.space.union import UnionSpace, union
from netwright.system.deprecation import moved_names

__all__ = [
    "Choice",
    "DesignSpace",
    "Distribution",
    "LogUniform",
    "Parameter",
    "PowersOfTwo",
    "Sample",
    "Setting",
    "Suggestion",
    "Uniform",
    "UnionSpace",
    "contains",
    "distribution_from_dict",
    "draw",
    "intersect",
    "load_space",
    "sample",
    "space_difference",
    "space_names",
    "suggest_network",
    "union",
]

__getattr__ = moved_names(
    "netwright.space",
    {
        "Axis": "netwright.space:Parameter",
        "Domain": "netwright.space:Distribution",
        "domain_from_dict": "netwright.space:distribution_from_dict",
    },
)
