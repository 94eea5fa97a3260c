"""Upload weights to the Hugging Face hub with a model card, in a layout that timm opens too."""

from __future__ import annotations

import json
import tempfile
import warnings
from pathlib import Path

from netwright.errors import WeightsError
from netwright.system.atomic import explain_errors, write_bytes, write_text
from netwright.system.temporary import temporary_folder
from netwright.version import __version__
from netwright.weights.download import is_hub_offline
from netwright.weights.hub import first_line, hub_endpoint, hub_errors
from netwright.weights.model import LoadedModel, load_model
from netwright.weights.readme import PICTURE, Evidence, evidence_of, readme
from netwright.weights.save import save_model, save_timm
from netwright.weights.timm_config import CONFIG
from netwright.weights.to_format import to_format

__all__ = ["push_to_hub", "write_repository"]

_WEIGHTS, _README = "model.safetensors", "README.md"
_ELSEWHERE = "another folder"


def push_to_hub(
    model: LoadedModel | str | Path,
    repository: str,
    *,
    private: bool = False,
    token: str | None = None,
    license: str = "",
    message: str = "",
    design: str | Path = "",
    licence: str | None = None,
) -> str:
    """Upload weights, config.json and a model card to a repository of the hub, in one commit.

    Args:
        model: A loaded model, or a reference to weights as in `load_model`; the card of a design's folder has its
            evidence.
        repository: OWNER/NAME; it is created if needed.
        private: Create it as private; False leaves that to the owner's settings.
        token: None for $HF_TOKEN or the one of `hf auth login`.
        license: Of the weights, as the hub writes it: apache-2.0.
        message: Of the commit.
        design: The folder of the design, for a loaded model.
        licence: Deprecated name of `license`.

    Returns:
        The address of the repository.

    Raises:
        WeightsError: The hub refuses, or cannot be reached.
    """
    if licence is not None:
        warnings.warn("push_to_hub(licence=...) is now push_to_hub(license=...)", DeprecationWarning, stacklevel=2)
        license = license or licence
    loaded = model if isinstance(model, LoadedModel) else load_model(model)
    folder = design or ("" if isinstance(model, LoadedModel) else model)
    evidence = evidence_of(folder) if folder else None
    with (
        explain_errors(Path(tempfile.gettempdir()), what="the upload", elsewhere="another folder with TMPDIR"),
        temporary_folder("hub") as draft,
    ):
        write_repository(loaded, draft, repository, license=license, evidence=evidence)
        return _upload(Path(draft), repository, private, token, message or f"netwright {__version__}")


def write_repository(
    model: LoadedModel,
    folder: str | Path,
    repository: str,
    *,
    license: str = "",
    evidence: Evidence | None = None,
) -> list[str]:
    """Write what `push_to_hub` uploads to a folder.

    The layout is timm's where timm can build the network; else the weights have netwright's names, for `load_model`.

    Args:
        model: The model.
        folder: The destination.
        repository: OWNER/NAME, for the model card.
        license: Of the weights.
        evidence: Of a design.

    Returns:
        The names of the files.
    """
    folder = Path(folder)
    is_timm = _exists_in_timm(model)
    preprocessing, names, facts = model.preprocessing, model.class_names, model.facts
    if is_timm:
        save_timm(folder, model.module, preprocessing=preprocessing, class_names=names, facts=facts)
    else:
        save_model(folder / _WEIGHTS, model.module, preprocessing=preprocessing, class_names=names, facts=facts)
        config = {
            "library_name": "netwright",
            "arch": model.arch.to_dict(),
            "preprocessing": preprocessing.to_dict(),
            "class_names": list(names),
        }
        text = json.dumps(config, indent=2, ensure_ascii=False)
        write_text(folder / CONFIG, text, what="the description of the weights", elsewhere=_ELSEWHERE)
    if evidence is not None and evidence.picture is not None:
        write_bytes(folder / PICTURE, evidence.picture.read_bytes(), what="the card's picture", elsewhere=_ELSEWHERE)
    text = readme(model, repository, is_timm=is_timm, evidence=evidence, license=license)
    write_text(folder / _README, text, what="the model card", elsewhere=_ELSEWHERE)
    return sorted(path.name for path in folder.iterdir())


def _exists_in_timm(model: LoadedModel) -> bool:
    try:
        to_format(model.arch, "timm")
    except WeightsError:
        return False
    return True


def _upload(folder: Path, repository: str, private: bool, token: str | None, message: str) -> str:
    from huggingface_hub import HfApi, errors

    if is_hub_offline():
        raise WeightsError(
            "uploads are turned off (HF_HUB_OFFLINE, NETWRIGHT_OFFLINE). Unset that to upload, or write the repository "
            "to a folder with write_repository."
        )
    api = HfApi(endpoint=hub_endpoint(), token=token, library_name="netwright", library_version=__version__)
    try:
        made = api.create_repo(repository, private=private or None, exist_ok=True)
        api.upload_folder(repo_id=repository, folder_path=folder, commit_message=message)
    except errors.LocalTokenNotFoundError as error:
        raise WeightsError(_refused(repository, "there is no token")) from error
    except hub_errors() as error:
        raise WeightsError(_refused(repository, first_line(error))) from error
    return str(made.url)


def _refused(repository: str, why: str) -> str:
    return (
        f"the hub does not accept {repository}: {why}. It needs a token that may write there: `hf auth login`, "
        "HF_TOKEN, or token=."
    )
