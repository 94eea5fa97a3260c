"""The parser of a command: argparse, and a list of what was added to it, which argparse does not have in public."""

from __future__ import annotations

import re
from argparse import SUPPRESS, ArgumentParser, Namespace, RawDescriptionHelpFormatter
from collections.abc import Callable, Container, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

__all__ = ["Argument", "CommandParser", "Group", "underscored"]

_USAGE = {"?": "[{}]", "*": "[{} ...]", "+": "{} [...]"}


@dataclass(frozen=True, slots=True)
class Argument:
    """One argument of a command.

    Attributes:
        names: The flags, or the one name of a positional argument.
        metavar: What help shows in place of a value.
        takes: How many words: 1, 0 for a flag without value, "?" for at most one, "*" or "+".
        choices: All values that it may have; empty for any.
        default: The value that is meant where it is left out.
        help: What help says; empty where help does not list it.
        is_required: Whether a flag may not be left out.
    """

    names: tuple[str, ...]
    metavar: str
    takes: int | str
    choices: tuple[str, ...]
    default: Any
    help: str
    is_required: bool = False

    @property
    def is_flag(self) -> bool:
        """A flag, and not a positional argument."""
        return self.names[0].startswith("-")


class _Parser(ArgumentParser):
    """Says of a flag without its value what that may be."""

    def __init__(self, value_of: Callable[[str], str], **settings: Any) -> None:
        super().__init__(**settings)
        self._value_of = value_of

    def error(self, message: str) -> NoReturn:
        found = re.match(r"argument (\S+): expected .*argument", message)
        hint = self._value_of(found[1].split("/")[-1]) if found else ""
        if message.startswith("unrecognized arguments: ") and self._value_of("--data_dir"):
            hint = ". A folder of images is --data_dir FOLDER; a path with spaces stands in quotes"
        super().error(message + hint)


class CommandParser:
    """An `ArgumentParser` whose arguments are known.

    Attributes:
        arguments: All of them, in order, without --help.
        epilog: What help ends with.
        is_intermixed: Positional arguments may stand before and after flags.
    """

    def __init__(self, name: str, description: str | None = None, *, raises: bool = False) -> None:
        """raises: a mistake raises `argparse.ArgumentError` and does not end the program; there is no --help."""
        self.name = name
        self.arguments: list[Argument] = []
        self.epilog = ""
        self.is_intermixed = False
        self._groups: dict[str, Group] = {}
        self._parser = _Parser(
            self._value_of,
            prog=name,
            description=description,
            formatter_class=RawDescriptionHelpFormatter,
            allow_abbrev=False,
            exit_on_error=not raises,
            add_help=not raises,
        )

    def add_argument(self, *names: str, meaning: Any = None, **settings: Any) -> None:
        """An argument outside any group.

        Args:
            *names: As argparse takes them.
            meaning: The default in effect, where argparse is given none so that what was typed can be told apart.
            **settings: As argparse takes them.
        """
        self._add(self._parser, names, meaning, settings)

    def add_argument_group(self, title: str, description: str | None = None) -> Group:
        """The group of that title, made where there is none yet."""
        if title not in self._groups:
            self._groups[title] = Group(self, self._parser.add_argument_group(title, description))
        return self._groups[title]

    @property
    def flags(self) -> dict[str, Argument]:
        """Flag -> argument."""
        return {name: argument for argument in self.arguments if argument.is_flag for name in argument.names}

    def parse_args(self, words: Sequence[str]) -> Namespace:
        """The values of a command line; status 2 and a message where it is wrong."""
        parser = self._completed()
        return (parser.parse_intermixed_args if self.is_intermixed else parser.parse_args)(list(words))

    def parse_known_args(self, words: Sequence[str]) -> tuple[Namespace, list[str]]:
        """The values of a command line, and the words that mean nothing here."""
        return self._completed().parse_known_args(list(words))

    def format_help(self) -> str:
        """What --help prints."""
        return self._completed().format_help()

    def _completed(self) -> ArgumentParser:
        positional = (each for each in self.arguments if not each.is_flag)
        names = (_USAGE.get(str(each.takes), "{}").format(each.metavar) for each in positional)
        self._parser.usage = " ".join([self.name, *names, "[options]"])  # the flags are listed below it
        self._parser.epilog = self.epilog or None
        return self._parser

    def _value_of(self, flag: str) -> str:
        """What a flag takes, as help says it."""
        argument = self.flags.get(flag)
        if argument is None:
            return ""
        values = ", ".join(argument.choices) or argument.metavar
        return f", {values}" + (f": {argument.help}" if argument.help else "")

    def _add(self, target: Any, names: tuple[str, ...], meaning: Any, settings: dict[str, Any]) -> None:
        target.add_argument(*names, **settings)
        default = settings.get("default", False if settings.get("action") == "store_true" else None)
        if default is SUPPRESS or meaning is not None:
            default = meaning
        help = settings.get("help", "")
        self.arguments.append(
            Argument(
                names,
                str(settings.get("metavar") or names[-1].lstrip("-")),
                0 if "action" in settings else settings.get("nargs", 1),
                tuple(settings.get("choices") or ()),
                default,
                "" if help == SUPPRESS else help % {"default": default},
                bool(settings.get("required")),
            )
        )


def underscored(words: Sequence[str], known: Container[str]) -> list[str]:
    """The words of a command line, where a flag with hyphens is the known one with underscores: --batch-size."""
    found = []
    for word in words:
        flag, equals, value = word.partition("=")
        other = f"--{flag[2:].replace('-', '_')}"
        is_other = flag.startswith("--") and flag not in known and other in known
        found.append(f"{other}{equals}{value}" if is_other else word)
    return found


class Group:
    """Arguments under one heading of the help."""

    def __init__(self, parser: CommandParser, group: Any) -> None:
        self._parser, self._group = parser, group

    def add_argument(self, *names: str, meaning: Any = None, **settings: Any) -> None:
        """As `CommandParser.add_argument`."""
        self._parser._add(self._group, names, meaning, settings)
