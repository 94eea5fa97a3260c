"""How the code is cut: functions fit on a screen, and only the command line prints."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import netwright

PACKAGE = Path(netwright.__file__).parent
_MOST_LINES = 60


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def lines_of(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines from its name to its end, less those of its docstring: what a reader follows."""
    first, length = function.body[0], (function.end_lineno or 0) - function.lineno + 1
    if ast.get_docstring(function) is None:
        return length
    return length - ((first.end_lineno or 0) - first.lineno + 1)


@pytest.mark.slow
def test_functions_fit_on_a_screen() -> None:
    long = [
        f"{path.relative_to(PACKAGE)}: {each.name} has {lines_of(each)} lines"
        for path in sorted(PACKAGE.rglob("*.py"))
        for each in functions(path)
        if lines_of(each) >= _MOST_LINES
    ]
    assert long == []


@pytest.mark.slow
def test_only_the_command_line_prints() -> None:
    """A library says what it has to say through logging. bench/memory.py answers its parent, as a program."""
    printing = [
        f"{path.relative_to(PACKAGE)}:{node.lineno}"
        for path in sorted(PACKAGE.rglob("*.py"))
        if path.parent.name != "cli" and path != PACKAGE / "bench" / "memory.py"
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print"
    ]
    assert printing == []


def test_a_long_function_is_found(tmp_path: Path) -> None:
    path = tmp_path / "long.py"
    path.write_text('def f():\n    """Two\n    lines."""\n' + "    pass\n" * 70)
    assert [lines_of(each) for each in functions(path)] == [71]
