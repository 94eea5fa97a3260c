"""A folder of files as a tree that is listed folder by folder, when it is first asked."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from netwright.data.file_kinds import IMAGE, NO_IMAGE, TABLE, UNREADABLE, file_kind
from netwright.errors import DataError
from netwright.system.run_folder import OWN_FOLDERS, is_run_folder

__all__ = ["FileEntry", "Folder", "Listing", "printable"]

# a file's path below the root with forward slashes, and its size in bytes
FileEntry = tuple[str, int]

_LINK, _CLOSED = "broken link", "file that may not be opened"


@dataclass(slots=True)
class Listing:
    """What is in a folder itself: (name, size) of images and tables, names of other files by kind, and folders."""

    images: list[FileEntry] = field(default_factory=list)
    tables: list[FileEntry] = field(default_factory=list)
    others: dict[str, list[str]] = field(default_factory=dict)
    folders: list[Folder] = field(default_factory=list)
    is_run: bool = False


class Folder:
    """A folder below a root, or the root itself. Hidden names and our own run folders are left out.

    Args:
        path: Where it is.
        prefix: Its path below the root: '' for the root, else with a slash at the end.
        above: The folders above, by device and inode: a symbolic link to one of these is not followed.
    """

    def __init__(self, path: Path, prefix: str = "", above: frozenset[tuple[int, int]] = frozenset()) -> None:
        self.path, self.prefix, self._above = path, prefix, above

    @property
    def name(self) -> str:
        """Of the folder itself; '' for the root."""
        return self.prefix.rstrip("/").rpartition("/")[2]

    @cached_property
    def _listing(self) -> Listing:
        listing = Listing()
        try:
            status = self.path.stat()
            identity = (status.st_dev, status.st_ino)
            if identity in self._above:
                return listing
            with os.scandir(self.path) as entries:
                found = list(entries)
            listing.is_run = is_run_folder([entry.name for entry in found])
            for entry in sorted(found, key=lambda entry: entry.name):
                if entry.name.startswith((".", "__MACOSX")):
                    continue
                if not entry.is_dir():
                    _add_file(entry, listing)
                elif not (listing.is_run and entry.name in OWN_FOLDERS):
                    inside = f"{self.prefix}{entry.name}/"
                    listing.folders.append(Folder(self.path / entry.name, inside, self._above | {identity}))
        except OSError as error:
            raise DataError(f"{self.path} cannot be read: {error}. Check the folder and its permissions.") from error
        return listing

    @property
    def images(self) -> list[FileEntry]:
        """Directly in it: (path below the root, size)."""
        return [(self.prefix + name, size) for name, size in self._listing.images]

    @cached_property
    def is_run(self) -> bool:
        """Whether a command of ours made it, or all that is in it (runs/)."""
        listing = self._listing
        if listing.is_run or not listing.folders or listing.images or listing.tables or listing.others:
            return listing.is_run
        return all(folder.is_run for folder in listing.folders)

    @cached_property
    def folders(self) -> list[Folder]:
        """The folders in it, by name, without our own run folders."""
        return [folder for folder in self._listing.folders if not folder.is_run]

    @property
    def runs(self) -> list[Folder]:
        """Our own run folders in it."""
        return [folder for folder in self._listing.folders if folder.is_run]

    @property
    def others(self) -> dict[str, list[str]]:
        """Kind -> names of the files directly in it that are no images."""
        return self._listing.others

    @cached_property
    def has_images(self) -> bool:
        """Whether it or a folder below has any."""
        return bool(self._listing.images) or self.has_image_folders

    @cached_property
    def has_image_folders(self) -> bool:
        """Whether a folder in it has images; no more folders are listed than it takes to know."""
        return any(not folder.is_run and folder.has_images for folder in self._listing.folders)

    @cached_property
    def has_unreadable(self) -> bool:
        """Whether it or a folder below has images of a format that is not read."""
        return UNREADABLE in self.others or any(folder.has_unreadable for folder in self.folders)

    @cached_property
    def is_empty(self) -> bool:
        """Whether there is no file in it or below."""
        listing = self._listing
        return not (listing.images or listing.tables or listing.others) and all(each.is_empty for each in self.folders)

    @property
    def labeled(self) -> list[Folder]:
        """The folders in it that have images."""
        return [folder for folder in self.folders if folder.has_images]

    @property
    def only_folder(self) -> Folder | None:
        """The only folder in it that has images; no more folders are listed than it takes to know."""
        found = (folder for folder in self._listing.folders if not folder.is_run and folder.has_images)
        first = next(found, None)
        return first if next(found, None) is None else None

    def walk(self) -> Iterator[Folder]:
        """It and all folders below."""
        yield self
        for folder in self.folders:
            yield from folder.walk()

    def all_images(self) -> list[FileEntry]:
        """All images in it and below, sorted."""
        return sorted(entry for folder in self.walk() for entry in folder.images)

    def all_tables(self) -> list[FileEntry]:
        """All parquet files in it and below, sorted."""
        tables = ((folder.prefix + name, size) for folder in self.walk() for name, size in folder._listing.tables)
        return sorted(tables)


def _add_file(entry: os.DirEntry[str], listing: Listing) -> None:
    if not entry.is_file():
        kind = _LINK if entry.is_symlink() else NO_IMAGE
    else:
        try:
            kind = file_kind(entry.path)
        except OSError:
            kind = _CLOSED
    if kind in (IMAGE, TABLE):
        (listing.images if kind == IMAGE else listing.tables).append((entry.name, entry.stat().st_size))
    else:
        listing.others.setdefault(kind, []).append(entry.name)


def printable(name: str) -> str:
    """A file's name as text that any file format can hold.

    A name of another time's encoding (`caf\\xe9`) is read as Windows wrote it, or its bytes are spelled out; one name
    that two systems compose differently (an accent apart or not) becomes one.
    """
    if not name.isascii():
        raw = name.encode(errors="surrogateescape")
        for encoding in ("utf-8", "cp1252"):
            try:
                name = raw.decode(encoding)
                break
            except UnicodeDecodeError:
                continue
        else:
            name = raw.decode(errors="backslashreplace")
        name = unicodedata.normalize("NFC", name)
    return name
