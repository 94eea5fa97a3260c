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
from netwright.space.parameter import unknown
from netwright.space.space import DesignSpace, constraints, section

__all__ = ["load_space", "space_names"]

_REFINING = ("tie", "order", "limits", "parameters", "setting", "name", "summary", "base")


def space_names() -> tuple[str, ...]:
    """The spaces that `load_space` knows by name, from AnyNetX-A to RegNetY, then the reversed constraints."""
    order = ("anynetx_a", "anynetx_b", "anynetx_c", "anynetx_d", "anynetx_e", "regnetx", "regnety")
    files = {Path(item.name).stem for item in _folder().iterdir() if item.name.endswith(".yaml")}
    return tuple(name for name in order if name in files) + tuple(sorted(files - set(order)))


def load_space(ref: str | Path) -> DesignSpace:
    """A space by name (`regnetx`, `AnyNetX-A`) or from a YAML file.

    A file gives a whole space (see `netwright space show regnetx`), or `base: NAME` and what it narrows; a base may be
    a file too, found from the folder of the file that names it.
    """
    return _load(ref, ())


def _load(ref: str | Path, readers: tuple[Path, ...]) -> DesignSpace:
    """readers: the files whose bases led here, first to last."""
    name = str(ref).lower().replace("-", "_")
    name = name.replace("anynet_", "anynetx_")
    if name in space_names():
        return _read(_folder().joinpath(f"{name}.yaml").read_text(encoding="utf-8"), name, readers)
    path = readers[-1].parent / ref if readers else Path(ref)
    if path.suffix in (".yaml", ".yml") or path.exists():
        if path.resolve() in readers:
            raise SpaceError(f"the space {ref} is its own base. Name another base in one of these files.")
        try:
            return _read(path.read_text(encoding="utf-8"), str(path), (*readers, path.resolve()))
        except (OSError, UnicodeDecodeError) as error:
            raise SpaceError(f"the space {ref} cannot be read: {error}. Give a YAML file.") from error
    near = difflib.get_close_matches(name, space_names(), n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"these are known: {', '.join(space_names())}; or give a file."
    raise SpaceError(f"no design space is called {str(ref)!r}: {hint}")


def _folder() -> Any:
    return resources.files("netwright.space") / "spaces"


def _read(text: str, source: str, readers: tuple[Path, ...]) -> DesignSpace:
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
    base = _load(str(plain["base"]), readers).with_setting(**section(plain, "setting"))
    ranges = section(plain, "parameters")
    for key in ranges:
        if key not in (names := [*(axis.name for axis in base.axes), *base.columns]):
            raise unknown("parameter", key, names)
    refined = base.refine(name=str(plain.get("name", Path(source).stem)), **constraints(plain), **ranges)
    return replace(refined, summary=str(plain.get("summary", "")))
