"""Pages of the documentation site that are no files of docs/: called by mkdocs, which mkdocs.yml tells so.

README, changes and the like stay where GitHub shows them, and each public room of the package gets a page made of its
docstrings. A link that works on GitHub works on the site: it is read as a path of the repository, and led to the page.
"""

import posixpath
import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).parents[1]
# file of the repository -> page, or file, of the site
OUTSIDE = {
    "README.md": "index.md",
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
    "manifests/README.md": "manifests.md",
    "LICENSE": "LICENSE",
}
# public rooms, as the site lists them; "" is the package itself
ROOMS = (
    "",
    "arch",
    "space",
    "stats",
    "population",
    "recipe",
    "data",
    "nn",
    "weights",
    "training",
    "sweeps",
    "runtime",
    "exports",
    "evaluation",
    "serving",
    "workflow",
    "testing",
)

_LINK = re.compile(r"(\[[^\]]*\]\(|(?:src|href)=\")([^)\s\"]+)(\)|\")")
_ELSEWHERE = re.compile(r"[a-z][a-z+.-]*:|//|#|/")
# what a browser fetches by itself when it shows a page or a style sheet, from another server
_FETCHED = re.compile(
    r"<(?:script|img|iframe|source|video|audio|embed)\b[^>]*?\ssrc=[\"']?(?:https?:)?//[^>]*>"
    r"|<link\b[^>]*?\shref=[\"']?(?:https?:)?//[^>]*>"
    r"|url\(\s*[\"']?(?:https?:)?//[^)]*\)|@import\s+[\"'](?:https?:)?//[^\"']*[\"']",
    re.IGNORECASE,
)
_FENCED = re.compile(r"^```.*?^```[ \t]*$", re.MULTILINE | re.DOTALL)


def rooms() -> list[str]:
    """Dotted names of those that are there."""
    names = [f"netwright.{room}".rstrip(".") for room in ROOMS]
    return [name for name in names if (ROOT / name.replace(".", "/") / "__init__.py").exists()]


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    (config.nav or []).append({"API": [{name: f"api/{name}.md"} for name in rooms()]})
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    for source, target in OUTSIDE.items():
        files.append(File.generated(config, target, abs_src_path=str(ROOT / source)))
    for name in rooms():
        text = f"# `{name}`\n\n::: {name}\n"
        files.append(File.generated(config, f"api/{name}.md", content=text))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """The page with its links led from where they point on GitHub to where that is on the site."""
    here = page.file.src_uri
    source = next((path for path, target in OUTSIDE.items() if target == here), f"docs/{here}")

    def led(match: re.Match[str]) -> str:
        before, link, after = match.groups()
        if _ELSEWHERE.match(link):
            return match[0]
        path, hash_sign, anchor = link.partition("#")
        path = posixpath.normpath(posixpath.join(posixpath.dirname(source), path))
        if (ROOT / path).is_dir():
            return before.removeprefix("[").removesuffix("](")  # a site shows no folders: the text without the link
        target = OUTSIDE.get(path, path.removeprefix("docs/"))
        if files.get_file_from_path(target) is None and (ROOT / path).is_file():
            files.append(File.generated(config, target, abs_src_path=str(ROOT / path)))
        return before + posixpath.relpath(target, posixpath.dirname(here) or ".") + hash_sign + anchor + after

    pieces = []
    end = 0
    for fenced in _FENCED.finditer(markdown):
        pieces += [_LINK.sub(led, markdown[end : fenced.start()]), fenced[0]]
        end = fenced.end()
    return "".join([*pieces, _LINK.sub(led, markdown[end:])])


def fetched_elsewhere(folder: Path) -> list[str]:
    """What the pages and style sheets of a site would fetch from other servers; links that a person follows may."""
    return [
        f"{path.relative_to(folder)}: {found[0]}"
        for path in sorted(folder.rglob("*"))
        if path.suffix in (".html", ".css")
        for found in _FETCHED.finditer(path.read_text(encoding="utf-8"))
    ]


def on_post_build(config: MkDocsConfig) -> None:
    if found := fetched_elsewhere(Path(config.site_dir)):
        raise PluginError("the site asks other servers when it is looked at:\n" + "\n".join(found))
