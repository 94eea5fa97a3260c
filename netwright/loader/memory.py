"""Small images, decoded once and kept; whole batches are then cropped, flipped and erased at a time."""

from __future__ import annotations

import warnings
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from netwright.data.decode import read_header
from netwright.data.images import Skipped
from netwright.data.preprocess import Preprocessing
from netwright.data.source import IntArray, Pixels
from netwright.errors import DataError
from netwright.loader.augment import padding_of
from netwright.loader.batch import Batch
from netwright.loader.erase import draw_boxes
from netwright.loader.read import draw_shift, skipped_item, substitute
from netwright.loader.sampler import Key
from netwright.loader.seeds import seed_from
from netwright.loader.split import Split
from netwright.recipe.training import Augmentation

__all__ = ["Decoded", "MemoryTrain", "decode_split", "in_order", "is_cheap", "suits_memory"]

_LARGEST_SIDE = 96
_MOST_BYTES = 2 * 2**30
_LOOKED_AT = 64
_BLOCK = 256
_THREADS = 4
_AHEAD = 3
# stream of random numbers
_BATCHES = 2


@dataclass(frozen=True, slots=True, eq=False)
class Decoded:
    """A split's images. pixels: (n, H, W, C) uint8, by position; readable: (n,) bool."""

    pixels: Pixels
    readable: npt.NDArray[np.bool_]
    skipped: tuple[Skipped, ...]


def suits_memory(split: Split, image_size: int, channels: int) -> bool:
    """Whether images are small, by a sample of them, and all of them are little enough as the network sees them.

    It must not depend on the machine: which way images go changes what is drawn for them.
    """
    if image_size > _LARGEST_SIDE or len(split) * image_size**2 * channels > _MOST_BYTES:
        return False
    looks = []
    for position in np.linspace(0, len(split) - 1, min(_LOOKED_AT, len(split))).astype(np.int64):
        try:
            looks.append(read_header(split.source.read(int(split.index[position])).data))
        except (DataError, OSError):  # named when it is decoded
            continue
    return bool(looks) and max(max(seen.height, seen.width) for seen in looks) <= _LARGEST_SIDE


def is_cheap(augmentation: Augmentation) -> bool:
    """Whether crop, flips and erasing of whole batches is all that a recipe asks for."""
    jitter = augmentation.color_jitter
    has_color = any(jitter) if isinstance(jitter, tuple) else bool(jitter)
    has_more = augmentation.auto_augment or augmentation.aug_splits or has_color
    return augmentation.random_crop != "resized" and not has_more


def decode_split(split: Split, preprocessing: Preprocessing) -> Decoded:
    """Every image of a split, preprocessed."""
    side, n = preprocessing.image_size, len(split)
    pixels = np.zeros((n, side, side, preprocessing.channels), dtype=np.uint8)
    bad: dict[int, Skipped] = {}

    def decode(start: int) -> None:
        for position in range(start, min(start + _BLOCK, n)):
            try:
                data = split.source.read(int(split.index[position])).data
                pixels[position] = preprocessing.pixels(data)
            except (DataError, OSError) as error:
                bad[position] = skipped_item(split, position, error)

    with warnings.catch_warnings(), ThreadPoolExecutor(_THREADS, thread_name_prefix="decode") as pool:
        warnings.filterwarnings("ignore", module=r"PIL\.")
        list(pool.map(decode, range(0, n, _BLOCK)))
    readable = np.ones(n, dtype=np.bool_)
    readable[list(bad)] = False
    return Decoded(pixels, readable, tuple(bad[position] for position in sorted(bad)))


class MemoryTrain:
    """Key -> Batch of a decoded split; bad images are replaced as `ReadTrain` does it.

    What is drawn for an image depends on seed, epoch, position and repeat only: it is drawn for the whole split.
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
                f"images can be read, and none of the {len(split):,} of the {split.name} split of "
                f"{split.source.name!r} can, {first.name!r} first: {first.reason}. Mend or remove them."
            )
        self._place = _substituted(decoded.readable, seed)
        self._labels = labels[self._place]
        around = padding_of(augmentation.image_size) if augmentation.random_crop == "padded" else 0
        self._around = around
        self._pixels = np.pad(decoded.pixels, ((0, 0), (around, around), (around, around), (0, 0)))
        self._drawn: tuple[int, _Draws] | None = None

    def __call__(self, key: Key) -> Batch:
        draws = self._draws(key.epoch)
        at = key.positions * draws.repeats + key.repeats
        pixels = self._crops(self._place[key.positions], draws.top[at], draws.left[at])
        for flipped, mirrored in ((draws.hflip[at], pixels[:, :, ::-1]), (draws.vflip[at], pixels[:, ::-1])):
            if flipped.any():
                pixels[flipped] = mirrored[flipped]
        boxes = None if draws.boxes is None else torch.from_numpy(draws.boxes[at])
        seeds = None
        if boxes is not None:
            seeds = torch.tensor([seed_from(_BATCHES, self._seed, key.epoch, each) for each in at.tolist()])
        shifts = None if draws.shifts is None else torch.from_numpy(draws.shifts[at])
        return Batch(
            torch.from_numpy(pixels),
            torch.from_numpy(self._labels[key.positions]),
            torch.from_numpy(key.positions),
            shifts,
            boxes,
            seeds,
        )

    def _crops(self, places: IntArray, top: IntArray, left: IntArray) -> Pixels:
        n, high, wide, channels = self._pixels.shape
        side = high - 2 * self._around
        if not self._around:
            return self._pixels[places]
        steps = self._pixels.strides
        # every window of every image, of which a row of pixels is one run of bytes
        windows = np.lib.stride_tricks.as_strided(
            self._pixels,
            (n, high - side + 1, wide - side + 1, side, side * channels),
            (steps[0], steps[1], steps[2], steps[1], steps[3]),
            writeable=False,
        )
        cropped: Pixels = windows[places, top, left].reshape(-1, side, side, channels)
        return cropped

    def _draws(self, epoch: int) -> _Draws:
        if self._drawn is None or self._drawn[0] != epoch:
            repeats = max(1, self._augmentation.aug_repeats)
            rng = np.random.default_rng([self._seed, epoch, _BATCHES])
            channels = self._pixels.shape[3]
            self._drawn = epoch, _draw(rng, len(self._place), repeats, self._augmentation, self._around, channels)
        return self._drawn[1]


@dataclass(frozen=True, slots=True, eq=False)
class _Draws:
    """Of an epoch; each (n * repeats, ...), by position and repeat."""

    repeats: int
    top: IntArray
    left: IntArray
    hflip: npt.NDArray[np.bool_]
    vflip: npt.NDArray[np.bool_]
    boxes: IntArray | None
    shifts: npt.NDArray[np.float32] | None


def _draw(
    rng: np.random.Generator, n: int, repeats: int, augmentation: Augmentation, around: int, channels: int
) -> _Draws:
    total = n * repeats
    top, left = rng.integers(0, 2 * around + 1, (2, total))
    hflip, vflip = (np.asarray(rng.random(total) < share) for share in (augmentation.hflip, augmentation.vflip))
    boxes = draw_boxes(augmentation, augmentation.image_size, total, rng) if augmentation.re_prob else None
    shifts = None
    if augmentation.lighting:
        shifts = draw_shift(rng.normal(0, augmentation.lighting, (total, 3)), channels)
    return _Draws(repeats, top, left, hflip, vflip, boxes, shifts)


def _substituted(readable: npt.NDArray[np.bool_], seed: int) -> IntArray:
    """Position -> the position whose image is shown there."""
    place = np.arange(len(readable), dtype=np.int64)
    for position in np.flatnonzero(~readable).tolist():
        attempt = 0
        while not readable[place[position]]:
            place[position] = substitute(seed, len(readable), position, attempt)
            attempt += 1
    return place


def in_order(make: Callable[[Key], Batch], keys: Sequence[Key]) -> Iterator[Batch]:
    """A batch a key, a few ahead of what is asked for, in a thread."""
    with ThreadPoolExecutor(1, thread_name_prefix="batches") as pool:
        waiting: deque[Future[Batch]] = deque()
        try:
            for key in keys:
                waiting.append(pool.submit(make, key))
                if len(waiting) > _AHEAD:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)
