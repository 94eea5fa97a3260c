"""The notebooks run from the first cell to the last, and each result is shown as a table or a drawing."""

import ast
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

NOTEBOOKS = sorted((Path(__file__).parents[2] / "docs" / "notebooks").glob("*.ipynb"))
_MOST_BYTES = 50_000  # of a notebook: outputs are made when it is run


def cells(notebook: Path) -> list[dict[str, Any]]:
    return [cell for cell in json.loads(notebook.read_text(encoding="utf-8"))["cells"] if cell["cell_type"] == "code"]


def run(code: str, names: dict[str, Any], where: str) -> str | None:
    """Run a cell; what a notebook shows of its last expression, None where that is None or there is none."""
    tree = ast.parse(code, where)
    last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, where, "exec"), names)
    value = None if last is None else eval(compile(ast.Expression(last.value), where, "eval"), names)
    if value is None:
        return None
    if hasattr(value, "_repr_html_"):
        return str(value._repr_html_())
    bundle: dict[str, str] = value._repr_mimebundle_()
    return bundle["image/svg+xml"]


@pytest.mark.slow
@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs_and_shows_its_results(notebook: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import altair

    folder = shutil.copytree(notebook.parent, tmp_path / "notebooks")
    monkeypatch.chdir(folder)
    before = altair.renderers.active
    names: dict[str, Any] = {"__name__": "__main__"}
    try:
        shown = [
            run("".join(cell["source"]), names, f"{notebook.name}, code cell {index}")
            for index, cell in enumerate(cells(notebook))
        ]
    finally:
        altair.renderers.enable(before)
    for each in shown:
        assert each is None or "<svg" in each or "<table" in each
    assert len([each for each in shown if each]) > 3


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_stored_without_outputs(notebook: Path) -> None:
    assert notebook.stat().st_size < _MOST_BYTES
    for cell in cells(notebook):
        assert (cell["outputs"], cell["execution_count"]) == ([], None)
