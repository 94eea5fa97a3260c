"""The block families and stems that networks are made of, as values: what differs between them, and nothing else."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["ACTIVATIONS", "BLOCKS", "STEMS", "Block", "StemKind"]


ACTIVATIONS = ("relu", "silu")


@dataclass(frozen=True, slots=True)
class Block:
    """One family of blocks: convolutions with batch norm, an activation between them, and a shortcut around them.

    Sources: NDS (arXiv 1905.13214) for v, basic, r and x; DDS (arXiv 2003.13678) for y; fast compound scaling
    (arXiv 2103.06877) for z.

    Attributes:
        summary: One line for people.
        kernels: Pixels a side of each convolution, first to last; a 1 before and after a 3 is the bottleneck.
        is_grouped: Whether its 3x3 convolution may have groups.
        shortcut: "projected" (a 1x1 convolution where the shape changes), "equal" (a shortcut only where the shape does
            not change), or "none".
        se_ratio: Of squeeze-and-excitation by default, 0 for none.
        activation: "relu" or "silu".
        is_linear: No activation after the last convolution and the shortcut.
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
        """Whether 1x1 convolutions narrow and widen around the 3x3 one."""
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
    """One convolution with batch norm and activation.

    Attributes:
        summary: One line for people.
        kernel: Pixels a side.
        stride: Of the convolution.
        pools: Whether a 3x3 max pool of stride 2 comes after it.
    """

    summary: str
    kernel: int = 3
    stride: int = 2
    pools: bool = False


STEMS = {
    "simple": StemKind("3x3, stride 2 (RegNet)"),
    "imagenet": StemKind("7x7, stride 2, and a 3x3 max pool of stride 2 (ResNet)", kernel=7, pools=True),
    "cifar": StemKind("3x3, stride 1 (small images)", stride=1),
}
