"""Published data sets from the network: a file is there only when it is whole and checked."""

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
        urls: Addresses of the same content, to be tried in turn.
        name: The file's.
        size: Bytes.
        md5: As published.
    """

    urls: tuple[str, ...]
    name: str
    size: int
    md5: str


def fetch(remote: Remote, folder: Path, say: Callable[[str], None] | None = None) -> Path:
    """The file in `folder`, loaded where it is not there yet.

    Args:
        remote: What to load.
        folder: Where it is kept; it is made.
        say: Takes a line where loading begins; the log where left out.

    Raises:
        DataError: No address gives it, or $NETWRIGHT_OFFLINE forbids to ask.
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
