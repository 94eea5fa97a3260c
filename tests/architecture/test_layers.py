"""Imports point down. Reads every module's source; imports nothing."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2] / "netwright"
MODULES = sorted(ROOT.rglob("*.py"))

# part of the package -> its layer: a module imports its own part and parts of lower layers only (docs/design.md)
LAYERS = {
    "version": -1,
    "errors": -1,
    "system": 0,
    "arch": 1,
    "stats": 1,
    "recipe": 1,
    "space": 2,
    "population": 3,
    "nn": 4,
    "data": 4,
    "report": 4,
    "analysis": 5,
    "loader": 5,
    "weights": 5,
    "training": 6,
    "sweeps": 7,
    "runtime": 7,
    "bench": 7,
    "exports": 8,
    "evaluation": 8,
    "serving": 9,
    "deploy": 9,
    "workflow": 9,
    "studio": 9,
    "cli": 10,
    "__main__": 11,
}
# parts that are narrower than their layer allows
ALSO_ONLY = {"report": {"arch", "stats", "system", "errors", "version"}}
TORCH_FREE = {"version", "errors", "system", "analysis", "arch", "stats", "recipe", "space", "population", "report"}


def part(module: str) -> str:
    """`netwright.arch.spec` -> `arch`; the package itself -> ``."""
    return module.split(".")[1] if "." in module else ""


def name_of(path: Path) -> str:
    names = ("netwright", *path.relative_to(ROOT).with_suffix("").parts)
    return ".".join(names[:-1] if names[-1] == "__init__" else names)


def imports(path: Path, *, at_runtime: bool = False) -> Iterator[tuple[int, str]]:
    """(line, module) of every import; at_runtime: less those under `if TYPE_CHECKING`."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    skipped = set()
    for node in ast.walk(tree):
        if at_runtime and isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING"):
            skipped |= {inner for statement in node.body for inner in ast.walk(statement)}
    for node in ast.walk(tree):
        if node in skipped:
            continue
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path.name}:{node.lineno} imports relatively: write the whole name"
            module = node.module or ""
            # `from netwright import stats` imports a part, `from netwright.arch import Arch` a name of one
            yield from (
                (node.lineno, f"{module}.{alias.name}" if module == "netwright" else module) for alias in node.names
            )


def broken(path: Path) -> Iterator[str]:
    owner = part(name_of(path))
    for line, module in imports(path):
        if module.split(".")[0] != "netwright" or part(module) == owner:
            continue
        used = part(module)
        if used not in LAYERS:
            yield f"line {line} imports {module}, which is no part in LAYERS"
        elif LAYERS[used] >= LAYERS[owner] or used not in ALSO_ONLY.get(owner, LAYERS):
            yield f"line {line} imports {module}, which is not below {owner}"


@pytest.mark.parametrize(
    "path", [path for path in MODULES if path.parent != ROOT or path.stem != "__init__"], ids=name_of
)
def test_imports_point_down(path: Path) -> None:
    assert part(name_of(path)) in LAYERS, "give the new part its layer here and in docs/design.md"
    assert list(broken(path)) == []


def test_the_package_itself_imports_nothing_but_its_version() -> None:
    used = {module for _, module in imports(ROOT / "__init__.py", at_runtime=True) if module.startswith("netwright")}
    assert used == {"netwright.version"}


@pytest.mark.parametrize("path", [path for path in MODULES if part(name_of(path)) in TORCH_FREE], ids=name_of)
def test_no_torch_above_the_line(path: Path) -> None:
    found = [module for _, module in imports(path) if module.split(".")[0] in ("torch", "torchvision", "timm")]
    assert found == []


def test_an_import_that_goes_up_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(f"{__name__}.ROOT", tmp_path)
    (tmp_path / "arch").mkdir()
    path = tmp_path / "arch" / "upside.py"
    path.write_text("def late():\n    from netwright.space import sample\nfrom netwright import nn, errors\n")
    assert [line.split(" imports ")[1] for line in broken(path)] == [
        "netwright.nn, which is not below arch",
        "netwright.space, which is not below arch",
    ]
