"""Open a data folder, whatever it holds."""

from __future__ import annotations

from pathlib import Path

from netwright.data.data_path import data_path, is_digits
from netwright.data.digits import open_digits
from netwright.data.folder import open_folder
from netwright.data.folder_tree import FileEntry, Folder
from netwright.data.layout import no_images
from netwright.data.parquet import open_parquet
from netwright.data.source import ImageSource, check_source, listed
from netwright.errors import DataError

__all__ = ["open_source", "scan_data_folder"]

_KINDS = "Give a folder of one image folder per class, of train/ and test/ folders of these, or of parquet files"


def open_source(data_dir: str | Path) -> ImageSource:
    """Open an image folder, a folder of Hugging Face parquet files, or the bundled digits.

    Args:
        data_dir: A path, or 'digits'; a folder of that name is './digits'.

    Raises:
        DataError: There are no images, or their labels are not clear.
    """
    if is_digits(data_dir):
        return open_digits()
    source = _open_path(data_path(data_dir, f"{_KINDS}, or the word 'digits'."))
    check_source(source)
    return source


def _open_path(root: Path) -> ImageSource:
    if root.is_file():
        return open_parquet(root.parent, [(root.name, root.stat().st_size)])
    tables, images = scan_data_folder(root)
    if not tables and not images:
        raise no_images(root, _KINDS)
    return open_parquet(root, tables) if tables else open_folder(root)


def scan_data_folder(root: Path) -> tuple[list[FileEntry], list[FileEntry]]:
    """List parquet files and images below a folder.

    Returns:
        (parquet files, images), one of which is empty.

    Raises:
        DataError: There are both.
    """
    folder = Folder(root)
    tables, images = folder.all_tables(), folder.all_images()
    if tables and images:
        raise DataError(
            f"a data folder holds parquet files or images, and {root} has both: {listed([tables[0][0], images[0][0]])}."
            " Move one kind out, or give the subfolder that holds the other."
        )
    return tables, images
