"""What the README and the tutorials show is run (conftest.py says which blocks), and what they link to is there."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
TOLD = [ROOT / "README.md", *sorted((ROOT / "docs" / "tutorials").glob("*.md"))]
LINKED = [
    *TOLD,
    *sorted((ROOT / "docs").glob("*.md")),
    ROOT / "CONTRIBUTING.md",
    ROOT / "CHANGELOG.md",
    ROOT / "manifests" / "README.md",
]

_FENCED = re.compile(r"^```.*?^```[ \t]*$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"!?\[[^\]]*\]\(\s*<?([^)\s>]+)>?[^)]*\)|(?:src|href)=\"([^\"]+)\"")
_ELSEWHERE = re.compile(r"[a-z][a-z+.-]*:|//|#")


def missing(page: Path) -> list[str]:
    """Relative links and images of a page that lead nowhere."""
    text = _FENCED.sub("", page.read_text(encoding="utf-8"))
    targets = [first or second for first, second in _LINK.findall(text)]
    near = [target.split("#")[0] for target in targets if not _ELSEWHERE.match(target)]
    return [target for target in near if not (page.parent / target).exists()]


@pytest.mark.slow
@pytest.mark.timeout(900)  # a page is many programs, on a machine that may have others to run
@pytest.mark.parametrize("page", TOLD, ids=lambda page: page.stem)
def test_what_is_shown_runs(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run_page: Callable[..., list[int]]
) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    if left_out := run_page(page, tmp_path):
        pytest.skip(f"curl is not here, so these blocks of {page.name} were not run: lines {left_out}; the others were")


@pytest.mark.parametrize("page", LINKED, ids=lambda page: page.stem)
def test_links_lead_somewhere(page: Path) -> None:
    assert missing(page) == []


def test_the_readme_shows_something_that_runs(blocks_of: Callable[[str], Iterator[Any]]) -> None:
    languages = {block.language for block in blocks_of((ROOT / "README.md").read_text(encoding="utf-8"))}
    assert languages == {"bash", "python", "serve"}


SAMPLE = """[here](page.md#a-page), [gone](gone.md), ![picture](pictures/no.png), [far](https://example.org/x)
[down](#a-page)

<img src="other/no.svg">

```markdown
[shown only](not-there.md)
```
"""


def test_links_that_lead_nowhere_are_found(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(SAMPLE)
    assert missing(page) == ["gone.md", "pictures/no.png", "other/no.svg"]
