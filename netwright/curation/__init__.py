"""Look after data sets: check them, show what networks see, measure how fast they are read, prepare them once."""

from netwright.curation.checking import DataCheck, check_data
from netwright.curation.findings import Finding, Group
from netwright.curation.preparing import Preparation, prepare_data

__all__ = ["DataCheck", "Finding", "Group", "Preparation", "check_data", "prepare_data"]
