"""Fetching published files: resumed where it broke off, checked, and there only when it is whole."""

from __future__ import annotations

import hashlib
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from netwright.data.store import explain_disk
from netwright.errors import DataError

try:
    import fcntl
except ImportError:  # pragma: no cover - Windows
    _HAS_LOCKS = False
else:
    _HAS_LOCKS = True

__all__ = ["Remote", "fetch"]

_BLOCK = 2**18
_TIMEOUT_SECONDS = 30.0
_ATTEMPTS = 3  # of each address, each of which goes on where the last one broke off


@dataclass(frozen=True, slots=True)
class Remote:
    """A published file. urls: addresses to try in turn; size in bytes, md5 as published."""

    urls: tuple[str, ...]
    name: str
    size: int
    md5: str


def fetch(remote: Remote, folder: Path, say: Callable[[str], None] | None = None) -> Path:
    """The file in `folder`, fetched if it is not there. say: told what is fetched; by default on stderr.

    One process fetches while others wait. Raises DataError where no address gives it, OutputError where it cannot be
    written.
    """
    path = folder / remote.name
    partial = folder / f".{remote.name}.partial"
    with explain_disk(folder, remote.size):
        folder.mkdir(parents=True, exist_ok=True)
        with _alone(folder / f".{remote.name}.lock"):
            if path.is_file() and path.stat().st_size == remote.size:
                return path
            (say or _on_stderr)(f"fetching {remote.urls[0]} ({remote.size / 1e6:,.1f} MB) to {folder}")
            reasons = _fetch(remote, partial)
            if reasons:
                tried = "; ".join(f"{url}: {reason}" for url, reason in reasons.items())
                raise DataError(
                    f"{remote.name} cannot be fetched ({tried}). Fetch it elsewhere and put it into {folder}, or look "
                    "to the network (proxies: HTTPS_PROXY) and type the command again: it goes on where it broke off."
                )
            os.replace(partial, path)
    return path


def _fetch(remote: Remote, partial: Path) -> dict[str, str]:
    """Fill the partial file with the whole content; else address -> why not."""
    reasons: dict[str, str] = {}
    for url in remote.urls:
        for attempt in range(_ATTEMPTS):
            if attempt:
                time.sleep(0.2 * attempt)
            try:
                _receive(url, partial, remote.size)
            except HTTPError as error:
                reasons[url] = f"status {error.code}"
                if error.code < 500:
                    break
                continue
            except (TimeoutError, ConnectionError, HTTPException, _NetworkError) as error:
                reasons[url] = str(getattr(error, "reason", "") or error or type(error).__name__)
                continue
            wrong = _judge(partial, remote)
            if not wrong:
                return {}
            reasons[url] = wrong
            partial.unlink(missing_ok=True)
    return reasons


class _NetworkError(Exception):
    """No connection, or one that broke: told apart from errors of the disk, which are OSErrors too."""


def _receive(url: str, partial: Path, size: int) -> None:
    """Append what is missing from the partial file; all of it where the server cannot begin in the middle."""
    have = partial.stat().st_size if partial.exists() else 0
    if have >= size:
        if have == size:
            return
        partial.unlink()
        have = 0
    headers = {"User-Agent": "netwright", **({"Range": f"bytes={have}-"} if have else {})}
    with _connected(url, headers) as answer:
        goes_on = have > 0 and answer.status == 206
        with open(partial, "ab" if goes_on else "wb") as file:
            received = have if goes_on else 0
            while block := _read(answer):
                file.write(block)
                received += len(block)
                if received > size:
                    break  # judged afterwards
    if received < size:
        raise _NetworkError(f"it ended after {received:,} of {size:,} bytes")


@contextmanager
def _connected(url: str, headers: dict[str, str]) -> Iterator[HTTPResponse]:
    try:
        answer = urlopen(Request(url, headers=headers), timeout=_TIMEOUT_SECONDS)
    except HTTPError:
        raise
    except OSError as error:
        raise _NetworkError(str(getattr(error, "reason", error))) from error
    with answer:
        yield answer


def _read(answer: HTTPResponse) -> bytes:
    try:
        return answer.read1(_BLOCK)
    except OSError as error:
        raise _NetworkError(str(error)) from error


def _judge(path: Path, remote: Remote) -> str:
    """What is wrong with a file, or nothing."""
    size = path.stat().st_size
    if size != remote.size:
        return f"it has {size:,} bytes and should have {remote.size:,}"
    digest = hashlib.md5(usedforsecurity=False)
    with open(path, "rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    if digest.hexdigest() != remote.md5:
        return f"its md5 is {digest.hexdigest()} and should be {remote.md5}"
    return ""


@contextmanager
def _alone(lock: Path) -> Iterator[None]:
    """Other processes wait here; the kernel lets go when this one dies."""
    with open(lock, "ab") as file:
        if _HAS_LOCKS:
            fcntl.flock(file, fcntl.LOCK_EX)
        yield
    with suppress(OSError):
        lock.unlink()


def _on_stderr(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
