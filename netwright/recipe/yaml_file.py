"""A YAML file of one flat mapping, read without trust: no objects, no aliases, no key twice, no more than a recipe."""

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
    """SafeLoader without aliases, which can blow a small file up, and with the numbers of YAML 1.2."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            mark = self.get_event().start_mark  # type: ignore[no-untyped-call]
            raise yaml.composer.ComposerError(None, None, "aliases (*name) are not read", mark)
        return super().compose_node(parent, index)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if str(key.value) in seen:
                raise yaml.constructor.ConstructorError(None, None, f"{key.value!r} is there twice", key.start_mark)
            seen.add(str(key.value))
        return super().construct_mapping(node, deep)


class _Dumper(yaml.SafeDumper):
    """SafeDumper that quotes a text which the loader would take for a number."""


# YAML 1.1 takes 1e-4 for a text, for want of a point
for _kind in (_Loader, _Dumper):
    _kind.add_implicit_resolver(
        "tag:yaml.org,2002:float", re.compile(r"[-+]?[0-9]+[eE][-+]?[0-9]+$"), list("-+0123456789")
    )


def read_mapping(path: Path) -> dict[str, Any]:
    """The keys and values of a YAML file, an empty one for an empty file; RecipeError for what is no such file."""
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
        plain = yaml.load(text, _Loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        where = f", line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        what = " ".join(part for part in (error.context, error.problem) if part)
        raise RecipeError(f"it is not YAML of keys and values{where}: {what}. Correct it.") from error
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise RecipeError(f"it is not YAML of keys and values: {error}. Correct it.") from error
    if plain is None:
        return {}
    if not isinstance(plain, dict):
        raise RecipeError(f"a recipe has lines `key: value`, and this is a {type(plain).__name__}. Write it so.")
    nested = [key for key, value in plain.items() if isinstance(value, dict)]
    if nested:
        raise RecipeError(f"a recipe is flat, and {nested[0]!r} has keys below it. Move them to the left margin.")
    return plain


def in_yaml(value: Any) -> str:
    """A lone value on one line, as `read_mapping` reads it back."""
    text: str = yaml.dump(value, Dumper=_Dumper, default_flow_style=True, width=10**6, allow_unicode=True)
    return text.removesuffix("...\n").rstrip()


def _beside(path: Path) -> str:
    """Files of the kind that are there."""
    there = sorted(each.name for each in path.parent.glob("*.y*ml")) if path.parent.is_dir() else []
    if near := nearest(path.name, there):
        return f": did you mean {str(path.with_name(near[0]))!r}?"
    return f". {path.parent} has {', '.join(there[:12])}." if there else ". Give the path of a YAML file."
