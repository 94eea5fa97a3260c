"""Keep small images decoded in memory, and crop, flip and erase whole batches at once."""

from __future__ import annotations

import warnings
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from netwright.data.decode import ignore_pillow_warnings, read_header
from netwright.data.images import Skipped
from netwright.data.preprocess import Preprocessing
from netwright.data.source import IntArray, Pixels
from netwright.errors import DataError
from netwright.loader.augment import crop_padding
from netwright.loader.batch import Batch
from netwright.loader.erase import draw_boxes
from netwright.loader.read import lighting_shift, substitute
from netwright.loader.sampler import BatchIndex
from netwright.loader.seeds import seed_from
from netwright.loader.split import Split
from netwright.recipe.augmentation import Augmentation

__all__ = [
    "DecodedSplit",
    "InMemoryTrainReader",
    "decode_split",
    "fits_in_memory",
    "has_cheap_augmentation",
    "prefetch",
]

_LARGEST_SIDE = 96
_MOST_BYTES = 2 * 2**30
_SAMPLE = 64  # headers that are read
_BLOCK = 256  # images that a thread decodes at a time
_THREADS = 4
_AHEAD = 3  # batches
_BATCHES = 2  # stream of random numbers


@dataclass(frozen=True, slots=True, eq=False)
class DecodedSplit:
    """The decoded images of a split.

    Attributes:
        pixels: (n, H, W, C) uint8, by position.
        readable: (n,) bool; pixels of the others are 0.
        skipped: Those that cannot be read.
    """

    pixels: Pixels
    readable: npt.NDArray[np.bool_]
    skipped: tuple[Skipped, ...]


def fits_in_memory(split: Split, image_size: int, channels: int) -> bool:
    """Whether the images are small, judging by a sample, and all of them decoded take little memory.

    The answer must not depend on the machine: images in memory get other random numbers than images that are read.

    Args:
        split: The images.
        image_size: Height and width when decoded, in pixels.
        channels: When decoded.
    """
    if image_size > _LARGEST_SIDE or len(split) * image_size**2 * channels > _MOST_BYTES:
        return False
    headers = []
    for position in np.linspace(0, len(split) - 1, min(_SAMPLE, len(split))).astype(np.int64):
        try:
            headers.append(read_header(split.read(int(position)).data))
        except (DataError, OSError):  # reported when it is decoded
            continue
    return bool(headers) and max(max(header.height, header.width) for header in headers) <= _LARGEST_SIDE


def has_cheap_augmentation(augmentation: Augmentation) -> bool:
    """Whether a recipe only crops, flips and erases, which can be done for whole batches."""
    jitter = augmentation.color_jitter
    has_color = any(jitter) if isinstance(jitter, tuple) else bool(jitter)
    has_more = augmentation.auto_augment or augmentation.aug_splits or has_color
    return augmentation.random_crop != "resized" and not has_more


def decode_split(split: Split, preprocessing: Preprocessing) -> DecodedSplit:
    """Decode and preprocess every image of a split, in threads."""
    side, n = preprocessing.image_size, len(split)
    pixels = np.zeros((n, side, side, preprocessing.channels), dtype=np.uint8)
    bad: dict[int, Skipped] = {}

    def decode(start: int) -> None:
        for position in range(start, min(start + _BLOCK, n)):
            try:
                pixels[position] = preprocessing.pixels(split.read(position).data)
            except (DataError, OSError) as error:
                bad[position] = split.skipped(position, error)

    with warnings.catch_warnings(), ThreadPoolExecutor(_THREADS, thread_name_prefix="decode") as pool:
        ignore_pillow_warnings()
        list(pool.map(decode, range(0, n, _BLOCK)))
    readable = np.ones(n, dtype=np.bool_)
    readable[list(bad)] = False
    return DecodedSplit(pixels, readable, tuple(bad[position] for position in sorted(bad)))


class InMemoryTrainReader:
    """Makes training batches (BatchIndex -> Batch) from a split decoded in memory.

    Bad images are replaced as by `TrainReader`. The random numbers of an image depend on seed, epoch, position and
    repeat only: they are drawn for the whole split at once.

    Args:
        split: The images.
        labels: (n,), of the split's images.
        augmentation: How images are varied.
        preprocessing: From an image to the input.
        seed: Of the training.

    Raises:
        DataError: No image can be read.
    """

    def __init__(
        self, split: Split, labels: IntArray, augmentation: Augmentation, preprocessing: Preprocessing, seed: int
    ) -> None:
        self._augmentation, self._seed = augmentation, seed
        crop_pct = 1.0 if augmentation.random_crop == "padded" else preprocessing.crop_pct
        fitted = Preprocessing.from_dict(preprocessing.to_dict() | {"crop_pct": crop_pct})
        decoded = decode_split(split, fitted)
        self.skipped = decoded.skipped
        if not decoded.readable.any():
            first = decoded.skipped[0]
            raise DataError(
                f"a training needs readable images, and none of the {len(split):,} of the {split.name} split of "
                f"{split.source.name!r} is, {first.name!r} first: {first.reason}. Repair or remove them."
            )
        self._shown = _substitutes(decoded.readable, seed)
        self._labels = labels[self._shown]
        pad = crop_padding(augmentation.image_size) if augmentation.random_crop == "padded" else 0
        self._padding = pad
        self._pixels = np.pad(decoded.pixels, ((0, 0), (pad, pad), (pad, pad), (0, 0)))
        self._drawn: tuple[int, _Draws] | None = None

    def __call__(self, batch_index: BatchIndex) -> Batch:
        draws = self._draws(batch_index.epoch)
        at = batch_index.positions * draws.repeats + batch_index.repeats
        pixels = self._crops(self._shown[batch_index.positions], draws.top[at], draws.left[at])
        for flipped, mirrored in ((draws.hflip[at], pixels[:, :, ::-1]), (draws.vflip[at], pixels[:, ::-1])):
            if flipped.any():
                pixels[flipped] = mirrored[flipped]
        boxes = None if draws.boxes is None else torch.from_numpy(draws.boxes[at])
        seeds = None
        if boxes is not None:
            seeds = torch.tensor([seed_from(_BATCHES, self._seed, batch_index.epoch, each) for each in at.tolist()])
        shifts = None if draws.shifts is None else torch.from_numpy(draws.shifts[at])
        return Batch(
            torch.from_numpy(pixels),
            torch.from_numpy(self._labels[batch_index.positions]),
            torch.from_numpy(batch_index.positions),
            shifts,
            boxes,
            seeds,
        )

    def _crops(self, shown: IntArray, top: IntArray, left: IntArray) -> Pixels:
        n, high, wide, channels = self._pixels.shape
        side = high - 2 * self._padding
        if not self._padding:
            return self._pixels[shown]
        steps = self._pixels.strides
        # all windows of all images; a row of pixels is contiguous
        windows = np.lib.stride_tricks.as_strided(
            self._pixels,
            (n, high - side + 1, wide - side + 1, side, side * channels),
            (steps[0], steps[1], steps[2], steps[1], steps[3]),
            writeable=False,
        )
        cropped: Pixels = windows[shown, top, left].reshape(-1, side, side, channels)
        return cropped

    def _draws(self, epoch: int) -> _Draws:
        if self._drawn is None or self._drawn[0] != epoch:
            repeats = max(1, self._augmentation.aug_repeats)
            rng = np.random.default_rng([self._seed, epoch, _BATCHES])
            channels = self._pixels.shape[3]
            self._drawn = epoch, _draw(rng, len(self._shown), repeats, self._augmentation, self._padding, channels)
        return self._drawn[1]


@dataclass(frozen=True, slots=True, eq=False)
class _Draws:
    """Random numbers of an epoch; each array is (n * repeats, ...), by position and repeat."""

    repeats: int
    top: IntArray
    left: IntArray
    hflip: npt.NDArray[np.bool_]
    vflip: npt.NDArray[np.bool_]
    boxes: IntArray | None
    shifts: npt.NDArray[np.float32] | None


def _draw(
    rng: np.random.Generator, n: int, repeats: int, augmentation: Augmentation, padding: int, channels: int
) -> _Draws:
    total = n * repeats
    top, left = rng.integers(0, 2 * padding + 1, (2, total))
    hflip, vflip = (np.asarray(rng.random(total) < share) for share in (augmentation.hflip, augmentation.vflip))
    boxes = draw_boxes(augmentation, augmentation.image_size, total, rng) if augmentation.re_prob else None
    shifts = None
    if augmentation.lighting:
        shifts = lighting_shift(rng.normal(0, augmentation.lighting, (total, 3)), channels)
    return _Draws(repeats, top, left, hflip, vflip, boxes, shifts)


def _substitutes(readable: npt.NDArray[np.bool_], seed: int) -> IntArray:
    """Position -> the position whose image is shown there."""
    shown = np.arange(len(readable), dtype=np.int64)
    for position in np.flatnonzero(~readable).tolist():
        attempt = 0
        while not readable[shown[position]]:
            shown[position] = substitute(seed, len(readable), position, attempt)
            attempt += 1
    return shown


def prefetch(make: Callable[[BatchIndex], Batch], batch_indices: Sequence[BatchIndex]) -> Iterator[Batch]:
    """Make a batch for each index in a thread, a few ahead of the one that is used."""
    with ThreadPoolExecutor(1, thread_name_prefix="batches") as pool:
        waiting: deque[Future[Batch]] = deque()
        try:
            for batch_index in batch_indices:
                waiting.append(pool.submit(make, batch_index))
                if len(waiting) > _AHEAD:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)
