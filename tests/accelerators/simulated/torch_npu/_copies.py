"""Copies between host and device, counted by the line of our code that made them."""

from __future__ import annotations

import traceback
from collections import Counter
from dataclasses import dataclass, field


@dataclass
class Copies:
    """to_device, to_host: (file, line, function) within netwright -> how often."""

    to_device: Counter[tuple[str, int, str]] = field(default_factory=Counter)
    to_host: Counter[tuple[str, int, str]] = field(default_factory=Counter)

    def count(self, direction: str) -> None:
        place = ("", 0, "")
        for frame in reversed(traceback.extract_stack()):
            if "/netwright/" in frame.filename:
                place = (frame.filename.split("/netwright/")[-1], frame.lineno or 0, frame.name)
                break
        getattr(self, direction)[place] += 1

    def clear(self) -> None:
        self.to_device.clear()
        self.to_host.clear()


copies = Copies()
