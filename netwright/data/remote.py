"""Images at an address: fetched once into the user's cache folder, and read from there."""

from __future__ import annotations

import hashlib
import importlib
import shutil
from pathlib import Path
from urllib.parse import urlsplit

from netwright.errors import DataError
from netwright.system.atomic import explain_errors, partial_of
from netwright.system.fetch import FetchError, Remote, cache_folder, fetch, is_offline

__all__ = ["fetch_file", "fetch_hub"]

_WHAT, _ELSEWHERE = "the images", "another folder as $NETWRIGHT_CACHE"
_HUB = "hf://"
_PATTERNS = ("*.parquet", "*.tar", "*.jpg", "*.jpeg", "*.png", "*.webp", "*.txt", "*.json", "*.csv", "*.zip")


def fetch_file(address: str) -> Path:
    """The copy of a file at an address: http and https, and whatever fsspec and its packages know (s3, gs, memory).

    Raises:
        DataError: It cannot be fetched, or the environment forbids the network.
        OutputError: There is no room.
    """
    name = Path(urlsplit(address).path).name or "images"
    folder = cache_folder() / "images" / hashlib.sha256(address.encode()).hexdigest()[:16]
    path = folder / name
    if path.exists():
        return path
    if is_offline():
        raise DataError(
            f"{address} is not in {folder}, and $NETWRIGHT_OFFLINE forbids to fetch it. Unset it, or give a folder."
        )
    with explain_errors(path, what=_WHAT, elsewhere=_ELSEWHERE):
        folder.mkdir(parents=True, exist_ok=True)
    if address.lower().startswith(("http://", "https://")):
        try:
            return fetch(Remote((address,)), path, what=_WHAT, elsewhere=_ELSEWHERE)
        except FetchError as error:
            raise DataError(f"{address} cannot be fetched: {error}. Correct the address, or try again.") from error
    return _by_fsspec(address, path)


def _by_fsspec(address: str, path: Path) -> Path:
    fsspec = importlib.import_module("fsspec")  # torch brings it
    partial = partial_of(path)
    try:
        with fsspec.open(address, "rb") as remote, open(partial, "wb") as local:
            shutil.copyfileobj(remote, local, 1 << 20)
        partial.replace(path)
    except (ImportError, ValueError) as error:  # a protocol that is not known, or whose package is missing
        raise DataError(f"{address} cannot be read by fsspec: {error}. Install the package, or fetch it.") from error
    except Exception as error:  # each protocol has errors of its own
        raise DataError(f"{address} cannot be fetched: {type(error).__name__}: {error}") from error
    finally:
        partial.unlink(missing_ok=True)
    return path


def fetch_hub(address: str) -> Path:
    """The folder with the copy of a data set of the Hugging Face hub: hf://OWNER/NAME, or a folder in it.

    Raises:
        DataError: There is none, or it cannot be fetched.
    """
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    parts = address.removeprefix(_HUB).removeprefix("datasets/").strip("/").split("/")
    if len(parts) < 2:
        raise DataError(f"a data set of the hub is hf://OWNER/NAME, and {address!r} is not. Correct it.")
    repository, inside = "/".join(parts[:2]), "/".join(parts[2:])
    patterns = [f"{inside}/{each}" if inside else each for each in _PATTERNS]
    try:
        folder = snapshot_download(
            repository, repo_type="dataset", allow_patterns=patterns, local_files_only=is_offline("HF_HUB_OFFLINE")
        )
    except (HfHubHTTPError, HFValidationError, LocalEntryNotFoundError, OSError) as error:
        raise DataError(
            f"the data set {repository!r} cannot be had from the hub: {error}. Correct its name."
        ) from error
    return Path(folder) / inside
