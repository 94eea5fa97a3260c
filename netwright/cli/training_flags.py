"""The flags of a training: one for every key of `netwright.recipe.TrainConfig`, and MindCV's names."""

from __future__ import annotations

import textwrap
from argparse import SUPPRESS, ArgumentError, Namespace
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from netwright.cli.options import default_in_words, value_settings
from netwright.cli.parser import CommandParser, Group, underscored
from netwright.cli.source_flags import add_source_flags, data_dir_with
from netwright.errors import RecipeError
from netwright.options import Option
from netwright.recipe import LoadedRecipe, TrainConfig, load_training, training_options
from netwright.recipe.common_names import COMMON, INPUT_SIZE
from netwright.recipe.load import CLIP
from netwright.recipe.mindcv import MINDCV, Renamed
from netwright.system.suggest import suggest

__all__ = ["add_training_flags", "training_of"]

# where argparse keeps the words of a training's flags, apart from those of a command's own
_PREFIX = "training."
_EPILOG = """True or false: --distribute False, or --distribute alone for true. Lists: --scale 0.1 1, or as
in YAML, --scale "[0.1, 1]". Nothing: --num_classes none.
MindCV's names and values work too, as flags and in recipes: --epoch_size 90 --opt adamw
--amp_level O2 --ckpt_path FILE ... The table of all is netwright/recipe/mindcv.py.
So do names that others made common (--wd, --learning_rate, --amp, --aa, --model-ema,
--input-size, --data-path: netwright/recipe/common_names.py), and hyphens for underscores."""


def add_training_flags(parser: CommandParser, *, listed: Mapping[str, Mapping[str, str]] | None = None) -> None:
    """--config, --print_config and a flag for every key, ours and MindCV's. `training_of` reads them.

    Args:
        parser: Gets the flags.
        listed: What --help lists, for a command that needs only some of the flags: heading -> flag -> its help. By
            default all of our keys, under their groups, with the help of their declaration.
    """
    recipe = parser.add_argument_group("recipe")
    recipe.add_argument("-c", "--config", default="", metavar="FILE", help="YAML file of keys, which flags override")
    recipe.add_argument("--print_config", action="store_true", help="print all keys and their values as YAML, and stop")
    groups = training_options()
    ours = {item.name: item for options in groups.values() for item in options}
    if listed is None:
        for name, options in groups.items():
            about = " ".join((type(getattr(TrainConfig(), name)).__doc__ or "").split())
            group = parser.add_argument_group(name, textwrap.fill(about, 76))
            for item in options:
                _add(group, item.name, item, _help(item))
    else:
        for heading, flags in listed.items():
            for flag, help in flags.items():
                name = flag.removeprefix("--")
                _add(parser.add_argument_group(heading), name, ours[name], help)
        shown = {flag for flags in listed.values() for flag in flags}
        for item in ours.values():
            if f"--{item.name}" not in shown:
                _add(parser, item.name, item, SUPPRESS)
    if listed is None or any("--data_dir" in flags for flags in listed.values()):
        add_source_flags(parser)
    _add_mindcv(parser, ours)
    parser.epilog = f"{parser.epilog}\n\n{_EPILOG}" if parser.epilog else _EPILOG


def training_of(flags: Namespace | Sequence[str]) -> LoadedRecipe:
    """The training that parsed flags, or the words of a command line, describe. RecipeError for any mistake in them."""
    options = flags if isinstance(flags, Namespace) else _parsed(flags)
    overrides = {key.removeprefix(_PREFIX): value for key, value in vars(options).items() if key.startswith(_PREFIX)}
    loaded = load_training(
        options.config or None,
        {key: " ".join(value) if isinstance(value, list) else value for key, value in overrides.items()},
    )
    data_dir = data_dir_with(options, loaded.training.images.data_dir)
    if data_dir == loaded.training.images.data_dir:
        return loaded
    return replace(loaded, training=loaded.training.with_(data_dir=data_dir), given=loaded.given | {"data_dir"})


def _parsed(words: Sequence[str]) -> Namespace:
    parser = CommandParser("netwright train", raises=True)
    add_training_flags(parser)
    try:
        options, rest = parser.parse_known_args(underscored(words, parser.flags))
    except ArgumentError as error:
        raise RecipeError(f"{error}. Correct it.") from error
    if rest:
        hint = suggest(rest[0].split("=")[0], parser.flags, "`netwright train --help` lists what there is.")
        raise RecipeError(f"unknown flag {rest[0]!r}: {hint}")
    return options


def _add_mindcv(parser: CommandParser, ours: Mapping[str, Option]) -> None:
    """The names of MindCV and others, which help describes as a whole."""
    table = {**COMMON, **MINDCV}
    for name in sorted({*table, *CLIP} - {*ours, "config"}):
        row = table.get(name, Renamed(name))
        key = {**ours, **CLIP}[row.key] if isinstance(row, Renamed) else None
        _add(parser, name, None if key is None or row.values else key, SUPPRESS, truth="True" in row.values)


def _add(target: CommandParser | Group, name: str, item: Option | None, help: str, *, truth: bool = False) -> None:
    """A flag whose words are kept as they are, for `load_training` to read. item: None for one word."""
    settings: dict[str, Any] = value_settings(item) if item else {"metavar": "VALUE"}
    if name == INPUT_SIZE:
        settings |= {"nargs": "+"}
    if truth:
        settings |= {"nargs": "?", "const": True}
    meaning = None if item is None else item.default
    target.add_argument(f"--{name}", dest=_PREFIX + name, default=SUPPRESS, meaning=meaning, help=help, **settings)


def _help(item: Option) -> str:
    """What it is, what it may be, what it is by default."""
    choices = ", ".join(choice or "''" for choice in item.constraint.choices)
    if all(choice in item.help for choice in item.constraint.choices):
        choices = ""
    more = f"{choices}; default: " if choices else "default: "
    return f"{item.help} ({more}{default_in_words(item.default)})".replace("%", "%%")
