"""A network as a service: several models and versions, batched, over REST and gRPC by the Open Inference Protocol."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from netwright.serving.settings import ServeSettings

if TYPE_CHECKING:
    from netwright.serving.client import Client
    from netwright.serving.start import serve

__all__ = ["Client", "ServeSettings", "serve"]

# a client needs nothing that a server needs
_LATE = {"Client": "client", "serve": "start"}


def __getattr__(name: str) -> Any:
    if name not in _LATE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib

    return getattr(importlib.import_module(f"netwright.serving.{_LATE[name]}"), name)
