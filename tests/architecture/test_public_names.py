"""What is public is listed, there, and explained."""

import ast
import importlib
import inspect
from pathlib import Path
from typing import Any

import pytest

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


@pytest.mark.parametrize("name", MODULES)
def test_public_names_are_sorted_and_there(name: str) -> None:
    module = imported(name)
    public = getattr(module, "__all__", None)
    if public is None:
        source = ast.parse(Path(module.__file__).read_text(encoding="utf-8"))
        defined = [each.name for each in source.body if isinstance(each, ast.FunctionDef | ast.ClassDef)]
        assert [each for each in defined if not each.startswith("_")] == [], "list them in __all__"
        return
    assert list(public) == sorted(public, key=kind_then_name)
    assert len(set(public)) == len(public)
    for each in public:
        if name != "netwright":
            assert hasattr(module, each), each


@pytest.mark.parametrize("name", netwright.__all__)
def test_the_packages_names_are_there(name: str) -> None:
    assert getattr(netwright, name) is not None


@pytest.mark.parametrize("name", MODULES)
def test_modules_are_explained(name: str) -> None:
    assert imported(name).__doc__ or name == "netwright.version"


@pytest.mark.parametrize("name", [name for name in MODULES if name.count(".") == 1])
def test_what_a_part_exports_is_explained(name: str) -> None:
    module = imported(name)
    for each in getattr(module, "__all__", ()):
        thing = getattr(module, each)
        if inspect.isclass(thing) or inspect.isfunction(thing):
            # a dataclass without a docstring is given its signature
            assert thing.__doc__, each
            assert not thing.__doc__.startswith(f"{each}("), each
