"""Finding out what a data folder is."""

from __future__ import annotations

from pathlib import Path

from netwright.data.digits import open_digits
from netwright.data.folder import IMAGE_SUFFIXES, Found, open_folder, scan
from netwright.data.parquet import open_parquet
from netwright.data.source import Source, check_source, listed
from netwright.errors import DataError

__all__ = ["open_source", "scan_kinds"]

_KINDS = "Give a folder of one image folder per class, of train/ and test/ folders of these, or of parquet files"


def open_source(data_dir: str | Path) -> Source:
    """An image folder, a folder of Hugging Face parquet files, or the word 'digits', as a source.

    A folder of that name is './digits'. Raises DataError when there is nothing to read, or when it is ambiguous
    what the images' labels are.
    """
    root = Path(data_dir)
    if data_dir == "digits" or (data_dir == Path("digits") and not root.exists()):
        return open_digits()
    if not root.exists():
        raise DataError(f"the data folder {str(data_dir)!r} does not exist. {_KINDS}, or the word 'digits'.")
    source = _open_path(root)
    check_source(source)
    return source


def _open_path(root: Path) -> Source:
    if root.is_file():
        if root.suffix != ".parquet":
            raise DataError(f"the data are a folder or a parquet file, and {root} is neither. {_KINDS}.")
        return open_parquet(root.parent, [(root.name, root.stat().st_size)])
    tables, images = scan_kinds(root)
    if not tables and not images:
        raise DataError(f"there are no images ({', '.join(sorted(IMAGE_SUFFIXES))}) below {root}. {_KINDS}.")
    return open_parquet(root, tables) if tables else open_folder(root, images)


def scan_kinds(root: Path) -> tuple[list[Found], list[Found]]:
    """Parquet files and images below a folder; DataError where there are both."""
    files = scan(root, IMAGE_SUFFIXES | {".parquet"})
    tables = [file for file in files if file[0].lower().endswith(".parquet")]
    images = [file for file in files if not file[0].lower().endswith(".parquet")]
    if tables and images:
        raise DataError(
            f"a data folder holds parquet files or images, and {root} has both: {listed([tables[0][0], images[0][0]])}."
            " Move one kind out, or give the subfolder that holds the other."
        )
    return tables, images
