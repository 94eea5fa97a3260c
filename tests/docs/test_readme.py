"""What the README and the tutorials show is run, and what they link to is there.

A ```bash or ```python block directly below `<!-- test -->` is run; below `<!-- test: COMMAND -->` that command is run
in its place; $ROOT is the repository. The blocks of one file run in order, in one empty folder; its python blocks
share their names.
"""

import contextlib
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
TOLD = [ROOT / "README.md", *sorted((ROOT / "docs" / "tutorials").glob("*.md"))]
LINKED = [*TOLD, *sorted((ROOT / "docs").glob("*.md")), ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md"]

_MARK = re.compile(r"^<!-- *test *(?:: *(?P<instead>.*?))? *-->[ \t]*$", re.MULTILINE)
_BLOCK = re.compile(r"\n```(?P<language>bash|python)\n(?P<code>.*?)^```[ \t]*$", re.MULTILINE | re.DOTALL)
_FENCED = re.compile(r"^```.*?^```[ \t]*$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"!?\[[^\]]*\]\(\s*<?([^)\s>]+)>?[^)]*\)|(?:src|href)=\"([^\"]+)\"")
_ELSEWHERE = re.compile(r"[a-z][a-z+.-]*:|//|#")


@dataclass(frozen=True)
class Block:
    """line: of the marker, from 1. code: what is run."""

    line: int
    language: str
    code: str


def blocks(text: str) -> Iterator[Block]:
    """The marked blocks of a page; AssertionError for a marker with no block below it."""
    for mark in _MARK.finditer(text):
        line = text.count("\n", 0, mark.start()) + 1
        block = _BLOCK.match(text, mark.end())
        assert block, f"line {line}: directly below the marker there is no bash or python block"
        instead = mark["instead"]
        yield Block(line, "bash", instead) if instead else Block(line, block["language"], block["code"])


def run(page: Path, folder: Path) -> None:
    """Every marked block, in order, in the folder."""
    names: dict[str, Any] = {"__name__": "__main__"}
    with contextlib.chdir(folder):
        for block in blocks(page.read_text(encoding="utf-8")):
            where = f"{page.name}:{block.line}"
            if block.language == "python":
                # blank lines above it: a traceback has the line of the page
                exec(compile("\n" * (block.line + 1) + block.code, str(page), "exec"), names)
            else:
                run_script(block.code, where)


def run_script(code: str, where: str) -> None:
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", code],
        env=os.environ | {"PATH": path, "ROOT": str(ROOT)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{where} ended with {done.returncode}:\n{code}\n{done.stdout}{done.stderr}"
    assert "Traceback" not in done.stderr, f"{where}:\n{done.stderr}"


def missing(page: Path) -> list[str]:
    """Relative links and images of a page that lead nowhere."""
    text = _FENCED.sub("", page.read_text(encoding="utf-8"))
    targets = [first or second for first, second in _LINK.findall(text)]
    near = [target.split("#")[0] for target in targets if not _ELSEWHERE.match(target)]
    return [target for target in near if not (page.parent / target).exists()]


@pytest.mark.parametrize("page", TOLD, ids=lambda page: page.stem)
def test_what_is_shown_runs(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    run(page, tmp_path)


@pytest.mark.parametrize("page", LINKED, ids=lambda page: page.stem)
def test_links_lead_somewhere(page: Path) -> None:
    assert missing(page) == []


def test_the_readme_shows_something_that_runs() -> None:
    languages = {block.language for block in blocks((ROOT / "README.md").read_text(encoding="utf-8"))}
    assert languages == {"bash", "python"}


SAMPLE = """# A page

```bash
exit 1  # unmarked: not run
```

<!-- test -->
```bash
echo 3 > number
netwright --version > version
```

<!-- test -->
```python
from pathlib import Path

n = int(Path("number").read_text())
```

<!-- test: echo $((1 + 1)) > instead -->
```bash
sleep 1000
```

<!-- test -->
```python
Path("n").write_text(str(n + 1))
```

[here](page.md#a-page), [gone](gone.md), ![picture](pictures/no.png), [far](https://example.org/x), [down](#a-page)

<img src="other/no.svg">

```markdown
[shown only](not-there.md)
```
"""


@pytest.fixture
def page(tmp_path: Path) -> Path:
    path = tmp_path / "page.md"
    path.write_text(SAMPLE)
    return path


def test_blocks_run_in_order_and_share_a_folder_and_names(page: Path, tmp_path: Path) -> None:
    before = Path.cwd()
    run(page, tmp_path)
    assert (tmp_path / "n").read_text() == "4"
    assert (tmp_path / "instead").read_text() == "2\n"
    assert (tmp_path / "version").read_text().startswith("netwright ")
    assert Path.cwd() == before


def test_what_fails_is_found_with_its_place(page: Path, tmp_path: Path) -> None:
    page.write_text("<!-- test -->\n```bash\nfalse | true\n```\n")
    with pytest.raises(AssertionError, match=r"page\.md:1 ended with 1"):
        run(page, tmp_path)
    page.write_text("text\n\n<!-- test -->\n```python\nx = 1\n1 // 0\n```\n")
    with pytest.raises(ZeroDivisionError) as caught:
        run(page, tmp_path)
    assert caught.traceback[-1].lineno == 5  # counted from 0


@pytest.mark.parametrize("below", ["", "\n```bash\ntrue\n```", "text", "```yaml\na: 1\n```"])
def test_a_marker_without_a_block_is_found(below: str) -> None:
    with pytest.raises(AssertionError, match="line 2: directly below"):
        list(blocks(f"\n<!-- test -->\n{below}\n"))


def test_links_that_lead_nowhere_are_found(page: Path) -> None:
    assert missing(page) == ["gone.md", "pictures/no.png", "other/no.svg"]
