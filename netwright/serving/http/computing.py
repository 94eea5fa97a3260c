"""What a handler does with images once they are read: have them computed, within the limits, while someone waits."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netwright.serving.http.context import app_state, request_context, unless_disconnected
from netwright.serving.models.service import decoded_size

if TYPE_CHECKING:
    from starlette.requests import Request

    from netwright.serving.models.batcher import FloatArray, Rows
    from netwright.serving.models.version import ModelVersion

__all__ = ["compute_logits"]


async def compute_logits(request: Request, version: ModelVersion, images: list[bytes] | Rows) -> FloatArray:
    """Logits (n, classes) of encoded images, or of arrays as `ModelService.logits` takes them.

    Raises:
        RequestError: An image cannot be read, there is no room for all of them, or the client is gone.
    """
    state, context = app_state(request), request_context(request)
    context.images = len(images)
    if isinstance(images, list):
        state.limits.unpack(context, decoded_size(images, version.runtime), "decoded images")
        computing = state.service.logits_of_images(version, images, context.deadline)
    else:
        computing = state.service.logits(version, images, context.deadline)
    return await unless_disconnected(request, computing)
