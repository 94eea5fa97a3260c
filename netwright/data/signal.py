"""Notice images that carry no signal: black, of one color, or all the same."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

import numpy as np

from netwright.data.source import Pixels

__all__ = ["SignalMeter"]

_FLAT = 2  # differences of 255 that no eye sees
_DARK = 16
_SHARE = 0.05  # of images without signal that is worth a warning


@dataclass(slots=True)
class SignalMeter:
    """Counts images without signal among those that a network sees.

    Attributes:
        images: Number of images so far.
        flat: Those of one color.
        dark: Those whose brightest value is below 16 of 255.
    """

    images: int = 0
    flat: int = 0
    dark: int = 0
    _kinds: set[bytes] = field(default_factory=set)

    def add(self, pixels: Pixels) -> None:
        """Count (n, H, W, C) uint8 images."""
        if not len(pixels):
            return
        flat = pixels.reshape(len(pixels), -1, pixels.shape[-1])
        high, low = flat.max(axis=1), flat.min(axis=1)
        self.images += len(pixels)
        self.flat += int((high.astype(np.int16) - low <= _FLAT).all(axis=1).sum())
        self.dark += int((high.max(axis=1) < _DARK).sum())
        self._kinds.update(hashlib.blake2b(each.tobytes(), digest_size=8).digest() for each in pixels)

    def warnings(self, background: str) -> tuple[str, ...]:
        """A sentence for each thing that is wrong. background: what transparent images were laid on."""
        found = []
        if self.images and self.dark >= _SHARE * self.images:
            found.append(
                f"{_of(self.dark, self.images)} nearly black as the network sees them (no value above {_DARK - 1} of "
                "255): is white less than 65,535 in images of 16 bits (--full_scale), or are they transparent "
                "(--background)?"
            )
        bright = self.flat - min(self.flat, self.dark)
        if self.images and bright >= _SHARE * self.images:
            found.append(
                f"{_of(bright, self.images)} of one color as the network sees them: are they transparent drawings in "
                f"the color of the background, {background} (--background), damaged, or does what matters lie outside "
                "the center square (--resize)?"
            )
        if self.images > 1 and len(self._kinds) <= self.images // 2:
            found.append(
                f"of {self.images:,} images only {len(self._kinds):,} differ as the network sees them: are they copies?"
            )
        return tuple(found)


def _of(count: int, images: int) -> str:
    if count == images:
        return f"all {images:,} images are"
    return f"{count:,} of {images:,} images {'is' if count == 1 else 'are'}"
