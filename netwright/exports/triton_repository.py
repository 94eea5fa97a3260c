"""A model repository of NVIDIA Triton: REPOSITORY/NAME/VERSION/model.onnx, with a configuration and labels.

`netwright serve REPOSITORY` serves the same folder.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from netwright.errors import ExportError, OutputError
from netwright.exports.destination import read_info, refuse_exported
from netwright.exports.pbtxt import read_pbtxt
from netwright.exports.triton import BACKENDS, LABELS, TritonSettings, triton_config, triton_labels
from netwright.runtime.info import SUFFIXES, ModelInfo
from netwright.system.atomic import atomic_folder, explain_errors, explain_temporary_errors
from netwright.system.model_name import default_name
from netwright.system.temporary import temporary_folder

if TYPE_CHECKING:
    from netwright.exports.exported import Exported
    from netwright.weights import LoadedModel

__all__ = ["export_triton", "next_version", "write_triton"]

_CONFIG = "config.pbtxt"
# a number alone would be a version to `netwright serve`
_NAME = re.compile(r"(?!\d+$)[A-Za-z0-9_][A-Za-z0-9._-]{0,99}")


def next_version(repository: str | Path, name: str) -> int:
    """One more than the highest version of the model there; 1 for a new model."""
    folder = Path(repository) / name
    numbers = [int(each.name) for each in folder.iterdir() if _is_number(each.name)] if folder.is_dir() else []
    return max(numbers, default=0) + 1


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and 0 < len(text) < 19


def write_triton(
    file: str | Path,
    repository: str | Path,
    *,
    name: str = "",
    version: int | None = None,
    settings: TritonSettings | None = None,
) -> Path:
    """Put an exported file into a model repository, as a new version.

    The first version writes config.pbtxt and labels.txt. A later one leaves both as they are, also where their owner
    changed them. A server that watches the folder sees a complete version or none.

    Args:
        file: .onnx, or .xml with its .bin.
        repository: The folder of all models.
        name: Of the model and its folder; the file's own by default.
        version: The next one by default.
        settings: Of the first version; not used for later ones.

    Returns:
        The file in the repository.

    Raises:
        ExportError: If the inputs, outputs, classes, backend or preprocessing are not those of the first version, and
            if the version is there already.
        OutputError: If it cannot be written.
    """
    path, root = Path(file), Path(repository)
    to = next((to for to, suffix in SUFFIXES.items() if suffix == path.suffix), path.suffix[1:] or "nothing")
    info = read_info(path, to) if to in BACKENDS else None
    if info is None:
        raise ExportError(f"Triton takes a file for {' or '.join(BACKENDS)}, and {path.name} is for {to}.")
    name = name or info.name
    number = _next_fitting(root, name, version, info, to, settings)
    folder = root / name
    is_new = not (folder / _CONFIG).exists()
    target = folder if is_new else folder / str(number)
    what, elsewhere = "the version of the model", "another --out"
    with atomic_folder(target, what=what, elsewhere=elsewhere, beside=_beside(root)) as partial:
        written = partial / str(number) if is_new else partial
        written.mkdir(exist_ok=True)
        for each in (path, path.with_suffix(".bin")) if to == "openvino" else (path,):
            shutil.copyfile(each, written / f"model{each.suffix}")
        if is_new:
            (partial / _CONFIG).write_text(triton_config(info, to, settings), encoding="utf-8")
            (partial / LABELS).write_text("".join(f"{label}\n" for label in triton_labels(info)), encoding="utf-8")
    return folder / str(number) / f"model{path.suffix}"


def export_triton(
    ref: str | Path | LoadedModel,
    repository: str | Path,
    *,
    to: str = "onnx",
    name: str = "",
    version: int | None = None,
    settings: TritonSettings | None = None,
    **options: Any,
) -> Exported:
    """Export a network into a model repository: options, names and errors of `export` and of `write_triton`."""
    from netwright.exports.exporter import export
    from netwright.runtime.info import info_of
    from netwright.weights import load_model

    refuse_exported(ref)
    model = load_model(ref) if isinstance(ref, str | Path) else ref
    batch = options.get("batch", "dynamic")
    name = name or default_name(ref, model.arch.name)
    info = info_of(model, name=name, precision=options.get("precision", "fp32"))
    info = replace(info, batch=batch if isinstance(batch, int) else None)
    # before the export, which takes long
    number = _next_fitting(Path(repository), info.name, version, info, to, settings)
    with explain_temporary_errors("the exported network"), temporary_folder("export") as place:
        try:
            done = export(model, place / "1", to=to, name=info.name, version=str(number), **options)
        except OutputError as error:  # not the repository is full, but the temporary folder
            raise error.__cause__ or error from None
        path = write_triton(done.path, repository, name=info.name, version=number, settings=settings)
    return replace(done, path=path, files=tuple(path.with_name(each.name) for each in done.files))


def _next_fitting(
    root: Path, name: str, version: int | None, info: ModelInfo, to: str, settings: TritonSettings | None
) -> int:
    """The version to write. Raises ExportError if it does not fit the versions that are there."""
    if not _NAME.fullmatch(name):
        raise ExportError(
            f"the name of a model is a folder and part of addresses: letters, digits, '.', '_' and '-', not a number "
            f"alone, and not {name!r}. Give another --name."
        )
    config = triton_config(info, to, settings)
    folder = root / name
    try:
        number = next_version(root, name) if version is None else version
        has_some = folder.is_dir() and any(folder.iterdir())
    except OSError as error:
        raise OutputError(f"the model repository {root} cannot be read: {error.strerror or error}.") from error
    if number < 1:
        raise ExportError(f"a version is a number of 1 or more, not {number}.")
    if (folder / str(number)).exists():
        raise ExportError(f"{folder} has a version {number} already, and none is overwritten. Leave the version out.")
    if not has_some:
        return number
    if not (folder / _CONFIG).is_file():
        raise ExportError(
            f"{folder} is not empty and has no {_CONFIG}, so it is no model of Triton. Give another --name."
        )
    first = _facts(_read(folder / _CONFIG), str(folder / _CONFIG)) | {"classes": _read(folder / LABELS).splitlines()}
    new = _facts(config, "the new configuration") | {"classes": triton_labels(info)}
    for what, value in new.items():
        if first[what] != value:
            raise ExportError(
                f"the versions of a model share their configuration, and {folder} has "
                f"{_shown(what, first[what], value)} where this has {_shown(what, value, first[what])}. Give another "
                "--name."
            )
    return number


def _facts(text: str, path: str) -> dict[str, Any]:
    """What all versions must agree in; the rest of a configuration is its owner's."""
    config = read_pbtxt(text, path)
    try:
        backend = config.get("backend") or ["onnxruntime" for each in config.get("platform", ()) if "onnx" in each]
        parameters = {each["key"][0]: each["value"][0]["string_value"][0] for each in config.get("parameters", ())}
        tensors = {
            kind: [(each["name"][0], each["data_type"][0], [int(dim) for dim in each["dims"]]) for each in config[kind]]
            for kind in ("input", "output")
        }
        return {
            "the backend": " ".join(backend),
            "max_batch_size of 1 or more": int(config.get("max_batch_size", ["0"])[0]) > 0,
            "the input": tensors["input"],
            "the output": tensors["output"],
            "HINT_BF16": parameters.get("HINT_BF16", "NO").upper(),
            "the preprocessing": json.loads(parameters.get("preprocessing", "null")),
        }
    except (KeyError, ValueError, TypeError, AttributeError) as error:
        raise ExportError(
            f"{path} has backend, max_batch_size, input and output as `netwright export` wrote them, and this one "
            f"cannot be read: {type(error).__name__} {error}. Correct it, or give another --name."
        ) from error


def _shown(what: str, value: Any, other: Any) -> str:
    if isinstance(value, dict) and isinstance(other, dict):
        value = {key: each for key, each in value.items() if other.get(key) != each}
    if what == "classes":
        unknown = [each for each in value if each not in other]
        return f"{len(value):,} classes" + (f", among them {', '.join(unknown[:3])}" if unknown else "")
    return f"{what} {value}"


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ExportError(f"{path} belongs to the model and cannot be read: {error}. Give another --name.") from error


def _beside(root: Path) -> Path:
    """The folder to write in, from which a move into the repository is one step. Raises OutputError."""
    with explain_errors(root, what="the model repository", elsewhere="another --out"):
        root.mkdir(parents=True, exist_ok=True)
        above = root.resolve().parent
        # Triton takes every folder in a repository for a model, hidden ones too; what is mounted there has no beside
        is_one_disk = above.stat().st_dev == root.stat().st_dev and os.access(above, os.W_OK)
        return above if is_one_disk else root
