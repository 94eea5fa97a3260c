"""What Triton's clients read of a server and its models beyond the Open Inference Protocol."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from netwright.serving.errors import RequestError
from netwright.serving.protocol.tensors import model_metadata
from netwright.serving.settings import is_loopback

if TYPE_CHECKING:
    from netwright.serving.models.index import IndexEntry
    from netwright.serving.models.version import ModelVersion
    from netwright.serving.settings import ServeSettings

__all__ = ["EXTENSIONS", "check_model_control", "index_rows", "model_config"]

# Triton's names of what is answered here beyond the protocol; binary tensors are REST's, in gRPC they are always
EXTENSIONS = ("binary_tensor_data", "classification", "model_configuration", "model_repository", "statistics")


# parameters that a request to load or unload may have: no model here depends on another
_PARAMETERS = {"unload_dependents"}


def check_model_control(settings: ServeSettings, parameters: list[str], origin: str = "") -> None:
    """Check that a client may load and unload models.

    Args:
        settings: Of the server.
        parameters: Names of the request's parameters.
        origin: The header of that name, which a browser sends with a page's request: without a token any page could.

    Raises:
        RequestError: Where it may not, or for a parameter that is not known.
    """
    if not settings.token and (origin or not is_loopback(settings.host)):
        raise RequestError(
            "unauthorized",
            "models are loaded and unloaded by programs of this machine, or with the server's token. Start the server "
            "with --token.",
        )
    if unknown := sorted(set(parameters) - _PARAMETERS):
        raise RequestError(
            "malformed",
            f"a model is loaded as it is in the server's folder; the parameter {unknown[0][:100]!r} is not supported.",
        )


def index_rows(entries: tuple[IndexEntry, ...], *, only_ready: bool) -> list[dict[str, str]]:
    """The rows of the repository's index, a dict each."""
    return [
        {
            "name": each.name,
            "version": str(each.version or ""),
            "state": "READY" if each.is_ready else "UNAVAILABLE",
            "reason": each.reason,
        }
        for each in entries
        if each.is_ready or not only_ready
    ]


def model_config(version: ModelVersion, settings: ServeSettings) -> dict[str, Any]:
    """Triton's ModelConfig of a version as a dict: for REST's JSON and for the gRPC message."""
    metadata = model_metadata(version.runtime.info, [version.version])
    return {
        "name": version.name,
        "platform": "netwright",
        "backend": version.runtime.kind,
        "max_batch_size": settings.max_batch,
        "dynamic_batching": {"max_queue_delay_microseconds": round(1000 * settings.max_delay_ms)},
        "input": [_tensor(each) for each in metadata["inputs"]],
        "output": [_tensor(each) for each in metadata["outputs"]],
    }


def _tensor(tensor: dict[str, Any]) -> dict[str, Any]:
    kind = {"BYTES": "TYPE_STRING"}.get(tensor["datatype"], f"TYPE_{tensor['datatype']}")
    return {"name": tensor["name"], "data_type": kind, "dims": tensor["shape"][1:]}
