"""The latency of networks, or of a sample of a space: what `netwright latency` runs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from netwright.arch import Arch, complexity
from netwright.errors import RecipeError
from netwright.space import DesignSpace
from netwright.system.suggest import suggest
from netwright.timing.fitting import fit_space
from netwright.timing.measurer import Measurer
from netwright.timing.predictor import HeldOut
from netwright.timing.setting import LatencySetting
from netwright.timing.subject import Subject, find_subject
from netwright.timing.timed import Latency

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Latencies", "LatencyRow", "latency"]

NETWORKS = 40  # of a space

Ref = str | Path | Arch | DesignSpace


@dataclass(frozen=True)
class LatencyRow:
    """A network with its costs.

    Attributes:
        name: As it was asked for; of a space, its name and a number.
        arch: The network.
        latency: As it was measured.
        facts: Device, versions, setting and reference, as text.
    """

    name: str
    arch: Arch
    latency: Latency
    facts: dict[str, str]

    def to_dict(self) -> dict[str, Any]:
        """For tables: name, costs, latency, setting, device."""
        cost = complexity(self.arch)
        costs = {"flops": int(cost.flops[0]), "params": int(cost.params[0]), "acts": int(cost.acts[0])}
        about = {"setting": self.facts["setting"], "device": self.facts["device"]}
        return {"name": self.name, "resolution": self.arch.resolution, **costs, **self.latency.to_dict(), **about}


@dataclass(frozen=True)
class Latencies:
    """What was measured.

    Attributes:
        rows: One for each network.
        held_out: Of a space: how far off a predictor is for networks that it has not seen; None for networks.
        space: The name of the space; empty for networks.
        cautions: What a reader should know, in sentences.
    """

    rows: tuple[LatencyRow, ...]
    held_out: HeldOut | None = None
    space: str = ""
    cautions: tuple[str, ...] = ()

    def frame(self) -> pd.DataFrame:
        """A row for each network: name, resolution, flops, params, acts, latency_ms, its 95% interval, device."""
        import pandas as pd

        return pd.DataFrame([row.to_dict() for row in self.rows])

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        held = self.held_out
        predictor = None if held is None else {name: getattr(held, name) for name in held.__dataclass_fields__}
        return {
            "space": self.space or None,
            "predictor": predictor,
            "cautions": list(self.cautions),
            "rows": [row.to_dict() | {"facts": row.facts} for row in self.rows],
        }


def latency(
    refs: Ref | Sequence[Ref],
    *,
    n: int = NETWORKS,
    seed: int = 0,
    resolution: int | None = None,
    again: bool = False,
    progress: Callable[[str], None] = lambda text: None,
    cache: Path | None = None,
    **setting: Any,
) -> Latencies:
    """Measure how long networks take to answer on this device: what `netwright latency` runs.

        netwright.latency("regnetx_200mf", runtime="openvino", threads=1).rows[0].latency.ms
        netwright.latency("regnetx", n=60, resolution=64).held_out

    Each network is timed in turns with a reference network, after a warm-up; medians count. What is known of this
    device is not measured again.

    Args:
        refs: Networks: published names, network.yaml, exported files, weights, run folders, `Arch`. Or one space.
        n: Networks of a space, which are drawn, measured, and predicted by each other.
        seed: Of that sample.
        resolution: Pixels a side, instead of their own.
        again: Measure networks though they are known.
        progress: Called with each network that is measured.
        cache: A folder, instead of the user's.
        **setting: runtime, precision, batch, threads and device, as `LatencySetting` has them.

    Raises:
        RecipeError: An unknown or impossible setting.
        ArchError, SpaceError, WeightsError, ExportError: There is no such network or space, or it cannot be measured.
        StatsError: A space whose latency cannot be predicted.
    """
    for name in setting:
        if name not in (known := list(LatencySetting.__dataclass_fields__)):
            raise RecipeError(f"unknown option {name!r} of a latency: {suggest(name, known)}")
    wanted = LatencySetting(**setting)
    listed: Sequence[Ref] = [refs] if isinstance(refs, Ref) else refs
    found = [find_subject(ref, wanted, resolution) for ref in listed]
    spaces = [each for each in found if isinstance(each, DesignSpace)]
    if spaces and len(found) > 1:
        raise RecipeError("latency is measured of one design space, or of networks. Name one space, or networks alone.")
    if spaces:
        return _of_space(spaces[0], wanted, n, seed, progress, cache)
    rows: list[LatencyRow] = []
    cautions: dict[Any, str] = {}  # the last one of each worker
    open_ones: dict[Any, Measurer] = {}
    with ExitStack() as closing:
        for subject in found:
            assert isinstance(subject, Subject)
            kind = (subject.setting, subject.arch.resolution, subject.arch.in_channels)
            if kind not in open_ones:
                measurer = Measurer(subject.setting, subject.arch, cache=cache)
                open_ones[kind] = closing.enter_context(measurer)
            measured = open_ones[kind].measure(subject.file or subject.arch, again=again)
            rows.append(LatencyRow(subject.name, subject.arch, measured, open_ones[kind].facts()))
            cautions[kind] = open_ones[kind].caution()
            progress(f"{subject.name}: {measured.in_words()}")
    return Latencies(tuple(rows), cautions=tuple(dict.fromkeys(filter(None, cautions.values()))))


def _of_space(
    space: DesignSpace,
    setting: LatencySetting,
    n: int,
    seed: int,
    progress: Callable[[str], None],
    cache: Path | None,
) -> Latencies:
    from netwright.space import draw

    setting.refuse_impossible()
    measured: dict[str, Latency] = {}
    with Measurer(setting, draw(space, 1, seed).batch[0], cache=cache) as measurer:

        def measure(arch: Arch) -> Latency:
            found = measurer.measure(arch)
            measured[f"{space.name} {len(measured)}"] = found
            progress(f"{len(measured)} of {n}: {found.in_words()}")
            return found

        fitted = fit_space(space, measure, n, seed=seed)
        facts, caution = measurer.facts(), measurer.caution()
    pairs = zip(measured.items(), fitted.batch, strict=True)
    rows = tuple(LatencyRow(name, arch, found, facts) for (name, found), arch in pairs)
    return Latencies(rows, fitted.predictor.held_out, space.name, (caution,) if caution else ())
