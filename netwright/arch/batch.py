"""Many networks as columns, so that counting, filtering and sampling are vector operations."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any, overload

import numpy as np
import numpy.typing as npt

from netwright.arch.block import BLOCKS, STEMS
from netwright.arch.counting import count
from netwright.arch.spec import Arch, Stage, Stem
from netwright.errors import ArchError
from netwright.system.html import table

__all__ = ["ArchBatch", "Kind"]

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

_STAGE_COLUMNS = ("depth", "width", "stride", "bottleneck", "group_width")
_NETWORK_COLUMNS = ("stem_width", "resolution")
_SHOWN = 10  # rows in a notebook
_KIND = ("block", "stem", "se_ratio", "head_width", "activation")
_COMMON = (*_KIND, "num_classes", "in_channels")


@dataclass(frozen=True, slots=True)
class Kind:
    """What the networks of a batch of several kinds do not share; as attributes of an `Arch`."""

    block: str
    stem: str
    se_ratio: float
    head_width: int
    activation: str

    @property
    def code(self) -> int:
        """A number for it, the same in every batch and program."""
        return zlib.crc32(repr(self).encode())


@dataclass(frozen=True, eq=False)
class ArchBatch:
    """n networks with at most s stages each, as columns; block, stem kind, head, classes and channels are common.

    A network with fewer than s stages has depth 0 and width 0 in the last ones. In a batch of several kinds, as `join`
    makes it, block, stem, se_ratio, head and activation differ too: `kinds` has them, and `parts` gives each apart.

    Attributes:
        depth: (n, s) int64, blocks of each stage.
        width: (n, s) int64, output channels.
        stride: (n, s) int64.
        bottleneck: (n, s) float64; it divides (b of DDS): the 3x3 convolution has width / bottleneck channels.
        group_width: (n, s) int64, channels of a group.
        stem_width: (n,) int64.
        resolution: (n,) int64, pixels a side of the square input.
        block: A key of `BLOCKS`.
        stem: A key of `STEMS`.
        se_ratio: Squeezed width as a share of a block's input width, 0 for none.
        head_width: Channels of the head's convolution, 0 for none.
        num_classes: Outputs.
        in_channels: 1 for gray, 3 for RGB.
        activation: As of an `Arch`.
        kinds: Of a batch of several kinds, these; empty otherwise. Then block, stem, se_ratio, head_width and
            activation of the batch are those of the first kind.
        kind: (n,) int64, which of `kinds` each network has; None otherwise.
        parameters: Name -> (n,), what the networks were made of (`w0` of a RegNet, for example); for analysis only.

    Raises:
        ArchError: Columns of different lengths, or an unknown block or stem.
    """

    depth: Ints
    width: Ints
    stride: Ints
    bottleneck: Floats
    group_width: Ints
    stem_width: Ints
    resolution: Ints
    block: str = "x"
    stem: str = "simple"
    se_ratio: float = 0.0
    head_width: int = 0
    num_classes: int = 1000
    in_channels: int = 3
    parameters: Mapping[str, npt.NDArray[np.generic]] = field(default_factory=dict)
    activation: str = ""
    kinds: tuple[Kind, ...] = ()
    kind: Ints | None = None

    def __post_init__(self) -> None:
        if self.depth.ndim != 2:
            raise ArchError(f"stage columns are (networks, stages), not of shape {self.depth.shape}. Add an axis.")
        n = len(self.depth)
        shapes = {name: getattr(self, name).shape for name in _STAGE_COLUMNS}
        if set(shapes.values()) != {self.depth.shape}:
            raise ArchError(f"stage columns have one shape (networks, stages), not {shapes}. Pad with depth 0.")
        if any(getattr(self, name).shape != (n,) for name in _NETWORK_COLUMNS):
            raise ArchError(f"stem_width and resolution have one entry for each of the {n} networks.")
        if self.block not in BLOCKS or self.stem not in STEMS:
            raise ArchError(
                f"a block is one of {sorted(BLOCKS)} and a stem one of {sorted(STEMS)}, "
                f"not {self.block!r} and {self.stem!r}. Choose among these."
            )

    def __len__(self) -> int:
        return len(self.depth)

    def __iter__(self) -> Iterator[Arch]:
        return (self._arch(i) for i in range(len(self)))

    @overload
    def __getitem__(self, index: int | np.integer) -> Arch: ...
    @overload
    def __getitem__(self, index: slice | npt.NDArray[np.generic]) -> ArchBatch: ...
    def __getitem__(self, index: int | np.integer | slice | npt.NDArray[np.generic]) -> Arch | ArchBatch:
        """One network as an Arch, or some of them (slice, mask or indices) as a batch."""
        if isinstance(index, int | np.integer):
            if not -len(self) <= index < len(self):
                raise IndexError(f"network {index} of a batch of {len(self)}")
            return self._arch(int(index))
        columns: dict[str, Any] = {name: getattr(self, name)[index] for name in _STAGE_COLUMNS + _NETWORK_COLUMNS}
        parameters = {name: column[index] for name, column in self.parameters.items()}
        kind = None if self.kind is None else self.kind[index]
        return replace(self, **columns, parameters=parameters, kind=kind)

    def parts(self) -> list[tuple[Ints, ArchBatch]]:
        """The networks of each kind: their places in this batch, (k,), and a batch of that kind alone."""
        if self.kind is None:
            return [(np.arange(len(self)), self)]
        found = []
        for number, kind in enumerate(self.kinds):
            if len(places := np.flatnonzero(self.kind == number)):
                found.append((places, replace(self[places], kinds=(), kind=None, **asdict(kind))))
        return found

    def kind_of(self, i: int) -> Kind:
        """What network i does not share with all networks of its space."""
        if self.kind is not None:
            return self.kinds[int(self.kind[i])]
        return Kind(self.block, self.stem, self.se_ratio, self.head_width, self.activation)

    def _arch(self, i: int) -> Arch:
        stages = tuple(
            Stage(
                depth=int(self.depth[i, s]),
                width=int(self.width[i, s]),
                stride=int(self.stride[i, s]),
                bottleneck=float(self.bottleneck[i, s]),
                group_width=int(self.group_width[i, s]),
            )
            for s in range(self.depth.shape[1])
            if self.depth[i, s] > 0
        )
        kind = self.kind_of(i)
        return Arch(
            stages=stages,
            block=kind.block,
            stem=Stem(kind.stem, int(self.stem_width[i])),
            se_ratio=kind.se_ratio,
            head_width=kind.head_width,
            activation=kind.activation,
            resolution=int(self.resolution[i]),
            num_classes=self.num_classes,
            in_channels=self.in_channels,
        )

    @property
    def num_stages(self) -> Ints:
        """(n,) stages present in each network."""
        present: Ints = (self.depth > 0).sum(axis=1)
        return present

    @property
    def inner_width(self) -> Ints:
        """(n, s) channels of each stage's 3x3 convolution."""
        return (self.width / self.bottleneck).astype(np.int64)

    def identity(self) -> Ints:
        """(n, k) rows that are equal exactly where the built networks are.

        Different parameters can mean the same network: a group width above the inner width is cut to it. Absent stages
        are zeros at the end of a row, so rows of batches with fewer stages differ only in these.
        """
        codes = np.array([kind.code for kind in self.kinds or (self.kind_of(0),)], np.int64)
        code = codes[np.zeros(len(self), np.int64) if self.kind is None else self.kind]
        present = self.depth > 0
        stages = np.stack([self.depth, self.width, self.inner_width, self.group_width, self.stride], axis=2)
        stages *= present[:, :, None]
        rows = stages.reshape(len(self), stages.shape[1] * stages.shape[2])
        return np.concatenate([code[:, None], self.stem_width[:, None], self.resolution[:, None], rows], axis=1)

    @classmethod
    def from_archs(cls, archs: Sequence[Arch]) -> ArchBatch:
        """A batch of networks of one block family, stem kind, head, class and channel count.

        Raises:
            ArchError: No network, or networks that differ in one of these.
        """
        if not archs:
            raise ArchError("a batch holds at least one network, not 0. Give some.")
        common = tuple(name for name in _COMMON if name != "stem")
        first = archs[0]
        for arch in archs:
            unlike = [name for name in common if getattr(arch, name) != getattr(first, name)]
            if unlike or arch.stem.kind != first.stem.kind:
                raise ArchError(
                    f"networks of one batch share {', '.join(common)} and the stem's kind; these differ in "
                    f"{', '.join(unlike) or 'the stem'}. Make a batch of each kind."
                )
        most = max(len(arch.stages) for arch in archs)

        def column(name: str, absent: float) -> list[list[float]]:
            rows = [[getattr(stage, name) for stage in arch.stages] for arch in archs]
            return [row + [absent] * (most - len(row)) for row in rows]

        absent = {"depth": 0, "width": 0, "stride": 1, "group_width": 1}
        whole: dict[str, Any] = {name: np.array(column(name, value), np.int64) for name, value in absent.items()}
        return cls(
            **whole,
            bottleneck=np.array(column("bottleneck", 1.0), np.float64),
            stem_width=np.array([arch.stem.width for arch in archs], np.int64),
            resolution=np.array([arch.resolution for arch in archs], np.int64),
            stem=first.stem.kind,
            **{name: getattr(first, name) for name in common},
        )

    @classmethod
    def concatenate(cls, batches: Sequence[ArchBatch]) -> ArchBatch:
        """Batches of one kind, with the same number of stage columns and the same parameters, end to end.

        Raises:
            ArchError: No batch, or batches that differ in one of these.
        """
        if not batches:
            raise ArchError("at least one batch is needed to concatenate, not 0. Give some.")
        first = batches[0]
        for batch in batches:
            unlike = [name for name in (*_COMMON, "kinds") if getattr(batch, name) != getattr(first, name)]
            unlike += ["number of stages"] * (batch.depth.shape[1] != first.depth.shape[1])
            unlike += ["parameters"] * (batch.parameters.keys() != first.parameters.keys())
            if unlike:
                raise ArchError(
                    f"batches are concatenated where they are of one kind; these differ in {', '.join(unlike)}. "
                    "Keep them apart."
                )
        columns: dict[str, Any] = {
            item.name: np.concatenate([getattr(batch, item.name) for batch in batches])
            for item in fields(cls)
            if item.name in _STAGE_COLUMNS + _NETWORK_COLUMNS
        }
        parameters = {name: np.concatenate([batch.parameters[name] for batch in batches]) for name in first.parameters}
        kind = None if first.kind is None else np.concatenate([b.kind for b in batches if b.kind is not None])
        return replace(first, **columns, parameters=parameters, kind=kind)

    def _repr_html_(self) -> str:
        """The first networks with their complexity."""
        first = self[: min(_SHOWN, len(self))]
        costs = [(places, count(part)) for places, part in first.parts()]
        order = np.argsort(np.concatenate([places for places, _ in costs]))
        flops, params, acts = (
            np.concatenate([getattr(cost, name) for _, cost in costs])[order] for name in ("flops", "params", "acts")
        )
        heads = ("", "depths", "widths", "group widths", "flops", "params", "acts", *first.parameters)
        rows = [
            (
                i,
                *(
                    ", ".join(str(getattr(stage, name)) for stage in arch.stages)
                    for name in ("depth", "width", "group_width")
                ),
                *(f"{column[i]:,}" for column in (flops, params, acts)),
                *(_short(values[i]) for values in first.parameters.values()),
            )
            for i, arch in enumerate(first)
        ]
        shown = f", the first {len(rows)} of them" if len(rows) < len(self) else ""
        blocks = ", ".join(dict.fromkeys(repr(kind.block) for kind in self.kinds or (self.kind_of(0),)))
        return table(heads, rows, f"{len(self):,} networks with block {blocks}{shown}")


def _short(value: Any) -> str:
    return value if isinstance(value, str) else f"{value:.4g}"
