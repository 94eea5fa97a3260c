"""A zip or a tar of a folder, read as it is: the same layouts as of folders, and nothing is unpacked."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import numpy as np

from netwright.data.file_kinds import IMAGE, NO_IMAGE, TABLE, kind_of_name
from netwright.data.folder import FolderSource, files_signature, open_folder
from netwright.data.folder_tree import Folder, Listing
from netwright.data.layout import no_images
from netwright.data.packed import DEFLATED, PLAIN, STORED, PackedSource, Places
from netwright.data.tar_index import COMPRESSED_TARS, tar_members
from netwright.errors import DataError
from netwright.system.run_folder import OWN_FOLDERS, is_run_folder

__all__ = ["ARCHIVES", "Member", "is_archive", "members_of", "open_archive", "open_unlabeled_archive", "pack"]

ARCHIVES = (".zip", ".tar")
_KINDS = "Give an archive of one image folder per class, or of train/ and test/ folders of these"
_HOW = {zipfile.ZIP_STORED: STORED, zipfile.ZIP_DEFLATED: DEFLATED}


class Member(NamedTuple):
    """A file in an archive: its path there, where it lies, its bytes there and how they lie, see `Places`."""

    name: str
    offset: int
    size: int
    how: int


def is_archive(path: Path) -> bool:
    """Whether it has the ending of an archive that can be read as it is."""
    return path.suffix.lower() in ARCHIVES


def open_archive(path: Path) -> PackedSource:
    """Make a source of a zip or a tar of folders of images.

    Raises:
        DataError: It is damaged, compressed as a whole, encrypted, or its folders are no clear layout.
    """
    members = {member.name: member for member in members_of(path)}
    tree = _PackedFolder(path, "", _tree(members))
    if not tree.has_images:
        raise no_images(tree, _KINDS)
    source = open_folder(tree)
    return pack(source, path, [members[name] for name in source.paths])


def open_unlabeled_archive(path: Path) -> PackedSource:
    """Every image of a zip or a tar, whatever folders it is in, as one class without a name.

    Raises:
        DataError: It is damaged, or cannot be read at any place.
    """
    members = sorted(each for each in members_of(path) if kind_of_name(each.name) == IMAGE and _is_shown(each.name))
    labels = np.zeros(len(members), dtype=np.int64)
    entries = [(each.name, each.size) for each in members]
    source = FolderSource(
        path.stem,
        ("",),
        labels,
        {"all": np.arange(len(members), dtype=np.int64)},
        files_signature(entries),
        path,
        tuple(each.name for each in members),
    )
    return pack(source, path, members)


def _is_shown(name: str) -> bool:
    return not any(part.startswith((".", "__MACOSX")) for part in name.split("/"))


def pack(source: FolderSource, path: Path, members: Sequence[Member]) -> PackedSource:
    """A source of the same images, which lie in an archive. members: one for each image."""
    columns = np.array([(each.offset, each.size, each.how) for each in members], dtype=np.int64).reshape(-1, 3)
    places = Places(
        (path,), np.zeros(len(members), dtype=np.int64), columns[:, 0], columns[:, 1], columns[:, 2].astype(np.uint8)
    )
    return PackedSource(
        _without_ending(path),
        source.class_names,
        source.labels,
        source.splits,
        source.signature,
        source.paths,
        places,
        source.reading,
    )


def members_of(path: Path) -> list[Member]:
    """The files of an archive, in its order.

    Raises:
        DataError: It is damaged, or a kind that cannot be read at any place.
    """
    name = path.name.lower()
    if name.endswith(COMPRESSED_TARS):
        raise DataError(
            f"an archive is read as it is where its images can be found one by one, and {path} is compressed as a "
            f"whole. Unpack it: `mkdir -p FOLDER && tar -xf {path} -C FOLDER`, then give --data_dir FOLDER."
        )
    if not name.endswith(".zip"):
        return [Member(each.name, each.offset, each.size, PLAIN) for each in tar_members(path)]
    try:
        with zipfile.ZipFile(path) as archive:
            infos = [info for info in archive.infolist() if not info.is_dir()]
    except (zipfile.BadZipFile, OSError, EOFError) as error:
        raise DataError(f"{path} is damaged: {error}. Download it again.") from error
    other = next((info for info in infos if info.flag_bits & 1 or info.compress_type not in _HOW), None)
    if other is not None:
        why = "encrypted" if other.flag_bits & 1 else "compressed in a way that few programs read"
        raise DataError(f"{other.filename} in {path} is {why}. Unpack the archive, then give the folder as --data_dir.")
    return [Member(info.filename, info.header_offset, info.compress_size, _HOW[info.compress_type]) for info in infos]


_Tree = dict[str, "int | _Tree"]


def _tree(members: Mapping[str, Member]) -> _Tree:
    """Name -> size of a file, or the tree of a folder."""
    root: _Tree = {}
    for name, member in members.items():
        *folders, file = [part for part in name.split("/") if part]
        here = root
        for folder in folders:
            inside = here.setdefault(folder, {})
            if isinstance(inside, int):
                raise DataError(f"{name} in an archive is inside of a file. Pack it again.")
            here = inside
        here[file] = member.size
    return root


class _PackedFolder(Folder):
    """A folder in an archive, for the reading of layouts."""

    def __init__(self, path: Path, prefix: str, tree: _Tree) -> None:
        super().__init__(path, prefix)
        self._tree = tree

    @cached_property
    def _listing(self) -> Listing:
        listing = Listing(is_run=is_run_folder(self._tree))
        for name, inside in sorted(self._tree.items()):
            if name.startswith((".", "__MACOSX")):
                continue
            if not isinstance(inside, int):
                if not (listing.is_run and name in OWN_FOLDERS):
                    listing.folders.append(_PackedFolder(self.path / name, f"{self.prefix}{name}/", inside))
                continue
            kind = kind_of_name(name) or NO_IMAGE
            if kind == IMAGE:
                listing.images.append((name, inside))
            else:
                listing.others.setdefault(NO_IMAGE if kind == TABLE else kind, []).append(name)
        return listing


def _without_ending(path: Path) -> str:
    return path.name.split(".")[0] or path.name
