"""Images in, logits out, within the limits: what all protocols of the server call."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Awaitable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from PIL.Image import DecompressionBombError

from netwright.data.decode import PIXEL_LIMIT, read_header, refuse_shape
from netwright.errors import DataError, ServeError
from netwright.serving.errors import RequestError
from netwright.serving.formats import FORMATS, bytes_per_pixel, format_of, in_words, occurrences
from netwright.serving.models.batcher import BatcherClosed, FloatArray, Rows
from netwright.serving.models.decode_process import LargeDecoder
from netwright.serving.models.decoding import SMALL_PIXELS, DecodingQueue, DecodingShare
from netwright.system.machine import available_memory, default_threads, processors

if TYPE_CHECKING:
    from netwright.data.source import Pixels
    from netwright.runtime import Runtime
    from netwright.serving.models.repository import Repository
    from netwright.serving.models.version import ModelVersion
    from netwright.serving.settings import ServeSettings

__all__ = ["Service", "before_deadline", "decoded_size", "stacked", "top_classes"]

T = TypeVar("T")

_MOST_DECODERS = 8
_HEADS = 16  # of images that a thread reads at a time
_SCAN = b"\xff\xda"  # before each scan of a JPEG
_MOST_SCANS = 100  # of a progressive JPEG; cameras and encoders make ten. Each is a pass over all its pixels
_USUAL_SCANS = 10  # with more of them a JPEG may have fewer pixels
_AT_ONCE = 16  # images that are put together on the event loop
_LEAST_MEMORY = 32 << 20  # bytes to decode in, however little the machine has


@dataclass(frozen=True, slots=True)
class _Head:
    """What decoding an image takes. pixels: its own; memory: bytes; is_apart: whether another process decodes it."""

    pixels: int
    memory: int
    is_apart: bool


class Service:
    """Decodes and computes for all endpoints of one process. Its methods are for one event loop.

    Attributes:
        repository: The models.
        settings: Of the server.
        is_stopping: Whether a version that closed has no successor.
    """

    def __init__(self, repository: Repository, settings: ServeSettings) -> None:
        self.repository, self.settings = repository, settings
        self._most_pixels = max(settings.max_request_pixels, settings.max_pixels)
        threads = min(_MOST_DECODERS, processors(), settings.threads or default_threads(settings.workers))
        self._queue = DecodingQueue(
            threads=threads,
            memory=_memory(settings),
            most_pixels=max(settings.max_waiting_pixels, self._most_pixels),
        )
        self._large = LargeDecoder(max(1, threads // 2), self._queue.memory)
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

        Raises:
            RequestError: Where all of them are refused: they have too many pixels together, or too many wait.
        """
        share = self._queue.share()
        try:
            return await before_deadline(self._decode_all(share, runtime, images), deadline)
        finally:
            self._queue.leave(share)

    async def _decode_all(
        self, share: DecodingShare, runtime: Runtime, images: Sequence[bytes]
    ) -> list[Pixels | RequestError]:
        """First the heads of all images, by which they are admitted, then the images."""
        heads: list[_Head | RequestError]
        if len(images) == 1:
            alone = await asyncio.wrap_future(self._queue.put(share, partial(self._read_alone, runtime, images[0])))
            if not isinstance(alone, _Head):
                return [alone]
            heads = [alone]
        else:
            parts = [images[start : start + _HEADS] for start in range(0, len(images), _HEADS)]
            reading = [self._queue.put(share, partial(self._read_heads, part)) for part in parts]
            heads = [head for part in await _all(reading) for head in part]
        pixels = sum(head.pixels for head in heads if isinstance(head, _Head))
        if pixels > self._most_pixels:
            raise RequestError(
                "too_large",
                f"the images of a request have at most {self._most_pixels:,} pixels, and these have {pixels:,}. Send "
                "them in several requests, or smaller.",
            )
        self._queue.admit(share, pixels)
        decoding = [
            self._queue.put(share, partial(self._decode, runtime, image, head), pixels=head.pixels, memory=head.memory)
            for image, head in zip(images, heads, strict=True)
            if isinstance(head, _Head)
        ]
        decoded = iter(await _all(decoding))
        return [next(decoded) if isinstance(head, _Head) else head for head in heads]

    async def logits_of_images(self, version: ModelVersion, images: Sequence[bytes], deadline: float) -> FloatArray:
        """(N, classes) of one or more encoded images. RequestError for the first that cannot be read."""
        decoded = await self.decode(version.runtime, images, deadline)
        pixels = []
        for index, each in enumerate(decoded):
            if isinstance(each, RequestError):
                where = f"image {index}: " if len(decoded) > 1 else ""
                raise RequestError(each.reason, f"{where}{each}")
            pixels.append(each)
        return await self.logits(version, await stacked(pixels), deadline)

    def close(self) -> None:
        """Stop the threads."""
        self._queue.close()
        self._large.close()

    def _read_alone(self, runtime: Runtime, image: bytes) -> Pixels | RequestError | _Head:
        """A small image, in the thread that read its head, which saves a turn; the head of a larger one."""
        head = self._read_head(image)
        return self._decode(runtime, image, head) if isinstance(head, _Head) and head.pixels <= SMALL_PIXELS else head

    def _read_heads(self, images: Sequence[bytes]) -> list[_Head | RequestError]:
        return [self._read_head(image) for image in images]

    def _read_head(self, image: bytes) -> _Head | RequestError:
        """What decoding an image takes, or why it is refused before it is decoded."""
        if not image:
            return RequestError("malformed", "an image is the bytes of a file, and this is empty.")
        settings, name = self.settings, format_of(image)
        if name not in settings.formats:
            found = f"a {FORMATS[name].label}" if name else "none of them"
            return RequestError(
                "no_image",
                f"this is no image that can be read: this server reads {in_words(settings.formats)} (its --formats), "
                f"and this is {found}.",
            )
        scans = occurrences(image, _SCAN, _MOST_SCANS) if name == "jpeg" else 0
        if scans > _MOST_SCANS:
            return RequestError("too_large", f"a JPEG may have at most {_MOST_SCANS} scans.")
        try:
            head = read_header(image)
            pixels = head.height * head.width
            most = settings.max_pixels * _USUAL_SCANS // max(_USUAL_SCANS, scans)
            if pixels > most:
                of = f"a JPEG of {scans} scans" if scans > _USUAL_SCANS else "an image"
                return RequestError(
                    "too_large",
                    f"{of} may have at most {most:,} pixels, and this one has {head.width:,} x {head.height:,}.",
                )
            refuse_shape(head.height, head.width)
        except DataError as error:
            return _refused(error, settings.max_pixels)
        each = bytes_per_pixel(name, image)
        if pixels > max(SMALL_PIXELS, self._queue.memory // each):
            return RequestError(
                "too_large",
                f"a {FORMATS[name].label} may have at most {self._queue.memory // each:,} pixels here, since it takes "
                f"{each} bytes a pixel to decode, and this one has {head.width:,} x {head.height:,}. Send it smaller, "
                "or as a PNG or JPEG.",
            )
        # what simplejpeg decodes lets other threads run meanwhile
        is_light = name == "jpeg" and each < FORMATS[name].bytes_per_pixel
        return _Head(pixels, each * pixels, pixels > SMALL_PIXELS and not is_light)

    def _decode(self, runtime: Runtime, image: bytes, head: _Head) -> Pixels | RequestError:
        try:
            if head.is_apart:
                return self._large.decode(image, runtime.info.preprocessing)
            return runtime.pixels(image)
        except DataError as error:
            return _too_little_memory() if isinstance(error.__cause__, MemoryError) else _refused(error)
        except MemoryError:
            return _too_little_memory()


def _memory(settings: ServeSettings) -> int:
    """Bytes to decode in: of what the machine or container has left, three quarters at most, divided by the workers."""
    available = available_memory()
    share = settings.decode_memory if available is None else 3 * available // (4 * settings.workers)
    return max(_LEAST_MEMORY, min(settings.decode_memory, share))


async def _all(futures: Sequence[Future[T]]) -> list[T]:
    return list(await asyncio.gather(*map(asyncio.wrap_future, futures)))


def _too_little_memory() -> RequestError:
    return RequestError("too_large", "this image takes more memory than there is.")


def _refused(error: DataError, most: int = PIXEL_LIMIT) -> RequestError:
    if isinstance(error.__cause__, DecompressionBombError):  # even its head is more than Pillow will look at
        return RequestError("too_large", f"an image may have at most {most:,} pixels: {error}")
    return RequestError("no_image", f"this is no image that can be read: {error}")


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


async def stacked(pixels: Sequence[Pixels]) -> Pixels:
    """(N, H, W, C) of N images; in a thread where they are many, as 30 MB take tens of milliseconds."""
    if len(pixels) <= _AT_ONCE:
        return np.stack(pixels)
    return await asyncio.to_thread(np.stack, pixels)


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
