"""The design spaces that come with the package, and reading a person's own from YAML."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import replace
from importlib import resources
from pathlib import Path
from typing import Any

import yaml

from netwright.errors import SpaceError
from netwright.space.space import DesignSpace

__all__ = ["load_space", "space_names"]

_REFINING = ("tie", "order", "limits", "parameters", "setting", "name", "summary", "base")


def space_names() -> tuple[str, ...]:
    """The spaces that `load_space` knows by name, from AnyNetX-A to RegNetY, then the reversed constraints."""
    order = ("anynetx_a", "anynetx_b", "anynetx_c", "anynetx_d", "anynetx_e", "regnetx", "regnety")
    files = {Path(item.name).stem for item in _folder().iterdir() if item.name.endswith(".yaml")}
    return tuple(name for name in order if name in files) + tuple(sorted(files - set(order)))


def load_space(ref: str | Path) -> DesignSpace:
    """A space by name (`regnetx`, `AnyNetX-A`) or from a YAML file.

    A file gives a whole space (see `netwright space show regnetx`), or `base: NAME` and what it narrows.
    """
    name = str(ref).lower().replace("-", "_")
    name = name.replace("anynet_", "anynetx_")
    if name in space_names():
        return _read(_folder().joinpath(f"{name}.yaml").read_text(), name)
    path = Path(ref)
    if path.suffix in (".yaml", ".yml") or path.exists():
        try:
            return _read(path.read_text(), str(path))
        except (OSError, UnicodeDecodeError) as error:
            raise SpaceError(f"the space {ref} cannot be read: {error}. Give a YAML file.") from error
    near = difflib.get_close_matches(name, space_names(), n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"these are known: {', '.join(space_names())}; or give a file."
    raise SpaceError(f"no design space is called {str(ref)!r}: {hint}")


def _folder() -> Any:
    return resources.files("netwright.space") / "spaces"


def _read(text: str, source: str) -> DesignSpace:
    try:
        plain = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise SpaceError(f"{source} is not YAML: {error}. `netwright space show regnetx` prints an example.") from error
    if not isinstance(plain, Mapping):
        raise SpaceError(f"{source} holds no mapping but {type(plain).__name__}. See `netwright space show regnetx`.")
    if "base" not in plain:
        return DesignSpace.from_dict(plain)
    for key in plain:
        if key not in _REFINING:
            raise SpaceError(
                f"a space with a base may have the keys {', '.join(_REFINING)}; {source} has {key!r}. Remove it."
            )
    base = load_space(plain["base"]).with_setting(**plain.get("setting", {}))
    refined = base.refine(
        tie=plain.get("tie", ()),
        order=plain.get("order", {}),
        name=plain.get("name", Path(source).stem),
        **plain.get("limits", {}),
        **plain.get("parameters", {}),
    )
    return replace(refined, summary=plain.get("summary", ""))
