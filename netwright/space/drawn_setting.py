"""Parts of the setting as parameters of a space: resolution, stem, squeeze-and-excitation, activation.

They are drawn once for a network, stored and analyzed like the others. Stems and activations are words: a distribution
has their places in `WORDS`, and whoever reads a network or a population reads the words.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from netwright.arch import ACTIVATIONS, STEMS, Stem
from netwright.errors import SpaceError
from netwright.space.distribution import Choice, Distribution, distribution_from_dict
from netwright.space.located import about
from netwright.space.parameter import Parameter
from netwright.space.setting import Setting

__all__ = [
    "DRAWN",
    "WORDS",
    "check_drawn",
    "codes",
    "drawn_to_dict",
    "is_drawn",
    "nominal",
    "split_setting",
    "with_se",
    "words",
]

WORDS: dict[str, tuple[str, ...]] = {"stem": tuple(STEMS), "activation": ACTIVATIONS}
DRAWN = ("resolution", "stem", "se_ratio", "activation")
_MOST = 64  # different values: each is a kind of network of its own
_BLOCK_OF = {True: {"x": "y"}, False: {"y": "x"}}  # with and without squeeze-and-excitation, else the same block


def is_drawn(key: str, value: Any) -> bool:
    """Whether what stands for a part of the setting is a distribution."""
    return key in DRAWN and not isinstance(value, str | int | float | None)


def split_setting(values: Mapping[str, Any]) -> tuple[dict[str, Any], tuple[Parameter, ...]]:
    """What is common to all networks, and the parameters that are drawn. values: key -> a value, or a distribution.

    Raises:
        SpaceError: A distribution that cannot be.
    """
    fixed = {key: value for key, value in values.items() if not is_drawn(key, value)}
    drawn = []
    for key in DRAWN:
        if key in values and key not in fixed:
            with about("setting", key):
                drawn.append(Parameter(key, (_distribution(key, values[key]),)))
    return fixed, tuple(drawn)


def _distribution(key: str, given: Any) -> Distribution:
    if not isinstance(given, Mapping | list | tuple):
        return given  # type: ignore[no-any-return]
    if key not in WORDS:
        return distribution_from_dict(dict(given) if isinstance(given, Mapping) else list(given))
    known = WORDS[key]
    values = {"choice": given} if isinstance(given, list | tuple) else dict(given)
    chosen = values.pop("choice", None)
    if not isinstance(chosen, list | tuple) or set(values) - {"weights"} or any(word not in known for word in chosen):
        raise SpaceError(
            f"{key} is drawn from some of {', '.join(known)}, not from {given!r}. Write {key}: {{choice: [{known[0]}, "
            f"{known[-1]}]}}."
        )
    weights = values.get("weights")
    places = tuple(known.index(word) for word in chosen)
    return Choice(places, None if weights is None else tuple(weights))


def nominal(setting: Setting, drawn: Sequence[Parameter]) -> Setting:
    """The setting with the largest resolution and the stem of the smallest stride of those that are drawn."""
    changes: dict[str, Any] = {}
    for parameter in drawn:
        listed = parameter.distributions[0].levels()
        if listed is None:
            continue  # refused by `check_drawn`
        if parameter.name == "resolution":
            changes["resolution"] = int(listed[0].max())
        elif parameter.name == "stem":
            changes["stem"] = min((WORDS["stem"][int(v)] for v in listed[0]), key=lambda kind: Stem(kind).stride)
    return setting.with_(**changes)


def check_drawn(setting: Setting, drawn: Sequence[Parameter]) -> None:
    """SpaceError where a part of the setting cannot be drawn so."""
    for parameter in drawn:
        name, distribution = parameter.name, parameter.distributions[0]
        with about("setting", name):
            if name not in DRAWN:
                raise SpaceError(f"{name} is no part of a setting that is drawn. These are: {', '.join(DRAWN)}.")
            listed = distribution.levels()
            if listed is None or len(listed[0]) > _MOST:
                raise SpaceError(
                    f"{name} has at most {_MOST} values, and {distribution.to_dict()} has more. Give it a quantum, or "
                    "a list of values."
                )
            for value in listed[0].tolist():
                if name == "resolution":
                    if not float(value).is_integer():
                        raise SpaceError(f"resolution is a whole number, not {value:g}. Give it a quantum.")
                    setting.with_(resolution=int(value))
                elif name == "se_ratio":
                    with_se(setting, value)


def with_se(setting: Setting, ratio: float) -> tuple[str, float]:
    """Block and se_ratio of a network that has so much squeeze-and-excitation: x with it is y, y without it is x."""
    block = _BLOCK_OF[ratio > 0].get(setting.block, setting.block)
    return block, float(setting.with_(block=block, se_ratio=ratio).se_ratio or 0.0)


def words(name: str, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """(n,) as people read them: words of what has words, numbers as they are."""
    known = WORDS.get(name)
    return values if known is None else np.array([known[int(value)] for value in values])


def codes(name: str, values: Sequence[Any] | npt.NDArray[Any], known: Sequence[str] | None = None) -> Any:
    """(n,) float64, the inverse of `words`; NaN for what is no such word. known: the words, where they are others."""
    known = WORDS.get(name) if known is None else known
    if known is None:
        return np.asarray(values, np.float64)
    places = {word: float(place) for place, word in enumerate(known)}
    return np.array([places.get(value, np.nan) if isinstance(value, str) else float(value) for value in values])


def drawn_to_dict(drawn: Sequence[Parameter]) -> dict[str, Any]:
    """Key of the setting -> its distribution, as a file has it."""
    found: dict[str, Any] = {}
    for parameter in drawn:
        values = parameter.distributions[0].to_dict()
        if known := WORDS.get(parameter.name):
            values["choice"] = [known[int(value)] for value in values["choice"]]
        found[parameter.name] = values
    return found
