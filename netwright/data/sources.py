"""Open a data folder, whatever it holds."""

from __future__ import annotations

from pathlib import Path

from netwright.data.digits import open_digits
from netwright.data.folder import IMAGE_SUFFIXES, FileEntry, open_folder, scan_files
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
    root = Path(data_dir)
    if data_dir == "digits" or (data_dir == Path("digits") and not root.exists()):
        return open_digits()
    if not root.exists():
        raise DataError(f"the data folder {str(data_dir)!r} does not exist. {_KINDS}, or the word 'digits'.")
    source = _open_path(root)
    check_source(source)
    return source


def _open_path(root: Path) -> ImageSource:
    if root.is_file():
        if root.suffix != ".parquet":
            raise DataError(f"the data are a folder or a parquet file, and {root} is neither. {_KINDS}.")
        return open_parquet(root.parent, [(root.name, root.stat().st_size)])
    tables, images = scan_data_folder(root)
    if not tables and not images:
        raise DataError(f"there are no images ({', '.join(sorted(IMAGE_SUFFIXES))}) below {root}. {_KINDS}.")
    return open_parquet(root, tables) if tables else open_folder(root, images)


def scan_data_folder(root: Path) -> tuple[list[FileEntry], list[FileEntry]]:
    """List parquet files and images below a folder.

    Returns:
        (parquet files, images), one of which is empty.

    Raises:
        DataError: There are both.
    """
    files = scan_files(root, IMAGE_SUFFIXES | {".parquet"})
    tables = [file for file in files if file[0].lower().endswith(".parquet")]
    images = [file for file in files if not file[0].lower().endswith(".parquet")]
    if tables and images:
        raise DataError(
            f"a data folder holds parquet files or images, and {root} has both: {listed([tables[0][0], images[0][0]])}."
            " Move one kind out, or give the subfolder that holds the other."
        )
    return tables, images
