"""A study as values: spaces, planned comparisons, how they are trained. Read from YAML and checked before any work."""

from __future__ import annotations

import re
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import numpy as np

from netwright.errors import RecipeError
from netwright.options import read_quantity, read_window
from netwright.stats.group_sequential import SPENDING
from netwright.stats.shuffles import LEAST
from netwright.system.suggest import suggest
from netwright.system.yaml_text import YamlError, parse
from netwright.workflow.config import LIMITS, DesignConfig

__all__ = ["TESTS", "PlannedComparison", "Study", "StudySpace", "read_study"]

TESTS = (*SPENDING, "betting")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*$")
_PAIR = re.compile(r"\s*(\S+)\s+-\s+(\S+)\s*$")
# of a sweep's options, what a study decides itself
_OWN = ("space", "trials", "out", "seed", "budget", "command", "recipe", "given", "planned")
_FEWEST_LOOKS, _MOST_LOOKS = 2, 50


@dataclass(frozen=True, slots=True)
class StudySpace:
    """A space of a study.

    Attributes:
        name: In the study, and of its run folder.
        ref: Name or YAML file of the design space.
        parent: Name of the space that it refines, for the tree; empty for none.
        text: What it is, for the report.
    """

    name: str
    ref: str
    parent: str = ""
    text: str = ""


@dataclass(frozen=True, slots=True)
class PlannedComparison:
    """The difference of two mean errors, planned before anything is trained.

    Attributes:
        a, b: Names of spaces: of mean a - mean b.
        margin: Points that do not matter; the comparison ends too where the difference is shown to be smaller.
        trials: The most networks of each.
        looks: How often it is looked at, equally far apart.
        question: What it is about, for the report.
        paper: What others found, likewise.
    """

    a: str
    b: str
    margin: float
    trials: int
    looks: int
    question: str = ""
    paper: str = ""

    @property
    def name(self) -> str:
        """`D - C`."""
        return f"{self.a} - {self.b}"


@dataclass(frozen=True)
class Study:
    """Several spaces, and what is to be known of them.

    Attributes:
        name: Of the study.
        spaces: In the order of the file.
        comparisons: Likewise.
        options: Of every sweep, by the names of the flags of `netwright sweep`.
        confidence: 1 - the probability that any statement of the whole study is wrong.
        reserve: The part of the error probability that is kept for comparisons that are added later.
        test: "obrien_fleming" or "pocock" (group-sequential, by alpha spending) or "betting" (no assumption).
        seed: From which those of the spaces follow.
        text: What it is about, for the report.
        source: The file.
    """

    name: str
    spaces: tuple[StudySpace, ...]
    comparisons: tuple[PlannedComparison, ...]
    options: Mapping[str, Any] = field(default_factory=dict)
    confidence: float = 0.95
    reserve: float = 0.1
    test: str = "obrien_fleming"
    seed: int = 0
    text: str = ""
    source: str = ""

    def space(self, name: str) -> StudySpace:
        """The space of that name."""
        return next(each for each in self.spaces if each.name == name)

    def most(self, name: str) -> int:
        """The most networks of a space that any comparison takes."""
        return max((each.trials for each in self.comparisons if name in (each.a, each.b)), default=0)

    def seed_of(self, name: str) -> int:
        """Of a space's population: no two draw from the same numbers, and a space that is added changes no other."""
        return int(np.random.SeedSequence([self.seed, zlib.crc32(name.encode())]).generate_state(1)[0] >> 1)

    def config(self, out: Path, space: str, **changes: Any) -> DesignConfig:
        """What a sweep of one of its spaces is given."""
        of = self.space(space)
        options = {name: _value(name, given) for name, given in self.options.items()} | changes
        return DesignConfig.from_options(
            **options, space=of.ref, out=out, trials=max(1, self.most(space)), seed=self.seed
        )


def read_study(path: str | Path) -> Study:
    """The study of a YAML file.

        name: widths
        sweep: {data_dir: photos, epochs: 5, flops: 20M:25M}      # any flag of `netwright sweep`
        spaces:
          C: anynetx_c
          D: {space: anynetx_d, parent: C}
        comparisons: [D - C]
        trials: 96          # of each space, at most
        looks: 12
        margin: 2.0         # points that do not matter

    Raises:
        RecipeError: It is no study; the message has the key and the cure.
    """
    path = Path(path)
    try:
        values, _ = parse(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise RecipeError(f"the study {path} cannot be read: {error}. Give a YAML file.") from error
    except YamlError as error:
        line = f", line {error.line}" if error.line else ""
        raise RecipeError(f"{path}{line} is not YAML that can be read: {error.problem}. Correct it.") from error
    try:
        return _study(values, path)
    except RecipeError as error:
        raise RecipeError(f"{path}: {error}") from error


_KEYS = (
    "name",
    "text",
    "sweep",
    "spaces",
    "comparisons",
    "trials",
    "looks",
    "margin",
    "confidence",
    "reserve",
    "test",
    "seed",
)
_SPACE_KEYS = ("space", "parent", "text")
_PAIR_KEYS = ("of", "margin", "trials", "looks", "question", "paper")


def _study(values: Any, path: Path) -> Study:
    _check_keys(values, _KEYS, "a study")
    for key in ("spaces", "comparisons"):
        if not values.get(key):
            raise RecipeError(f"a study has {key!r}, and this one has none. `netwright study --help` shows an example.")
    options = values.get("sweep") or {}
    _check_options(options)
    spaces = tuple(_space(name, given, path.parent) for name, given in _mapping(values["spaces"], "spaces").items())
    names = [each.name for each in spaces]
    for each in spaces:
        if each.parent and each.parent not in names:
            raise RecipeError(
                f"the parent of {each.name!r} is a space of the study, not {each.parent!r}: "
                f"{suggest(each.parent, names)}"
            )
    common = {
        "margin": values.get("margin", 1.0),
        "trials": values.get("trials", 100),
        "looks": values.get("looks", 10),
    }
    given = values["comparisons"]
    if not isinstance(given, list):
        raise RecipeError("'comparisons' is a list, such as [D - C, E - D]. Correct it.")
    study = Study(
        name=str(values.get("name", path.stem)),
        spaces=spaces,
        comparisons=tuple(_comparison(each, common, names) for each in given),
        options=dict(options),
        confidence=_number(values.get("confidence", 0.95), "confidence", 0.5, 1.0),
        reserve=_number(values.get("reserve", 0.1), "reserve", -1e-12, 1.0),
        test=str(values.get("test", "obrien_fleming")),
        seed=int(values.get("seed", 0)),
        text=str(values.get("text", "")),
        source=str(path),
    )
    if study.test not in TESTS:
        raise RecipeError(f"'test' is one of {', '.join(TESTS)}, not {study.test!r}. Correct it.")
    pairs = [frozenset((each.a, each.b)) for each in study.comparisons]
    if len(set(pairs)) < len(pairs):
        again = next(each for each, pair in zip(study.comparisons, pairs, strict=True) if pairs.count(pair) > 1)
        raise RecipeError(f"the comparison {again.name} is planned twice. Keep one of them.")
    study.config(Path("unused"), names[0])  # every mistake in an option is found here
    return study


def _space(name: Any, given: Any, beside: Path) -> StudySpace:
    name = str(name)
    if not _NAME.match(name):
        raise RecipeError(f"a space's name is made of letters, digits, _, - and ., not {name!r}: it names a folder.")
    values = given if isinstance(given, Mapping) else {"space": given}
    _check_keys(values, _SPACE_KEYS, f"the space {name!r}")
    ref = str(values.get("space", name))
    if ref.endswith((".yaml", ".yml")) and not Path(ref).is_absolute():
        ref = str(beside / ref)
    return StudySpace(name, ref, str(values.get("parent", "")), str(values.get("text", "")))


def _comparison(given: Any, common: Mapping[str, Any], names: list[str]) -> PlannedComparison:
    values = dict(common) | (dict(given) if isinstance(given, Mapping) else {"of": given})
    _check_keys(values, _PAIR_KEYS, "a comparison")
    found = _PAIR.match(str(values.get("of", "")))
    if not found:
        raise RecipeError(f"a comparison is a difference of two spaces, such as 'D - C', not {values.get('of')!r}.")
    for name in found.groups():
        if name not in names:
            raise RecipeError(f"unknown space {name!r} in {values['of']!r}: {suggest(name, names)}")
    if found[1] == found[2]:
        raise RecipeError(f"a space is not compared with itself: {values['of']!r}. Correct it.")
    trials = int(_number(values["trials"], "trials", 0, 1e7))
    looks = int(_number(values["looks"], "looks", _FEWEST_LOOKS - 1, _MOST_LOOKS))
    if trials < 2 * LEAST or trials // looks < 1:
        raise RecipeError(f"'trials' is at least {2 * LEAST} and one for each look, not {trials} with {looks} looks.")
    return PlannedComparison(
        a=found[1],
        b=found[2],
        margin=_number(values["margin"], "margin", 0.0, 100.0),
        trials=trials,
        looks=looks,
        question=str(values.get("question", "")),
        paper=str(values.get("paper", "")),
    )


def _check_options(options: Any) -> None:
    from netwright.recipe import Recipe

    known = [each.name for each in (*fields(DesignConfig), *fields(Recipe)) if each.name not in _OWN]
    known += [f"max_{limit}" for limit in LIMITS]
    for name in _mapping(options, "sweep"):
        if name in _OWN:
            raise RecipeError(f"a study decides {name!r} itself. Leave it out of 'sweep'.")
        if name not in known:
            raise RecipeError(f"unknown option {name!r} in 'sweep': {suggest(name, known)}")


def _value(name: str, given: Any) -> Any:
    """An option as a DesignConfig takes it: 1M:2M is a window, 2M a quantity."""
    try:
        if name in LIMITS and isinstance(given, str):
            return read_window(given)
        if name.removeprefix("max_") in LIMITS and isinstance(given, str):
            return read_quantity(given)
    except ValueError as error:
        raise RecipeError(f"{name}: {error}. Correct it in 'sweep'.") from error
    return given


def _check_keys(values: Any, known: tuple[str, ...], what: str) -> None:
    for key in _mapping(values, what):
        if key not in known:
            raise RecipeError(f"unknown key {key!r} of {what}: {suggest(key, known)}")


def _mapping(values: Any, what: str) -> Mapping[str, Any]:
    if not isinstance(values, Mapping):
        raise RecipeError(f"{what} is a mapping of keys to values, not {values!r}. `netwright study --help` shows one.")
    return values


def _number(given: Any, name: str, above: float, most: float) -> float:
    if isinstance(given, bool) or not isinstance(given, int | float) or not above < given <= most:
        low = max(above, 0.0)
        raise RecipeError(f"{name!r} is a number above {low:g} and up to {most:g}, not {given!r}. Correct it.")
    return float(given)
