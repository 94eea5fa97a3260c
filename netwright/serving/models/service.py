"""What every door of the server asks: images in, logits out, within the limits."""

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
from netwright.serving.errors import Refused
from netwright.serving.models.batcher import Closed, FloatArray, Rows
from netwright.system.machine import processors

if TYPE_CHECKING:
    from netwright.data.source import Pixels
    from netwright.runtime import Runtime
    from netwright.serving.models.repository import Repository, Served
    from netwright.serving.settings import ServeSettings

__all__ = ["Service", "decoded_size", "top_classes"]

T = TypeVar("T")

_MOST_DECODERS = 8
_MOST_SCANS = 100  # of a progressive JPEG, of which cameras and encoders make ten: each is a pass over all its pixels
# kind, place and bytes that tell it: Pillow knows more, some of which are programs or hide a second size
_KINDS = (
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
    """Decodes and computes for all doors of one process. Its methods are for one event loop."""

    def __init__(self, repository: Repository, settings: ServeSettings) -> None:
        self.repository, self.settings = repository, settings
        count = min(_MOST_DECODERS, processors())
        self._pool = ThreadPoolExecutor(count, thread_name_prefix="decode")
        self.is_stopping = False

    async def logits(self, served: Served, rows: Rows, deadline: float) -> FloatArray:
        """(N, classes). deadline: of time.monotonic(). Raises Refused."""
        while True:
            try:
                future = served.batcher.submit(rows, deadline)
            except Closed:  # exchanged under our hands: its successor answers
                if self.is_stopping:
                    raise Refused("unavailable", "the server is stopping.", retry_after=1) from None
                served = self.repository.get(served.name, _same_or_newest(self.repository, served))
                if served.batcher.runtime.info.input_shape != _shape_of(rows):
                    raise Refused("unavailable", "the model was exchanged for one of another input.") from None
                continue
            return await within(asyncio.wrap_future(future), deadline)

    async def decode(self, runtime: Runtime, images: Sequence[bytes], deadline: float) -> list[Pixels | Refused]:
        """Pixels of the network's size for each encoded image, or why there are none."""
        loop = asyncio.get_running_loop()
        jobs = [loop.run_in_executor(self._pool, self._decode, runtime, image) for image in images]
        return list(await within(asyncio.gather(*jobs), deadline))

    async def logits_of_images(self, served: Served, images: Sequence[bytes], deadline: float) -> FloatArray:
        """(N, classes) of one or more encoded images. Refused for the first that cannot be read."""
        decoded = await self.decode(served.runtime, images, deadline)
        pixels = []
        for place, each in enumerate(decoded):
            if isinstance(each, Refused):
                where = f"image {place}: " if len(decoded) > 1 else ""
                raise Refused(each.reason, f"{where}{each}")
            pixels.append(each)
        return await self.logits(served, np.stack(pixels), deadline)

    def close(self) -> None:
        """Let the threads go."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _decode(self, runtime: Runtime, image: bytes) -> Pixels | Refused:
        if not image:
            return Refused("malformed", "an image is the bytes of a file, and this is empty.")
        if not any(image.startswith(mark, place) for _, place, mark in _KINDS):
            kinds = ", ".join(dict.fromkeys(kind for kind, _, _ in _KINDS))
            return Refused("no_image", f"this is no image that can be read: it is none of {kinds}.")
        if image.startswith(b"\xff\xd8\xff") and image.count(b"\xff\xda") > _MOST_SCANS:
            return Refused("too_large", f"a JPEG has at most {_MOST_SCANS} scans here.")
        try:
            seen = read_header(image)
            if seen.height * seen.width > self.settings.max_pixels:
                most = self.settings.max_pixels
                return Refused(
                    "too_large",
                    f"an image has at most {most:,} pixels here, and this one has {seen.width:,} x {seen.height:,}.",
                )
            return runtime.pixels(image)
        except DataError as error:
            if isinstance(error.__cause__, DecompressionBombError):  # even its head is more than Pillow will look at
                return Refused("too_large", f"an image has at most {self.settings.max_pixels:,} pixels here: {error}")
            return Refused("no_image", f"this is no image that can be read: {error}")
        except MemoryError:
            return Refused("too_large", "this image takes more memory than there is.")


async def within(what: Awaitable[T], deadline: float) -> T:
    """What comes before the deadline; else it is cancelled and Refused."""
    try:
        async with asyncio.timeout(max(0.0, deadline - time.monotonic())):
            return await what
    except TimeoutError:
        raise Refused("late", "the time of this request ran out.", retry_after=1) from None


def decoded_size(images: Sequence[bytes], runtime: Runtime) -> int:
    """Bytes of encoded images once they are pixels of the network's size: a file of 40 bytes becomes as much as any."""
    return len(images) * math.prod(runtime.info.input_shape)


def top_classes(runtime: Runtime, logits: FloatArray, k: int) -> list[list[dict[str, Any]]]:
    """The k likeliest classes of each row, as plain values: index, name, probability, and description where known.

    Refused where the network overflows.
    """
    from netwright.runtime import Prediction

    info = runtime.info
    try:
        prediction = Prediction(runtime.probabilities(logits), info.output_names, info.descriptions)
    except ServeError as error:
        raise Refused("damaged", str(error)) from error
    return [
        [
            {"index": each.index, "name": each.name, "probability": each.probability}
            | ({"description": each.description} if each.description else {})
            for each in row
        ]
        for row in prediction.top(k)
    ]


def _same_or_newest(repository: Repository, gone: Served) -> int | str:
    has_same = any(each.name == gone.name and each.version == gone.version for each in repository.models())
    return gone.version if has_same else ""


def _shape_of(rows: Rows) -> tuple[int, ...]:
    if rows.dtype == np.uint8:
        _, height, width, channels = rows.shape
        return channels, height, width
    return rows.shape[1:]
