"""Design spaces: what may be drawn, how likely it is, and drawing it. numpy only."""

from netwright.space.axis import Axis
from netwright.space.catalog import load_space, space_names
from netwright.space.domain import Choice, Domain, LogUniform, PowersOfTwo, Uniform, domain_from_dict
from netwright.space.sampling import Sample, draw, sample
from netwright.space.setting import Setting
from netwright.space.space import DesignSpace

__all__ = [
    "Axis",
    "Choice",
    "DesignSpace",
    "Domain",
    "LogUniform",
    "PowersOfTwo",
    "Sample",
    "Setting",
    "Uniform",
    "domain_from_dict",
    "draw",
    "load_space",
    "sample",
    "space_names",
]
