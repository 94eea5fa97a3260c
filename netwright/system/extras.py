"""Optional dependencies: imported when they are first used, with a cure where they are missing."""

from __future__ import annotations

import importlib
from typing import Any

from netwright.errors import DataError, ExportError, NetwrightError, RecipeError, ServeError

__all__ = ["optional"]

# extra of pyproject.toml -> the error of the room that needs it, and what that does with it
_EXTRAS: dict[str, tuple[type[NetwrightError], str]] = {
    "export": (ExportError, "an exported network"),
    "heif": (DataError, "a HEIC image"),
    "litert": (ExportError, "a network for LiteRT"),
    "optuna": (RecipeError, "a sweep by a sampler of Optuna"),
    "ray": (ServeError, "scaling out"),
    "serve": (ServeError, "serving"),
    "tensorboard": (RecipeError, "the tracker tensorboard"),
    "wandb": (RecipeError, "the tracker wandb"),
}


def optional(module: str, extra: str) -> Any:
    """Import a module of a package that is not installed by default.

    Args:
        module: The dotted name of the module.
        extra: The extra of this package that brings it: export, heif, litert, optuna, ray, serve, tensorboard or wandb.

    Raises:
        DataError, ExportError, RecipeError, ServeError: The package is missing or broken; with the pip line that
            installs it.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        kind, purpose = _EXTRAS[extra]
        raise kind(
            f"{purpose} needs the package {module.split('.')[0]}, which cannot be imported: {error}. Install it: "
            f'pip install "netwright[{extra}]"'
        ) from error
