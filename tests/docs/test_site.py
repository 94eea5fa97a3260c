"""`make docs`: every page is there, nothing warns, and no page asks another server."""

import importlib
import importlib.util
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def site_pages() -> ModuleType:
    spec = importlib.util.spec_from_file_location("site_pages", ROOT / "docs" / "site_pages.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def build(site: Path, repository: Path = ROOT) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(site)],
        cwd=repository,
        env=os.environ | {"NO_MKDOCS_2_WARNING": "1", "PYTHONPATH": str(repository)},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.slow
def test_the_site_has_every_page_and_asks_nobody(tmp_path: Path, site_pages: ModuleType) -> None:
    done = build(tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "WARNING" not in done.stderr
    built = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*.html")}
    sources = [path for path in (ROOT / "docs").rglob("*") if path.suffix in (".md", ".ipynb")]
    told = {str(path.relative_to(ROOT / "docs").with_suffix(".html")) for path in sources}
    rooms = {f"api/{name}.html" for name in site_pages.rooms()}
    assert built == told | rooms | {"index.html", "changelog.html", "contributing.html", "manifests.html", "404.html"}
    assert site_pages.fetched_elsewhere(tmp_path) == []
    assert (tmp_path / "LICENSE").exists()
    home = (tmp_path / "index.html").read_text()
    assert 'href="tutorials/spaces.html"' in home
    assert 'href="changelog.html"' in home
    assert 'src="images/report.png"' in home
    assert (tmp_path / "notebooks" / "spaces.html").read_text().count("<svg") > 3  # results, in a page without scripts
    for room in site_pages.rooms():
        page = (tmp_path / "api" / f"{room}.html").read_text()
        public = set(importlib.import_module(room).__all__) - {"__version__", "stats"}
        assert [name for name in sorted(public) if f'id="{room}.{name}"' not in page] == [], room


def test_what_a_page_would_fetch_is_found(tmp_path: Path, site_pages: ModuleType) -> None:
    fetched = (
        '<script async src="https://cdn.example.org/a.js"></script>',
        '<link rel="stylesheet" href="//fonts.example.org/css">',
        "<img alt='' src='http://example.org/pixel.gif'>",
        "@import 'https://example.org/more.css'",
        "url(https://example.org/font.woff2)",
    )
    (tmp_path / "page.html").write_text("\n".join(fetched[:3]))
    (tmp_path / "style.css").write_text("\n".join(fetched[3:]))
    (tmp_path / "good.html").write_text(
        '<a href="https://example.org/">elsewhere</a><script src="a.js"></script><link href="style.css">'
    )
    found = site_pages.fetched_elsewhere(tmp_path)
    assert len(found) == len(fetched)
    for line, what in zip(found, fetched, strict=True):
        assert what.partition(">")[0] in line
