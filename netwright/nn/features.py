"""The feature maps inside a network, for detectors, segmentation and nearest neighbors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from netwright.arch import STEMS, Arch
from netwright.nn.anynet import AnyNet
from netwright.nn.graph import graph_of
from netwright.nn.maps import chosen_maps

__all__ = ["FeatureExtractor", "FeatureInfo"]


@dataclass(frozen=True, slots=True)
class FeatureInfo:
    """Facts about each map, with timm's interface: `info.channels()`, `info.reduction()`, `info[0]["num_chs"]`.

    Iterating, indexing and len() cover all maps of the network; the methods without idx cover the chosen ones.

    Attributes:
        info: num_chs, reduction, module and index of each map.
        out_indices: The chosen maps.
    """

    info: tuple[dict[str, Any], ...]
    out_indices: tuple[int, ...]

    def channels(self, idx: int | Sequence[int] | None = None) -> Any:
        """Channels of the chosen maps, or of those at idx."""
        return self.get("num_chs", idx)

    def reduction(self, idx: int | Sequence[int] | None = None) -> Any:
        """Side of the image over side of the map, for the chosen maps or those at idx."""
        return self.get("reduction", idx)

    def module_name(self, idx: int | Sequence[int] | None = None) -> Any:
        """Name of the part that computes the map."""
        return self.get("module", idx)

    def get(self, key: str, idx: int | Sequence[int] | None = None) -> Any:
        """A list of values; one value where idx is a number."""
        if isinstance(idx, int):
            return self.info[idx][key]
        return [self.info[i][key] for i in (self.out_indices if idx is None else idx)]

    def get_dicts(self, keys: Sequence[str] | None = None, idx: Sequence[int] | None = None) -> list[dict[str, Any]]:
        """A dict per map, with all keys or some of them."""
        chosen = [self.info[i] for i in (self.out_indices if idx is None else idx)]
        return [dict(each) if keys is None else {key: each[key] for key in keys} for each in chosen]

    def __getitem__(self, index: int) -> dict[str, Any]:
        return self.info[index]

    def __len__(self) -> int:
        return len(self.info)


class FeatureExtractor(nn.Module):
    """A network up to the last wanted feature map.

    Called with x (N, in_channels, H, W), normalized, it returns a list of maps (N, C, h, w). Map 0 is the stem's,
    before its max pool if it has one; maps 1, 2, ... are those of the stages, as in timm. The parts are the module's
    own, not copies, and keep their names, so its state_dict is a part of the network's.

    Args:
        module: The network.
        out_indices: The wanted maps, in the order in which they are returned; negative ones count from the end. A
            number n means the last n maps, None all.

    Attributes:
        channels: Channels of each returned map.
        reductions: Reduction of each returned map: an image of s pixels a side gives a map of s / reduction, rounded
            up.
        feature_info: Facts about all maps.

    Raises:
        ArchError: An index does not exist, or comes twice.
    """

    def __init__(self, module: AnyNet, out_indices: int | Sequence[int] | None = None) -> None:
        super().__init__()
        self.arch = module.arch
        every = _maps(module.arch)
        self.out_indices = chosen_maps(out_indices, len(every))
        self.feature_info = FeatureInfo(every, self.out_indices)
        self.channels: tuple[int, ...] = tuple(self.feature_info.channels())
        self.reductions: tuple[int, ...] = tuple(self.feature_info.reduction())
        self.stem = module.stem
        # stages after the last map are left out: they would cost time, and their parameters would get no gradient
        self.stage_names = module.stage_names[: max(self.out_indices)]
        for name in self.stage_names:
            self.add_module(name, getattr(module, name))
        self.frozen = tuple(name for name in module.frozen if name in dict(self.named_children()))

    def forward(self, x: Tensor) -> list[Tensor]:
        x = self.stem.forward_conv(x)
        maps = [x]
        if self.stage_names:
            x = self.stem.pool(x)
        for name in self.stage_names:
            x = getattr(self, name)(x)
            maps.append(x)
        return [maps[i] for i in self.out_indices]

    def __prepare_scriptable__(self) -> nn.Module:
        """For torch.jit.script, as in AnyNet."""
        return graph_of(self)

    def train(self, mode: bool = True) -> FeatureExtractor:
        """As AnyNet.train: frozen parts stay in evaluation mode."""
        super().train(mode)
        for name in self.frozen:
            self.get_submodule(name).eval()
        return self


def _maps(arch: Arch) -> tuple[dict[str, Any], ...]:
    """num_chs, reduction, module and index of every map."""
    reduction = STEMS[arch.stem.kind].stride
    maps = [{"num_chs": arch.stem.width, "reduction": reduction, "module": "stem", "index": 0}]
    reduction = arch.stem.stride
    for i, stage in enumerate(arch.stages, 1):
        reduction *= stage.stride
        maps.append({"num_chs": stage.width, "reduction": reduction, "module": f"s{i}", "index": i})
    return tuple(maps)
