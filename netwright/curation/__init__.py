"""Look after data sets: check them, show what networks see, measure how fast they are read, prepare them once."""

from netwright.curation.checking import DataCheck, check_data
from netwright.curation.findings import Finding, Group

__all__ = ["DataCheck", "Finding", "Group", "check_data"]
