"""Every kind of network as an ONNX graph, against torch."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from torch import nn

from netwright.arch import BLOCKS, Arch, Stage, Stem
from netwright.errors import ExportError
from netwright.nn import fuse
from netwright.runtime.onnx_graph import onnx_model
from netwright.weights import LoadedModel


@pytest.mark.slow
@pytest.mark.parametrize("stem", ["simple", "imagenet", "cifar"])
@pytest.mark.parametrize("block", sorted(BLOCKS))
def test_all_blocks_and_stems(block: str, stem: str, make: Callable[..., LoadedModel]) -> None:
    family = BLOCKS[block]
    groups = 4 if family.is_grouped else 0
    bottleneck = 2.0 if family.is_bottleneck else 1.0
    stages = (Stage(1, 8, 1, bottleneck, groups), Stage(2, 16, 2, bottleneck, groups))
    head = 24 if stem == "imagenet" else 0
    module = make(Arch(stages, block, Stem(stem, 8), family.se_ratio, 16, 3, 3, "n", head)).module
    model = onnx_model(fuse(module, channels_last=False), (3, 16, 16), None)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    for count in (1, 3):
        x = torch.randn(count, 3, 16, 16, generator=torch.Generator().manual_seed(count))
        with torch.inference_mode():
            source = module(x).numpy()
        assert np.abs(session.run(None, {"input": x.numpy()})[0] - source).max() < 1e-4 * source.std()


def test_weights_keep_their_names_and_batch_norm_is_gone(color: LoadedModel) -> None:
    model = onnx_model(fuse(color.module, channels_last=False), (3, 16, 16), None)
    assert (model.ir_version, model.producer_name) == (8, "netwright"), "readers of 2022 take it"
    graph = model.graph
    names = {each.name for each in graph.initializer}
    assert {"stem.conv.weight", "s1.b1.f.a.bias", "s2.b1.proj.weight", "head.fc.bias"} <= names
    kinds = [node.op_type for node in graph.node]
    assert kinds.count("Conv") == 1 + 3 * 5 + 1  # stem, three blocks of a, b, c and squeeze-excitation, a projection
    assert "BatchNormalization" not in kinds
    assert not any(node.op_type == "Cast" for node in graph.node)


def test_half_has_floats_only_at_its_ends(color: LoadedModel) -> None:
    model = onnx_model(fuse(color.module, channels_last=False), (3, 16, 16), 2, half=True)
    kinds = {each.data_type for each in model.graph.initializer}
    assert kinds == {onnx.TensorProto.FLOAT16, onnx.TensorProto.INT64}
    assert [node.op_type for node in model.graph.node].count("Cast") == 2


def test_an_operation_that_nobody_knows_is_named(color: LoadedModel) -> None:
    class Odd(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.arch = color.arch

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.erf(x).mean((2, 3))

    with pytest.raises(ExportError, match=r"aten\.erf"):
        onnx_model(Odd(), (3, 16, 16), None)  # type: ignore[arg-type]
