"""YAML read safely, the same for recipes, spaces and networks: no objects, no repeated key, the numbers of YAML 1.2."""

from __future__ import annotations

import re
from typing import Any

import yaml

__all__ = ["EXPONENT", "Lines", "YamlError", "parse"]

# path of keys -> the line that the last of them is on, from 1; two levels deep
Lines = dict[tuple[str, ...], int]

# YAML 1.1 reads 1e-4, which has no point, as a text
EXPONENT = ("tag:yaml.org,2002:float", re.compile(r"[-+]?[0-9]+[eE][-+]?[0-9]+$"), list("-+0123456789"))
_DEEPEST = 2


class YamlError(Exception):
    """A text that is not such YAML.

    Attributes:
        problem: What is wrong, in words.
        line, column: Where, from 1; None where it is not known.
    """

    def __init__(self, problem: str, line: int | None = None, column: int | None = None) -> None:
        super().__init__(problem)
        self.problem, self.line, self.column = problem, line, column


class _Loader(yaml.SafeLoader):
    """SafeLoader that refuses a repeated key, of which it would silently take the last."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if str(key.value) in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key {key.value!r} is repeated", key.start_mark
                )
            seen.add(str(key.value))
        return super().construct_mapping(node, deep)


class _PlainLoader(_Loader):
    """Without aliases, by which a small file can become huge."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            mark = self.get_event().start_mark  # type: ignore[no-untyped-call]
            raise yaml.composer.ComposerError(None, None, "aliases (*name) are not read", mark)
        return super().compose_node(parent, index)


_Loader.add_implicit_resolver(*EXPONENT)


def parse(text: str, *, has_aliases: bool = False) -> tuple[Any, Lines]:
    """The value of a YAML document, and on which lines its keys are.

    Args:
        text: The document.
        has_aliases: Whether it may have aliases (*name).

    Raises:
        YamlError: It is not such YAML.
    """
    try:
        loader = (_Loader if has_aliases else _PlainLoader)(text)
        node = loader.get_single_node()
        if node is None:
            return None, {}
        return loader.construct_document(node), _lines(node)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        what = " ".join(part for part in (error.context, error.problem) if part)
        raise YamlError(what, *((mark.line + 1, mark.column + 1) if mark else ())) from error
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise YamlError(str(error)) from error


def _lines(node: yaml.Node, above: tuple[str, ...] = ()) -> Lines:
    if not isinstance(node, yaml.MappingNode) or len(above) == _DEEPEST:
        return {}
    lines: Lines = {}
    for key, value in node.value:
        path = (*above, str(key.value))
        lines[path] = key.start_mark.line + 1
        lines |= _lines(value, path)
    return lines
