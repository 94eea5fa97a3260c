"""Weights to the Hugging Face hub: in the layout that timm opens too, with a model card."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

from netwright.errors import WeightsError
from netwright.system.atomic import explain_errors, write_bytes, write_text
from netwright.version import __version__
from netwright.weights.download import is_hub_offline
from netwright.weights.express import expressed
from netwright.weights.hub import CONFIG, failures, first_line, hub_endpoint
from netwright.weights.model import LoadedModel, load_model
from netwright.weights.readme import PICTURE, Evidence, evidence_of, readme
from netwright.weights.save import save_model, save_timm

__all__ = ["push_to_hub", "write_repository"]

_WEIGHTS, _README = "model.safetensors", "README.md"
_ELSEWHERE = "another folder"


def push_to_hub(
    model: LoadedModel | str | Path,
    repository: str,
    *,
    private: bool = False,
    token: str | None = None,
    licence: str = "",
    message: str = "",
    design: str | Path = "",
) -> str:
    """Upload weights, config.json and a model card to OWNER/NAME, which is made if need be; returns its address.

    model: loaded, or what names weights to `load_model`; of a design's folder the card has the evidence. design: that
    folder, for a model that is loaded. private: of a repository that is made; False leaves that to
    its owner's settings. token: None for $HF_TOKEN or the one of
    `hf auth login`. licence: as the hub writes it (apache-2.0). All files come with one commit, or none. Raises
    WeightsError where the hub refuses or cannot be reached.
    """
    loaded = model if isinstance(model, LoadedModel) else load_model(model)
    folder = design or ("" if isinstance(model, LoadedModel) else model)
    evidence = evidence_of(folder) if folder else None
    with (
        explain_errors(Path(tempfile.gettempdir()), what="the upload", elsewhere="another folder with TMPDIR"),
        tempfile.TemporaryDirectory(prefix="netwright-hub-") as draft,
    ):
        write_repository(loaded, draft, repository, licence=licence, evidence=evidence)
        return _upload(Path(draft), repository, private, token, message or f"netwright {__version__}")


def write_repository(
    model: LoadedModel,
    folder: str | Path,
    repository: str,
    *,
    licence: str = "",
    evidence: Evidence | None = None,
) -> list[str]:
    """Write what `push_to_hub` uploads into a folder; returns the names of its files.

    In timm's layout where timm can build the network; else the weights by our names, which `load_model` opens.
    """
    folder = Path(folder)
    is_timm = _is_of_timm(model)
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
    text = readme(model, repository, is_timm=is_timm, evidence=evidence, licence=licence)
    write_text(folder / _README, text, what="the model card", elsewhere=_ELSEWHERE)
    return sorted(path.name for path in folder.iterdir())


def _is_of_timm(model: LoadedModel) -> bool:
    try:
        expressed(model.arch, "timm")
    except WeightsError:
        return False
    return True


def _upload(folder: Path, repository: str, private: bool, token: str | None, message: str) -> str:
    from huggingface_hub import HfApi, errors

    if is_hub_offline():
        raise WeightsError(
            "the network is not to be used (HF_HUB_OFFLINE, NETWRIGHT_OFFLINE). Unset that to upload, or write the "
            "repository with write_repository."
        )
    api = HfApi(endpoint=hub_endpoint(), token=token, library_name="netwright", library_version=__version__)
    try:
        made = api.create_repo(repository, private=private or None, exist_ok=True)
        api.upload_folder(repo_id=repository, folder_path=folder, commit_message=message)
    except errors.LocalTokenNotFoundError as error:
        raise WeightsError(_refused(repository, "there is no token")) from error
    except failures() as error:
        raise WeightsError(_refused(repository, first_line(error))) from error
    return str(made.url)


def _refused(repository: str, why: str) -> str:
    return (
        f"the hub does not take {repository}: {why}. It wants a token that may write there: `hf auth login`, HF_TOKEN, "
        "or token=."
    )
