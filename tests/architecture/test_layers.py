"""Imports point down: `.importlinter` says which room may import which, and import-linter reads every module."""

import ast
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
PACKAGE = REPOSITORY / "netwright"

# what is forbidden -> files with it, and how import-linter says which contract they break
BROKEN = {
    "upwards": ({"arch/upside.py": "from netwright.space import sample\n"}, "Imports point down BROKEN"),
    "upwards, late": ({"arch/upside.py": "def late():\n    from netwright import nn\n"}, "Imports point down BROKEN"),
    "upwards, for types": (
        {"stats/typed.py": "import typing\n\nif typing.TYPE_CHECKING:\n    from netwright.nn import AnyNet\n"},
        "Imports point down BROKEN",
    ),
    "sideways": ({"loader/aside.py": "import netwright.weights.names\n"}, "Imports point down BROKEN"),
    "a room without a layer": ({"attic/__init__.py": "", "attic/box.py": ""}, "attic"),
    "torch": ({"space/torched.py": "def late():\n    import torch.nn\n"}, "No torch below nn BROKEN"),
    "timm": ({"data/timmed.py": "import timm\n"}, "No torch below nn BROKEN"),
    "a report of a population": (
        {"report/direct.py": "import netwright.population\n"},
        "A page is made from values and statistics, wherever they come from BROKEN",
    ),
    "a circle": (
        {"space/egg.py": "import netwright.space.hen\n", "space/hen.py": "import netwright.space.egg\n"},
        "No cycles are allowed in netwright.space.",
    ),
}


def lint_imports(folder: Path) -> subprocess.CompletedProcess[str]:
    """import-linter on the package and the contracts in a folder."""
    program = "import sys; sys.path.insert(0, ''); from importlinter.cli import lint_imports_command as run; run()"
    return subprocess.run(
        [sys.executable, "-c", program, "--no-cache"], cwd=folder, capture_output=True, text=True, check=False
    )


def test_imports_point_down() -> None:
    done = lint_imports(REPOSITORY)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def copied(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package's sources and its contracts, to be broken."""
    folder = tmp_path_factory.mktemp("copied")
    shutil.copytree(PACKAGE, folder / "netwright", ignore=lambda _, names: [n for n in names if n == "__pycache__"])
    shutil.copy(REPOSITORY / ".importlinter", folder)
    return folder


@pytest.mark.slow
@pytest.mark.parametrize(("files", "message"), BROKEN.values(), ids=BROKEN)
def test_what_a_contract_forbids_is_found(files: dict[str, str], message: str, copied: Path) -> None:
    paths = [copied / "netwright" / name for name in files]
    for path, source in zip(paths, files.values(), strict=True):
        path.parent.mkdir(exist_ok=True)
        path.write_text(source, encoding="utf-8")
    try:
        done = lint_imports(copied)
    finally:
        for path in paths:
            path.unlink()
    assert done.returncode == 1, done.stdout + done.stderr
    assert message in done.stdout


def imports(path: Path) -> list[ast.ImportFrom | ast.Import]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom | ast.Import)]


@pytest.mark.slow
def test_imports_are_written_with_the_whole_name() -> None:
    relative = [
        f"{path.relative_to(REPOSITORY)}:{node.lineno}"
        for path in sorted(PACKAGE.rglob("*.py"))
        for node in imports(path)
        if isinstance(node, ast.ImportFrom) and node.level
    ]
    assert relative == []


def test_the_package_itself_imports_nothing_but_its_version() -> None:
    """When it is imported: types are named below `if TYPE_CHECKING`, and the rest when it is first used."""
    program = "import sys, netwright; print(*sorted(name for name in sys.modules if name.startswith('netwright.')))"
    done = subprocess.run([sys.executable, "-c", program], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["netwright.version"]
