"""The files, folders and names that the pages about the code mention are there."""

import ast
import re
from itertools import pairwise
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "docs/design.md", "docs/extending.md")]

_TOP = ("netwright", "tests", "docs", "configs", "benchmarks", "manifests")
# `netwright/space/sampling.py`, `tests/space/`; `sample` in `netwright/space/sampling.py`
_PATH = re.compile(rf"`((?:{'|'.join(_TOP)})/[\w./-]*)`")
_NAME = re.compile(rf"`([A-Za-z_][\w.]*)`\s+in\s+`((?:{'|'.join(_TOP)})/[\w./-]*\.py)`")
_TREE = re.compile(r"^```\n(netwright/\n.*?)^```", re.MULTILINE | re.DOTALL)
_FOLDER = re.compile(r"^(?:  |[│├└─ ]{4})(\w+)/", re.MULTILINE)


def names_of(path: Path) -> set[str]:
    """Of a module: definitions, assignments, imports (under `if TYPE_CHECKING` too), methods as `Class.method`."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.add(node.name)
            if isinstance(node, ast.ClassDef):
                names |= {f"{node.name}.{each.name}" for each in node.body if isinstance(each, ast.FunctionDef)}
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
        elif isinstance(node, ast.ImportFrom | ast.Import):
            names |= {alias.asname or alias.name for alias in node.names}
    return names


def missing(text: str) -> list[str]:
    paths = [path for path in _PATH.findall(text) if not (ROOT / path).exists()]
    names = [
        f"{name} in {path}"
        for name, path in _NAME.findall(text)
        if not (ROOT / path).is_file() or name not in names_of(ROOT / path)
    ]
    return paths + names


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_what_a_page_names_is_there(page: Path) -> None:
    assert missing(page.read_text(encoding="utf-8")) == []


def test_a_name_that_is_not_there_is_found() -> None:
    text = "`draw` in `netwright/space/sampling.py`, `gone` in `netwright/space/sampling.py`, "
    text += "`tests/x/`, `tests/space/`"
    assert missing(text) == ["tests/x/", "gone in netwright/space/sampling.py"]


@pytest.mark.parametrize("page", [ROOT / "README.md", ROOT / "docs" / "design.md"], ids=lambda page: page.stem)
def test_a_tree_of_the_code_has_every_room(page: Path) -> None:
    trees = _TREE.findall(page.read_text(encoding="utf-8"))
    assert len(trees) == 1
    rooms = {path.parent.name for path in (ROOT / "netwright").glob("*/__init__.py")}
    assert set(_FOLDER.findall(trees[0])) == rooms


def test_the_newcomers_walk_has_at_most_three_hops() -> None:
    text = (ROOT / "docs" / "design.md").read_text(encoding="utf-8")
    walk = text.partition("## A newcomer's walk")[2].partition("\n## ")[0]
    rows = [row.strip("|").split("|") for row in walk.splitlines() if row.startswith("| `netwright")]
    assert len(rows) == 4
    for row in rows:
        hops = [cell for cell in row[1:] if cell.strip()]
        assert 1 <= len(hops) <= 3
        assert all(_PATH.search(hop) for hop in hops)
        # whoever reads a file finds the next one in it
        places = [match.groups() for hop in hops if (match := _NAME.search(hop))]
        for (_, here), (name, there) in pairwise(places):
            module = Path(there).parent if there.endswith("__init__.py") else Path(there)
            imported = f".{module.stem} import" in (ROOT / here).read_text(encoding="utf-8")
            assert imported or {name, module.stem} & names_of(ROOT / here), f"{here} does not lead to {there}"


def test_the_page_about_extending_names_files_tables_and_tests() -> None:
    text = (ROOT / "docs" / "extending.md").read_text(encoding="utf-8")
    sections = re.split(r"^## ", text, flags=re.MULTILINE)[1:]
    assert len(sections) >= 6
    for section in sections:
        title = section.splitlines()[0]
        assert [path for path in _PATH.findall(section) if path.startswith("netwright/")], title
        assert [path for path in _PATH.findall(section) if path.startswith("tests/")], title
        assert _NAME.findall(section), title
