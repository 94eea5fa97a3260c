"""Look at a sample of a split as the network sees it, and say where there is nothing to see."""

from __future__ import annotations

import numpy as np

from netwright.data.preprocess import Preprocessing
from netwright.data.signal import SignalMeter
from netwright.errors import DataError
from netwright.loader.split import Split

__all__ = ["signal_warnings"]

_SAMPLE = 48


def signal_warnings(split: Split, preprocessing: Preprocessing) -> tuple[str, ...]:
    """A sentence for each thing that is wrong with the images of a sample; none of those that cannot be read."""
    meter = SignalMeter()
    for position in np.unique(np.linspace(0, len(split) - 1, min(_SAMPLE, len(split))).astype(np.int64)).tolist():
        try:
            meter.add(preprocessing.pixels(split.read(position).data)[np.newaxis])
        except (DataError, OSError):  # reported when it is decoded
            continue
    sampled = meter.images < len(split)
    return tuple(f"in a sample: {text}" if sampled else text for text in meter.warnings(preprocessing.background))
