"""The result of an export: the file, how far it agrees with its network, and both beside each other."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any

from netwright.exports.check import Agreement
from netwright.runtime.info import ModelInfo
from netwright.stats.paired import Paired
from netwright.system.deprecation import renamed_attribute

__all__ = ["Accuracy", "Check", "Exported", "Speed"]


@dataclass(frozen=True, slots=True)
class Check:
    """A comparison with the source network.

    Attributes:
        agreement: The result.
        description: Which images, for people.
    """

    agreement: Agreement
    description: str

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self.agreement) | {"on": self.description}


@dataclass(frozen=True, slots=True)
class Accuracy:
    """Top-1 of the source network and of the export on the same images.

    Attributes:
        pairs: The counts.
        description: Which images, for people.
    """

    pairs: Paired
    description: str

    @property
    def images(self) -> int:
        return self.pairs.images

    @property
    def source(self) -> float:
        """0 to 1."""
        return self.pairs.source

    @property
    def exported(self) -> float:
        """0 to 1."""
        return self.pairs.exported

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        top1 = {"images": self.images, "source": self.source, "exported": self.exported, "said": self.description}
        return top1 | {"pairs": self.pairs.to_dict()}

    def __str__(self) -> str:
        pairs, (low, high) = self.pairs, self.pairs.interval()
        return (
            f"both are right on {pairs.both:,} of {self.images:,} images, the network alone on {pairs.only_source:,}, "
            f"the export alone on {pairs.only_exported:,}, neither on {pairs.neither:,}: {100 * pairs.difference:+.2f} "
            f"points (95% interval {100 * low:+.2f} to {100 * high:+.2f}, McNemar's p {pairs.p_value():.2g})"
        )


_BUSY = 0.25  # processors: an idle desktop uses less


@dataclass(frozen=True, slots=True)
class Speed:
    """Images per second, measured in turns.

    Attributes:
        batch: Images per call.
        source_turns: Of the network in torch, fp32, fused, channels_last; a number per turn.
        exported_turns: Of the export.
        others: Processors that other programs used meanwhile; None if unknown.
    """

    batch: int
    source_turns: tuple[float, ...]
    exported_turns: tuple[float, ...]
    others: float | None = None

    @property
    def source(self) -> float:
        """The median."""
        return median(self.source_turns)

    @property
    def exported(self) -> float:
        """The median."""
        return median(self.exported_turns)

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {"batch": self.batch, "source": self.source, "exported": self.exported} | {
            "source_turns": list(self.source_turns),
            "exported_turns": list(self.exported_turns),
            "others": self.others,
        }

    @property
    def warning(self) -> str:
        """Not empty if other programs computed: torch is slowed most, as its threads wait for each other."""
        if self.others is None or self.others < _BUSY:
            return ""
        return (
            f"other programs used {self.others:.1f} processors while batch {self.batch} was measured, so its speed "
            "means little: measure again when they are idle"
        )


@dataclass(frozen=True, slots=True, eq=False)
class Exported:
    """What was written, and what was checked and measured before.

    Attributes:
        path: The file to open.
        files: All files that belong to it.
        info: The network, apart from its weights.
        checks: How far it agrees; in int8 on the calibration images, then on others.
        size: Of the files in bytes.
        source_size: Of the network's weights in fp32, in bytes.
        accuracy: If images to measure it on were given.
        speed: At several batches, if it was measured.
    """

    path: Path
    files: tuple[Path, ...]
    info: ModelInfo
    checks: tuple[Check, ...]
    size: int
    source_size: int
    accuracy: Accuracy | None = None
    speed: tuple[Speed, ...] = ()

    @property
    def agreement(self) -> Agreement:
        """Of the last check, in int8 on images that calibration did not see."""
        return self.checks[-1].agreement

    @property
    def checked_on(self) -> str:
        """The images of `agreement`, for people."""
        return self.checks[-1].description

    checked = renamed_attribute("Exported", "checked", "checked_on")

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "format": 1,
            "path": str(self.path),
            "files": [str(each) for each in self.files],
            "model": self.info.name,
            "precision": self.info.precision,
            "batch": self.info.batch,
            "opset": self.info.opset,
            "made": dict(self.info.versions),
            "agreement": self.checks[-1].to_dict(),
            "checks": [each.to_dict() for each in self.checks],
            "size": {"source": self.source_size, "exported": self.size},
            "accuracy": self.accuracy.to_dict() if self.accuracy else None,
            "speed": [each.to_dict() for each in self.speed],
        }

    def table(self) -> str:
        """The network and the export side by side, as text."""
        rows = [("size", f"{self.source_size / 1e6:,.2f} MB", f"{self.size / 1e6:,.2f} MB")]
        if self.accuracy:
            rows.append(("top-1", f"{self.accuracy.source:.2%}", f"{self.accuracy.exported:.2%}"))
        for each in self.speed:
            rows.append((f"images/s at batch {each.batch}", f"{each.source:,.1f}", f"{each.exported:,.1f}"))
        head = f"  {'':<22} {'torch fp32':>12} {self.info.precision:>12}"
        lines = [head, *(f"  {name:<22} {before:>12} {after:>12}" for name, before, after in rows)]
        lines += [f"  {self.accuracy}"] if self.accuracy else []
        return "\n".join([*lines, *(f"  {each.warning}" for each in self.speed if each.warning)])
