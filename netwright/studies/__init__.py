"""Studies: several design spaces and planned comparisons of them, trained interleaved until each is decided."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from netwright.studies.run import study
    from netwright.studies.study_file import Study, read_study

__all__ = ["Study", "read_study", "study"]

# public name -> its module, imported when first used
_HOME = {"Study": "study_file", "read_study": "study_file", "study": "run"}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)
