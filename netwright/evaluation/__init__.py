"""A trained network on images: measured, with pictures of where it is wrong, or asked what it sees."""

from netwright.data.classes import ClassMap, match_classes
from netwright.evaluation.measured import Measured
from netwright.evaluation.records import Records

__all__ = ["ClassMap", "Measured", "Records", "match_classes"]
