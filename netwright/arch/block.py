"""The block families and stems that networks are made of, as values: what differs between them, and nothing else."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["BLOCKS", "STEMS", "Block", "StemKind"]


@dataclass(frozen=True, slots=True)
class Block:
    """One family of blocks: convolutions with batch norm, an activation between them, and a shortcut around them.

    kernels: pixels a side of each convolution, first to last; a 1 before and after a 3 is the bottleneck. is_grouped:
    its 3x3 convolution may have groups. shortcut: "projected" (a 1x1 convolution where the shape changes), "equal"
    (only where it does not), or "none". se_ratio: of squeeze-and-excitation by default, 0 for none. is_linear: no
    activation after the last convolution and the shortcut. Sources: NDS (arXiv 1905.13214) for v, basic, r and x; DDS
    (arXiv 2003.13678) for y; fast compound scaling (arXiv 2103.06877) for z.
    """

    summary: str
    kernels: tuple[int, ...] = (1, 3, 1)
    is_grouped: bool = False
    shortcut: str = "projected"
    se_ratio: float = 0.0
    activation: str = "relu"
    is_linear: bool = False

    @property
    def is_bottleneck(self) -> bool:
        return self.kernels[0] == 1


BLOCKS = {
    "v": Block("plain: two 3x3 convolutions, no shortcut (VGG)", (3, 3), shortcut="none"),
    "basic": Block("two 3x3 convolutions with a shortcut (ResNet-18 and -34)", (3, 3)),
    "r": Block("bottleneck without groups (ResNet-50)"),
    "x": Block("bottleneck with groups (ResNeXt, RegNetX)", is_grouped=True),
    "y": Block("x with squeeze-and-excitation (RegNetY)", is_grouped=True, se_ratio=0.25),
    "z": Block(
        "y with SiLU, linear at its end, a shortcut only where shapes agree (RegNetZ)",
        is_grouped=True,
        shortcut="equal",
        se_ratio=0.25,
        activation="silu",
        is_linear=True,
    ),
}


@dataclass(frozen=True, slots=True)
class StemKind:
    """One convolution with batch norm and activation, of kernel x kernel pixels; pools: a 3x3 max pool of stride 2."""

    summary: str
    kernel: int = 3
    stride: int = 2
    pools: bool = False


STEMS = {
    "simple": StemKind("3x3, stride 2 (RegNet)"),
    "imagenet": StemKind("7x7, stride 2, and a 3x3 max pool of stride 2 (ResNet)", kernel=7, pools=True),
    "cifar": StemKind("3x3, stride 1 (small images)", stride=1),
}
