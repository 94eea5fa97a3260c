"""Our OpenVINO files: NAME.xml with the graph and its description, NAME.bin with the weights."""

from __future__ import annotations

import errno
import hashlib
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from netwright.errors import ExportError
from netwright.runtime.info import METADATA_KEY, ModelInfo, info_from_json, info_to_json, read_whole
from netwright.system.extras import optional

__all__ = ["read_openvino", "write_openvino"]

_DIGEST = "weights_sha256"
_LATER = "0" * 64  # in place of the digest until the weights are written


def write_openvino(model: Any, info: ModelInfo, path: Path) -> None:
    """Write an openvino.Model with its description; fp16 stores the weights in half. path: NAME.xml."""
    openvino = optional("openvino", "export")
    model.set_rt_info(info_to_json(info), [METADATA_KEY, "config"])
    model.set_rt_info(_LATER, [METADATA_KEY, _DIGEST])
    try:
        openvino.save_model(model, path, compress_to_fp16=info.precision == "fp16")
    except Exception as error:  # RuntimeError mostly, which does not say what the system said
        raise _why_unwritten(model, path, error) from error
    digest = hashlib.sha256(path.with_suffix(".bin").read_bytes()).hexdigest()
    path.write_bytes(path.read_bytes().replace(_LATER.encode(), digest.encode(), 1))


def _why_unwritten(model: Any, path: Path, error: Exception) -> OSError:
    """The system's error where a write of as many bytes fails too, else one in the library's words."""
    weights = (each.get_byte_size() for each in model.get_ops() if each.get_type_name() == "Constant")
    try:
        with open(path.with_suffix(".bin"), "wb", buffering=0) as file:
            for size in weights:
                view = memoryview(bytes(size))
                while view:
                    view = view[file.write(view) :]
    except OSError as own:
        return own
    return OSError(errno.EIO, f"OpenVINO reports {(str(error).strip().splitlines() or [''])[-1][:300]}")


def read_openvino(path: Path, core: Any) -> tuple[Any, ModelInfo]:
    """(openvino.Model, its description). path: NAME.xml. Raises ExportError unless we wrote it and it is complete.

    Each file is read once, so that what is checked is what is opened, even if another export replaces it meanwhile.
    """
    graph = read_whole(path)
    info, digest = _description(graph, path)
    beside = path.with_suffix(".bin")
    if not beside.is_file():
        raise ExportError(f"{path} has its weights beside it, and {beside.name} is not there. Copy both files.")
    weights = read_whole(beside)
    if hashlib.sha256(weights).hexdigest() != digest:
        raise ExportError(f"{beside} holds other weights than were written: it is damaged. Copy or export it again.")
    try:
        model = core.read_model(graph, weights)
    except Exception as error:  # RuntimeError mostly, and what the bindings make of others
        reason = (str(error).strip().splitlines() or [""])[-1][:300]
        raise ExportError(f"OpenVINO cannot read {path}: {reason}. Export it again.") from error
    shapes = [
        [-1 if dim.is_dynamic else dim.get_length() for dim in port.partial_shape]
        for port in (*model.inputs, *model.outputs)
    ]
    n = info.batch or -1
    if shapes != [[n, *info.input_shape], [n, info.arch.num_classes]]:
        raise ExportError(f"{path} describes another network than it holds. Export it again.")
    return model, info


def _description(graph: bytes, path: Path) -> tuple[ModelInfo, str]:
    """(description, digest of the weights), read before the library sees the file."""
    try:
        root = ElementTree.fromstring(graph)
    except (ElementTree.ParseError, ValueError, LookupError) as error:  # unknown encodings
        raise ExportError(f"{path} is no XML of OpenVINO, or a damaged one: {error}. Export it again.") from error
    found = root.find(f"./rt_info/{METADATA_KEY}/config")
    if found is None:
        raise ExportError(
            f"an exported file names its network, and {path} does not: something else wrote it. Export the "
            "network by `netwright export`."
        )
    digest = root.find(f"./rt_info/{METADATA_KEY}/{_DIGEST}")
    info = info_from_json(found.get("value") or "", str(path))
    return info, "" if digest is None else digest.get("value", "")
