"""Packages that only export needs: imported when they are first used, with a cure where they are missing."""

from __future__ import annotations

import importlib
from typing import Any

from netwright.errors import ExportError

__all__ = ["extra"]


def extra(module: str) -> Any:
    """The module, of the packages that `pip install "netwright[export]"` brings; ExportError where it is not there."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        package = module.split(".")[0]
        raise ExportError(
            f"this needs the package {package}, and it cannot be imported: {error}. Install it: "
            'pip install "netwright[export]"'
        ) from error
