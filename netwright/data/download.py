"""Download the files of published data sets; a file appears under its name once it is complete and checked."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from netwright.errors import DataError
from netwright.system import fetch as web
from netwright.system.fetch import is_offline

__all__ = ["Remote", "fetch"]

_LOG = logging.getLogger(__name__)
_PAUSE_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Remote:
    """A published file.

    Attributes:
        urls: Addresses of the same content, tried in turn.
        name: The file's name.
        size: In bytes.
        md5: The published digest.
    """

    urls: tuple[str, ...]
    name: str
    size: int
    md5: str


def fetch(remote: Remote, folder: Path, say: Callable[[str], None] | None = None) -> Path:
    """Return the path of a file in `folder`; download it if it is not there yet.

    Args:
        remote: The file.
        folder: Where it is kept; made if it does not exist.
        say: Called with a line of text when a download starts. Default: the line is logged as a warning, so that a wait
            for the network never comes unannounced.

    Raises:
        DataError: No address gave the file, or $NETWRIGHT_OFFLINE forbids to use the network.
        OutputError: It cannot be written there.
    """
    try:
        return web.fetch(
            web.Remote(remote.urls, remote.size, md5=remote.md5),
            folder / remote.name,
            what="the data set's file",
            elsewhere="another --data_dir",
            offline=is_offline(),
            pause=_PAUSE_SECONDS,
            say=say or _LOG.warning,
        )
    except web.OfflineError as error:
        raise DataError(
            f"{remote.name} is not in {folder}, and NETWRIGHT_OFFLINE forbids the network. Unset it, or fetch "
            f"{remote.urls[0]} elsewhere and put it into {folder}."
        ) from error
    except web.FetchError as error:
        raise DataError(
            f"{remote.name} cannot be fetched ({error}). Fetch it elsewhere and put it into {folder}, or look to the "
            "network (proxies: HTTPS_PROXY) and type the command again: it continues where it broke off."
        ) from error
