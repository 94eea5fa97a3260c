"""What was read of a data folder, and what was not: for the lines before a run and for its report."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from netwright.data.file_kinds import NO_IMAGE, UNREADABLE
from netwright.data.folder_tree import Folder, printable
from netwright.data.heif import heif_cure

__all__ = ["Ignored", "Reading", "ignored_of"]

_MOST_NAMED = 3


@dataclass(frozen=True, slots=True)
class Ignored:
    """Files that are not read.

    Attributes:
        count: How many.
        what: What they are, for people: "files that are no images (.txt 3)".
        examples: A few of their paths.
    """

    count: int
    what: str
    examples: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.count:,} {self.what}"


@dataclass(frozen=True, slots=True)
class Reading:
    """How a source was read.

    Attributes:
        notes: Sentences about what was taken for what.
        ignored: Files that are not read, and why.
        missing: Names of images that have a label and are not there.
        unread: Folders of splits that are there and were not wanted.
    """

    notes: tuple[str, ...] = ()
    ignored: tuple[Ignored, ...] = ()
    missing: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()


def ignored_of(
    folders: Iterable[Folder], classes: Iterable[Folder], left_out: Mapping[str, str]
) -> tuple[Ignored, ...]:
    """The files below some folders that are not read.

    Args:
        folders: The folder as given, or those of the splits that are read.
        classes: Folders that hold class folders: images directly in these have no label.
        left_out: Folder -> why its images are not read.
    """
    labeled = [folder.prefix for folder in classes]
    found: dict[str, list[str]] = {}
    loose: list[str] = []
    runs: list[str] = []
    apart: list[Ignored] = []

    def visit(folder: Folder) -> None:
        if folder.prefix in left_out:
            images = folder.all_images()
            why = f"images in {printable(folder.prefix)} ({left_out[folder.prefix]})"
            apart.append(Ignored(len(images), why, _examples([path for path, _ in images])))
            return
        runs.extend(each.prefix for each in folder.runs)
        for kind, names in folder.others.items():
            found.setdefault(kind, []).extend(folder.prefix + name for name in names)
        if folder.prefix in labeled or any(prefix.startswith(folder.prefix) for prefix in labeled):
            loose.extend(path for path, _ in folder.images)
        for each in folder.folders:
            visit(each)

    for folder in folders:
        visit(folder)
    words = {
        NO_IMAGE: "file{s} that {are} no image{s}",
        UNREADABLE: "image{s} of a format that is not read: convert {them} to JPEG or PNG"
        + heif_cure(found.get(UNREADABLE, [])),
    }
    ignored = [
        Ignored(len(names), _numbered(words.get(kind, f"{kind}{{s}}"), len(names)) + _endings(names), _examples(names))
        for kind, names in sorted(found.items())
    ]
    if loose:
        text = _numbered("image{s} in no class folder", len(loose))
        ignored.append(Ignored(len(loose), f"{text} ({', '.join(_examples(loose))})", _examples(loose)))
    if runs:
        text = _numbered("folder{s} of netwright's own results", len(runs))
        ignored.append(Ignored(len(runs), f"{text} ({', '.join(_examples(runs))})", _examples(runs)))
    return (*apart, *ignored)


def _numbered(text: str, count: int) -> str:
    one = count == 1
    return text.format(s="" if one else "s", are="is" if one else "are", them="it" if one else "them")


def _endings(names: list[str]) -> str:
    counts = Counter(os.path.splitext(name)[1].lower() or "no ending" for name in names)
    return f" ({', '.join(f'{ending} {count:,}' for ending, count in counts.most_common(5))})"


def _examples(paths: list[str]) -> tuple[str, ...]:
    return tuple(printable(path) for path in paths[:_MOST_NAMED])
