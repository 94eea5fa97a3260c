"""Reads a YAML file of one flat mapping safely: no objects, no aliases, no repeated key, and not too large."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

from netwright.errors import RecipeError
from netwright.system.suggest import nearest

__all__ = ["in_yaml", "read_mapping"]

_MOST_BYTES = 1 << 18


class _Loader(yaml.SafeLoader):
    """SafeLoader without aliases, by which a small file can become huge, and with the numbers of YAML 1.2."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            mark = self.get_event().start_mark  # type: ignore[no-untyped-call]
            raise yaml.composer.ComposerError(None, None, "aliases (*name) are not read", mark)
        return super().compose_node(parent, index)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if str(key.value) in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key {key.value!r} is repeated", key.start_mark
                )
            seen.add(str(key.value))
        return super().construct_mapping(node, deep)


class _Dumper(yaml.SafeDumper):
    """SafeDumper that quotes a text which the loader would read as a number."""


# YAML 1.1 reads 1e-4, which has no point, as a text
for _kind in (_Loader, _Dumper):
    _kind.add_implicit_resolver(
        "tag:yaml.org,2002:float", re.compile(r"[-+]?[0-9]+[eE][-+]?[0-9]+$"), list("-+0123456789")
    )


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
        mapping = yaml.load(text, _Loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        where = f", line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        what = " ".join(part for part in (error.context, error.problem) if part)
        raise RecipeError(f"it is not YAML of keys and values{where}: {what}. Correct it.") from error
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise RecipeError(f"it is not YAML of keys and values: {error}. Correct it.") from error
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
    if near := nearest(path.name, there):
        return f": did you mean {str(path.with_name(near[0]))!r}?"
    return f". {path.parent} has {', '.join(there[:12])}." if there else ". Give the path of a YAML file."
