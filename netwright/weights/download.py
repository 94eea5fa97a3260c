"""A file of weights from an address, kept in the cache."""

from __future__ import annotations

from pathlib import Path

from netwright.errors import WeightsError
from netwright.system.fetch import FetchError, OfflineError, Remote, fetch, is_offline

__all__ = ["download", "is_hub_offline"]


def is_hub_offline() -> bool:
    """Whether $NETWRIGHT_OFFLINE or $HF_HUB_OFFLINE forbids the network: then only caches are read."""
    return is_offline("HF_HUB_OFFLINE")


def download(url: str, path: Path, sha256: str = "", *, pause: float = 1.0) -> Path:
    """The file at an address, kept at `path`.

    Args:
        url: The address.
        path: The file in the cache; its folder is made.
        sha256: How its hash begins; empty where nothing is known of it.
        pause: Seconds before a second attempt.

    Raises:
        WeightsError: Without a network, or where the content is another.
        OutputError: It cannot be kept.
    """
    what, elsewhere = "the downloaded weights", "another folder with NETWRIGHT_CACHE"
    try:
        remote = Remote((url,), sha256=sha256)
        return fetch(remote, path, what=what, elsewhere=elsewhere, offline=is_hub_offline(), pause=pause)
    except OfflineError as error:
        raise WeightsError(
            f"{url} is not in the cache, and the network is not to be used (NETWRIGHT_OFFLINE, HF_HUB_OFFLINE). Unset "
            f"that, or put the file at {path}."
        ) from error
    except FetchError as error:
        raise WeightsError(
            f"{url} cannot be loaded: {str(error).removeprefix(f'{url}: ')}. Online, try again; offline, "
            f"download it elsewhere and put it at {path}."
        ) from error
