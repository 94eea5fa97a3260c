"""Every flag of every command is there for ever: flags.json has those of 0.1.0.dev0, with what they took and meant.

Nobody changes that file: commands that people have written down stay. A flag may come, take more values, and have a
better help.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from netwright.cli.main import COMMANDS, parser_of

FROZEN: dict[str, Any] = json.loads((Path(__file__).parent / "flags.json").read_text(encoding="utf-8"))


def takes_as_much(now: int | str, before: int | str) -> bool:
    """What took one word may take none as well: a flag then means true; a sweep that is joined needs no space."""
    return now == before or (now, before) == ("?", 1)


def default_in(help: str) -> str | None:
    found = re.findall(r"default: ([^()]*)\)", help)
    return found[-1] if found else None


def test_every_command_is_there() -> None:
    assert list(FROZEN) == [command for command in COMMANDS if command in FROZEN]


@pytest.mark.parametrize("command", FROZEN)
def test_every_word_of_a_command_is_taken(command: str) -> None:
    words = [argument for argument in parser_of(command).arguments if not argument.is_flag]
    frozen = FROZEN[command]["words"]
    assert all(more.takes in ("?", "*") for more in words[len(frozen) :])  # new ones may be left out
    for now, before in zip(words[: len(frozen)], frozen, strict=True):
        assert takes_as_much(now.takes, before["takes"])
        assert set(before.get("choices", ())) <= set(now.choices)


@pytest.mark.parametrize("command", FROZEN)
def test_every_flag_means_what_it_did(command: str) -> None:
    flags = parser_of(command).flags
    assert set(FROZEN[command]["flags"]) <= set(flags)
    for name, before in FROZEN[command]["flags"].items():
        now = flags[name]
        assert takes_as_much(now.takes, before.get("takes", 1)), name
        assert set(before["choices"]) <= set(now.choices) if "choices" in before else not now.choices, name
        assert now.is_required <= before.get("required", False), name
        assert bool(now.help) >= before.get("listed", True), name
        default = list(now.default) if isinstance(now.default, tuple) else now.default
        if "default" in before:
            assert (default if isinstance(default, int | float | list | None) else str(default)) == before["default"]
        elif "default_text" in before:  # what stands for a default that is found out later
            assert default_in(now.help) == before["default_text"], name
        elif before.get("listed", True):
            assert default in (None, ""), name
