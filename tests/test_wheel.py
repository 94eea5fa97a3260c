"""The wheel that `pip install` gets: all sources, what is read at run time beside them, the types; and nothing else."""

import email
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import netwright

REPOSITORY = Path(__file__).parents[1]
PACKAGE = REPOSITORY / "netwright"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    """Built as pip builds it, by the backend that pyproject.toml names; no network."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    (path,) = folder.glob("*.whl")
    return zipfile.ZipFile(path)


def names(wheel: zipfile.ZipFile) -> set[str]:
    return {name for name in wheel.namelist() if ".dist-info/" not in name}


def test_the_wheel_holds_every_file_of_the_package(wheel: zipfile.ZipFile) -> None:
    here = {
        str(path.relative_to(REPOSITORY))
        for path in PACKAGE.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert names(wheel) == here
    assert "netwright/py.typed" in here
    assert {Path(name).suffix for name in here} >= {".py", ".html", ".css", ".js", ".csv", ".yaml", ".typed"}


def test_the_wheel_holds_no_tests(wheel: zipfile.ZipFile) -> None:
    assert {name.split("/")[0] for name in names(wheel)} == {"netwright"}
    assert [name for name in names(wheel) if "/test" in name and not name.startswith("netwright/testing/")] == []


def test_the_wheel_says_what_it_is(wheel: zipfile.ZipFile) -> None:
    (path,) = (name for name in wheel.namelist() if name.endswith(".dist-info/METADATA"))
    about = email.message_from_bytes(wheel.read(path))
    assert about["Name"] == "netwright"
    assert about["Version"] == netwright.__version__
    assert about["Requires-Python"] == ">=3.11"
    assert about["License-Expression"] == "Apache-2.0"
    supported = {each for each in about.get_all("Classifier", []) if each.startswith("Programming Language")}
    assert supported == {f"Programming Language :: Python :: 3.{minor}" for minor in (11, 12, 13)}


def test_the_wheel_brings_the_command(wheel: zipfile.ZipFile) -> None:
    (path,) = (name for name in wheel.namelist() if name.endswith(".dist-info/entry_points.txt"))
    assert "netwright = netwright.cli.main:main" in wheel.read(path).decode()
