"""Open a data folder, whatever it holds."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from netwright.data.cifar import CIFAR10, CIFAR100, find_cifar
from netwright.data.data_path import data_path, is_digits
from netwright.data.digits import open_digits
from netwright.data.folder import open_folder
from netwright.data.folder_tree import FileEntry, Folder
from netwright.data.layout import no_images
from netwright.data.mnist import find_mnist
from netwright.data.parquet import open_parquet
from netwright.data.source import ImageSource, check_source, listed
from netwright.data.special import open_special
from netwright.errors import DataError

__all__ = ["find_published", "open_source", "scan_data_folder"]

_KINDS = "Give a folder of one image folder per class, of train/ and test/ folders of these, or of parquet files"


def open_source(data_dir: str | Path) -> ImageSource:
    """Open labeled images, wherever they are.

    Args:
        data_dir: A folder of class folders, with or without split folders; of Hugging Face parquet files; of tar
            shards; of .npy files; of MNIST's, CIFAR's or ImageNet's published files. Or a .zip or .tar of a folder, a
            table of labels (.csv), an .npz, an address of one of these or hf://OWNER/NAME. Or a text of `DataRef`. Or
            'digits'; a folder of that name is './digits'.

    Raises:
        DataError: There are no images, or their labels are not clear.
    """
    if is_digits(data_dir):
        return open_digits()
    source = open_special(data_dir) or _open_path(data_path(data_dir, f"{_KINDS}, or the word 'digits'."))
    check_source(source)
    return source


def _open_path(root: Path) -> ImageSource:
    if root.is_file():
        return open_parquet(root.parent, [(root.name, root.stat().st_size)])
    folder = Folder(root)  # listed once
    tables, images = scan_data_folder(folder)
    if not tables and not images:
        if (source := find_published(root)) is not None:
            return source
        raise no_images(root, _KINDS)
    return open_parquet(root, tables) if tables else open_folder(folder)


def find_published(root: Path) -> ImageSource | None:
    """MNIST, CIFAR-10 or CIFAR-100 in their published files; None where there is none."""
    found = (find(root) for find in (find_mnist, partial(find_cifar, CIFAR10), partial(find_cifar, CIFAR100)))
    return next((source for source in found if source is not None), None)


def scan_data_folder(root: Path | Folder) -> tuple[list[FileEntry], list[FileEntry]]:
    """List parquet files and images below a folder.

    Returns:
        (parquet files, images), one of which is empty.

    Raises:
        DataError: There are both.
    """
    folder = root if isinstance(root, Folder) else Folder(root)
    tables, images = folder.all_tables(), folder.all_images()
    if tables and images:
        raise DataError(
            f"a data folder holds parquet files or images, and {folder.path} has both: "
            f"{listed([tables[0][0], images[0][0]])}. Move one kind out, or give the subfolder that holds the other."
        )
    return tables, images
