"""What came of an export: the file, how far it agrees with its network, and both beside each other."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from netwright.deploy.check import Agreement
from netwright.deploy.info import ModelInfo

__all__ = ["Accuracy", "Exported", "Speed"]


@dataclass(frozen=True, slots=True)
class Accuracy:
    """Top-1 of the source network and of the export, shares of the same `images`; said: which these are."""

    images: int
    source: float
    exported: float
    said: str


@dataclass(frozen=True, slots=True)
class Speed:
    """Medians of images a second; source: the network in torch, fp32, fused, channels_last."""

    batch: int
    source: float
    exported: float


@dataclass(frozen=True, slots=True, eq=False)
class Exported:
    """What was written, and what was seen of it before.

    path: the file to open; files: all that belong to it. size: of these in bytes; source_size: of the network's weights
    in fp32. checked: of which images `agreement` is, in words. accuracy, speed: where they were asked for.
    """

    path: Path
    files: tuple[Path, ...]
    info: ModelInfo
    agreement: Agreement
    checked: str
    size: int
    source_size: int
    accuracy: Accuracy | None = None
    speed: tuple[Speed, ...] = ()

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
            "agreement": asdict(self.agreement) | {"on": self.checked},
            "size": {"source": self.source_size, "exported": self.size},
            "accuracy": asdict(self.accuracy) if self.accuracy else None,
            "speed": [asdict(each) for each in self.speed],
        }

    def table(self) -> str:
        """Before and after, in lines."""
        rows = [("size", f"{self.source_size / 1e6:,.2f} MB", f"{self.size / 1e6:,.2f} MB")]
        if self.accuracy:
            rows.append(("top-1", f"{self.accuracy.source:.2%}", f"{self.accuracy.exported:.2%}"))
        for each in self.speed:
            rows.append((f"images/s at batch {each.batch}", f"{each.source:,.1f}", f"{each.exported:,.1f}"))
        head = f"  {'':<22} {'torch fp32':>12} {self.info.precision:>12}"
        return "\n".join([head, *(f"  {name:<22} {before:>12} {after:>12}" for name, before, after in rows)])
