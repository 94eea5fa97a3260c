"""The words of a sweep: from a form, or from the command that trained another population, with parts replaced."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

from netwright.data.data_path import is_digits
from netwright.data.remembered import recall_data_dir
from netwright.studio.commands import shown_path
from netwright.studio.errors import StudioError
from netwright.studio.populations import Opened

__all__ = ["recorded_option", "recorded_words", "run_name", "sweep_words", "with_options", "without", "words_for"]

_NAME = re.compile(r"[A-Za-z0-9][\w.-]{0,79}")
# what a form may give: option of `netwright sweep` -> what it must look like
_OPTIONS = {
    "data_dir": re.compile(r"[^\0-]\S.*|\S"),
    "trials": re.compile(r"[1-9]\d{0,6}"),
    "epochs": re.compile(r"[1-9]\d{0,4}"),
    "seed": re.compile(r"\d{1,9}"),
    "workers": re.compile(r"[1-9]\d{0,3}"),
    "flops": re.compile(r"[\w.]+:[\w.]+"),
    "params": re.compile(r"[\w.]+:[\w.]+"),
    "acts": re.compile(r"[\w.]+:[\w.]+"),
    "resolution": re.compile(r"[1-9]\d{0,4}"),
    "trial_timeout": re.compile(r"\d+(\.\d+)?"),
}
# of another population's command, what a fresh sample of another space does not take over
_OWN = (
    *("out", "trials", "seed", "repeats", "repeated", "sampler", "retry_failed"),
    *("flops", "params", "acts", "max_flops", "max_params", "max_acts"),
)


def run_name(name: str) -> str:
    """A name that a run folder can have. StudioError for another."""
    if not _NAME.fullmatch(name):
        raise StudioError(
            422,
            "a name has letters, digits, '.', '_' and '-', at most 80, and begins with a letter or digit; not "
            f"{name[:90]!r}.",
        )
    return name


def sweep_words(space: str, out: Path, options: Mapping[str, Any]) -> list[str]:
    """`netwright sweep SPACE --out OUT ...`. StudioError for an option that is none, or has no such value."""
    if space.startswith("-") or not space.strip():
        raise StudioError(422, f"a space is a name or a file, not {space[:80]!r}. `netwright space list` lists names.")
    return with_options(["netwright", "sweep", space, "--out", shown_path(out)], options)


def with_options(words: list[str], options: Mapping[str, Any]) -> list[str]:
    """Words with these options in place of those they had."""
    for name, value in options.items():
        if name not in _OPTIONS:
            raise StudioError(422, f"{name[:40]!r} is no option that the studio sets; it sets {', '.join(_OPTIONS)}.")
        text = "" if value is None else str(value).strip()
        words = without(words, name)
        if text:
            if not _OPTIONS[name].fullmatch(text):
                raise StudioError(422, f"{name} cannot be {text[:80]!r}. Correct it.")
            words = [*words, f"--{name}", text]
    return words


def without(words: list[str], name: str) -> list[str]:
    """Words without an option and its value."""
    found: list[str] = []
    skips = False
    for word in words:
        if skips and not word.startswith("--"):
            skips = False
            continue
        skips = word.replace("-", "_") == f"__{name}"
        if not skips and not word.replace("-", "_").startswith(f"__{name}="):
            found.append(word)
    return found


def recorded_words(opened: Opened) -> list[str]:
    """The command that trained a population last; empty where it does not record one of `netwright sweep`."""
    if opened.population is None:
        return []
    notes = opened.population.notes
    sessions = notes.get("provenance", {}).get("sessions", [])
    # of a shared sweep, most sessions are those of machines that joined it
    for command in [*(each.get("command", "") for each in reversed(sessions)), notes.get("command", "")]:
        try:
            words = shlex.split(command or "")
        except ValueError:
            continue
        if words[:2] == ["netwright", "sweep"] and len(words) > 2 and not words[2].startswith("-"):
            return _with_images_as_they_are(words, opened)
    return []


def _with_images_as_they_are(words: list[str], opened: Opened) -> list[str]:
    """A folder that was named from another place, by its whole path, where the run remembers it."""
    for at, word in enumerate(words[:-1]):
        if word.replace("-", "_") == "__data_dir" and not is_digits(words[at + 1]):
            known = recall_data_dir(opened.entry.folder)
            if known and not Path(words[at + 1]).exists():
                return [*words[: at + 1], known, *words[at + 2 :]]
    return words


def recorded_option(opened: Opened, name: str) -> str:
    """The value of an option of the command that trained a population; empty where it has none."""
    words = recorded_words(opened)
    for word, value in pairwise(words):
        if word.replace("-", "_") == f"__{name}":
            return value
    return next((word.partition("=")[2] for word in words if word.replace("-", "_").startswith(f"__{name}=")), "")


def words_for(opened: Opened, space: Path, out: Path) -> list[str]:
    """The command that trained a population, for a fresh sample of another space; limits are in that one's file."""
    words = recorded_words(opened) or ["netwright", "sweep", ""]
    for name in _OWN:
        words = without(words, name)
    return [*words[:2], shown_path(space), *words[3:], "--out", shown_path(out)]
