"""Open the splits of a data set by its name, its folder and the names of the splits; for `train` and `validate`."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from netwright.data.array import ArraySource
from netwright.data.cifar import CIFAR10, CIFAR100, Cifar, find_cifar
from netwright.data.data_path import DIGITS, data_path, is_digits
from netwright.data.digits import open_digits
from netwright.data.download import Remote, fetch
from netwright.data.folder import open_folder, open_split_folders
from netwright.data.folder_tree import Folder
from netwright.data.layout import find_layout, no_images
from netwright.data.mnist import MNIST_FILES, find_mnist
from netwright.data.parquet import open_parquet, split_files
from netwright.data.source import SPLIT_NAMES, ImageSource, listed
from netwright.data.sources import find_published, scan_data_folder
from netwright.data.special import open_special
from netwright.data.split_names import split_of
from netwright.errors import DataError

__all__ = ["OpenedDataset", "open_dataset"]


_KINDS = "A data folder has class folders (train/<class>/, val/<class>/), parquet files, or MNIST's or CIFAR's files"


@dataclass(frozen=True, slots=True, eq=False)
class OpenedDataset:
    """An opened data set.

    Attributes:
        source: The images of the wanted splits.
        split_names: Name as wanted -> name in source.splits. A data set without splits has 'all' for the first one.
    """

    source: ImageSource
    split_names: Mapping[str, str]


def _cifar_finder(kind: Cifar) -> Callable[[Path], ArraySource | None]:
    return lambda root: find_cifar(kind, root)


# data set -> the function that finds it in a folder, and its published files
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
) -> OpenedDataset:
    """Open some splits of a data set, by the names of its folders or files in any usual spelling.

    Args:
        dataset: imagenet or '' (whatever data_dir holds), mnist, cifar10, cifar100 or digits.
        data_dir: The folder of the images, or a parquet file; or 'digits', see `is_digits`.
        wanted: Names of the splits.
        optional: Those of the wanted splits that may be missing.
        download: Download a published data set that is not in data_dir.
        cure: Advice for the error message where a split is missing.

    Raises:
        DataError: There are no images, a split is missing, or the labels are not clear.
    """
    root = Path(data_dir).expanduser() if str(data_dir).startswith("~/") else Path(data_dir)
    if dataset == DIGITS or (dataset not in _PUBLISHED and is_digits(data_dir)):
        return _select(open_digits(), wanted, optional, cure)
    if dataset not in _PUBLISHED and (special := open_special(data_dir)) is not None:
        return _select(special, wanted, optional, cure)
    if dataset in _PUBLISHED:
        find, remotes = _PUBLISHED[dataset]
        source = find(root) if root.is_dir() else None
        if source is None and not (root.exists() and any(map(len, _scan(root)))):
            if not download:
                size = sum(remote.size for remote in remotes) / 1e6
                raise DataError(
                    f"{dataset} is read from its published files, class folders or parquet files, and {root} holds "
                    f"none of these. Correct --data_dir, or give --download True to download it ({size:,.0f} MB)."
                )
            for remote in remotes:
                fetch(remote, root)
            source = find(root)
        if source is not None:
            return _select(source, wanted, optional, cure, is_published=True)
    return _open_found(data_path(data_dir, "Correct --data_dir."), wanted, optional, cure)


def _scan(root: Path) -> tuple[Sequence[object], Sequence[object]]:
    return ([root], []) if root.is_file() else scan_data_folder(root)


def _open_found(root: Path, wanted: Sequence[str], optional: Collection[str], cure: str) -> OpenedDataset:
    """Image folders or parquet files, whichever is there."""
    if root.is_file():
        return _select(open_parquet(root.parent, [(root.name, root.stat().st_size)]), wanted, optional, cure)
    folder = Folder(root)  # listed once
    if (opened := _open_split_folders(folder, wanted, optional, cure)) is not None:
        return opened
    tables, images = scan_data_folder(folder)
    if tables:
        names = split_files(tables)
        if set(names.values()) != {"all"}:
            # unwanted splits may have no labels
            split_names = set(_match_splits(set(names.values()), wanted, optional, root, cure).values())
            tables = [file for file in tables if names[file[0]] in split_names]
        return _select(open_parquet(root, tables), wanted, optional, cure)
    if images:
        return _select(open_folder(folder), wanted, optional, cure)
    if (source := find_published(root)) is not None:
        return _select(source, wanted, optional, cure)
    raise no_images(root, f"{_KINDS}. Correct --data_dir")


def _open_split_folders(
    folder: Folder, wanted: Sequence[str], optional: Collection[str], cure: str
) -> OpenedDataset | None:
    """Open the wanted splits where there is a folder for each; None where there is none, or they hold parquet files.

    Other folders are not read.
    """
    root = folder.path
    named = {name for name in wanted if name.lower() not in SPLIT_NAMES and name != "all" and (root / name).is_dir()}
    if not folder.has_images or any(_holds_parquet(each.path) for each in folder.folders if split_of(each.name)):
        return None
    layout = find_layout(folder, named)
    splits = set(layout.splits) | named
    # one without labels that is asked for: the message says what to do with its images
    needed = {split_of(name) for name in wanted if name not in optional}
    splits |= {name for name in layout.unlabeled if split_of(name) in needed - {None}}
    if not splits:
        return None
    split_names = _match_splits(splits, wanted, optional, root, cure)
    return OpenedDataset(open_split_folders(layout, list(split_names.values())), split_names)


def _holds_parquet(folder: Path) -> bool:
    return any(entry.suffix == ".parquet" for entry in folder.iterdir())


def _match_splits(
    there: Collection[str], wanted: Sequence[str], optional: Collection[str], root: Path | str, cure: str
) -> dict[str, str]:
    """Wanted name -> name that is there."""
    split_names = {}
    for name in wanted:
        if name in there:
            split_names[name] = name
            continue
        same = sorted(key for key in there if (split_of(key) or key) == (split_of(name) or name))
        if len(same) > 1:
            raise DataError(f"{name!r} may be any of {listed(same)} in {root}. Give the exact name of the split.")
        if same:
            split_names[name] = same[0]
        elif name not in optional:
            raise DataError(f"there is no split {name!r} in {root}, which has {listed(sorted(there))}. {cure}".strip())
    return split_names


def _select(
    source: ImageSource, wanted: Sequence[str], optional: Collection[str], cure: str, *, is_published: bool = False
) -> OpenedDataset:
    """Select the wanted splits. is_published: it has train and test only, and validation means test, as in MindCV."""
    if set(source.splits) == {"all"}:
        needed = [name for name in wanted if name not in optional]
        if len(needed) > 1:
            raise DataError(f"{source.name!r} has no splits, and {listed(needed)} are wanted. {cure}".strip())
        return OpenedDataset(source, {needed[0]: "all"})
    if is_published:
        validation = {name: "test" for name in wanted if SPLIT_NAMES.get(name.lower()) == "validation"}
        rest = [name for name in wanted if name not in validation]
        return OpenedDataset(source, _match_splits(source.splits, rest, optional, source.name, cure) | validation)
    return OpenedDataset(source, _match_splits(source.splits, wanted, optional, source.name, cure))
