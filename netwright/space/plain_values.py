"""A design space from plain values: what `DesignSpace.to_dict` gave, or a person wrote."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any

from netwright.errors import SpaceError
from netwright.space.drawn_setting import nominal, split_setting
from netwright.space.families import FAMILIES, parameters_of, unknown
from netwright.space.located import about
from netwright.space.parameter import Parameter
from netwright.space.recipe_parameters import recipe_parameters
from netwright.space.setting import Setting
from netwright.space.space import DesignSpace
from netwright.space.values import constraints, distributions_of, section

__all__ = ["space_from_dict"]

_KEYS = (
    *("name", "summary", "family", "stages", "parameters", "tie", "order", "limits", "setting", "rounding"),
    *("every_step", "recipe"),
)


def space_from_dict(values: Mapping[str, Any]) -> DesignSpace:
    """See `DesignSpace.from_dict`. Of a union, all of its spaces are written out.

    Raises:
        SpaceError: An unknown or missing key, or a value that cannot be.
    """
    if "union" in values:
        found: DesignSpace = import_module("netwright.space.union_file").union_from_dict(values)
        return found
    for key in values:
        if key not in _KEYS:
            with about(str(key)):
                raise unknown("key of a space", key, _KEYS)
    for key in ("family", "parameters"):
        if key not in values:
            raise SpaceError(f"a space has the key {key!r}; this one has {', '.join(values)}. Add it.")
    family = values["family"]
    if family not in tuple(FAMILIES):
        with about("family"):
            raise SpaceError(f"a family is one of {sorted(FAMILIES)}, not {family!r}. Choose one of these.")
    with about("setting", keys=section(values, "setting")):
        fixed, drawn = split_setting(section(values, "setting"))
        setting = nominal(Setting().with_(**fixed), drawn)
    parameters = section(values, "parameters")
    names = parameters_of(family, setting.block, parameters)
    for key in parameters:
        if key not in names:
            with about("parameters", key):
                raise unknown(f"parameter of the family {family} with block {setting.block!r}", key, names)
    missing = [key for key in names if key not in parameters]
    if missing:
        with about("parameters"):
            raise SpaceError(
                f"a space of the family {family} with block {setting.block!r} gives each of {', '.join(names)} a "
                f"distribution; not {missing}. Add them to 'parameters'."
            )
    stages = values.get("stages", 4 if family == "anynet" else None)
    if stages is not None and (not isinstance(stages, int) or not 1 <= stages <= 64):
        with about("stages"):
            raise SpaceError(f"stages is a whole number from 1 to 64, not {stages!r}. 4 is usual.")
    space = DesignSpace(
        name=str(values.get("name", "unnamed")),
        summary=str(values.get("summary", "")),
        family=family,
        parameters=tuple(Parameter(key, distributions_of(key, parameters[key], stages or 1)) for key in names),
        stages=stages,
        setting=setting,
        rounding=values.get("rounding", "pycls"),
        every_step=values.get("every_step", False),
        recipe=recipe_parameters(section(values, "recipe")),
        drawn_setting=drawn,
    )
    return space.refine(**constraints(values))
