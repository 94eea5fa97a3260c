"""What is public is listed, there, and explained."""

import ast
import importlib
import inspect
from pathlib import Path
from types import ModuleType
from typing import Any

import netwright

ROOT = Path(netwright.__file__).parent
MODULES = [
    ".".join(("netwright", *path.relative_to(ROOT).with_suffix("").parts)).removesuffix(".__init__")
    for path in sorted(ROOT.rglob("*.py"))
    if path.stem != "__main__"
]


def kind_then_name(name: str) -> tuple[int, str]:
    """CONSTANTS, then Classes, then functions, as the linter sorts them."""
    return (0 if name.isupper() else 1 if name[0].isupper() else 2), name


def imported(name: str) -> Any:
    return importlib.import_module(name)


def public_names(module: ModuleType) -> tuple[str, ...]:
    return tuple(getattr(module, "__all__", ()))


def unlisted(module: ModuleType) -> list[str]:
    """Functions and classes without an underscore, of a module that lists no public names."""
    if hasattr(module, "__all__"):
        return []
    source = ast.parse(Path(str(module.__file__)).read_text(encoding="utf-8"))
    defined = [each.name for each in source.body if isinstance(each, ast.FunctionDef | ast.ClassDef)]
    return [each for each in defined if not each.startswith("_")]


def is_explained(thing: Any) -> bool:
    # a dataclass without a docstring is given its signature
    return bool(thing.__doc__) and not thing.__doc__.startswith(f"{thing.__name__}(")


# Each of these looks at every module and tells of all that are wrong.


def test_public_names_are_listed_and_sorted() -> None:
    wrong = {name: names for name in MODULES if (names := unlisted(imported(name)))}
    assert wrong == {}, "list them in __all__"
    listed = {name: public_names(imported(name)) for name in MODULES}
    assert {name: names for name, names in listed.items() if list(names) != sorted(names, key=kind_then_name)} == {}
    assert {name: names for name, names in listed.items() if len(set(names)) != len(names)} == {}


def test_public_names_are_there() -> None:
    missing = [
        f"{name}.{each}"
        for name in MODULES
        for each in public_names(imported(name))
        if getattr(imported(name), each, None) is None
    ]
    assert missing == []


def test_modules_are_explained() -> None:
    silent = [name for name in MODULES if not imported(name).__doc__ and name != "netwright.version"]
    assert silent == []


def test_what_a_room_exports_is_explained() -> None:
    silent = []
    for name in MODULES:
        things = {each: getattr(imported(name), each) for each in public_names(imported(name)) if name.count(".") == 1}
        silent += [
            f"{name}.{each}"
            for each, thing in things.items()
            if (inspect.isclass(thing) or inspect.isfunction(thing)) and not is_explained(thing)
        ]
    assert silent == []
