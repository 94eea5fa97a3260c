"""Every kind of network as a LiteRT graph, against torch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch
from fixtures.extras import needs
from torch import nn

from netwright.arch import BLOCKS, Arch, Stage, Stem
from netwright.errors import ExportError
from netwright.nn import fuse
from netwright.runtime.info import info_of
from netwright.runtime.litert_backend import LiteRtBackend
from netwright.runtime.litert_file import litert_bytes
from netwright.runtime.litert_graph import litert_model
from netwright.weights import LoadedModel

pytestmark = needs("litert")


@pytest.mark.slow
@pytest.mark.parametrize("side", [16, 19])
@pytest.mark.parametrize("stem", ["simple", "imagenet", "cifar"])
@pytest.mark.parametrize("block", sorted(BLOCKS))
def test_all_blocks_and_stems(block: str, stem: str, side: int, make: Callable[..., LoadedModel]) -> None:
    """With maps of even and of odd sides, which LiteRT pads otherwise."""
    family = BLOCKS[block]
    groups = 4 if family.is_grouped else 0
    bottleneck = 2.0 if family.is_bottleneck else 1.0
    stages = (Stage(1, 8, 1, bottleneck, groups), Stage(2, 16, 2, bottleneck, 1 if groups else 0))
    head = 24 if stem == "imagenet" else 0
    model = make(Arch(stages, block, Stem(stem, 8), family.se_ratio, 16, 3, 3, "n", head))
    graph = litert_model(fuse(model.module, channels_last=False), (3, side, side), None)
    backend = LiteRtBackend(litert_bytes(graph, info_of(model)), 1, "n")
    for count in (1, 3, 2):
        x = torch.randn(count, 3, side, side, generator=torch.Generator().manual_seed(count))
        with torch.inference_mode():
            source = model.module(x).numpy()
        assert np.abs(backend(x.numpy()) - source).max() < 1e-4 * source.std()


def test_weights_keep_their_names_and_a_relu_is_part_of_its_convolution(color: LoadedModel) -> None:
    model = litert_model(fuse(color.module, channels_last=False), (3, 16, 16), None)
    names = {each.name for each in model.subgraphs[0].tensors}
    assert {"stem.conv.weight", "s1.b1.f.a.bias", "s2.b1.proj.weight", "head.fc.bias", "input", "logits"} <= names
    kinds = [model.operatorCodes[each.opcodeIndex].builtinCode for each in model.subgraphs[0].operators]
    convolution, relu = 3, 19  # BuiltinOperator of LiteRT's schema
    assert kinds.count(convolution) == 1 + 3 * 5 + 1
    assert relu not in kinds


def test_half_halves_the_weights(color: LoadedModel) -> None:
    fused = fuse(color.module, channels_last=False)
    sizes = [
        sum(each.data.size for each in litert_model(fused, (3, 16, 16), 2, half=half).buffers if each.data is not None)
        for half in (False, True)
    ]
    weights = sum(each.numel() for each in fused.parameters() if each.ndim > 1)
    assert sizes[0] - sizes[1] == 2 * weights


def test_an_operation_that_nobody_knows_is_named(color: LoadedModel) -> None:
    class Odd(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.arch = color.arch

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.erf(x).mean((2, 3))

    with pytest.raises(ExportError, match=r"aten\.erf.*--to torch"):
        litert_model(Odd(), (3, 16, 16), None)  # type: ignore[arg-type]


def test_weights_begin_where_processors_read_them_fastest(color: LoadedModel) -> None:
    from ai_edge_litert import schema_py_generated as schema

    graph = litert_model(fuse(color.module, channels_last=False), (3, 16, 16), None)
    content = litert_bytes(graph, replace(info_of(color), batch=None))
    model = schema.Model.GetRootAs(content, 0)
    whole = np.frombuffer(content, dtype=np.uint8)
    parts = [model.Buffers(i).DataAsNumpy() for i in range(model.BuffersLength()) if not model.Buffers(i).DataIsNone()]
    starts = [part.__array_interface__["data"][0] - whole.__array_interface__["data"][0] for part in parts]
    assert len(starts) > 20
    assert {start % 16 for start in starts} == {0}
