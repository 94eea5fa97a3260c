"""Shared memory, which Triton's clients may ask for and this server does not have: refused in words."""

from __future__ import annotations

from collections.abc import Iterable

from netwright.serving.errors import RequestError

__all__ = ["ADDRESSES", "METHODS", "NO_SHARED_MEMORY", "refuse_shared_memory"]

NO_SHARED_MEMORY = (
    "this server has no shared memory, neither the system's nor CUDA's: send tensors in the request, in HTTP as binary "
    "data, and take the outputs from its answer."
)
# of gRPC, and addresses of HTTP
METHODS = tuple(
    f"{kind}SharedMemory{verb}" for kind in ("System", "Cuda") for verb in ("Status", "Register", "Unregister")
)
ADDRESSES = ("/v2/systemsharedmemory/{rest:path}", "/v2/cudasharedmemory/{rest:path}")


def refuse_shared_memory(parameters: Iterable[str]) -> None:
    """RequestError where the parameters of an input or an output, by name, say that it is in shared memory."""
    if any(name.startswith("shared_memory_") for name in parameters):
        raise RequestError("malformed", NO_SHARED_MEMORY)
