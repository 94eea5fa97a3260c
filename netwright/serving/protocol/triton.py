"""What Triton's clients read of a server and its models beside the Open Inference Protocol."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from netwright.serving.errors import Refused
from netwright.serving.protocol.tensors import model_metadata
from netwright.serving.settings import is_loopback

if TYPE_CHECKING:
    from netwright.serving.models.repository import Listing, Served
    from netwright.serving.settings import ServeSettings

__all__ = ["EXTENSIONS", "check_steering", "index_rows", "model_config"]

# Triton's names of what is answered here beyond the protocol; binary tensors are REST's, in gRPC they are always
EXTENSIONS = ("binary_tensor_data", "classification", "model_configuration", "model_repository", "statistics")


# of these, what a request to load or unload may bring: no model here depends on another
_PARAMETERS = {"unload_dependents"}


def check_steering(settings: ServeSettings, parameters: list[str], origin: str = "") -> None:
    """Refused for who may not load and unload, and for what cannot be loaded that way.

    origin: of the page that a browser sends the request for: any page could, to a server without a token.
    """
    if not settings.token and (origin or not is_loopback(settings.host)):
        raise Refused(
            "unauthorized",
            "models are loaded and unloaded by programs of this machine, or with the server's token. Start it with "
            "--token.",
        )
    if foreign := sorted(set(parameters) - _PARAMETERS):
        raise Refused(
            "malformed", f"a model is loaded as it lies in the server's folder; {foreign[0][:100]!r} is not taken."
        )


def index_rows(listings: tuple[Listing, ...], *, only_ready: bool) -> list[dict[str, str]]:
    """As the repository's index has them."""
    return [
        {
            "name": each.name,
            "version": str(each.version),
            "state": "READY" if each.is_ready else "UNAVAILABLE",
            "reason": each.reason,
        }
        for each in listings
        if each.is_ready or not only_ready
    ]


def model_config(served: Served, settings: ServeSettings) -> dict[str, Any]:
    """A ModelConfig of Triton's, as plain values: in REST's JSON as in the message."""
    said = model_metadata(served.runtime.info, [served.version])
    return {
        "name": served.name,
        "platform": "netwright",
        "backend": served.runtime.kind,
        "max_batch_size": settings.max_batch,
        "dynamic_batching": {"max_queue_delay_microseconds": round(1000 * settings.max_delay_ms)},
        "input": [_tensor(each) for each in said["inputs"]],
        "output": [_tensor(each) for each in said["outputs"]],
    }


def _tensor(tensor: dict[str, Any]) -> dict[str, Any]:
    kind = {"BYTES": "TYPE_STRING"}.get(tensor["datatype"], f"TYPE_{tensor['datatype']}")
    return {"name": tensor["name"], "data_type": kind, "dims": tensor["shape"][1:]}
