"""Content from the network: files that are resumed, checked and kept, and small bodies within limits."""

from __future__ import annotations

import hashlib
import http.client
import os
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from netwright.system.atomic import explain_errors, sync
from netwright.system.lock import locked
from netwright.version import __version__

__all__ = [
    "FetchError",
    "OfflineError",
    "Remote",
    "TooLargeError",
    "cache_folder",
    "fetch",
    "fetch_bytes",
    "is_offline",
]

_BLOCK = 1 << 18
_SECONDS = 30.0  # without an answer
_ATTEMPTS = 4  # at each address, each of which continues where the one before broke off
_TRUE = ("1", "ON", "YES", "TRUE")


class FetchError(Exception):
    """Nothing came, or not what was wanted; the text says why. Rooms make an error of theirs of it, with the cure."""


class OfflineError(FetchError):
    """The network would be needed, and a variable of the environment forbids it."""


class TooLargeError(FetchError):
    """More bytes than allowed."""


@dataclass(frozen=True, slots=True)
class Remote:
    """A file on the network.

    Attributes:
        urls: Addresses of the same content, to be tried in turn.
        size: Bytes, where they are known.
        md5: As published, where it is.
        sha256: How it begins, where it is known.
    """

    urls: tuple[str, ...]
    size: int | None = None
    md5: str = ""
    sha256: str = ""

    def fault(self, path: Path) -> str:
        """What is wrong with a file; empty for nothing."""
        size = path.stat().st_size
        if self.size is not None and size != self.size:
            # loading ends where there is more than there should be
            return f"it has {'at least ' * (size > self.size)}{size:,} bytes and should have {self.size:,}"
        for name, wanted in (("md5", self.md5), ("sha256", self.sha256)):
            if wanted and not (found := _digest(path, name)).startswith(wanted):
                return f"its {name} is {found[:16]}..., and it should be {wanted[:16]}..."
        return ""


def cache_folder() -> Path:
    """$NETWRIGHT_CACHE, or netwright in the user's cache folder."""
    if own := os.environ.get("NETWRIGHT_CACHE"):
        return Path(own)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "netwright"


def is_offline(*variables: str) -> bool:
    """Whether $NETWRIGHT_OFFLINE or one of the other variables forbids the network: then only caches are read."""
    return any(os.environ.get(name, "").upper() in _TRUE for name in ("NETWRIGHT_OFFLINE", *variables))


def fetch(
    remote: Remote,
    path: Path,
    *,
    what: str,
    elsewhere: str,
    offline: bool = False,
    pause: float = 1.0,
    say: Callable[[str], None] = lambda line: None,
) -> Path:
    """The remote file at `path`: the one that is there already, or one that is loaded now.

    One process loads it while others wait. What a broken connection or a killed process left is continued. A file that
    is there is recognized by its size where that is known, else by its hash. A bar shows the progress on a terminal.

    Args:
        remote: What to load, and how to check it.
        path: Where it is kept; the folder is made.
        what: What it is, for messages: "the data set's file".
        elsewhere: What else may be chosen, for messages: "another --data_dir".
        offline: Do not use the network.
        pause: Seconds before the second attempt; twice as many before each further one.
        say: Takes a line where loading begins.

    Returns:
        `path`.

    Raises:
        FetchError: No address gave it; the text has each address and its reason.
        OfflineError: It is not there, and `offline`.
        OutputError: It cannot be kept there.
    """
    with explain_errors(path, what=what, elsewhere=elsewhere, needed=remote.size):
        path.parent.mkdir(parents=True, exist_ok=True)
        with locked(path.with_name(f".{path.name}.lock")):
            if path.is_file() and _is_kept(path, remote):
                return path
            if offline:
                raise OfflineError(remote.urls[0])
            size = "" if remote.size is None else f" ({remote.size / 1e6:,.1f} MB)"
            say(f"fetching {remote.urls[0]}{size} to {path.parent}")
            partial = path.with_name(f".{path.name}.partial")
            _load(remote, partial, pause, path.name)
            sync(partial)
            os.replace(partial, path)
            return path


def fetch_bytes(url: str, *, timeout: float, most_bytes: int, accept: str = "*/*") -> bytes:
    """The body at an address that is not trusted: nothing is kept, and both size and time have an end.

    Args:
        url: An http or https address.
        timeout: Seconds until it answers, and for all of the body.
        most_bytes: The largest body to take.
        accept: The kinds of content that are wanted, as HTTP has them.

    Raises:
        FetchError: It cannot be loaded; the text says why.
        TooLargeError: The body has more bytes.
    """
    until = time.monotonic() + timeout
    body = bytearray()
    with _connected(url, {"Accept": accept}, timeout) as answer:
        while len(body) <= most_bytes and (block := _read(answer)):
            body += block
            if time.monotonic() > until:  # a body that drips is given up as a silent server is
                raise FetchError(f"timed out after {timeout:g} s, with {len(body):,} bytes")
    if len(body) > most_bytes:
        raise TooLargeError(f"it has more than {most_bytes:,} bytes")
    return bytes(body)


def _is_kept(path: Path, remote: Remote) -> bool:
    """By its size alone where that is known: large files are opened often."""
    return path.stat().st_size == remote.size if remote.size is not None else not remote.fault(path)


def _load(remote: Remote, partial: Path, pause: float, name: str) -> None:
    """Into `partial`, whole and checked: each address in turn, and again those that may do better."""
    reasons: dict[str, str] = {}
    urls = list(remote.urls)
    for attempt in range(_ATTEMPTS):
        if attempt:
            time.sleep(pause * 2 ** (attempt - 1))
        for url in list(urls):
            reason, is_final = _try(url, partial, remote, name)
            if not reason:
                return
            reasons[url] = reason
            if is_final:
                urls.remove(url)
        if not urls:
            break
    raise FetchError("; ".join(f"{url}: {reason}" for url, reason in reasons.items()))


def _try(url: str, partial: Path, remote: Remote, name: str) -> tuple[str, bool]:
    """Continue with `partial`: (why it is not all there, whether to leave this address alone from now on)."""
    start = partial.stat().st_size if partial.exists() else 0
    if remote.size is not None and start > remote.size:
        partial.unlink()
        start = 0
    if start != remote.size:
        try:
            _append(url, partial, start, remote.size, name)
        except _StatusError as error:
            if error.code == 416:  # what is there is no beginning of the file
                partial.unlink(missing_ok=True)
            return str(error), error.code < 500 and error.code not in (416, 429)
        except FetchError as error:
            return str(error), False
    fault = remote.fault(partial)
    if fault:
        partial.unlink()
    return fault, not start  # what was continued may have begun as something else


class _StatusError(FetchError):
    """An answer that is none."""

    def __init__(self, code: int, reason: object) -> None:
        super().__init__(f"HTTP status {code}, {reason}")
        self.code = code


def _append(url: str, partial: Path, start: int, size: int | None, name: str) -> None:
    """The rest of `partial`, or all of it where the server does not resume."""
    with _connected(url, {"Range": f"bytes={start}-"} if start else {}, _SECONDS) as answer:
        if answer.status == 206 and not str(answer.headers.get("Content-Range", "")).startswith(f"bytes {start}-"):
            partial.unlink(missing_ok=True)
            raise FetchError(f"it was to continue at byte {start:,} and answered with another part")
        begun = start if answer.status == 206 else 0
        length = answer.headers.get("Content-Length", "")
        end = size if size is not None else begun + int(length) if length.isdigit() else None
        got = begun
        with open(partial, "ab" if begun else "wb") as file, _progress(name, begun, end) as advance:
            while block := _read(answer):
                file.write(block)
                got += len(block)
                advance(len(block))
                if size is not None and got > size:
                    break  # it is checked afterwards
    if end is not None and got < end:
        raise FetchError(f"the connection ended after {got:,} of {end:,} bytes")


@contextmanager
def _connected(url: str, headers: dict[str, str], timeout: float) -> Iterator[http.client.HTTPResponse]:
    """An answer with content, through the proxies of the environment. Raises FetchError."""
    try:
        request = urllib.request.Request(url, headers={"User-Agent": f"netwright/{__version__}", **headers})
        answer: http.client.HTTPResponse = _opener().open(request, timeout=timeout)
    except urllib.error.HTTPError as error:
        error.close()
        raise _StatusError(error.code, error.reason) from error
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise FetchError(str(getattr(error, "reason", "") or error or type(error).__name__)) from error
    with answer:
        yield answer


def _opener() -> urllib.request.OpenerDirector:
    """For the web only: urllib's usual one would follow a redirect to ftp too."""
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler(),
        urllib.request.HTTPHandler(),
        urllib.request.HTTPSHandler(),
        urllib.request.HTTPRedirectHandler(),
        urllib.request.HTTPErrorProcessor(),
        urllib.request.HTTPDefaultErrorHandler(),
        urllib.request.UnknownHandler(),
    ):
        opener.add_handler(handler)
    return opener


def _read(answer: http.client.HTTPResponse) -> bytes:
    """OSErrors of reading are the network's, those of writing the disk's: they are kept apart here."""
    try:
        return answer.read1(_BLOCK)
    except (OSError, http.client.HTTPException) as error:
        raise FetchError(f"the connection broke: {error or type(error).__name__}") from error


@contextmanager
def _progress(name: str, begun: int, end: int | None) -> Iterator[Callable[[int], None]]:
    """A bar on a terminal, nothing elsewhere."""
    from rich.console import Console
    from rich.progress import Progress

    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(name, total=end, completed=begun)
        yield lambda count: bar.advance(task, count)


def _digest(path: Path, name: str) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.new(name, usedforsecurity=False)).hexdigest()
