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
_MOST_LEVELS = 100
_MOST_VALUES = 20_000  # of a document, those of an alias counted wherever it stands
# as in YAML 1.2: 1:30 is a text, and not ninety
_WHOLE = re.compile(r"[-+]?(?:0b[0-1_]+|0[0-7_]+|0|[1-9][0-9_]*|0x[0-9a-fA-F_]+)$")
_REAL = re.compile(
    r"[-+]?(?:[0-9][0-9_]*\.[0-9_]*(?:[eE][-+]?[0-9]+)?|\.[0-9][0-9_]*(?:[eE][-+]?[0-9]+)?|\.(?:inf|Inf|INF))$|\.(?:nan|NaN|NAN)$"
)


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

    def fetch_flow_collection_start(self, token: Any) -> None:
        self._check_depth(self.flow_level)
        super().fetch_flow_collection_start(token)

    def add_indent(self, column: int) -> bool:
        self._check_depth(len(self.indents))
        return bool(super().add_indent(column))

    def _check_depth(self, depth: int) -> None:
        if depth >= _MOST_LEVELS:
            mark = self.get_mark()
            raise yaml.scanner.ScannerError(None, None, f"values are nested more than {_MOST_LEVELS} deep", mark)

    def construct_yaml_int(self, node: yaml.ScalarNode) -> int:
        try:
            return int(super().construct_yaml_int(node))
        except ValueError:  # Python refuses thousands of digits
            problem = f"a whole number has {len(str(node.value)):,} digits"
            raise yaml.constructor.ConstructorError(None, None, problem, node.start_mark) from None


class _PlainLoader(_Loader):
    """Without aliases, by which a small file can become huge."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            mark = self.get_event().start_mark  # type: ignore[no-untyped-call]
            raise yaml.composer.ComposerError(None, None, "aliases (*name) are not read", mark)
        return super().compose_node(parent, index)


_Loader.yaml_implicit_resolvers = {
    first: [
        (tag, {"tag:yaml.org,2002:int": _WHOLE, "tag:yaml.org,2002:float": _REAL}.get(tag, form)) for tag, form in forms
    ]
    for first, forms in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver(*EXPONENT)
_Loader.add_constructor("tag:yaml.org,2002:int", _Loader.construct_yaml_int)


def parse(text: str, *, has_aliases: bool = False) -> tuple[Any, Lines]:
    """The value of a YAML document, and on which lines its keys are.

    Args:
        text: The document.
        has_aliases: Whether it may have aliases (*name).

    Raises:
        YamlError: It is not such YAML.
    """
    loader = None
    try:
        loader = (_Loader if has_aliases else _PlainLoader)(text)
        node = loader.get_single_node()
        if node is None:
            return None, {}
        if has_aliases:
            _check_size(node, {})
        return loader.construct_document(node), _lines(node)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        what = " ".join(part for part in (error.context, error.problem) if part)
        raise YamlError(what, *((mark.line + 1, mark.column + 1) if mark else ())) from error
    except RecursionError as error:
        line = None if loader is None else loader.line + 1
        raise YamlError("values are nested too deeply", line) from error
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise YamlError(f"the character #x{int(error.character):02x} is not allowed", line) from error
    except (yaml.YAMLError, ValueError) as error:
        raise YamlError(str(error)) from error


def _check_size(node: yaml.Node, known: dict[int, int | None]) -> int:
    """How many values a node has, each alias written out. ComposerError for too many, or for a value within itself."""
    if id(node) in known:
        size = known[id(node)]
        if size is None:
            raise yaml.composer.ComposerError(None, None, "a value contains itself, by an alias", node.start_mark)
        return size
    known[id(node)] = None
    inner = node.value if isinstance(node, yaml.CollectionNode) else []
    parts = [part for each in inner for part in (each if isinstance(each, tuple) else (each,))]
    size = 1 + sum(_check_size(part, known) for part in parts)
    if size > _MOST_VALUES:
        problem = f"with its aliases written out this has more than {_MOST_VALUES:,} values"
        raise yaml.composer.ComposerError(None, None, problem, node.start_mark)
    known[id(node)] = size
    return size


def _lines(node: yaml.Node, above: tuple[str, ...] = ()) -> Lines:
    if not isinstance(node, yaml.MappingNode) or len(above) == _DEEPEST:
        return {}
    lines: Lines = {}
    for key, value in node.value:
        path = (*above, str(key.value))
        lines[path] = key.start_mark.line + 1
        lines |= _lines(value, path)
    return lines
