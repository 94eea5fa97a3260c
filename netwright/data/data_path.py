"""From what a user gives as --data_dir to a folder that is there."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

from netwright.data.data_ref import is_address, parse_ref
from netwright.data.folder_tree import Folder
from netwright.errors import DataError
from netwright.system.suggest import nearest

__all__ = ["DIGITS", "as_text", "data_path", "is_digits", "require_images_of_run", "unpacked"]

DIGITS = "digits"  # in place of a folder: the bundled ones
_ARCHIVES = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz", ".7z", ".rar")
_ALIKE = 0.75  # 0 to 1: another name than this is no slip of the hand


def is_digits(data_dir: str | Path) -> bool:
    """Whether the bundled digits are meant: by the word, whatever is in the working folder.

    A folder of that name is './digits'; a `Path`, which cannot be written so, is the folder where there is one.
    """
    return data_dir == DIGITS or (data_dir == Path(DIGITS) and not Path(data_dir).exists())


def as_text(data_dir: str | Path) -> str:
    """A folder as a text that means the same: of a `Path`, which drops './', that of a folder named like the digits."""
    text = str(data_dir)
    return f"./{text}" if text == DIGITS and not is_digits(data_dir) else text


def data_path(data_dir: str | Path, cure: str) -> Path:
    """The path of a folder, or of a parquet file, that is there; `~` is the home folder.

    Args:
        data_dir: As given.
        cure: What to give instead, for messages.

    Raises:
        DataError: It is an address or an archive, it is not there, or it is another kind of file.
    """
    text = str(data_dir)
    if re.match(r"[a-z][a-z0-9+.-]+:/", text, re.IGNORECASE):
        raise DataError(
            f"the data are a folder on this machine, and {text!r} is an address. Download and unpack it, then give the "
            "folder."
        )
    root = Path(data_dir)
    if text.startswith("~"):
        try:
            root = root.expanduser()
        except RuntimeError as error:
            raise DataError(f"the data folder {text!r} is in the home folder of an unknown user. {cure}") from error
    if root.is_dir() or (root.is_file() and root.suffix.lower() == ".parquet"):
        return root
    if root.is_file():
        raise _no_folder(root, cure)
    raise DataError(f"the data folder {text!r} does not exist{_what_is_there(root)} {cure}")


def require_images_of_run(data_dir: str | Path, run: Path) -> None:
    """Say that the images of a run are gone, where they are.

    Args:
        data_dir: Where the run read them.
        run: Its folder, begun or finished.

    Raises:
        DataError: There is no such folder any more, or no file in it.
    """
    ref = parse_ref(data_dir)
    root = ref.root
    if not data_dir or is_digits(data_dir) or root.is_file() or is_address(ref.path) or "{" in ref.path:
        return
    if not root.exists() or Folder(root).is_empty:
        where = f"there is no {root} any more" if not root.exists() else f"{root} is empty"
        raise DataError(
            f"a run needs the images that it began with, and those of {run} are gone: {where}. Put them back, or say "
            "where they are now: --data_dir FOLDER."
        )


def unpacked(root: Path) -> tuple[str, str] | None:
    """How an archive is unpacked, for a message, and the folder that it then is, as a shell has it; else None."""
    if not root.name.lower().endswith(_ARCHIVES):
        return None
    target = root.with_name(root.name.split(".")[0])
    file, folder = shlex.quote(str(root)), shlex.quote(str(target))
    if root.suffix.lower() == ".zip":
        return f"`unzip {file} -d {folder}`", folder
    if root.suffix.lower() in (".7z", ".rar"):
        return f"by an archive program, into {target}", folder
    return f"`mkdir -p {folder} && tar -xf {file} -C {folder}`", folder


def _no_folder(root: Path, cure: str) -> DataError:
    if (unpacking := unpacked(root)) is not None:
        how, folder = unpacking
        return DataError(
            f"the data are a folder, and {root} is an archive. Unpack it ({how}), then give --data_dir {folder}."
        )
    return DataError(f"the data are a folder or a parquet file, and {root} is neither. {cure}")


def _what_is_there(root: Path) -> str:
    """What a missing path was probably meant to be."""
    absolute = root.absolute()
    there = next((place for place in absolute.parents if place.is_dir()), absolute)
    try:
        names = [each.name for each in there.iterdir() if each.is_dir()]
    except OSError:
        names = []
    near = nearest(absolute.relative_to(there).parts[0], names, likeness=_ALIKE)
    return f": did you mean {str(there / near[0])!r}?" if near else "."
