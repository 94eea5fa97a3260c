"""The torch module of an Arch."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from netwright.arch import Arch
from netwright.errors import ArchError
from netwright.nn.blocks import Head, StemBlock, make_block
from netwright.nn.checkpointing import checkpointed
from netwright.nn.graph import graph_of
from netwright.nn.maps import chosen_maps
from netwright.nn.pretrained_cfg import default_cfg

__all__ = ["AnyNet", "build"]


class AnyNet(nn.Module):
    """A stem, stages s1, s2, ... of blocks b1, b2, ..., and a head.

    Called with x (N, in_channels, H, W), normalized, it returns logits (N, num_classes). Dropout and stochastic depth
    act in training only, and draw from torch's global generator.

    Args:
        arch: The network.
        drop_rate: Probability of dropout before the classifier.
        drop_path_rate: Probability of stochastic depth in the last block. It is 0 in the first block and rises linearly
            from block to block.

    Raises:
        ArchError: A rate is below 0, or 1 or more.
    """

    def __init__(self, arch: Arch, *, drop_rate: float = 0.0, drop_path_rate: float = 0.0) -> None:
        super().__init__()
        for name, rate in (("drop_rate", drop_rate), ("drop_path_rate", drop_path_rate)):
            if not 0 <= rate < 1:
                raise ArchError(f"{name} is at least 0 and below 1, not {rate!r}. 0 drops nothing.")
        self.arch = arch
        self.stem = StemBlock(arch.in_channels, arch.stem, arch.family.activation)
        width = arch.stem.width
        rates = iter(np.linspace(0.0, drop_path_rate, arch.depth).tolist())
        self.stage_names = tuple(f"s{i}" for i in range(1, len(arch.stages) + 1))
        for name, stage in zip(self.stage_names, arch.stages, strict=True):
            blocks = nn.Sequential()
            for b in range(stage.depth):
                stride = stage.stride if b == 0 else 1
                blocks.add_module(f"b{b + 1}", make_block(arch, width, stage, stride, drop_path_rate=next(rates)))
                width = stage.width
            self.add_module(name, blocks)
        self.head = Head(arch, drop_rate=drop_rate)
        self.frozen: tuple[str, ...] = ()  # names of the parts that `freeze` keeps in evaluation mode
        self.is_fused = False  # whether `fuse` made it
        self.grad_checkpointing = False
        self._pretrained_cfg: dict[str, Any] = {}

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.head(self._body(x))
        return logits

    def forward_features(self, x: Tensor) -> Tensor:
        """The map that the head pools, (N, num_features, h, w): after the head's convolution if it has one."""
        return self.head.features(self._body(x))

    def forward_head(self, x: Tensor, pre_logits: bool = False) -> Tensor:
        """Logits from the result of `forward_features`.

        Args:
            x: (N, num_features, h, w).
            pre_logits: Stop before the classifier, and return (N, num_features).
        """
        pooled = self.head.pool(x)
        return pooled if pre_logits else self.head.fc(pooled)

    def _body(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        for name in self.stage_names:
            x = self._stage(name, x)
        return x

    def _stage(self, name: str, x: Tensor) -> Tensor:
        stage: nn.Sequential = getattr(self, name)
        if not (self.grad_checkpointing and self.training):
            result: Tensor = stage(x)
            return result
        for block in stage:
            x = checkpointed(block, x)
        return x

    def set_grad_checkpointing(self, enable: bool = True) -> None:
        """In training, compute the maps inside blocks again for gradients instead of keeping them: less memory."""
        self.grad_checkpointing = enable

    def forward_intermediates(
        self,
        x: Tensor,
        indices: int | Sequence[int] | None = None,
        norm: bool = False,
        stop_early: bool = False,
        output_fmt: str = "NCHW",
        intermediates_only: bool = False,
    ) -> Any:
        """The map of `forward_features` and the maps inside, with timm's arguments.

        Args:
            x: (N, in_channels, H, W), normalized.
            indices: Which maps, as out_indices of `FeatureExtractor`: 0 is the stem's, 1, 2, ... those of the stages.
            norm: No meaning here: these networks have no last norm. timm's models take it.
            stop_early: Compute nothing after the last map; only with intermediates_only.
            output_fmt: "NCHW".
            intermediates_only: Return the maps alone.

        Returns:
            (map of `forward_features`, list of maps), or the list of maps.

        Raises:
            ArchError: An index does not exist, another format, or stop_early without intermediates_only.
        """
        if output_fmt != "NCHW" or (stop_early and not intermediates_only):
            raise ArchError(
                f"output_fmt is 'NCHW', not {output_fmt!r}, and stop_early goes with intermediates_only. Correct it."
            )
        wanted = chosen_maps(indices, len(self.stage_names) + 1)
        x = self.stem.forward_conv(x)
        maps = {0: x}
        last = max(wanted) if stop_early else len(self.stage_names)
        x = self.stem.pool(x) if last else x
        for i, name in enumerate(self.stage_names[:last], 1):
            x = maps[i] = self._stage(name, x)
        inside = [maps[i] for i in sorted(wanted)]
        return inside if intermediates_only else (self.head.features(x), inside)

    @property
    def pretrained_cfg(self) -> dict[str, Any]:
        """How images are prepared, by timm's keys: of the weights, as far as `create_model` loaded some."""
        return default_cfg(self.arch) | self._pretrained_cfg

    @property
    def default_cfg(self) -> dict[str, Any]:
        """The same as `pretrained_cfg`, as in timm."""
        return self.pretrained_cfg

    @property
    def num_features(self) -> int:
        """Input channels of the classifier."""
        return self.arch.num_features

    @property
    def num_classes(self) -> int:
        """Logits per image; 0 after `reset_classifier(0)`."""
        return self.arch.num_classes if isinstance(self.head.fc, nn.Linear) else 0

    def __prepare_scriptable__(self) -> nn.Module:
        """For torch.jit.script, which does not read this code: the same network as one graph, in the present mode."""
        return graph_of(self)

    def get_classifier(self) -> nn.Module:
        """The last layer, which computes the logits."""
        return self.head.fc

    def reset_classifier(self, num_classes: int, global_pool: str | None = None, *, seed: int | None = None) -> None:
        """Replace the last layer by a new one, initialized as in `build`, on the same device and in the same type.

        Args:
            num_classes: 0 removes the classifier; the network then returns its input, (N, num_features).
            global_pool: "avg" or None, which timm's models take too: there is no other pool here.
            seed: Of the new weights; None draws from torch's global generator.

        Raises:
            ArchError: num_classes is no whole number, or negative, or global_pool is another one.
        """
        if global_pool not in (None, "avg"):
            raise ArchError(f"these networks pool by 'avg', not by {global_pool!r}. Leave global_pool out.")
        if isinstance(num_classes, bool) or not isinstance(num_classes, int) or num_classes < 0:
            raise ArchError(f"num_classes is a whole number, 0 for no classifier, not {num_classes!r}. Correct it.")
        if num_classes == 0:
            self.head.fc = nn.Identity()
            return
        like = self.stem.conv.weight
        fc = nn.Linear(self.num_features, num_classes)
        initialize(fc, None if seed is None else torch.Generator().manual_seed(seed))
        self.head.fc = fc.to(like.device, like.dtype).train(self.head.training)
        self.arch = replace(self.arch, num_classes=num_classes)

    def train(self, mode: bool = True) -> AnyNet:
        """As in torch, but frozen parts stay in evaluation mode, so that their batch norm does not change either."""
        if mode and self.is_fused:
            raise ArchError("a fused network has no batch norm left to train. Train the network that it was made from.")
        super().train(mode)
        for name in self.frozen:
            self.get_submodule(name).eval()
        return self


@torch.no_grad()
def initialize(module: nn.Module, generator: torch.Generator | None = None) -> None:
    """Initialize in place: convolutions Normal(0, sqrt(2 / (k * k * outputs))), linear Normal(0, 0.01), biases 0.

    `outputs` is not divided by the number of groups, as in the code that trained the published RegNets. Batch norm
    starts as the identity, as torch makes it.
    """
    for part in module.modules():
        if isinstance(part, nn.Conv2d):
            fan_out = part.kernel_size[0] * part.kernel_size[1] * part.out_channels
            part.weight.normal_(0.0, math.sqrt(2.0 / fan_out), generator=generator)
            if part.bias is not None:
                part.bias.zero_()
        elif isinstance(part, nn.Linear):
            part.weight.normal_(0.0, 0.01, generator=generator)
            part.bias.zero_()


def build(
    arch: Arch,
    num_classes: int | None = None,
    in_channels: int | None = None,
    *,
    seed: int | None = None,
    drop_rate: float = 0.0,
    drop_path_rate: float = 0.0,
) -> AnyNet:
    """Build the torch module of a network, initialized for training from scratch.

    Args:
        arch: The network.
        num_classes: Replaces the network's own number of classes.
        in_channels: Replaces the network's own number of input channels.
        seed: Of the initial weights; None draws from torch's global generator.
        drop_rate: Probability of dropout before the classifier.
        drop_path_rate: Probability of stochastic depth in the last block, see `AnyNet`.

    Returns:
        A module in training mode, on the CPU.

    Raises:
        ArchError: A rate is below 0, or 1 or more.
    """
    changes: dict[str, Any] = {
        name: value for name, value in (("num_classes", num_classes), ("in_channels", in_channels)) if value is not None
    }
    module = AnyNet(replace(arch, **changes), drop_rate=drop_rate, drop_path_rate=drop_path_rate)
    initialize(module, None if seed is None else torch.Generator().manual_seed(seed))
    return module
