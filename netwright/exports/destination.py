"""Where an export goes: a file with the suffix of its kind, which is no other network's."""

from __future__ import annotations

from pathlib import Path

from netwright.errors import ExportError
from netwright.runtime.info import SUFFIXES, ModelInfo

__all__ = ["read_info", "refuse_exported", "refuse_other_network", "resolve_destination"]


def resolve_destination(destination: str | Path, to: str) -> Path:
    """The file to write: the destination, or model.onnx, model.xml and so on in it where it names a folder."""
    path, suffix = Path(destination), SUFFIXES[to]
    if path.is_dir() or not path.suffix or path.suffix[1:].isdigit():
        return path / f"model{suffix}"
    if path.suffix != suffix:
        fitting = next((target for target, own in SUFFIXES.items() if own == path.suffix), None)
        other = f", or give --to {fitting}" if fitting else ""
        raise ExportError(
            f"a file for {to} ends in {suffix}, and {path.name} does not. Name it {path.stem}{suffix}{other}."
        )
    return path


def refuse_other_network(path: Path, to: str, source: str) -> None:
    """Raise ExportError where `path` is there and is no export of the network from `source`, a ModelInfo.source."""
    beside = path.with_suffix(".bin") if to == "openvino" else path
    if not path.exists() and not beside.exists():
        return
    try:
        found = read_info(path, to).source
    except ExportError:  # a stranger's, a damaged one, or weights without their graph
        found = ""
    if found and _is_same(found, source):
        return
    what = f"is an export of another network ({found})" if found else "is no export of this network"
    there = path if path.exists() else beside
    raise ExportError(
        f"an export replaces only files of the same network, from {source}, and {there} {what}. Give another --out or "
        "--name, or --overwrite."
    )


def refuse_exported(ref: object) -> None:
    """Raise ExportError where what should be exported is an exported file itself."""
    if isinstance(ref, str | Path) and Path(ref).suffix in SUFFIXES.values() and Path(ref).is_file():
        raise ExportError(
            f"an export is made of weights, and {ref} is an exported file, which has the network folded. Name the run "
            "or the weights that it was made of."
        )


def read_info(path: Path, to: str) -> ModelInfo:
    """The description in an exported file. Raises ExportError for a file that none wrote."""
    if to == "onnx":
        from netwright.runtime.onnx_file import read_onnx

        return read_onnx(path)[1]
    if to == "torch":
        from netwright.runtime.torch_file import read_torch_file

        return read_torch_file(path)[1]
    if to == "litert":
        from netwright.runtime.litert_file import read_litert

        return read_litert(path)[1]
    from netwright.runtime.openvino_backend import openvino_core
    from netwright.runtime.openvino_file import read_openvino

    return read_openvino(path, openvino_core())[1]


def _is_same(one: str, other: str) -> bool:
    """Whether two sources name the same file, or the same folder of a run, whose best weights may be others by now.

    Of absolute paths only the end was kept.
    """
    first, second = (_origin(each) for each in (one, other))
    shared = min(len(first), len(second))
    return first[len(first) - shared :] == second[len(second) - shared :]


def _origin(source: str) -> tuple[str, ...]:
    text, comma, _ = source.partition(", ")  # a folder's file is followed by why it was chosen
    parts = Path(text).parts
    return parts[:-1] if comma and len(parts) > 1 else parts
