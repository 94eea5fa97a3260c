"""Look at every image of a source once: can it be read, how large is it, what colors has it, what does it look like."""

from __future__ import annotations

import hashlib
import os
import warnings
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from netwright.curation.perceptual_hash import SIDE, hash_of
from netwright.data.decode import decode, ignore_pillow_warnings, open_image, read_header
from netwright.data.skipped import skipped_image
from netwright.data.source import ImageSource, IntArray, Pixels
from netwright.errors import DataError
from netwright.system.machine import processors

__all__ = ["LOOK", "PIXELS", "ImageScan", "scan_images"]

LOOK = 16  # side of the tiny gray copy that is kept of each image
PIXELS = "pixels"  # the format of images that are no files
_BLOCK = 64
_MOST_THREADS = 16
# what Pillow calls the colors of an image -> in words
_COLORS = {"1": "black and white", "L": "gray", "I;16": "gray, 16 bits", "I": "gray, 32 bits", "F": "gray, fractions"}
_COLORS |= {"LA": "gray with opacity", "P": "palette", "RGB": "color", "RGBA": "color with opacity", "CMYK": "CMYK"}


@dataclass(frozen=True, slots=True, eq=False)
class ImageScan:
    """What was seen of the N images of a source, by image number.

    Attributes:
        height: (N,) int64 pixels; 0 where an image could not be read. width likewise.
        bytes: (N,) int64 of its file.
        formats: (N,) format by content: JPEG, PNG, ...; '' where it could not be read.
        colors: (N,) in words: color, gray, CMYK, ...
        digest: (N,) uint64, of the bytes.
        hash: (N,) uint64 perceptual hash.
        look: (N, LOOK * LOOK) uint8, the image in gray, squeezed.
        damage: Image number -> why it cannot be read.
        doubt: Image number -> damage in spite of which it can be read.
    """

    height: IntArray
    width: IntArray
    bytes: IntArray
    formats: npt.NDArray[np.str_]
    colors: npt.NDArray[np.str_]
    digest: npt.NDArray[np.uint64]
    hash: npt.NDArray[np.uint64]
    look: npt.NDArray[np.uint8]
    damage: dict[int, str]
    doubt: dict[int, str]

    @property
    def readable(self) -> npt.NDArray[np.bool_]:
        """(N,) which images could be read."""
        readable: npt.NDArray[np.bool_] = self.height > 0
        return readable


class _Seen(NamedTuple):
    height: int
    width: int
    bytes: int
    format: str
    colors: str
    digest: int
    hash: int
    look: npt.NDArray[np.uint8]
    damage: str
    doubt: str


def scan_images(
    source: ImageSource, *, threads: int | None = None, progress: Callable[[int, int], None] | None = None
) -> ImageScan:
    """Look at every image of a source, in threads. About 350 bytes are kept of each.

    Args:
        source: The images.
        threads: That read and decode; by default one per processor, at most 16.
        progress: Called with (images done, all images).
    """
    n = len(source.labels)
    scan = ImageScan(
        height=np.zeros(n, dtype=np.int64),
        width=np.zeros(n, dtype=np.int64),
        bytes=np.zeros(n, dtype=np.int64),
        formats=np.zeros(n, dtype="<U18"),
        colors=np.zeros(n, dtype="<U18"),
        digest=np.zeros(n, dtype=np.uint64),
        hash=np.zeros(n, dtype=np.uint64),
        look=np.zeros((n, LOOK * LOOK), dtype=np.uint8),
        damage={},
        doubt={},
    )
    with warnings.catch_warnings():
        ignore_pillow_warnings()
        for start, block in _blocks(source, threads or min(_MOST_THREADS, processors())):
            for index, seen in enumerate(block, start):
                _keep(scan, index, seen)
            if progress is not None:
                progress(start + len(block), n)
    return scan


def _keep(scan: ImageScan, index: int, seen: _Seen) -> None:
    scan.height[index], scan.width[index], scan.bytes[index] = seen.height, seen.width, seen.bytes
    scan.formats[index], scan.colors[index] = seen.format, seen.colors
    scan.digest[index], scan.hash[index], scan.look[index] = seen.digest, seen.hash, seen.look
    for text, found in ((seen.damage, scan.damage), (seen.doubt, scan.doubt)):
        if text:
            found[index] = text


def _blocks(source: ImageSource, threads: int) -> Iterator[tuple[int, list[_Seen]]]:
    """(number of the first image, what was seen), in order; only a few blocks are ahead."""
    starts = iter(range(0, len(source.labels), _BLOCK))
    waiting: deque[tuple[int, Future[list[_Seen]]]] = deque()
    with ThreadPoolExecutor(threads, thread_name_prefix="scan") as pool:
        try:
            while True:
                while len(waiting) < 2 * threads and (start := next(starts, None)) is not None:
                    end = min(start + _BLOCK, len(source.labels))
                    waiting.append((start, pool.submit(_look_at_all, source, start, end)))
                if not waiting:
                    return
                start, future = waiting.popleft()
                yield start, future.result()
        finally:
            pool.shutdown(cancel_futures=True)


def _look_at_all(source: ImageSource, start: int, end: int) -> list[_Seen]:
    return [_look_at(source, index) for index in range(start, end)]


def _look_at(source: ImageSource, index: int) -> _Seen:
    size, digest = 0, 0
    try:
        data = source.read(index).data
        size = len(data) if isinstance(data, bytes) else data.nbytes
        digest = _digest(data)
        header = read_header(data)
        kind, colors = _kind_of(data)
        gray = decode(data, SIDE, 1, resize="squash")[..., 0]
    except (DataError, OSError) as error:
        reason = skipped_image(source, index, error).reason
        return _Seen(0, 0, size, "", "", digest, 0, np.zeros(LOOK * LOOK, np.uint8), reason, "")
    look = gray.reshape(LOOK, SIDE // LOOK, LOOK, SIDE // LOOK).mean(axis=(1, 3)).astype(np.uint8).ravel()
    return _Seen(
        header.height, header.width, size, kind, colors, digest, hash_of(gray), look, "", _doubt_of(data, kind, colors)
    )


def _digest(data: bytes | Pixels) -> int:
    content = data if isinstance(data, bytes) else repr(data.shape).encode() + np.ascontiguousarray(data).tobytes()
    return int.from_bytes(hashlib.blake2b(content, digest_size=8).digest(), "little")


def _kind_of(data: bytes | Pixels) -> tuple[str, str]:
    """The format by content, and the colors in words."""
    if isinstance(data, np.ndarray):
        return PIXELS, {1: "gray", 3: "color", 4: "color with opacity"}.get(data.shape[2], f"{data.shape[2]} channels")
    if data[:3] == b"\xff\xd8\xff":
        import simplejpeg

        space = simplejpeg.decode_jpeg_header(data, strict=False)[2].upper()
        return "JPEG", {"GRAY": "gray", "CMYK": "CMYK", "YCCK": "CMYK"}.get(space, "color")
    try:
        with open_image(data) as image:
            kind = "JPEG 2000" if image.format == "JPEG2000" else image.format or ""
            frames = getattr(image, "n_frames", 1) if kind in ("GIF", "PNG", "WEBP") else 1
            colors = _COLORS.get(image.mode, image.mode)
            return kind, f"{colors}, moving"[:18] if frames > 1 else colors
    except Exception:  # decoders of arbitrary bytes can raise nearly anything; a TIFF of many bands, which we read
        return "TIFF", "bands"


def _doubt_of(data: bytes | Pixels, kind: str, colors: str) -> str:
    """Why a JPEG that is read is damaged all the same: decoders fill what is missing."""
    if kind != "JPEG" or colors == "CMYK" or not isinstance(data, bytes):
        return ""
    import simplejpeg

    try:
        simplejpeg.decode_jpeg(data, colorspace="GRAY", min_height=1, min_width=1, min_factor=8)
    except ValueError as error:
        return os.linesep.join(str(error).splitlines()[:1])
    return ""
