"""The flags of a training: one for every key of `netwright.recipe.Training`, and MindCV's names."""

from __future__ import annotations

import argparse
import textwrap
import types
from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from typing import Any, Union, get_args, get_origin

from netwright.errors import RecipeError
from netwright.recipe import Loaded, TrainConfig, load_training, training_options
from netwright.recipe.load import CLIP
from netwright.recipe.mindcv import MINDCV, Renamed
from netwright.recipe.option import Option
from netwright.system.suggest import suggest

__all__ = ["add_training_flags", "training_of"]

# where argparse keeps the words of a training's flags, apart from those of a verb's own
_PREFIX = "training."
_NAMES = """True or false: --distribute False, or --distribute alone for true. Lists: --scale 0.1 1, or as
in YAML, --scale "[0.1, 1]". Nothing: --num_classes none.
MindCV's names and values work too, as flags and in recipes: --epoch_size 90 --opt adamw
--amp_level O2 --ckpt_path FILE ... The table of all is netwright/recipe/mindcv.py."""


def add_training_flags(parser: ArgumentParser, *, shown: Sequence[str] | None = None) -> None:
    """--config, --print_config and a flag for every key, ours and MindCV's. `training_of` reads them.

    shown: the groups of `TrainConfig` that --help lists, for a verb that needs few; all, if none are named.
    """
    first = parser.add_argument_group("recipe")
    first.add_argument("-c", "--config", default="", metavar="FILE", help="YAML file of keys, which flags override")
    first.add_argument("--print_config", action="store_true", help="print all keys and their values as YAML, and stop")
    groups = training_options()
    for name, options in groups.items():
        if shown is None or name in shown:
            about = " ".join((type(getattr(TrainConfig(), name)).__doc__ or "").split())
            group = parser.add_argument_group(name, textwrap.fill(about, 76))
            for item in options:
                _add(group, item.name, item, _help(item))
        else:
            for item in options:
                _add(parser, item.name, item, argparse.SUPPRESS)
    ours = {item.name: item for options in groups.values() for item in options} | CLIP
    for name in sorted({*MINDCV, *CLIP} - {*ours.keys() - CLIP.keys(), "config"}):
        row = MINDCV.get(name, Renamed(name))
        key = ours[row.key] if isinstance(row, Renamed) else None
        _add(parser, name, None if key is None or row.values else key, argparse.SUPPRESS, truth="True" in row.values)
    parser.epilog = _NAMES if parser.epilog is None else f"{parser.epilog}\n\n{_NAMES}"


def training_of(given: Namespace | Sequence[str]) -> Loaded:
    """The training that parsed flags, or the words of a command line, ask for. RecipeError for any mistake in them."""
    options = given if isinstance(given, Namespace) else _parsed(given)
    flags = {key.removeprefix(_PREFIX): value for key, value in vars(options).items() if key.startswith(_PREFIX)}
    return load_training(
        options.config or None,
        {key: " ".join(value) if isinstance(value, list) else value for key, value in flags.items()},
    )


def _parsed(words: Sequence[str]) -> Namespace:
    parser = ArgumentParser(allow_abbrev=False, add_help=False, exit_on_error=False)
    add_training_flags(parser)
    try:
        options, rest = parser.parse_known_args(list(words))
    except argparse.ArgumentError as error:
        raise RecipeError(f"{error}. Correct it.") from error
    if rest:
        known = parser._option_string_actions
        hint = suggest(rest[0].split("=")[0], known, "`netwright train --help` lists what there is.")
        raise RecipeError(f"unknown flag {rest[0]!r}: {hint}")
    return options


def _add(group: Any, name: str, item: Option | None, help: str, *, truth: bool = False) -> None:
    """A flag whose words are kept as they are; reading them is `load_training`'s. item None: of one word."""
    kinds = _kinds(item.hint) if item else set()
    more: dict[str, Any] = {}
    if bool in kinds or truth:
        more = {"nargs": "?", "const": "True"}
    elif tuple in kinds:
        more = {"nargs": "+"}
    group.add_argument(
        f"--{name}",
        dest=_PREFIX + name,
        default=argparse.SUPPRESS,
        help=help,
        metavar=_metavar(kinds),
        **more,
    )


def _kinds(hint: Any) -> set[Any]:
    """The plain types of a hint, tuple for one of any length."""
    parts = get_args(hint) if get_origin(hint) in (types.UnionType, Union) else (hint,)
    return {get_origin(part) or part for part in parts}


def _metavar(kinds: set[Any]) -> str:
    for kind, word in ((bool, "true|false"), (str, "TEXT"), (tuple, "X"), (float, "X"), (int, "N")):
        if kind in kinds:
            return word
    return "VALUE"


def _help(item: Option) -> str:
    """What it is, what it may be, what it is by default."""
    choices = ", ".join(choice or "''" for choice in item.constraint.choices)
    if all(choice in item.constraint.help for choice in item.constraint.choices):
        choices = ""
    more = f"{choices}; default: " if choices else "default: "
    return f"{item.constraint.help} ({more}{_in_words(item.default)})".replace("%", "%%")


def _in_words(value: Any) -> str:
    if isinstance(value, tuple):
        return " ".join(map(_in_words, value)) or "none"
    return "none" if value is None else "''" if value == "" else str(value)
