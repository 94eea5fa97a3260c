"""Open what is neither a plain folder of images nor parquet files: archives, shards, arrays, tables of labels, "
"addresses."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

from netwright.data.archive import is_archive, open_archive
from netwright.data.array_files import find_arrays, open_arrays
from netwright.data.data_ref import DataRef, is_address, parse_ref
from netwright.data.file_kinds import IMAGE, file_kind
from netwright.data.folder import open_folder
from netwright.data.folder_tree import Folder
from netwright.data.imagenet_archives import find_imagenet, open_imagenet
from netwright.data.labeled import open_labeled
from netwright.data.parquet import open_parquet
from netwright.data.remote import fetch_file, fetch_hub
from netwright.data.shards import expanded, has_samples, open_shards
from netwright.data.source import ImageSource
from netwright.data.split_names import split_of
from netwright.errors import DataError

__all__ = ["open_special"]

_TABLES = (".csv", ".tsv")  # of a .txt nobody knows that it is one
_FETCHED = (".npz", ".parquet", ".tar", ".zip")


def open_special(data_dir: str | Path) -> ImageSource | None:
    """Open an archive, shards, arrays, ImageNet's archives, a table of labels, or what is at an address.

    Args:
        data_dir: A path, an address, or a text of `DataRef`.

    Returns:
        None for a plain folder of images or of parquet files, and for what does not exist.

    Raises:
        DataError: It is damaged, or its labels are not clear.
    """
    ref = parse_ref(data_dir)
    if is_address(ref.path):
        return _at_address(ref)
    if "{" in ref.path and not Path(ref.path).exists():
        return _shards([Path(each).expanduser() for each in expanded(str(ref.root))], ref)
    root = ref.root
    if ref.labels:
        return open_labeled(ref)
    if root.is_file():
        return _file(root, ref)
    return _folder(root, ref) if root.is_dir() else None


def _file(path: Path, ref: DataRef) -> ImageSource | None:
    suffix = path.suffix.lower()
    if suffix == ".parquet" and ref.options:
        return _parquet(path.parent, [(path.name, path.stat().st_size)], ref)
    if suffix in _TABLES:
        return open_labeled(replace(ref, path=str(path.parent), labels=str(path)))
    if suffix == ".npz":
        return open_arrays(path, ref.class_file)
    if suffix == ".tar" and has_samples(path):
        return _shards([path], ref)
    return open_archive(path) if is_archive(path) else None


def _folder(root: Path, ref: DataRef) -> ImageSource | None:
    if find_imagenet(root):
        return open_imagenet(root)
    if tars := _tars(root):
        return _shards(tars, ref, root)
    if find_arrays(root) and not any(_is_image(entry) for entry in os.scandir(root)):
        return open_arrays(root, ref.class_file)
    if ref.options:
        tables = Folder(root).all_tables()
        if tables:
            return _parquet(root, tables, ref)
        raise DataError(
            f"{', '.join(f'--{name}' for name in ref.options)} is for tables of labels (with --labels), parquet files, "
            f"arrays and shards, and {root} has none of these. Leave it out."
        )
    return None


def _can_be_fetched(address: str) -> bool:
    return Path(urlsplit(address).path).suffix.lower() in _FETCHED


def _tars(root: Path) -> list[Path]:
    """The tars in a folder or in its folders of splits, where they are shards."""
    found = sorted(root.glob("*.tar"))
    with os.scandir(root) as entries:
        splits = sorted(entry.name for entry in entries if entry.is_dir() and split_of(entry.name))
    found += [path for name in splits for path in sorted((root / name).glob("*.tar"))]
    return found if found and has_samples(found[0]) else []


def _is_image(entry: os.DirEntry[str]) -> bool:
    return entry.is_file() and file_kind(entry.path) == IMAGE


def _parquet(root: Path, tables: list[tuple[str, int]], ref: DataRef) -> ImageSource:
    return open_parquet(root, tables, image_column=ref.image_column, label_column=ref.label_column)


def _shards(paths: list[Path], ref: DataRef, root: Path | None = None) -> ImageSource:
    missing = next((path for path in paths if not path.is_file()), None)
    if missing is not None:
        raise DataError(f"there is no shard {missing}. Correct --data_dir.")
    root = paths[0].parent if root is None else root
    names = [path.relative_to(root).as_posix() if path.is_relative_to(root) else path.name for path in paths]
    name = paths[0].name.split(".")[0] if len(paths) == 1 else root.resolve().name
    return open_shards(paths, name=name, names=names, class_file=ref.class_file)


def _at_address(ref: DataRef) -> ImageSource:
    if ref.path.lower().startswith("hf://"):
        ref = replace(ref, path=str(fetch_hub(ref.path)))
        if (source := open_special(str(ref))) is not None:
            return source
        root = Path(ref.path)
        tables = Folder(root).all_tables()
        return open_parquet(root, tables) if tables else open_folder(root)
    addresses = expanded(ref.path)
    strange = next((each for each in addresses if not _can_be_fetched(each)), None)
    if strange is not None:
        raise DataError(
            f"at an address there is an archive (.zip, .tar), a shard, an .npz or a parquet file, and {strange} is "
            "none. Download and unpack it, then give the folder."
        )
    paths = [fetch_file(address) for address in addresses]
    if len(paths) == 1:
        source = _file(paths[0], ref)
        return source or open_parquet(paths[0].parent, [(paths[0].name, paths[0].stat().st_size)])
    names = [address.rpartition("/")[2] for address in addresses]
    return open_shards(paths, name=names[0].split(".")[0], names=names, class_file=ref.class_file)
