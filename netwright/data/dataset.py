"""The images of a training by data set, folder and names of splits, as `train` and `validate` ask for them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from netwright.data.array import ArraySource
from netwright.data.cifar import CIFAR10, CIFAR100, Cifar, find_cifar
from netwright.data.digits import open_digits
from netwright.data.download import Remote, fetch
from netwright.data.folder import open_folder, open_split_folders
from netwright.data.mnist import MNIST_FILES, find_mnist
from netwright.data.parquet import open_parquet, split_files
from netwright.data.source import SPLIT_NAMES, Source, listed
from netwright.data.sources import scan_kinds
from netwright.errors import DataError

__all__ = ["Opened", "open_dataset"]


@dataclass(frozen=True, slots=True, eq=False)
class Opened:
    """source: the images of the splits that were asked for; keys: name as asked -> name in source.splits.

    Images that come in no splits are all there, as 'all', for the first split that was asked for.
    """

    source: Source
    keys: Mapping[str, str]


def _cifar_finder(kind: Cifar) -> Callable[[Path], ArraySource | None]:
    return lambda root: find_cifar(kind, root)


# data set -> what finds it in a folder, and where it is published
_PUBLISHED: dict[str, tuple[Callable[[Path], ArraySource | None], tuple[Remote, ...]]] = {
    "mnist": (find_mnist, MNIST_FILES),
    "cifar10": (_cifar_finder(CIFAR10), (CIFAR10.remote,)),
    "cifar100": (_cifar_finder(CIFAR100), (CIFAR100.remote,)),
}


def open_dataset(
    dataset: str,
    data_dir: str | Path,
    wanted: Sequence[str],
    *,
    optional: Collection[str] = (),
    download: bool = False,
    cure: str = "",
) -> Opened:
    """The splits `wanted` of a data set, by the names that its folders or files have, in any usual spelling.

    dataset: imagenet or '' (what data_dir holds), mnist, cifar10, cifar100, digits. optional: those that may be
    missing. download: fetch a published data set that is not there. cure: what to do where a split is missing.
    Raises DataError where there are no images, no such split, or no clear labels.
    """
    root = Path(data_dir)
    if dataset == "digits" or (str(data_dir) == "digits" and not root.exists()):
        return _chosen(open_digits(), wanted, optional, cure)
    if dataset in _PUBLISHED:
        find, remotes = _PUBLISHED[dataset]
        source = find(root) if root.is_dir() else None
        if source is None and not (root.exists() and any(map(len, _kinds(root)))):
            if not download:
                size = sum(remote.size for remote in remotes) / 1e6
                raise DataError(
                    f"{dataset} is read as published, or as class folders or parquet files, and {root} holds none of "
                    f"these. Correct --data_dir, or give --download True to fetch it ({size:,.0f} MB)."
                )
            for remote in remotes:
                fetch(remote, root)
            source = find(root)
        if source is not None:
            return _chosen(source, wanted, optional, cure, is_published=True)
    if not root.exists():
        raise DataError(f"the data folder {str(data_dir)!r} does not exist. Correct --data_dir.")
    return _open_held(root, wanted, optional, cure)


def _kinds(root: Path) -> tuple[Sequence[object], Sequence[object]]:
    return ([root], []) if root.is_file() else scan_kinds(root)


def _open_held(root: Path, wanted: Sequence[str], optional: Collection[str], cure: str) -> Opened:
    """Image folders or parquet files, whichever is there."""
    if root.is_file():
        if root.suffix != ".parquet":
            raise DataError(f"the data are a folder or a parquet file, and {root} is neither. Correct --data_dir.")
        return _chosen(open_parquet(root.parent, [(root.name, root.stat().st_size)]), wanted, optional, cure)
    if (opened := _open_split_folders(root, wanted, optional, cure)) is not None:
        return opened
    tables, images = scan_kinds(root)
    if tables:
        names = split_files(tables)
        if set(names.values()) != {"all"}:
            # splits that nobody asked for may have no labels
            keys = set(_keys(set(names.values()), wanted, optional, root, cure).values())
            tables = [file for file in tables if names[file[0]] in keys]
        return _chosen(open_parquet(root, tables), wanted, optional, cure)
    if images:
        return _chosen(open_folder(root, images), wanted, optional, cure)
    for find, _ in _PUBLISHED.values():
        if (source := find(root)) is not None:
            return _chosen(source, wanted, optional, cure)
    raise DataError(
        f"there are no images below {root}: neither class folders (train/<class>/, val/<class>/), nor parquet files, "
        "nor MNIST or CIFAR as published. Correct --data_dir."
    )


def _open_split_folders(root: Path, wanted: Sequence[str], optional: Collection[str], cure: str) -> Opened | None:
    """Only the folders of these splits are looked at; None where the folder has none, or parquet files in them."""
    there = sorted(entry.name for entry in root.iterdir() if entry.is_dir() and entry.name[0] != ".")
    named = [name for name in wanted if (root / name).is_dir()]
    splits = {name for name in there if name.lower() in SPLIT_NAMES and _is_split(root, name, there)} | set(named)
    if not splits:
        return None
    keys = _keys(splits, wanted, optional, root, cure)
    if any(_holds_parquet(root / folder) for folder in keys.values()):
        return None
    return Opened(open_split_folders(root, list(keys.values())), keys)


def _is_split(root: Path, name: str, there: Sequence[str]) -> bool:
    """A folder called 'train' that holds images itself, beside 'car' and 'plane', is one of their classes."""
    if all(other.lower() in SPLIT_NAMES for other in there):
        return True
    return any(entry.is_dir() and entry.name[0] != "." for entry in (root / name).iterdir())


def _holds_parquet(folder: Path) -> bool:
    return any(entry.suffix == ".parquet" for entry in folder.iterdir())


def _keys(
    there: Collection[str], wanted: Sequence[str], optional: Collection[str], root: Path | str, cure: str
) -> dict[str, str]:
    """Name as asked -> name as it is there."""
    keys = {}
    for name in wanted:
        if name in there:
            keys[name] = name
            continue
        same = sorted(key for key in there if SPLIT_NAMES.get(key.lower(), key) == SPLIT_NAMES.get(name.lower(), name))
        if len(same) > 1:
            raise DataError(f"{name!r} may be any of {listed(same)} in {root}. Give the split's very name.")
        if same:
            keys[name] = same[0]
        elif name not in optional:
            raise DataError(f"there is no split {name!r} in {root}, which has {listed(sorted(there))}. {cure}".strip())
    return keys


def _chosen(
    source: Source, wanted: Sequence[str], optional: Collection[str], cure: str, *, is_published: bool = False
) -> Opened:
    """is_published: train and test are all there ever is, and who asks for validation means test, as in MindCV."""
    if set(source.splits) == {"all"}:
        needed = [name for name in wanted if name not in optional]
        if len(needed) > 1:
            raise DataError(f"{source.name!r} comes in no splits, and {listed(needed)} are asked for. {cure}".strip())
        return Opened(source, {needed[0]: "all"})
    if is_published:
        validation = {name: "test" for name in wanted if SPLIT_NAMES.get(name.lower()) == "validation"}
        rest = [name for name in wanted if name not in validation]
        return Opened(source, _keys(source.splits, rest, optional, source.name, cure) | validation)
    return Opened(source, _keys(source.splits, wanted, optional, source.name, cure))
