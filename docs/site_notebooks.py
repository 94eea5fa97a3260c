"""Notebooks as pages of the documentation site, with their results: called by mkdocs, which mkdocs.yml tells so.

They are stored without results, so each is run when the site is built, in a copy of its folder.
"""

import ast
import contextlib
import json
import shutil
import tempfile
from pathlib import Path
from typing import Any

import altair
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

FOLDER = Path(__file__).parent / "notebooks"


def on_files(files: Files, config: MkDocsConfig) -> Files:
    renderer = altair.renderers.active
    for notebook in sorted(FOLDER.glob("*.ipynb")):
        files.append(File.generated(config, f"notebooks/{notebook.stem}.md", content=page(notebook)))
    altair.renderers.enable(renderer)
    return files


def page(notebook: Path) -> str:
    """Markdown: texts as they are, cells of code, and below each the table or drawing that it shows."""
    names: dict[str, Any] = {"__name__": "__main__"}
    parts = []
    with tempfile.TemporaryDirectory() as place, contextlib.chdir(shutil.copytree(FOLDER, Path(place) / FOLDER.name)):
        for cell in json.loads(notebook.read_text(encoding="utf-8"))["cells"]:
            source = "".join(cell["source"])
            if cell["cell_type"] == "markdown":
                parts.append(source)
            else:
                parts += [f"```python\n{source}\n```", result(source, names)]
    return "\n\n".join(part for part in parts if part) + "\n"


def result(code: str, names: dict[str, Any]) -> str:
    """Run a cell; the value of its last line as HTML, empty where it shows none."""
    tree = ast.parse(code)
    last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, "cell", "exec"), names)
    value = None if last is None else eval(compile(ast.Expression(last.value), "cell", "eval"), names)
    if value is None:
        return ""
    html = value._repr_html_() if hasattr(value, "_repr_html_") else value._repr_mimebundle_()["image/svg+xml"]
    return f'<div class="result" style="overflow-x: auto">{html}</div>'
