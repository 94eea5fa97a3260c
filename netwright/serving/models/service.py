"""Images in, logits out, within the limits: what all protocols of the server call."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Awaitable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from PIL.Image import DecompressionBombError

from netwright.data.decode import read_header
from netwright.errors import DataError, ServeError
from netwright.serving.errors import RequestError
from netwright.serving.models.batcher import BatcherClosed, FloatArray, Rows
from netwright.system.machine import processors

if TYPE_CHECKING:
    from netwright.data.source import Pixels
    from netwright.runtime import Runtime
    from netwright.serving.models.repository import Repository
    from netwright.serving.models.version import ModelVersion
    from netwright.serving.settings import ServeSettings

__all__ = ["Service", "before_deadline", "decoded_size", "top_classes"]

T = TypeVar("T")

_MOST_DECODERS = 8
_MOST_SCANS = 100  # of a progressive JPEG; cameras and encoders make ten. Each is a pass over all its pixels
# format, offset and magic bytes. Pillow reads more formats, some of which are programs or hide a second size
_FORMATS = (
    ("AVIF", 4, b"ftypavi"),
    ("BMP", 0, b"BM"),
    ("GIF", 0, b"GIF8"),
    ("JPEG", 0, b"\xff\xd8\xff"),
    ("JPEG 2000", 0, b"\0\0\0\x0cjP  "),
    ("PNG", 0, b"\x89PNG\r\n\x1a\n"),
    ("TIFF", 0, b"II*\0"),
    ("TIFF", 0, b"MM\0*"),
    ("WebP", 8, b"WEBP"),
)


class Service:
    """Decodes and computes for all endpoints of one process. Its methods are for one event loop.

    Attributes:
        repository: The models.
        settings: Of the server.
        is_stopping: Whether a version that closed has no successor.
    """

    def __init__(self, repository: Repository, settings: ServeSettings) -> None:
        self.repository, self.settings = repository, settings
        count = min(_MOST_DECODERS, processors())
        self._pool = ThreadPoolExecutor(count, thread_name_prefix="decode")
        self.is_stopping = False

    async def logits(self, version: ModelVersion, rows: Rows, deadline: float) -> FloatArray:
        """Compute images; a version that was replaced meanwhile hands them to its successor.

        Args:
            version: Of a model.
            rows: (N, H, W, C) uint8 or (N, C, H, W) float32, normalized.
            deadline: On the clock of time.monotonic().

        Returns:
            (N, classes) float32.

        Raises:
            RequestError: Where the queue is full, the time runs out or the network fails.
        """
        while True:
            try:
                future = version.batcher.submit(rows, deadline)
            except BatcherClosed:
                if self.is_stopping:
                    raise RequestError("unavailable", "the server is stopping.", retry_after=1) from None
                version = self.repository.get(version.name, _same_or_newest(self.repository, version))
                if version.batcher.runtime.info.input_shape != _shape_of(rows):
                    raise RequestError("unavailable", "the model was replaced by one with another input.") from None
                continue
            return await before_deadline(asyncio.wrap_future(future), deadline)

    async def decode(self, runtime: Runtime, images: Sequence[bytes], deadline: float) -> list[Pixels | RequestError]:
        """Decode images in threads.

        Args:
            runtime: The network whose input size they get.
            images: Encoded.
            deadline: On the clock of time.monotonic().

        Returns:
            For each image its (H, W, C) uint8 pixels, or why it is refused.
        """
        loop = asyncio.get_running_loop()
        jobs = [loop.run_in_executor(self._pool, self._decode, runtime, image) for image in images]
        return list(await before_deadline(asyncio.gather(*jobs), deadline))

    async def logits_of_images(self, version: ModelVersion, images: Sequence[bytes], deadline: float) -> FloatArray:
        """(N, classes) of one or more encoded images. RequestError for the first that cannot be read."""
        decoded = await self.decode(version.runtime, images, deadline)
        pixels = []
        for index, each in enumerate(decoded):
            if isinstance(each, RequestError):
                where = f"image {index}: " if len(decoded) > 1 else ""
                raise RequestError(each.reason, f"{where}{each}")
            pixels.append(each)
        return await self.logits(version, np.stack(pixels), deadline)

    def close(self) -> None:
        """Stop the threads."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _decode(self, runtime: Runtime, image: bytes) -> Pixels | RequestError:
        if not image:
            return RequestError("malformed", "an image is the bytes of a file, and this is empty.")
        if not any(image.startswith(magic, offset) for _, offset, magic in _FORMATS):
            formats = ", ".join(dict.fromkeys(name for name, _, _ in _FORMATS))
            return RequestError("no_image", f"this is no image that can be read: it is none of {formats}.")
        if image.startswith(b"\xff\xd8\xff") and image.count(b"\xff\xda") > _MOST_SCANS:
            return RequestError("too_large", f"a JPEG may have at most {_MOST_SCANS} scans.")
        try:
            head = read_header(image)
            if head.height * head.width > self.settings.max_pixels:
                most = self.settings.max_pixels
                return RequestError(
                    "too_large",
                    f"an image may have at most {most:,} pixels, and this one has {head.width:,} x {head.height:,}.",
                )
            return runtime.pixels(image)
        except DataError as error:
            if isinstance(error.__cause__, DecompressionBombError):  # even its head is more than Pillow will look at
                most = self.settings.max_pixels
                return RequestError("too_large", f"an image may have at most {most:,} pixels: {error}")
            return RequestError("no_image", f"this is no image that can be read: {error}")
        except MemoryError:
            return RequestError("too_large", "this image takes more memory than there is.")


async def before_deadline(awaitable: Awaitable[T], deadline: float) -> T:
    """Await something; after the deadline it is cancelled, with RequestError."""
    try:
        async with asyncio.timeout(max(0.0, deadline - time.monotonic())):
            return await awaitable
    except TimeoutError:
        raise RequestError("late", "the time of this request ran out.", retry_after=1) from None


def decoded_size(images: Sequence[bytes], runtime: Runtime) -> int:
    """Bytes of encoded images once decoded to the network's input size: a file of 40 bytes becomes as many as any."""
    return len(images) * math.prod(runtime.info.input_shape)


def top_classes(runtime: Runtime, logits: FloatArray, k: int) -> list[list[dict[str, Any]]]:
    """The k likeliest classes of each image.

    Args:
        runtime: The network, for its class names.
        logits: (N, classes).
        k: How many.

    Returns:
        For each image, the likeliest first, dicts of index, name, probability and, where known, description.

    Raises:
        RequestError: Where the logits are not finite.
    """
    from netwright.runtime import Prediction

    info = runtime.info
    try:
        prediction = Prediction(runtime.probabilities(logits), info.output_names, info.descriptions)
    except ServeError as error:
        raise RequestError("damaged", str(error)) from error
    return [
        [
            {"index": each.index, "name": each.name, "probability": each.probability}
            | ({"description": each.description} if each.description else {})
            for each in row
        ]
        for row in prediction.top(k)
    ]


def _same_or_newest(repository: Repository, closed: ModelVersion) -> int | str:
    has_same = any(each.name == closed.name and each.version == closed.version for each in repository.models())
    return closed.version if has_same else ""


def _shape_of(rows: Rows) -> tuple[int, ...]:
    if rows.dtype == np.uint8:
        _, height, width, channels = rows.shape
        return channels, height, width
    return rows.shape[1:]
