"""A file from the network into the cache: resumed where it broke off, checked, and then there without a network."""

from __future__ import annotations

import hashlib
import http.client
import os
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from netwright.errors import OutputError, WeightsError

try:
    import fcntl
except ImportError:  # pragma: no cover - Windows: two processes may then load the same file, and one wins
    _HAS_LOCKS = False
else:
    _HAS_LOCKS = True

__all__ = ["cache_folder", "fetch", "is_offline"]

_BLOCK = 1 << 20
_SECONDS = 30.0  # without an answer
_ATTEMPTS = 4
_TRUE = ("1", "ON", "YES", "TRUE")


def cache_folder() -> Path:
    """$NETWRIGHT_CACHE, or netwright in the user's cache folder."""
    if own := os.environ.get("NETWRIGHT_CACHE"):
        return Path(own)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "netwright"


def is_offline() -> bool:
    """Whether $NETWRIGHT_OFFLINE or $HF_HUB_OFFLINE forbid the network: then only caches are looked into."""
    return any(os.environ.get(name, "").upper() in _TRUE for name in ("NETWRIGHT_OFFLINE", "HF_HUB_OFFLINE"))


def fetch(url: str, path: Path, sha256: str, *, pause: float = 1.0) -> Path:
    """The file at `url`, kept at `path`. sha256: how its hash begins; pause: seconds before a second attempt.

    One process loads and the others wait. What a broken connection or a killed process left is gone on with. Raises
    WeightsError without a network or when the content is another, OutputError where it cannot be kept.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with _alone(path):
            if path.is_file() and _hash(path).startswith(sha256):
                return path
            if is_offline():
                raise WeightsError(
                    f"{url} is not in the cache, and the network is not to be used (NETWRIGHT_OFFLINE, "
                    f"HF_HUB_OFFLINE). Unset that, or put the file at {path}."
                )
            partial = path.with_name(f"{path.name}.partial")
            _load(url, partial, sha256, pause)
            os.replace(partial, path)
            return path
    except OSError as error:
        raise OutputError(
            f"{url} is kept in {path.parent}, which cannot be written: {error}. Free some space, or set "
            "NETWRIGHT_CACHE to another folder."
        ) from error


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    file = os.open(path.with_name(f".{path.name}.lock"), os.O_RDWR | os.O_CREAT, 0o644)
    try:
        if _HAS_LOCKS:
            with suppress(OSError):  # a disk without locks: the hash is checked all the same
                fcntl.flock(file, fcntl.LOCK_EX)
        yield
    finally:
        os.close(file)


def _load(url: str, partial: Path, sha256: str, pause: float) -> None:
    """Into `partial`, whole and checked."""
    why = ""
    for attempt in range(_ATTEMPTS):
        if attempt:
            time.sleep(pause * 2 ** (attempt - 1))
        resumed = partial.exists() and partial.stat().st_size > 0
        try:
            _append(url, partial)
        except urllib.error.HTTPError as error:
            error.close()
            why = f"HTTP status {error.code} ({error.reason})"
            if error.code == 416:  # what is there is not a beginning of the file
                partial.unlink(missing_ok=True)
            elif error.code < 500 and error.code != 429:
                break
        except _Broken as error:
            why = str(error)
        else:
            found = _hash(partial)
            if found.startswith(sha256):
                return
            partial.unlink()
            why = f"its sha256 is {found[:16]}..., and it should be {sha256}..."
            if not resumed:  # the very file that is there
                break
    raise WeightsError(
        f"{url} cannot be loaded: {why}. With a network, try again; without one, load it elsewhere and put it at "
        f"{partial.with_name(partial.name.removesuffix('.partial'))}."
    )


class _Broken(Exception):  # noqa: N818 - what happened to the connection
    """The connection failed or ended early."""


def _append(url: str, partial: Path) -> None:
    """Go on with `partial`, or start it anew where the server does not resume."""
    start = partial.stat().st_size if partial.exists() else 0
    request = urllib.request.Request(url, headers={"User-Agent": "netwright"})
    if start:
        request.add_header("Range", f"bytes={start}-")
    with _connection(request) as answer:
        goes_on = answer.status == 206 and str(answer.headers.get("Content-Range", "")).startswith(f"bytes {start}-")
        length = answer.headers.get("Content-Length")
        with open(partial, "ab" if goes_on else "wb") as file, _progress(partial, length) as advance:
            got = 0
            while block := _read(answer):
                file.write(block)
                got += len(block)
                advance(len(block))
        if length is not None and got < int(length):
            raise _Broken(f"the connection ended after {got:,} of {int(length):,} bytes")


@contextmanager
def _connection(request: urllib.request.Request) -> Iterator[Any]:
    try:
        answer = urllib.request.urlopen(request, timeout=_SECONDS)
    except urllib.error.HTTPError:
        raise
    except (OSError, http.client.HTTPException) as error:
        raise _Broken(str(getattr(error, "reason", None) or error)) from error
    with answer:
        yield answer


def _read(answer: Any) -> bytes:
    """OSErrors of reading are the network's, those of writing the disk's: they are kept apart here."""
    try:
        block: bytes = answer.read(_BLOCK)
    except (OSError, http.client.HTTPException) as error:
        raise _Broken(f"the connection broke: {error}") from error
    return block


@contextmanager
def _progress(partial: Path, length: str | None) -> Iterator[Any]:
    """A bar on a terminal, nothing elsewhere."""
    from rich.console import Console
    from rich.progress import Progress

    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(partial.name.removesuffix(".partial"), total=int(length) if length else None)
        yield lambda count: bar.advance(task, count)


def _hash(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
