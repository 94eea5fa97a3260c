"""What the API pages show beside docstrings: called by mkdocstrings, which mkdocs.yml tells so.

- Functions with the name of their file. `from netwright.nn.fuse import fuse` makes `netwright.nn.fuse` the function, as
  in Python itself; griffe, which reads the sources without running them, takes the file for it.
- Public constants. The comment above one is its docstring, else its value is.
"""

from collections.abc import Iterator
from typing import Any

from griffe import Alias, Attribute, Docstring, Extension, Module, Object


class SiteNames(Extension):
    def on_package(self, *, pkg: Module, **_: Any) -> None:
        found = list(modules(pkg))
        name_functions(found)
        for module in found:
            for name in map(str, module.exports or ()):
                constant = module.members.get(name)
                if isinstance(constant, Attribute) and constant.docstring is None:
                    constant.docstring = Docstring(comment_above(constant) or in_short(constant), parent=constant)


def modules(module: Module) -> Iterator[Module]:
    """Those inside a module first."""
    for inner in module.modules.values():
        if not inner.is_alias:
            yield from modules(inner)
    yield module


def name_functions(found: list[Module]) -> None:
    shown: dict[str, Object] = {}  # path -> what is shown there in place of a file
    for module in found:
        for name in map(str, module.exports or ()):
            inner = module.members.get(name)
            if isinstance(inner, Module) and isinstance(inner.members.get(name), Object):
                shown[inner.path] = inner.members[name]
            elif isinstance(inner, Alias) and inner.target_path in shown:
                shown[inner.path] = shown[inner.target_path]
            else:
                continue
            module.members[name] = Alias(name, shown[inner.path], parent=module)


def comment_above(constant: Attribute) -> str:
    lines = constant.lines_collection[constant.filepath][: (constant.lineno or 1) - 1]
    comment: list[str] = []
    while lines and lines[-1].startswith("#"):
        comment.insert(0, lines.pop().lstrip("# "))
    return " ".join(comment)


def in_short(constant: Attribute, width: int = 80) -> str:
    value = str(constant.value)
    return f"`{value}`" if len(value) <= width else "A table."
