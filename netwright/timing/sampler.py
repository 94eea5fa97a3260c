"""Sampling within a limit on latency: predicted while drawing, measured for what was drawn, and kept with a run."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from netwright.arch import Arch, ArchBatch, batch_of
from netwright.errors import PopulationError, SpaceError
from netwright.options import latency_in_words
from netwright.space import DesignSpace, Sample, draw
from netwright.system.atomic import write_text
from netwright.system.diff import difference
from netwright.timing.cache import network_key
from netwright.timing.fitting import FittedSpace, fit_space, limit_on
from netwright.timing.limit import LatencyLimit
from netwright.timing.measurer import Measurer
from netwright.timing.predictor import HeldOut, fit_predictor
from netwright.timing.timed import Latency

__all__ = ["FILE", "LatencySampler"]

_LOG = logging.getLogger(__name__)

FILE = "latency.json"  # of a run folder: with what was measured then, the same networks are drawn again
_FORMAT = 1
_MOST_DRAWN = 4  # times as many networks as are asked for, before too many predictions are called wrong
_MEASURED = "latency measured"  # how rejection counts call what was predicted within the limit and is not


class LatencySampler:
    """Draws networks of a space within a limit on latency. Use it in a `with`.

    The predictor is fitted when it is first needed. With a folder, all that was measured is kept in its latency.json,
    so that the same networks are drawn when a run is continued, whatever the machine does by then.

    Attributes:
        limit: On latency.
        measurer: Measures.
    """

    def __init__(
        self,
        limit: LatencyLimit,
        space: DesignSpace,
        seed: int = 0,
        folder: Path | None = None,
        cache: Path | None = None,
    ) -> None:
        """space: as it is drawn from, with its limits on costs; cache: of latencies, instead of the user's.

        Raises:
            PopulationError: The folder was begun with another limit.
        """
        self.limit, self._space, self._seed = limit, space, seed
        self.measurer = Measurer(limit.setting, draw(space, 1, seed).batch[0], cache=cache)
        self._file = None if folder is None else folder / FILE
        self._fitted: FittedSpace | None = None
        self._known: dict[str, Latency] = {}
        self._confirmed: dict[str, Latency] = {}
        self._elsewhere = ""  # the device that measured the kept ones, where it is another
        if self._file is not None and self._file.exists():
            self._read(self._file)

    # -- sampling ----------------------------------------------------------------------------------------------

    def draw(self, space: DesignSpace, n: int, seed: int = 0, *, exclude: ArchBatch | None = None) -> Sample:
        """n networks whose measured latency is within the limit; a larger n has the same ones first.

        Raises:
            SpaceError: There are too few, or most that were predicted to be within the limit are not.
            StatsError: The predictor is too bad.
        """
        wanted = n
        while True:
            sample = self.draw_predicted(space, wanted, seed, exclude=exclude)
            within = np.array([self.latency(arch).ms <= self.limit.ms for arch in sample.batch])
            self._write()
            if (found := int(within.sum())) >= n:
                return _kept(sample, within, n)
            if wanted >= _MOST_DRAWN * n + 8:
                raise SpaceError(self._why_too_few(found, wanted))
            share = max(found / wanted, 1 / _MOST_DRAWN)
            wanted = min(int(np.ceil(n / share)) + 1 if found else 2 * wanted, _MOST_DRAWN * n + 8)

    def draw_predicted(self, space: DesignSpace, n: int, seed: int = 0, *, exclude: ArchBatch | None = None) -> Sample:
        """n networks that are predicted to be within the limit; only those of the predictor are measured."""
        limit = limit_on(self.fitted.predictor, self.limit.ms)
        return draw(space, n, seed, exclude=exclude, predicted=(limit,))

    @property
    def fitted(self) -> FittedSpace:
        """The predictor and what it was fitted on; measured when first asked for."""
        if self._fitted is None:
            _LOG.info("measuring %d networks for a predictor of latency", self.limit.latency_networks)
            self._fitted = fit_space(
                self._space, self.latency, self.limit.latency_networks, seed=self._seed, most_ms=self.limit.ms
            )
            self._write()
            _LOG.info("%s", self.held_out.in_words())
        return self._fitted

    @property
    def held_out(self) -> HeldOut:
        """How far off the predictor is for networks that it has not seen."""
        return self.fitted.predictor.held_out

    # -- measuring ---------------------------------------------------------------------------------------------

    def latency(self, arch: Arch) -> Latency:
        """Of a network, measured once."""
        key = network_key(arch)
        if key not in self._known:
            self._refuse_elsewhere()
            self._known[key] = self.measurer.measure(arch)
        return self._known[key]

    def confirm(self, arch: Arch) -> Latency:
        """Of a network that was chosen: measured anew, and kept as that."""
        key = network_key(arch)
        if key not in self._confirmed:
            self._refuse_elsewhere()
            self._confirmed[key] = self.measurer.measure(arch, again=True)
            self._write()
        return self._confirmed[key]

    def prediction_error(self, batch: ArchBatch) -> float:
        """Mean |predicted / measured - 1| of networks that were drawn, none of which the predictor was fitted on."""
        measured = np.array([self.latency(arch).ms for arch in batch])
        return float(np.abs(self.fitted.predictor.predict(batch) / measured - 1).mean())

    def facts(self) -> dict[str, str]:
        """Device, setting, limit and predictor, as text, for notes and reports."""
        facts = self.measurer.facts() | {"limit": latency_in_words(self.limit.ms / 1e3)}
        if self._elsewhere:
            facts["device"] = self._elsewhere
        return facts | {"predictor": self.held_out.in_words()}

    def in_words(self) -> str:
        """`onnx fp32, batch 1, 2 threads on AMD EPYC, 2 processors`."""
        device = self._elsewhere or self.measurer.device["device"]
        return f"{self.measurer.setting.in_words()} on {device}"

    def close(self) -> None:
        """End what measures."""
        self.measurer.close()

    def __enter__(self) -> LatencySampler:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    # -- what is kept ------------------------------------------------------------------------------------------

    def _read(self, path: Path) -> None:
        try:
            kept = json.loads(path.read_text(encoding="utf-8"))
            setting, device, limit_ms = kept["setting"], kept["device"], float(kept["limit_ms"])
            self._known = {key: _latency(values) for key, values in kept["networks"].items()}
            self._confirmed = {key: _latency(values) for key, values in kept["confirmed"].items()}
            archs = [Arch.from_dict(values) for values in kept["fitted"]]
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise PopulationError(
                f"{path} has the latencies that the networks of this folder were sampled by, and it cannot be read: "
                f"{error}. Restore it, or choose another --out."
            ) from error
        mine = self.measurer.setting.to_dict()
        lines = difference({"max_latency_ms": limit_ms, **setting}, {"max_latency_ms": self.limit.ms, **mine})
        if lines:
            raise PopulationError(
                f"the networks in {path.parent} were sampled within another limit on latency:\n  "
                + "\n  ".join(lines)
                + "\nGive the same as then, or choose another --out."
            )
        if device != self.measurer.device:
            self._elsewhere = device.get("device", "another device")
        if archs:
            batch = batch_of(archs)
            ms = np.array([self._known[network_key(arch)].ms for arch in archs])
            self._fitted = FittedSpace(batch, ms, fit_predictor(batch, ms, worst=np.inf))

    def _write(self) -> None:
        if self._file is None or self._elsewhere:
            return
        kept: dict[str, Any] = {
            "format": _FORMAT,
            "limit_ms": self.limit.ms,
            "setting": self.measurer.setting.to_dict(),
            "device": self.measurer.device,
            "fitted": [] if self._fitted is None else [arch.to_dict() for arch in self._fitted.batch],
            "networks": {key: _values(latency) for key, latency in self._known.items()},
            "confirmed": {key: _values(latency) for key, latency in self._confirmed.items()},
        }
        write_text(self._file, json.dumps(kept), what="the latencies", elsewhere="another --out")

    def _refuse_elsewhere(self) -> None:
        if self._elsewhere:
            raise PopulationError(
                f"latencies of one run are of one device: those in {self._file} are of {self._elsewhere}, and this is "
                f"{self.measurer.device['device']} ({', '.join(f'{k} {v}' for k, v in self.measurer.device.items())}). "
                "Continue there, or choose another --out."
            )

    def _why_too_few(self, found: int, drawn: int) -> str:
        return (
            f"only {found} of {drawn} networks that were predicted to take {self.limit.in_words()} do so when they are "
            f"measured. {self.held_out.in_words()} Raise --max_latency, or measure on a quiet machine."
        )


def _kept(sample: Sample, within: np.ndarray, n: int) -> Sample:
    """The first n networks within the limit; what was drawn beyond them counts as unused."""
    places = np.flatnonzero(within)[:n]
    last = int(places[-1]) + 1
    rejected = int((~within[:last]).sum())
    counts = dict(sample.rejection_counts)
    counts["unused"] += len(within) - last
    counts["accepted"] = n
    return Sample(sample.batch[places], counts | {_MEASURED: rejected})


def _values(latency: Latency) -> dict[str, float]:
    return latency.kept() | {"reference_ms": latency.reference_ms}


def _latency(values: dict[str, Any]) -> Latency:
    return Latency.from_kept(values, float(values["reference_ms"]))
