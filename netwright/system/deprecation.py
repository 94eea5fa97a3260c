"""Old names of public things: they work for one version more, with a warning that says the new name."""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Callable, Mapping
from typing import Any

__all__ = ["moved_names", "renamed_attribute", "renamed_method"]


def moved_names(old: str, homes: Mapping[str, str]) -> Callable[[str], Any]:
    """A module's `__getattr__` that finds public names where they are now.

    Args:
        old: The module that had them: "netwright.deploy".
        homes: Name -> "module:name" of today.
    """

    def find(name: str) -> Any:
        if name not in homes:
            raise AttributeError(f"module {old!r} has no attribute {name!r}")
        module, new = homes[name].split(":")
        _warn(f"{old}.{name}", f"{module}.{new}")
        return getattr(importlib.import_module(module), new)

    return find


def renamed_method(owner: str, old: str, new: str) -> Callable[..., Any]:
    """A method under its old name, to put into the class: `normalise = renamed_method("Runtime", "normalise", ...)`."""

    def call(self: Any, *args: Any, **options: Any) -> Any:
        _warn(f"{owner}.{old}", f"{owner}.{new}")
        return getattr(self, new)(*args, **options)

    call.__name__, call.__doc__ = old, f"Deprecated name of `{new}`."
    return call


def renamed_attribute(owner: str, old: str, new: str) -> property:
    """An attribute under its old name, for reading: `axes = renamed_attribute("DesignSpace", "axes", "parameters")`."""

    def read(self: Any) -> Any:
        _warn(f"{owner}.{old}", f"{owner}.{new}")
        return getattr(self, new)

    return property(read, doc=f"Deprecated name of `{new}`.")


def _warn(old: str, new: str) -> None:
    # the caller of whoever calls this
    warnings.warn(f"{old} is now {new}; the old name goes with the next version", DeprecationWarning, stacklevel=3)
