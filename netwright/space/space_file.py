"""A space from the text of a YAML file: a whole one, or what is narrowed of a base. Errors name the file and the line.

A list of two numbers has one meaning: a range from low to high, which narrows what the base has. A file without a base
has nothing to narrow: there such a list is refused, unless no other usual value lies between the two. Any other list,
and {choice: [...]}, are the values themselves.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from netwright.arch import Stem
from netwright.errors import SpaceError
from netwright.space.distribution import Choice, Distribution, distribution_from_dict
from netwright.space.families import unknown
from netwright.space.located import LocatedError, PlacedError, about
from netwright.space.recipe_parameters import recipe_parameters
from netwright.space.space import DesignSpace
from netwright.space.union_file import union_from_dict
from netwright.space.values import LIMITS, constraints, range_of, section
from netwright.system.suggest import nearest
from netwright.system.yaml_text import Lines, YamlError, parse

__all__ = ["space_from_text"]

# words of what is wrong with YAML -> the cure
_CURES = {
    "\\t": "Indent with spaces, not with tabs. ",
    "alias": "Write the values themselves. ",
    "could not determine a constructor": "Leave the tag (!...) out. ",
    "is repeated": "Keep one of the two. ",
    "single document": "Leave out what follows ---. ",
    "unhashable": "A key is a word. ",
}
_LONGEST = 900  # characters of a message
_SPARE_HALVINGS = 5  # of small images, which spaces of large ones are often read with
_REFINING = ("tie", "order", "limits", "parameters", "setting", "every_step", "recipe", "name", "summary", "base")
# parameter -> whether no other usual value lies between two: whole numbers, multiples of 8, powers of two
_NEXT: dict[str, Callable[[float, float], bool]] = {
    "depth": lambda low, high: high - low == 1,
    "width": lambda low, high: high - low == 8,
    "bottleneck": lambda low, high: high == 2 * low,
    "group_width": lambda low, high: high == 2 * low,
    "groups": lambda low, high: high == 2 * low,
}


def space_from_text(text: str, source: str, load_base: Callable[[str], DesignSpace]) -> DesignSpace:
    """The space that a file describes.

    Args:
        text: Of the file.
        source: What messages call the file.
        load_base: Finds a base by its name or path.

    Raises:
        SpaceError: It is no space; the message has the file, the line and the key.
    """
    try:
        values, lines = parse(text, has_aliases=True)
    except YamlError as error:
        line = f", line {error.line}," if error.line else ""
        cure = next((cure for words, cure in _CURES.items() if words in error.problem), "")
        raise PlacedError(
            f"{source}{line} is not YAML that can be read: {error.problem}. {cure}`netwright space show regnetx` "
            "prints an example."
        ) from error
    if not isinstance(values, Mapping):
        held = "is empty" if values is None else f"holds {'a list' if isinstance(values, list) else repr(values)}"
        raise PlacedError(
            f"{source}, line {_first_line(text)}: a space is a mapping, and {source} {held}. See `netwright space show "
            "regnetx`."
        )
    with _placed(source, lines):
        _refuse_no_text(values)
        if "union" in values:
            named = {"name": Path(source).stem} if values.get("name") is None else {}
            return union_from_dict({**values, **named}, load_base)
        return _refined(values, source, load_base) if "base" in values else _whole(values)


@contextmanager
def _placed(source: str, lines: Lines) -> Iterator[None]:
    try:
        yield
    except PlacedError:
        raise
    except SpaceError as error:
        path = error.path if isinstance(error, LocatedError) else ()
        line = next((lines[path[:length]] for length in range(len(path), 0, -1) if path[:length] in lines), None)
        line = min(lines.values(), default=1) if line is None else line  # what is missing belongs to the whole
        raise PlacedError(f"{source}, line {line}: {_cut(str(error))}") from error


def _cut(text: str) -> str:
    """A message without the middle of a value that is too long to read."""
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST * 2 // 3]} ... {text[-_LONGEST // 3 :]}"


def _first_line(text: str) -> int:
    """Of what is neither empty nor a comment, 1 where there is nothing else."""
    lines = enumerate(text.splitlines(), start=1)
    return next((number for number, line in lines if line.strip() and not line.lstrip().startswith("#")), 1)


def _refuse_no_text(values: Mapping[str, Any]) -> None:
    for key in ("name", "summary"):
        if isinstance(values.get(key), Mapping | list):
            with about(key):
                raise SpaceError(f"{key} is a text, not {values[key]!r}. Write it in quotes.")


def _refuse_idle_ties(space: DesignSpace, values: Mapping[str, Any]) -> None:
    """SpaceError where what is drawn once for a network is tied over its stages."""
    for key in values.get("tie") or []:
        if space.family == "regnet":
            with about("tie"):
                raise SpaceError(
                    f"{key} is drawn once for a network of the family regnet, so nothing can be tied. Leave 'tie' out."
                )


def _refuse_too_many_halvings(space: DesignSpace) -> None:
    """SpaceError where stages go on halving a map that is one pixel."""
    setting, stages = space.setting, space.stages or 0
    halvings = round(math.log2(Stem(setting.stem).stride)) + sum(setting.stride(stage) == 2 for stage in range(stages))
    most = math.ceil(math.log2(setting.resolution))
    if stages and halvings > most + _SPARE_HALVINGS:
        ones = [1] * (stages - 4) + [2] * 4
        with about("stages"):
            raise SpaceError(
                f"{stages} stages halve an image of {setting.resolution} pixels {halvings} times, and after {most} its "
                f"map is one pixel. Have fewer stages, 4 are usual, or write setting: {{strides: {ones}}}."
            )


def _whole(values: Mapping[str, Any]) -> DesignSpace:
    for key, given in section(values, "parameters").items():
        with about("parameters", key):
            for each in given if isinstance(given, list) and any(isinstance(x, list) for x in given) else [given]:
                _refuse_range(key, each)
    _check_recipe_ranges(values)
    space = DesignSpace.from_dict(values)
    _check_strides(space, values)
    _refuse_idle_ties(space, values)
    _refuse_too_many_halvings(space)
    return space


def _check_recipe_ranges(values: Mapping[str, Any]) -> None:
    for key, given in section(values, "recipe").items():
        with about("recipe", key):
            _refuse_range(key, given)


def _refuse_range(key: str, given: Any) -> None:
    """SpaceError for a range, or what may be meant as one, where no base has a distribution to narrow."""
    if isinstance(given, Mapping) and "range" in given:
        raise SpaceError(
            f"a range narrows what a base has, and this file has none. Write {key}: {{uniform: [LOW, HIGH], quantum: "
            "1}, or another distribution."
        )
    if not (isinstance(given, list) and len(given) == 2 and all(_is_number(value) for value in given)):
        return
    low, high = given
    if low < high and not (key in _NEXT and _NEXT[key](low, high)):
        raise SpaceError(
            f"{key}: {given} may mean the two values or the range between them. Write '{key}: {{choice: [{low}, "
            f"{high}]}}' for the two values, or '{key}: {{uniform: [{low}, {high}], quantum: 1}}' (or log_uniform, or "
            "powers_of_two) for the range."
        )


def _refined(values: Mapping[str, Any], source: str, load_base: Callable[[str], DesignSpace]) -> DesignSpace:
    with about("base"):
        base: DesignSpace = load_base(str(values["base"]))
    for key in values:
        if key not in _REFINING:
            with about(str(key)):
                raise _misplaced(str(key), source, [*(each.name for each in base.parameters), *base.columns])
    with about("setting", keys=section(values, "setting")):
        base = base.with_setting(**section(values, "setting"))
    _check_strides(base, values)
    if "every_step" in values:
        with about("every_step"):
            base = replace(base, every_step=values["every_step"])
    _check_recipe_ranges(values)
    for parameter in recipe_parameters(section(values, "recipe")):
        with about("recipe", parameter.name):
            base = base.with_recipe(**{parameter.name: parameter.distributions[0]})
    ranges: dict[str, Any] = {}
    for key, given in section(values, "parameters").items():
        with about("parameters", key):
            if key not in (names := [*(parameter.name for parameter in base.parameters), *base.columns]):
                raise unknown("parameter", key, names)
            if (chosen := _chosen(given)) is not None:
                base = _keep(base, key, chosen)
            else:
                ranges[key] = _range_within(base, key, given)
    constrained = constraints(values)
    _refuse_idle_ties(base, values)
    refined = base.refine(name=str(values.get("name", Path(source).stem)), **constrained, **ranges)
    return replace(refined, summary=str(values.get("summary", "")))


def _misplaced(key: str, source: str, known: Collection[str]) -> SpaceError:
    """For a key that no file with a base has at its top."""
    plain = key.removeprefix("max_")
    home = "limits" if plain in LIMITS else "parameters" if key in known else ""
    cure = f"Write it under '{home}:'." if home else "Remove it."
    if not home and (near := nearest(key, _REFINING)):
        cure = f"Did you mean {near[0]!r}?"
    return SpaceError(f"a space with a base may have the keys {', '.join(_REFINING)}; {source} has {key!r}. {cure}")


def _chosen(given: Any) -> Choice | None:
    """The values that are named one by one; None for a range or a single number."""
    is_list = isinstance(given, list) and len(given) != 2 and all(_is_number(value) for value in given)
    if not is_list and not (isinstance(given, Mapping) and "choice" in given):
        return None
    chosen = distribution_from_dict(given)
    assert isinstance(chosen, Choice)
    return chosen


def _range_within(base: DesignSpace, key: str, given: Any) -> tuple[float, float]:
    """The range that a parameter is narrowed to. SpaceError where it reaches beyond what the base has."""
    if isinstance(given, Mapping):
        if set(given) != {"range"}:
            raise SpaceError(
                f"{key} is refined by [low, high], which is short for {{range: [low, high]}}, by one number, or by "
                f"{{choice: [...]}}; not by {dict(given)!r}. A file without a base may have other distributions."
            )
        given = given["range"]
    low, high = range_of(key, given)
    ends = [distribution.bounds for distribution in _distributions(base, key)]
    least, most = min(end[0] for end in ends), max(end[1] for end in ends)
    beyond = 1e-9 * max(abs(least), abs(most))
    if low < least - beyond or high > most + beyond:
        cut = f"[{max(low, least):g}, {min(high, most):g}]"
        cure = f"Write {key}: {cut}" if max(low, least) <= min(high, most) else "Choose a range within it"
        raise SpaceError(
            f"{key} is narrowed to {low:g} to {high:g}, and {base.name!r} only has {least:g} to {most:g}. {cure}, or "
            "write a space without a base."
        )
    return low, high


def _keep(base: DesignSpace, key: str, chosen: Choice) -> DesignSpace:
    """The space with some of a parameter's values, as likely as before where no weights are given."""

    def kept(distribution: Distribution) -> Distribution:
        listed = distribution.levels()
        low, high = distribution.bounds
        for value in chosen.values:
            if not (low <= value <= high if listed is None else np.isclose(listed[0], value, rtol=1e-9, atol=0).any()):
                raise SpaceError(
                    f"{value:g} is no value that {key} of {base.name!r} has ({low:g} to {high:g}). A base is only "
                    "narrowed; write a space without one."
                )
        if chosen.weights is not None or listed is None:
            return chosen
        weights = [float(listed[1][np.isclose(listed[0], value, rtol=1e-9, atol=0)].sum()) for value in chosen.values]
        return Choice(chosen.values, None if len(set(weights)) == 1 else tuple(weights))

    parameters = []
    for parameter in base.parameters:
        pairs = zip(parameter.columns, parameter.distributions, strict=True)
        changed = tuple(kept(each) if key in (parameter.name, column) else each for column, each in pairs)
        parameters.append(replace(parameter, distributions=changed))
    return replace(base, parameters=tuple(parameters))


def _distributions(space: DesignSpace, key: str) -> list[Distribution]:
    return [
        distribution
        for parameter in space.parameters
        for column, distribution in zip(parameter.columns, parameter.distributions, strict=True)
        if key in (parameter.name, column)
    ]


def _check_strides(space: DesignSpace, values: Mapping[str, Any]) -> None:
    """SpaceError where strides are written and are not one for each stage; 2s beyond are what any space has."""
    given = section(values, "setting").get("strides")
    stages = space.stages or space.limits.get("num_stages", (0, 0))[1]
    if given is None or not np.isfinite(stages) or not stages:
        return
    if len(given) < stages or any(stride != 2 for stride in given[int(stages) :]):
        with about("setting", "strides"):
            raise SpaceError(
                f"strides are one for each of the {int(stages)} stages, and {list(given)} has {len(given)}. "
                f"For example: {[1] + [2] * (int(stages) - 1)}."
            )


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
