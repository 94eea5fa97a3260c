"""Images that are decoded whenever they are used: for data sets that are larger than memory and disk once decoded."""

from __future__ import annotations

import logging
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from netwright.data.decode import decode
from netwright.data.decode_rules import DecodeRules
from netwright.data.source import ImageSource, IntArray, Pixels
from netwright.data.sources import open_source
from netwright.errors import DataError
from netwright.system.machine import processors

__all__ = ["DirectImages", "open_direct"]

_MOST_THREADS = 4
_MOST_SUBSTITUTES = 100
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, eq=False)
class DirectImages:
    """Read like an array (N, H, W, C) uint8: `images[row]`, `images[rows]`; it has the same pixels as a decoded one.

    An image that cannot be read is shown as another of its class, and named in the log.

    Attributes:
        data_dir: Where the source is.
        source: The images.
        numbers: (N,) of each row, in the source.
        resolution: Side in pixels.
        channels: 1 or 3.
        resize: How they become square.
        rules: How they are decoded.
    """

    data_dir: str
    source: ImageSource
    numbers: IntArray
    resolution: int
    channels: int
    resize: str
    rules: DecodeRules
    _bad: set[str] = field(default_factory=set)

    @property
    def shape(self) -> tuple[int, int, int, int]:
        return len(self.numbers), self.resolution, self.resolution, self.channels

    @property
    def dtype(self) -> np.dtype[np.uint8]:
        return np.dtype(np.uint8)

    @property
    def nbytes(self) -> int:
        """Of all of them decoded, as of an array."""
        return int(np.prod(self.shape))

    def __len__(self) -> int:
        return len(self.numbers)

    def __getitem__(self, rows: Any) -> Pixels:
        """(H, W, C) of a row; (n, H, W, C) of a slice or of an array of rows."""
        chosen = np.arange(len(self))[rows]
        if chosen.ndim == 0:
            return self._decoded(int(chosen))
        pixels = np.empty((len(chosen), *self.shape[1:]), dtype=np.uint8)
        threads = min(_MOST_THREADS, processors())

        def fill(first: int) -> None:
            for place in range(first, len(chosen), threads):
                pixels[place] = self._decoded(int(chosen[place]))

        with ThreadPoolExecutor(threads, thread_name_prefix="decode") as pool:
            list(pool.map(fill, range(threads)))
        return pixels

    def _decoded(self, row: int) -> Pixels:
        at, error = row, ""
        for attempt in range(_MOST_SUBSTITUTES):
            try:
                data = self.source.read(int(self.numbers[at])).data
                return decode(data, self.resolution, self.channels, resize=self.resize, rules=self.rules)
            except (DataError, OSError) as bad:
                error = error or f"{self.source.item_name(int(self.numbers[at]))}: {bad}"
                self._note(self.source.item_name(int(self.numbers[at])), bad)
            labels = self.source.labels[self.numbers]
            same = np.flatnonzero(labels == labels[row])
            at = int(same[np.random.default_rng([row, attempt]).integers(len(same))])
        raise DataError(f"an image that cannot be read is replaced by one of its class, and none can be read: {error}")

    def _note(self, name: str, error: Exception) -> None:
        if name not in self._bad:
            self._bad.add(name)
            _log.warning("bad image %s: %s; another of its class takes its place", name, error)

    def to_dict(self) -> dict[str, Any]:
        """What `open_direct` needs, besides size and rules."""
        return {"data_dir": self.data_dir, "signature": self.source.signature, "numbers": self.numbers.tolist()}


def open_direct(
    values: dict[str, Any], *, resolution: int, channels: int, resize: str, rules: DecodeRules
) -> DirectImages:
    """The images of `DirectImages.to_dict`.

    Raises:
        DataError: They are not there any more, or are others.
    """
    source = open_source(values["data_dir"])
    if source.signature != values["signature"]:
        raise DataError(
            f"images that are read during a sweep stay as they are, and those of {values['data_dir']} have changed. "
            "Put them back, or give another --out."
        )
    numbers = np.array(values["numbers"], dtype=np.int64)
    return DirectImages(values["data_dir"], source, numbers, resolution, channels, resize, rules)
