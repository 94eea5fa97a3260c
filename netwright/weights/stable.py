"""safetensors whose bytes depend on what they hold alone: the library writes metadata in an order that changes."""

from __future__ import annotations

import json
from collections.abc import Mapping

from torch import Tensor

__all__ = ["stable_safetensors"]

_LENGTH = 8  # bytes of the header's length, little-endian, at the start of the file


def stable_safetensors(tensors: Mapping[str, Tensor], metadata: Mapping[str, str]) -> bytes:
    """The content of a file, with its metadata in order."""
    from safetensors.torch import save

    content = save(dict(tensors))
    end = _LENGTH + int.from_bytes(content[:_LENGTH], "little")
    header = {"__metadata__": dict(sorted(metadata.items()))} | json.loads(content[_LENGTH:end])
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % _LENGTH)  # tensors stay aligned
    return b"".join((len(text).to_bytes(_LENGTH, "little"), text, memoryview(content)[end:]))
