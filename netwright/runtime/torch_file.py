"""Our .pt2 files of torch.export. They are read as an archive of arrays, and nothing in them is unpickled.

torch.export.load evaluates expressions and, if the file says so, unpickles, so that a hostile file runs code. Here the
network is built from its description and gets the arrays by name; the graph in the file is for other programs.
"""

from __future__ import annotations

import io
import json
import math
import zipfile
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from netwright.errors import ArchError, ExportError
from netwright.nn import AnyNet, fuse
from netwright.runtime.info import METADATA_KEY, ModelInfo, info_from_json, info_to_json
from netwright.runtime.onnx_graph import graph_program
from netwright.runtime.torch_backend import DTYPES

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["read_torch_file", "torch_bytes"]

_EXTRA = f"{METADATA_KEY}.json"
_WEIGHTS = "data/weights/"
_LONGEST = 64 << 20  # bytes of a description
_PREFIX = "network."
# what reading an archive and building a network raise on arbitrary bytes
_DAMAGE = (
    *(zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ArchError, KeyError, TypeError),
    *(AttributeError, ValueError, OverflowError, MemoryError),
)


class _Float32Ends(torch.nn.Module):
    """A fused network of another type, between float32 inputs and logits."""

    def __init__(self, network: AnyNet, dtype: torch.dtype) -> None:
        super().__init__()
        self.network, self.dtype = network, dtype

    def forward(self, input: Tensor) -> Tensor:
        logits: Tensor = self.network(input.to(self.dtype)).float()
        return logits


def torch_bytes(fused: AnyNet, info: ModelInfo) -> bytes:
    """The bytes of a .pt2 file: `torch.export.load(path).module()(input)` gives logits."""
    dtype = DTYPES[info.precision]
    for value in fused.parameters():
        # the archive stores memory as it is: contiguous, and each array in memory of its own
        value.data = value.detach().clone(memory_format=torch.contiguous_format)
    program = graph_program(_Float32Ends(fused.to(dtype), dtype), info.input_shape, info.batch)
    buffer = io.BytesIO()
    torch.export.save(program, buffer, extra_files={_EXTRA: info_to_json(info)})
    return buffer.getvalue()


def read_torch_file(path: Path) -> tuple[AnyNet, ModelInfo]:
    """(fused network in the file's precision, its description). Raises ExportError unless we wrote the file."""
    try:
        with zipfile.ZipFile(path) as archive:
            return _read(archive, path)
    except OSError as error:
        raise ExportError(f"the exported file {path} cannot be read: {error.strerror or error}.") from error
    except _DAMAGE as error:
        raise ExportError(
            f"{path} is no .pt2 file of an export, or a damaged one: {error}. Export it again."
        ) from error


def _read(archive: zipfile.ZipFile, path: Path) -> tuple[AnyNet, ModelInfo]:
    found = [name for name in archive.namelist() if name.endswith(f"/extra/{_EXTRA}")]
    if len(found) != 1:
        raise ExportError(
            f"an exported file names its network, and {path} does not: something else wrote it. Export the "
            "network by `netwright export`."
        )
    root = found[0].removesuffix(f"extra/{_EXTRA}")
    info = info_from_json(_part(archive, found[0], _LONGEST).decode(), str(path))
    # sizes of arrays are read first: a network that the file only claims to have is not built
    config = json.loads(_part(archive, f"{root}{_WEIGHTS}model_weights_config.json", _LONGEST))["config"]
    if info.arch.depth > len(config):
        raise ValueError(f"{len(config):,} arrays for {info.arch.depth:,} blocks")
    with torch.device("meta"):
        network = fuse(AnyNet(info.arch), channels_last=False).to(DTYPES[info.precision])
    state = {
        name: _array(archive, f"{root}{_WEIGHTS}{config[_PREFIX + name]['path_name']}", value)
        for name, value in network.state_dict().items()
    }
    network.load_state_dict(state, assign=True)
    return network.requires_grad_(False).eval(), info


def _array(archive: zipfile.ZipFile, name: str, like: Tensor) -> Tensor:
    size = math.prod(like.shape) * like.element_size()
    content = _part(archive, name, size)
    if len(content) != size:
        raise ValueError(f"{name} has {len(content):,} bytes, and the network has {size:,}")
    return torch.frombuffer(bytearray(content), dtype=like.dtype).reshape(like.shape)


def _part(archive: zipfile.ZipFile, name: str, most: int) -> bytes:
    entry: Any = archive.getinfo(name)
    if entry.file_size > most:
        raise ValueError(f"{name} has {entry.file_size:,} bytes, and at most {most:,} are expected")
    return archive.read(entry)
