"""What `predict` is pointed at: image files, folders of them, and addresses on the web."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from netwright.data.archive import is_archive, open_unlabeled_archive
from netwright.data.data_path import unpacked
from netwright.data.folder import IMAGE_SUFFIXES, scan_files, scan_images
from netwright.data.packed import PackedSource
from netwright.data.source import Pixels
from netwright.errors import DataError
from netwright.system.fetch import FetchError, TooLargeError, fetch_bytes, is_offline
from netwright.system.plural import count

__all__ = ["MOST_BYTES", "Input", "PackedInput", "find_inputs"]

MOST_BYTES = 64 << 20  # of an image from the web
_SCHEMES = ("http", "https")
_MOST_NAMED = 3
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Input:
    """One image. name: what it is called in the answer: its path as given, or its address."""

    name: str
    is_url: bool = False
    timeout: float = 20.0
    most_bytes: int = MOST_BYTES

    def read(self) -> bytes:
        """Its bytes; DataError or OSError where there are none to be had."""
        if self.is_url:
            return _fetch(self)
        path = Path(self.name)
        if (unpacking := unpacked(path)) is not None and path.is_file():
            raise DataError(f"it is an archive: unpack it ({unpacking[0]}), then give {unpacking[1]}")
        return path.read_bytes()


@dataclass(frozen=True, slots=True)
class PackedInput:
    """An image in an archive. name: the archive and the path in it."""

    name: str
    source: PackedSource
    index: int

    def read(self) -> bytes | Pixels:
        """Its bytes; DataError or OSError where there are none to be had."""
        return self.source.read(self.index).data


def find_inputs(
    words: Sequence[str], *, timeout: float = 20.0, notify: Callable[[str], None] = _LOG.info
) -> Iterator[Input | PackedInput]:
    """An input a file and address, and one an image below each folder and in each .zip and .tar, by name; each once.

    An image of a folder is one by its name or by its content; what else is there is left out, and said. A path that is
    not there is an input that cannot be read, so that the others are still answered.

    Args:
        words: Files, folders, archives and addresses.
        timeout: Seconds of an address.
        notify: Called with what is left out.

    Raises:
        DataError: For a folder or an archive without images.
    """
    seen = set()
    for each in _each(words, timeout, notify):
        if each.name not in seen:
            seen.add(each.name)
            yield each


def _each(words: Sequence[str], timeout: float, notify: Callable[[str], None]) -> Iterator[Input | PackedInput]:
    for word in words:
        if urlsplit(word).scheme.lower() in _SCHEMES:
            yield Input(word, is_url=True, timeout=timeout)
        elif (folder := _expanded(word)).is_dir():
            found, others = _below(folder)
            if others:
                more = f" and {len(others) - _MOST_NAMED:,} more" if len(others) > _MOST_NAMED else ""
                named = f"{', '.join(others[:_MOST_NAMED])}{more}"
                notify(f"{count(len(others), 'file')} of {word} left out, no images: {named}")
            if not found:
                raise DataError(
                    f"a folder to predict has images ({', '.join(sorted(IMAGE_SUFFIXES))}) in it or below, and {word} "
                    "has none. Give another, or the files themselves."
                )
            yield from (Input(str(folder / path)) for path in found)
        elif folder.is_file() and is_archive(folder):
            yield from _packed(folder, notify)
        else:
            yield Input(str(_expanded(word)))


def _packed(path: Path, notify: Callable[[str], None]) -> Iterator[Input | PackedInput]:
    try:
        source = open_unlabeled_archive(path)
    except DataError as error:  # the others are still answered
        notify(str(error))
        yield Input(str(path))
        return
    if not len(source.labels):
        raise DataError(f"an archive to predict has images in it, and {path} has none. Give another.")
    for index in range(len(source.labels)):
        yield PackedInput(f"{path}/{source.item_name(index)}", source, index)


def _expanded(word: str) -> Path:
    """A path, with `~` for the home folder where a shell has not replaced it."""
    path = Path(word)
    return path.expanduser() if word.startswith("~/") and not path.exists() else path


def _below(folder: Path) -> tuple[list[str], list[str]]:
    """Images below a folder, and the other files, by name; hidden ones are neither."""
    images = [path for path, _ in scan_images(folder)]
    known = set(images)
    return images, [path for path, _ in scan_files(folder, None) if path not in known]


def _fetch(each: Input) -> bytes:
    """The body of an answer, up to the most bytes allowed. DataError says why there is none."""
    if is_offline():
        raise DataError("it cannot be fetched: NETWRIGHT_OFFLINE forbids the network")
    try:
        return fetch_bytes(each.name, timeout=each.timeout, most_bytes=each.most_bytes, accept="image/*, */*;q=0.5")
    except TooLargeError as error:
        raise DataError(
            f"an image from the web has at most {each.most_bytes:,} bytes, and this one has more"
        ) from error
    except FetchError as error:
        raise DataError(f"it cannot be fetched: {error}") from error
