"""Published weights as files: from the Hugging Face hub by huggingface_hub's cache, from elsewhere by ours."""

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
from netwright.weights.zoo import PublishedWeights, choose, published_weights

if TYPE_CHECKING:
    from netwright.data.preprocess import Preprocessing

__all__ = [
    "failures",
    "first_line",
    "hub_endpoint",
    "hub_weights",
    "mindcv_preprocessing",
    "pretrained_file",
    "row_file",
    "row_of",
]

CONFIG = "config.json"
_WEIGHTS = ("model.safetensors", "pytorch_model.bin")  # the first that a repository has
_REPOSITORY = re.compile(r"[\w.-]+/[\w.-]+")
# a file of the hub's cache: models--OWNER--NAME/snapshots/COMMIT/FILE
_COMMIT = re.compile(r"[0-9a-f]{40}")


def pretrained_file(model: str, which: bool | str = True) -> Path:
    """The published weights of a network, from the cache or the network. which: as in `choose`, which raises too."""
    return row_file(choose(model, which))


def row_file(row: PublishedWeights) -> Path:
    """The file of a row of the table, from the cache or the network."""
    if row.is_on_hub:
        return hub_weights(row.where)
    return download(row.where, cache_folder() / "weights" / row.file_name, row.sha256)


def row_of(path: Path) -> PublishedWeights | None:
    """The row that a file of ours or of the hub's cache is of, by its name; None where it is of none."""
    folders = [parent.name.removeprefix("models--").replace("--", "/") for parent in path.parents[2:3]]
    return next(
        (row for row in published_weights() if (row.where in folders if row.is_on_hub else row.file_name == path.name)),
        None,
    )


def hub_endpoint() -> str | None:
    """$HF_ENDPOINT as it is now; None for the hub itself."""
    return os.environ.get("HF_ENDPOINT", "").rstrip("/") or None


def hub_weights(repository: str, revision: str = "") -> Path:
    """The weights of a repository of the hub (OWNER/NAME), config.json beside them where there is one.

    revision: a branch, tag or commit. Files that name their sha256 are held against it. WeightsError, with the cure,
    where something is not there, not allowed, damaged, or cannot be reached.
    """
    if _REPOSITORY.fullmatch(repository) is None:
        raise WeightsError(f"a repository of the hub is OWNER/NAME, not {repository!r}. Correct it.")
    config = _file(repository, CONFIG, revision)
    if config is not None and _COMMIT.fullmatch(config.parent.name):
        revision = config.parent.name  # both of one commit, whatever is pushed meanwhile
    for name in _WEIGHTS:
        found = _file(repository, name, revision)
        if found is not None:
            return _checked(found, repository)
    raise WeightsError(f"{repository} has neither {' nor '.join(_WEIGHTS)}. Give a repository of an image network.")


def _file(repository: str, name: str, revision: str) -> Path | None:
    """A file in the hub's cache, loaded where it is not there yet; None where the repository has none."""
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
            f"{where} asks for an agreement. Accept it on its page, and set HF_TOKEN to a token of yours."
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
            return None  # nobody knows whether the repository has it
        raise WeightsError(_unreachable(where, error)) from error
    except errors.EntryNotFoundError:
        return None
    except failures() as error:
        raise WeightsError(_unreachable(where, error)) from error
    return Path(found)


def _unreachable(where: str, error: BaseException) -> str:
    said = (
        "the network is not to be used (HF_HUB_OFFLINE, NETWRIGHT_OFFLINE)" if is_hub_offline() else first_line(error)
    )
    return (
        f"the weights in {where} are not in the cache, and the hub cannot be reached: {said}. With a network, try "
        "again; without one, load the repository elsewhere and give its folder: local-dir:FOLDER."
    )


def first_line(error: BaseException) -> str:
    """The error's first sentence: the hub's messages go on for paragraphs."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")


def failures() -> tuple[type[BaseException], ...]:
    """What huggingface_hub raises where a connection or an answer is not as it should be."""
    from huggingface_hub import errors

    # of the library that connects, which is another one from version to version
    return *errors.HfHubHTTPError.__bases__, errors.HFValidationError, OSError


def _hub_cache() -> str | None:
    """As the variables say now: the library reads them when it is imported."""
    if own := os.environ.get("HF_HUB_CACHE"):
        return own
    return os.path.join(home, "hub") if (home := os.environ.get("HF_HOME")) else None


def _checked(path: Path, repository: str) -> Path:
    """Large files lie in the hub's cache under the sha256 that the hub says."""
    blob = path.resolve()
    if re.fullmatch(r"[0-9a-f]{64}", blob.name):
        with open(blob, "rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
        if found != blob.name:
            blob.unlink()
            path.unlink(missing_ok=True)
            raise WeightsError(
                f"the sha256 of {path.name} of {repository} is {found[:16]}..., and it should be {blob.name[:16]}...: "
                "it is damaged, and now removed from the cache. Try again."
            )
    return path


def mindcv_preprocessing(path: Path, *, image_size: int, channels: int) -> tuple[Preprocessing, list[str]]:
    """How MindCV evaluates the weights in `path`, and what to know of it, in words.

    A published file, known by its name, was evaluated as its recipe says; of another the defaults are taken.
    """
    from netwright.data.preprocess import Preprocessing

    color = Preprocessing()
    mean, std = ((sum(values) / 3,) if channels == 1 else values for values in (color.mean, color.std))
    known = row_of(path)
    interpolation, crop_pct = ("bilinear", 0.875) if known is None else (known.interpolation, known.crop_pct)
    preprocessing = Preprocessing(image_size, channels, crop_pct, interpolation, False, mean, std)
    notice = f"weights of MindCV: images are resized ({interpolation}) without antialiasing, as in their training"
    return preprocessing, [notice]
