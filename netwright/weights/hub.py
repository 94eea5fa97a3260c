"""Download published weights: from the Hugging Face hub into its cache, from elsewhere into netwright's."""

from __future__ import annotations

import hashlib
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from netwright.errors import WeightsError
from netwright.system.fetch import cache_folder
from netwright.version import __version__
from netwright.weights.download import download, is_hub_offline
from netwright.weights.timm_config import CONFIG
from netwright.weights.zoo import PublishedWeights, choose_weights, published_weights

if TYPE_CHECKING:
    from netwright.data.preprocess import Preprocessing

__all__ = [
    "download_row",
    "first_line",
    "hub_endpoint",
    "hub_errors",
    "hub_weights",
    "mindcv_preprocessing",
    "pretrained_file",
    "row_of_file",
]

_WEIGHTS = ("model.safetensors", "pytorch_model.bin")  # the first one in a repository is taken
_REPOSITORY = re.compile(r"[\w.-]+/[\w.-]+")
# a file of the hub's cache: models--OWNER--NAME/snapshots/COMMIT/FILE
_COMMIT = re.compile(r"[0-9a-f]{40}")


def pretrained_file(model: str, which: bool | str = True) -> Path:
    """The file of a network's published weights, from the cache or downloaded.

    Args:
        model: Any name of the network.
        which: See `choose_weights`.

    Raises:
        WeightsError: There are no such weights, or they cannot be downloaded.
    """
    return download_row(choose_weights(model, which))


def download_row(row: PublishedWeights) -> Path:
    """The file of a row of the table of published weights, from the cache or downloaded."""
    if row.is_on_hub:
        return hub_weights(row.where)
    return download(row.where, cache_folder() / "weights" / row.file_name, row.sha256)


def row_of_file(path: Path) -> PublishedWeights | None:
    """The row of the table that a file in a cache belongs to, by its name; None for other files."""
    folders = [parent.name.removeprefix("models--").replace("--", "/") for parent in path.parents[2:3]]
    return next(
        (row for row in published_weights() if (row.where in folders if row.is_on_hub else row.file_name == path.name)),
        None,
    )


def hub_endpoint() -> str | None:
    """$HF_ENDPOINT as it is now; None for the default hub."""
    return os.environ.get("HF_ENDPOINT", "").rstrip("/") or None


def hub_weights(repository: str, revision: str = "") -> Path:
    """Download the weights of a repository of the hub, with its config.json if there is one.

    Files whose sha256 is known are checked.

    Args:
        repository: OWNER/NAME.
        revision: A branch, tag or commit.

    Returns:
        The file of weights in the hub's cache.

    Raises:
        WeightsError: It does not exist, is not allowed, is damaged, or the hub cannot be reached.
    """
    if _REPOSITORY.fullmatch(repository) is None:
        raise WeightsError(f"a repository of the hub is OWNER/NAME, not {repository!r}. Correct it.")
    config = _file(repository, CONFIG, revision)
    if config is not None and _COMMIT.fullmatch(config.parent.name):
        revision = config.parent.name  # both files of one commit, even if another is pushed meanwhile
    for name in _WEIGHTS:
        found = _file(repository, name, revision)
        if found is not None:
            return _checked(found, repository)
    raise WeightsError(f"{repository} has neither {' nor '.join(_WEIGHTS)}. Give a repository of an image network.")


def _file(repository: str, name: str, revision: str) -> Path | None:
    """A file in the hub's cache, downloaded if needed; None where the repository has no such file."""
    import huggingface_hub
    from huggingface_hub import errors

    where = f"{repository}{f'@{revision}' if revision else ''}"
    try:
        found = huggingface_hub.hf_hub_download(
            repository,
            name,
            revision=revision or None,
            endpoint=hub_endpoint(),
            cache_dir=_hub_cache(),
            local_files_only=is_hub_offline(),
            library_name="netwright",
            library_version=__version__,
        )
    except errors.GatedRepoError as error:
        raise WeightsError(
            f"{where} requires an agreement. Accept it on its page, and set HF_TOKEN to your token."
        ) from error
    except errors.RevisionNotFoundError as error:
        raise WeightsError(f"{repository} has no revision {revision!r}. Correct it, or leave it out.") from error
    except errors.RepositoryNotFoundError as error:
        raise WeightsError(
            f"the hub has no repository {repository}, or it is private. Correct the name, or set HF_TOKEN to a token "
            "that may read it."
        ) from error
    except errors.LocalEntryNotFoundError as error:
        if is_hub_offline() and name != _WEIGHTS[-1]:
            return None  # offline, nobody knows whether the repository has it
        raise WeightsError(_unreachable(where, error)) from error
    except errors.EntryNotFoundError:
        return None
    except hub_errors() as error:
        raise WeightsError(_unreachable(where, error)) from error
    return Path(found)


def _unreachable(where: str, error: BaseException) -> str:
    is_off = is_hub_offline()
    reason = "downloads are turned off (HF_HUB_OFFLINE, NETWRIGHT_OFFLINE)" if is_off else first_line(error)
    return (
        f"the weights in {where} are not in the cache, and the hub cannot be reached: {reason}. With a "
        "connection, try again; without one, download the repository elsewhere and give its folder: local-dir:FOLDER."
    )


def first_line(error: BaseException) -> str:
    """The first line of an error; the hub's messages have many."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")


def hub_errors() -> tuple[type[BaseException], ...]:
    """The exceptions of huggingface_hub for failed connections and answers."""
    from huggingface_hub import errors

    # the bases are those of the HTTP library, which differs between versions
    return *errors.HfHubHTTPError.__bases__, errors.HFValidationError, OSError


def _hub_cache() -> str | None:
    """The cache by the variables as they are now; the library reads them only when it is imported."""
    if own := os.environ.get("HF_HUB_CACHE"):
        return own
    return os.path.join(home, "hub") if (home := os.environ.get("HF_HOME")) else None


def _checked(path: Path, repository: str) -> Path:
    """Check a large file: in the hub's cache its name is its sha256."""
    blob = path.resolve()
    if re.fullmatch(r"[0-9a-f]{64}", blob.name):
        with open(blob, "rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
        if found != blob.name:
            blob.unlink()
            path.unlink(missing_ok=True)
            raise WeightsError(
                f"the sha256 of {path.name} of {repository} is {found[:16]}..., and it should be {blob.name[:16]}...: "
                "it is damaged, and was removed from the cache. Try again."
            )
    return path


def mindcv_preprocessing(path: Path, *, image_size: int, channels: int) -> tuple[Preprocessing, list[str]]:
    """The preprocessing with which MindCV evaluates weights.

    Args:
        path: The file; a published one is known by its name, others get MindCV's defaults.
        image_size: Side of the input in pixels.
        channels: Of the input.

    Returns:
        The preprocessing, and notices for the user.
    """
    from netwright.data.preprocess import Preprocessing, for_channels

    color = Preprocessing()
    mean, std = (for_channels(values, channels) for values in (color.mean, color.std))
    known = row_of_file(path)
    interpolation, crop_pct = ("bilinear", 0.875) if known is None else (known.interpolation, known.crop_pct)
    preprocessing = Preprocessing(image_size, channels, crop_pct, interpolation, False, mean, std)
    notice = f"weights of MindCV: images are resized ({interpolation}) without antialiasing, as in their training"
    return preprocessing, [notice]
