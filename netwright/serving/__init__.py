"""A server for networks: models in versions, dynamic batching, REST and gRPC by the Open Inference Protocol."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from netwright.serving.settings import ServeSettings

if TYPE_CHECKING:
    from netwright.serving.client import Client
    from netwright.serving.supervisor.start import serve

__all__ = ["Client", "ServeSettings", "serve"]

# imported when first used: a client needs nothing of what a server needs
_HOME = {"Client": "client", "serve": "supervisor.start"}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)
