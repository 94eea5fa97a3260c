"""Optional dependencies: imported when they are first used, with a cure where they are missing."""

from __future__ import annotations

import importlib
from typing import Any

from netwright.errors import ExportError, NetwrightError, ServeError

__all__ = ["optional"]

# extra of pyproject.toml -> the error of the room that needs it
_ERRORS: dict[str, type[NetwrightError]] = {"export": ExportError, "serve": ServeError, "ray": ServeError}


def optional(module: str, extra: str) -> Any:
    """Import a module of a package that is not installed by default.

    Parameters
    ----------
    module : str
        The dotted name of the module.
    extra : str
        The extra of this package that brings it: export, serve or ray.

    Raises
    ------
    ExportError, ServeError
        Where the package is missing or broken, with the pip line that installs it.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise _ERRORS[extra](
            f"this needs the package {module.split('.')[0]}, which cannot be imported: {error}. Install it: "
            f'pip install "netwright[{extra}]"'
        ) from error
