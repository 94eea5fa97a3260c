"""Reads a YAML file of one flat mapping safely: no objects, no aliases, no repeated key, and not too large."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from netwright.errors import RecipeError
from netwright.system.suggest import nearest_file
from netwright.system.yaml_text import EXPONENT, YamlError, parse

__all__ = ["in_yaml", "read_mapping"]

_MOST_BYTES = 1 << 18


class _Dumper(yaml.SafeDumper):
    """SafeDumper that quotes a text which the loader would read as a number."""


_Dumper.add_implicit_resolver(*EXPONENT)


def read_mapping(path: Path) -> dict[str, Any]:
    """The keys and values of a YAML file; empty for an empty file. RecipeError where it is not such a file."""
    try:
        data = path.read_bytes() if path.is_dir() or path.stat().st_size <= _MOST_BYTES else b""
        text = data.decode("utf-8-sig")
    except FileNotFoundError as error:
        raise RecipeError(f"there is no such file{_beside(path)}") from error
    except OSError as error:
        raise RecipeError(f"it cannot be read: {error.strerror or error}. Give the path of a YAML file.") from error
    except UnicodeDecodeError as error:
        raise RecipeError("it is not text in UTF-8. Save it as UTF-8, or give another file.") from error
    if not data and path.stat().st_size:
        raise RecipeError(
            f"a recipe has at most {_MOST_BYTES:,} bytes, not {path.stat().st_size:,}. Give another file."
        )
    try:
        mapping, _ = parse(text)
    except YamlError as error:
        where = f", line {error.line}, column {error.column}" if error.line else ""
        raise RecipeError(f"it is not YAML of keys and values{where}: {error.problem}. Correct it.") from error
    if mapping is None:
        return {}
    if not isinstance(mapping, dict):
        raise RecipeError(f"a recipe has lines `key: value`, and this is a {type(mapping).__name__}. Write such lines.")
    nested = [key for key, value in mapping.items() if isinstance(value, dict)]
    if nested:
        raise RecipeError(f"a recipe is flat, and {nested[0]!r} has keys below it. Move them to the left margin.")
    return mapping


def in_yaml(value: Any) -> str:
    """One value as YAML on one line, which `read_mapping` reads back."""
    text: str = yaml.dump(value, Dumper=_Dumper, default_flow_style=True, width=10**6, allow_unicode=True)
    return text.removesuffix("...\n").rstrip("\n")


def _beside(path: Path) -> str:
    """A hint at the YAML files that are there."""
    there = sorted(each.name for each in path.parent.glob("*.y*ml")) if path.parent.is_dir() else []
    if near := nearest_file(path.name, there):
        return f": did you mean {str(path.with_name(near[0]))!r}?"
    return f". {path.parent} has {', '.join(there[:12])}." if there else ". Give the path of a YAML file."
