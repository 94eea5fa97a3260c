"""A file of class names: a name a line, or `0 name`, `name,0`, or JSON."""

from __future__ import annotations

import json
import re
from pathlib import Path

from netwright.errors import DataError

__all__ = ["read_class_names"]


def read_class_names(path: Path) -> tuple[str, ...]:
    """The names of classes 0, 1, 2, ...

    Args:
        path: A line for each class: the name; or its number and the name, before or after, separated by a space, a tab,
            a comma or a semicolon. Or JSON: a list, or an object from number to name or from name to number.

    Raises:
        DataError: It cannot be read, has no names or a name twice, or numbers are missing.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"the file of class names {path} cannot be read: {error}. Correct its name.") from error
    if path.suffix.lower() == ".json":
        rows = _of_json(text, path)
    else:
        lines = [line.strip() for line in text.splitlines() if line.strip()]
        rows = _pairs(lines) or list(enumerate(lines))
    numbers = [number for number, _ in rows]
    first = min(numbers, default=0)  # some count from 1
    names = tuple(name for _, name in sorted(rows))
    if first not in (0, 1) or sorted(numbers) != list(range(first, first + len(rows))) or not rows:
        raise DataError(f"a file of class names has each number from 0 (or 1) on once, and {path} has others.")
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise DataError(f"a class has one name, and {path} has {twice!r} twice. Correct it.")
    return names


def _pairs(lines: list[str]) -> list[tuple[int, str]]:
    """(number, name) of each line; empty where not every line has a number beside a name."""
    for pattern in (r"(?P<n>\d+)[\s,;:]+(?P<name>\S.*)", r"(?P<name>.*\S)[\s,;]+(?P<n>\d+)"):
        found = [re.fullmatch(pattern, line) for line in lines]
        if lines and all(found):
            return [(int(each["n"]), each["name"].strip("\"' ")) for each in found if each is not None]
    return []


def _of_json(text: str, path: Path) -> list[tuple[int, str]]:
    try:
        content = json.loads(text)
        if isinstance(content, list):
            return list(enumerate(map(str, content)))
        if all(re.fullmatch(r"\d+", str(key)) for key in content):
            return [(int(key), str(name)) for key, name in content.items()]
        return [(int(number), str(name)) for name, number in content.items()]
    except (ValueError, TypeError, AttributeError) as error:
        raise DataError(f"{path} is no list of class names: {error}. Write a name a line.") from error
