"""Packages that only a server needs: imported when it starts, with a cure where they are missing."""

from __future__ import annotations

import importlib
from typing import Any

from netwright.errors import ServeError

__all__ = ["extra"]


def extra(module: str) -> Any:
    """The module, of the packages that `pip install "netwright[serve]"` brings; ServeError where it is not there."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise ServeError(
            f"serving needs the package {module.split('.')[0]}, and it cannot be imported: {error}. Install it: "
            'pip install "netwright[serve]"'
        ) from error
