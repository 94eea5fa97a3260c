"""Measures latencies in a process of its own, so that threads and memory are those of a server and not of a caller.

`python -m netwright.timing.worker`: the first line of its standard input has the setting and the reference network,
each further one a network; every line is answered by one. It ends with its standard input.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any

from netwright.arch import Arch
from netwright.errors import NetwrightError
from netwright.system.machine import keep_memory
from netwright.timing.clocks import open_clock
from netwright.timing.rounds import alternate
from netwright.timing.setting import LatencySetting

__all__ = ["main"]

_CALIBRATION = 25  # rounds of the reference beside itself


class _Bench:
    """A reference network, kept open, beside which others are timed."""

    def __init__(self, setting: LatencySetting, reference: Mapping[str, Any]) -> None:
        import torch

        torch.set_num_threads(setting.threads or 1)
        torch.set_flush_denormal(True)  # with random weights a value may be as small as slow
        keep_memory()
        self._setting = setting
        beside = replace(setting, precision="fp32") if setting.precision == "int8" else setting
        self._reference, _ = open_clock(Arch.from_dict(reference), beside)

    def calibrate(self) -> dict[str, Any]:
        found = alternate(self._reference, self._reference, most=_CALIBRATION)
        return {"reference": median((*found.network, *found.reference))}

    def time(self, network: Mapping[str, Any]) -> dict[str, Any]:
        which = Path(network["path"]) if "path" in network else Arch.from_dict(network["arch"])
        clock, _ = open_clock(which, self._setting)
        try:
            found = alternate(clock, self._reference)
        finally:
            clock.close()
        return {"network": found.network, "reference": found.reference, "clocked": found.clocked}


def main() -> None:
    """Answer lines until there are no more."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what libraries print must not mix with the answers
    bench: _Bench | None = None
    for line in sys.stdin:
        given = json.loads(line)
        try:
            if bench is None:
                bench = _Bench(LatencySetting.from_dict(given["setting"]), given["reference"])
                answer = bench.calibrate()
            else:
                answer = bench.time(given)
        except NetwrightError as error:
            answer = {"error": str(error)}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()
