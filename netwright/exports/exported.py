"""What came of an export: the file, how far it agrees with its network, and both beside each other."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any

from netwright.exports.check import Agreement
from netwright.runtime.info import ModelInfo
from netwright.stats.paired import Paired

__all__ = ["Accuracy", "Check", "Exported", "Speed"]


@dataclass(frozen=True, slots=True)
class Check:
    """agreement: with the source network; said: on which images, in words."""

    agreement: Agreement
    said: str

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return asdict(self.agreement) | {"on": self.said}


@dataclass(frozen=True, slots=True)
class Accuracy:
    """Top-1 of the source network and of the export on the same images; said: which these are."""

    pairs: Paired
    said: str

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
        """Plain values, for JSON."""
        top1 = {"images": self.images, "source": self.source, "exported": self.exported, "said": self.said}
        return top1 | {"pairs": self.pairs.to_dict()}

    def __str__(self) -> str:
        pairs, (low, high) = self.pairs, self.pairs.interval()
        return (
            f"both are right on {pairs.both:,} of {self.images:,} images, the network alone on {pairs.only_source:,}, "
            f"the export alone on {pairs.only_exported:,}, neither on {pairs.neither:,}: {100 * pairs.difference:+.2f} "
            f"points (95% interval {100 * low:+.2f} to {100 * high:+.2f}, McNemar's p {pairs.p_value():.2g})"
        )


_BUSY = 0.25  # processors: what a resting desktop uses is less


@dataclass(frozen=True, slots=True)
class Speed:
    """Images a second, one figure a turn; source: the network in torch, fp32, fused, channels_last.

    others: processors that other programs used meanwhile, where that is known.
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
        """Plain values, for JSON."""
        return {"batch": self.batch, "source": self.source, "exported": self.exported} | {
            "source_turns": list(self.source_turns),
            "exported_turns": list(self.exported_turns),
            "others": self.others,
        }

    @property
    def warning(self) -> str:
        """Where others computed: not to be believed. torch suffers most, for its threads wait for each other."""
        if self.others is None or self.others < _BUSY:
            return ""
        return (
            f"other programs used {self.others:.1f} processors while batch {self.batch} was measured, so its speed "
            "means little: measure again when they rest"
        )


@dataclass(frozen=True, slots=True, eq=False)
class Exported:
    """What was written, and what was seen of it before.

    path: the file to open; files: all that belong to it. size: of these in bytes; source_size: of the network's weights
    in fp32. checks: how far it agrees, in int8 on images that calibration did not see after those that it saw.
    accuracy, speed: where they were asked for.
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
        """On what the export has not seen before: of the last check."""
        return self.checks[-1].agreement

    @property
    def checked(self) -> str:
        """Of which images `agreement` is, in words."""
        return self.checks[-1].said

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {
            "format": 1,
            "path": str(self.path),
            "files": [str(each) for each in self.files],
            "model": self.info.name,
            "precision": self.info.precision,
            "batch": self.info.batch,
            "opset": self.info.opset,
            "made": dict(self.info.made),
            "agreement": self.checks[-1].to_dict(),
            "checks": [each.to_dict() for each in self.checks],
            "size": {"source": self.source_size, "exported": self.size},
            "accuracy": self.accuracy.to_dict() if self.accuracy else None,
            "speed": [each.to_dict() for each in self.speed],
        }

    def table(self) -> str:
        """Before and after, in lines."""
        rows = [("size", f"{self.source_size / 1e6:,.2f} MB", f"{self.size / 1e6:,.2f} MB")]
        if self.accuracy:
            rows.append(("top-1", f"{self.accuracy.source:.2%}", f"{self.accuracy.exported:.2%}"))
        for each in self.speed:
            rows.append((f"images/s at batch {each.batch}", f"{each.source:,.1f}", f"{each.exported:,.1f}"))
        head = f"  {'':<22} {'torch fp32':>12} {self.info.precision:>12}"
        lines = [head, *(f"  {name:<22} {before:>12} {after:>12}" for name, before, after in rows)]
        lines += [f"  {self.accuracy}"] if self.accuracy else []
        return "\n".join([*lines, *(f"  {each.warning}" for each in self.speed if each.warning)])
