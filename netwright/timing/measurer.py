"""Measures networks one by one, in a worker process that starts when the first one is not in the cache."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from statistics import median
from types import TracebackType
from typing import IO, Any

from netwright.arch import Arch
from netwright.errors import ExportError
from netwright.system.machine import Others
from netwright.timing.cache import LatencyCache, network_key
from netwright.timing.reference import reference_for
from netwright.timing.rounds import Rounds
from netwright.timing.setting import LatencySetting, device_facts
from netwright.timing.timed import Latency

__all__ = ["Measurer"]

_BUSY = 0.25  # processors that others use, from which on a figure is said to be of a busy machine
_TOO_WIDE = 1.3  # the upper end of an interval over its lower end
_KEPT_OUTPUT = 2000  # bytes at the end of the worker's standard error


class Measurer:
    """Measures the latency of networks for images of one size. Use it in a `with`.

    Attributes:
        setting: Resolved.
        device: Its facts, by name: `device` is the processor or accelerator.
        others: Processors that other programs used while it measured; None where nothing was measured or told.
    """

    def __init__(self, setting: LatencySetting, like: Arch, *, cache: Path | None = None) -> None:
        """like: a network for images of the same size and channels; cache: a folder instead of the user's."""
        self.setting = setting.resolved()
        self.device = device_facts(self.setting)
        self.others: float | None = None
        self._reference = reference_for(like)
        about = {"device": self.device, "setting": self.setting.to_dict(), "reference": self._reference.to_dict()}
        self._cache = LatencyCache(about, cache)
        self._process: subprocess.Popen[str] | None = None
        self._errors: IO[bytes] | None = None
        self._load: Others | None = None

    def measure(self, network: Arch | Path, *, again: bool = False) -> Latency:
        """The latency of a network, or of an exported file.

        Args:
            network: Its weights do not matter; those of an `Arch` are random.
            again: Measure it though the cache has it.

        Raises:
            ExportError: It cannot be computed so.
        """
        key = network_key(network)
        if not again and (known := self._cache.get(key)) is not None:
            return known
        work = {"path": str(network.resolve())} if isinstance(network, Path) else {"arch": network.to_dict()}
        if self._process is None:
            self._start()
        latency = self._time(work)
        if latency.spread > _TOO_WIDE:  # something else ran: once more, and the clearer one counts
            latency = min(latency, self._time(work), key=lambda each: each.spread)
        self._cache.put(key, latency)
        self.others = None if self._load is None else self._load.processors()
        return latency

    def measure_all(
        self, networks: Iterable[Arch], progress: Callable[[int], None] = lambda done: None
    ) -> list[Latency]:
        """The latency of each network; an interruption keeps those that are measured. progress: gets their number."""
        found = []
        for network in networks:
            found.append(self.measure(network))
            progress(len(found))
        return found

    def caution(self) -> str:
        """A sentence where other programs computed meanwhile; else empty."""
        if self.others is None or self.others < _BUSY:
            return ""
        return (
            f"Other programs used {self.others:.1f} processors while this was measured. The ratio to the reference, "
            "which took turns, evens that out in part: measure again on a quiet machine."
        )

    def facts(self) -> dict[str, str]:
        """Device, versions, setting and reference, as text, for reports."""
        reference_ms = self._cache.reference_ms
        quiet = "" if reference_ms is None else f", {reference_ms:.3g} ms in the quietest session"
        beside = f"{self._reference.name} at {self._reference.resolution} pixels{quiet}"
        return self.device | {"setting": self.setting.in_words(), "beside": beside}

    def close(self) -> None:
        """End the worker."""
        process, self._process = self._process, None
        if process is not None:
            with suppress(OSError):
                process.kill()
            process.communicate()
        if self._errors is not None:
            self._errors.close()
            self._errors = None

    def __enter__(self) -> Measurer:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def _time(self, work: dict[str, Any]) -> Latency:
        answer = self._ask(work)
        found = Rounds(*(tuple(answer[name]) for name in ("network", "reference", "clocked")))
        return Latency.of(found, self._cache.reference_ms or 1e3 * median(found.reference))

    def _start(self) -> None:
        threads = str(self.setting.threads)
        share = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), threads)
        share["PYTHONPATH"] = os.pathsep.join(sys.path)
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - as long as the process
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "netwright.timing.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
            env=os.environ | share,
            start_new_session=True,  # Ctrl-C is for the program, which then ends it
        )
        answer = self._ask({"setting": self.setting.to_dict(), "reference": self._reference.to_dict()})
        self._cache.saw_reference(1e3 * answer["reference"])
        self._load = Others()

    def _ask(self, work: dict[str, Any]) -> dict[str, Any]:
        process = self._process
        assert process is not None
        assert process.stdin is not None
        assert process.stdout is not None
        line = ""
        with suppress(BrokenPipeError):
            process.stdin.write(json.dumps(work) + "\n")
            process.stdin.flush()
            line = process.stdout.readline()
        if not line:
            raise ExportError(
                f"a network could not be measured in {self.setting.in_words()}: {self._last_words()}. Choose another "
                "runtime, or smaller networks."
            )
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            raise ExportError(answer["error"])
        return answer

    def _last_words(self) -> str:
        """Why the worker ended."""
        assert self._errors is not None
        assert self._process is not None
        code = self._process.wait()
        size = self._errors.seek(0, os.SEEK_END)
        self._errors.seek(max(0, size - _KEPT_OUTPUT))
        lines = self._errors.read().decode(errors="replace").strip().splitlines()
        self.close()
        return lines[-1] if lines else f"its process ended with {code}"
