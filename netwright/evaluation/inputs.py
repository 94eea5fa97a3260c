"""What `predict` is pointed at: image files, folders of them, and addresses on the web."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from urllib import request
from urllib.error import HTTPError
from urllib.parse import urlsplit

from netwright.data.folder import IMAGE_SUFFIXES, scan
from netwright.errors import DataError
from netwright.version import __version__

__all__ = ["MOST_BYTES", "Input", "find_inputs"]

MOST_BYTES = 64 << 20  # of an image from the web
_SCHEMES = ("http", "https")
_BLOCK = 1 << 16


@dataclass(frozen=True, slots=True)
class Input:
    """One image. name: what it is called in the answer: its path as given, or its address."""

    name: str
    is_url: bool = False
    timeout: float = 20.0
    most_bytes: int = MOST_BYTES

    def read(self) -> bytes:
        """Its bytes; DataError or OSError where there are none to be had."""
        return _fetch(self) if self.is_url else Path(self.name).read_bytes()


def find_inputs(words: Sequence[str], *, timeout: float = 20.0) -> Iterator[Input]:
    """An input a file and address, and one an image below each folder, by name; each once.

    A path that is not there is an input that cannot be read, so that the others are still answered. Raises DataError
    for a folder without images.
    """
    seen = set()
    for each in _each(words, timeout):
        if each.name not in seen:
            seen.add(each.name)
            yield each


def _each(words: Sequence[str], timeout: float) -> Iterator[Input]:
    for word in words:
        if urlsplit(word).scheme.lower() in _SCHEMES:
            yield Input(word, is_url=True, timeout=timeout)
        elif (folder := Path(word)).is_dir():
            found = scan(folder, frozenset(IMAGE_SUFFIXES))
            if not found:
                raise DataError(
                    f"a folder to predict has images ({', '.join(sorted(IMAGE_SUFFIXES))}) in it or below, and {word} "
                    "has none. Give another, or the files themselves."
                )
            yield from (Input(str(folder / path)) for path, _ in found)
        else:
            yield Input(word)


def _opener() -> request.OpenerDirector:
    """For the web only: urllib's usual one would follow a redirect to ftp too."""
    opener = request.OpenerDirector()
    for handler in (
        request.ProxyHandler(),
        request.HTTPHandler(),
        request.HTTPSHandler(),
        request.HTTPRedirectHandler(),
        request.HTTPErrorProcessor(),
        request.HTTPDefaultErrorHandler(),
        request.UnknownHandler(),
    ):
        opener.add_handler(handler)
    return opener


def _fetch(each: Input) -> bytes:
    """The body of an answer, up to the most bytes allowed. DataError says why there is none."""
    headers = {"User-Agent": f"netwright/{__version__}", "Accept": "image/*, */*;q=0.5"}
    until = time.monotonic() + each.timeout
    body = bytearray()
    try:
        # closed by the with; a body that drips is given up as a silent server is
        with _opener().open(request.Request(each.name, headers=headers), timeout=each.timeout) as answer:
            while len(body) <= each.most_bytes and (block := answer.read1(_BLOCK)):
                body += block
                if time.monotonic() > until:
                    raise TimeoutError(f"timed out after {each.timeout:g} s, with {len(body):,} bytes")
    except (OSError, HTTPException, ValueError) as error:
        status = f"status {error.code}, " if isinstance(error, HTTPError) else ""
        raise DataError(f"it cannot be fetched: {status}{getattr(error, 'reason', '') or error}") from error
    if len(body) > each.most_bytes:
        raise DataError(f"an image from the web has at most {each.most_bytes:,} bytes, and this one has more")
    return bytes(body)
