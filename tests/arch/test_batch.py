from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from netwright.arch import Arch, ArchBatch, Stage, Stem, compatible, complexity
from netwright.errors import ArchError
from netwright.nn import build


@st.composite
def networks(draw: Callable[..., Any]) -> list[Arch]:
    """Networks of one kind with ragged stages, from so few values that equal ones occur."""
    found = []
    for _ in range(draw(st.integers(1, 6))):
        stages = []
        for _ in range(draw(st.integers(1, 3))):
            ratio = draw(st.sampled_from([0.5, 1.0, 2.0]))
            width, groups = compatible(draw(st.sampled_from([8, 16])), ratio, draw(st.sampled_from([1, 8, 32])))
            stages.append(Stage(draw(st.integers(1, 2)), int(width), draw(st.integers(1, 2)), ratio, int(groups)))
        found.append(Arch(tuple(stages), stem=Stem("simple", draw(st.sampled_from([8, 16]))), resolution=16))
    return found


@settings(max_examples=40, deadline=None, derandomize=True)
@given(networks())
def test_a_batch_gives_back_its_networks(archs: list[Arch]) -> None:
    batch = ArchBatch.from_archs(archs)
    assert list(batch) == archs
    assert [batch[i] for i in range(-len(archs), 0)] == archs
    assert batch.num_stages.tolist() == [len(arch.stages) for arch in archs]
    assert list(batch[::-1]) == archs[::-1]
    assert list(batch[batch.num_stages > 1]) == [arch for arch in archs if len(arch.stages) > 1]
    assert list(ArchBatch.concatenate([batch, batch[:1]])) == [*archs, archs[0]]


@settings(max_examples=40, deadline=None, derandomize=True)
@given(networks())
def test_costs_of_a_batch_are_those_of_its_networks(archs: list[Arch]) -> None:
    whole = complexity(ArchBatch.from_archs(archs))
    each = [complexity(arch) for arch in archs]
    for name in ("flops", "params", "acts"):
        assert getattr(whole, name).tolist() == [int(getattr(cost, name)[0]) for cost in each]


def built(arch: Arch) -> tuple[Any, ...]:
    """Everything that sets the module apart: each layer's name and shape."""
    with torch.device("meta"):
        module = build(arch)
    layers = [
        (name, layer.in_channels, layer.out_channels, layer.kernel_size, layer.stride, layer.groups)
        for name, layer in module.named_modules()
        if isinstance(layer, nn.Conv2d)
    ]
    return (arch.resolution, *layers)


@pytest.mark.slow
@settings(max_examples=40, deadline=None, derandomize=True)
@given(networks())
def test_identities_are_equal_where_the_built_modules_are(archs: list[Arch]) -> None:
    rows = [tuple(row) for row in ArchBatch.from_archs(archs).identity().tolist()]
    modules = [built(arch) for arch in archs]
    for i in range(len(archs)):
        for j in range(i):
            assert (rows[i] == rows[j]) == (modules[i] == modules[j]), (archs[i], archs[j])


def test_identity_sees_what_parameters_hide() -> None:
    # a group width above the inner width is cut to it, and bottleneck 2 of 16 channels is not 1 of 8
    width, groups = compatible([16, 16, 16], [1, 1, 2], [16, 64, 8])
    archs = [Arch((Stage(1, int(w), 2, b, int(g)),)) for w, g, b in zip(width, groups, (1.0, 1.0, 2.0), strict=True)]
    rows = ArchBatch.from_archs(archs).identity()
    assert (rows[0] == rows[1]).all()
    assert (rows[0] != rows[2]).any()


def test_parameters_go_with_their_networks() -> None:
    batch = ArchBatch.from_archs([Arch((Stage(d, 8),)) for d in (1, 2, 3)])
    batch = replace(batch, parameters={"depth": np.array([1.0, 2.0, 3.0])})
    assert batch[np.array([2, 0])].parameters["depth"].tolist() == [3.0, 1.0]
    assert ArchBatch.concatenate([batch[:1], batch[1:]]).parameters["depth"].tolist() == [1.0, 2.0, 3.0]


def test_batches_of_unlike_networks_are_refused() -> None:
    x, y = Arch((Stage(1, 8),)), Arch((Stage(1, 8),), "y", se_ratio=0.25)
    deep = Arch((Stage(1, 8), Stage(1, 8)))
    for archs in ([], [x, y], [x, replace(x, num_classes=2)], [x, replace(x, stem=Stem("cifar"))]):
        with pytest.raises(ArchError, match=r"\. (Give|Make)"):
            ArchBatch.from_archs(archs)
    batch = ArchBatch.from_archs([x])
    named = replace(batch, parameters={"depth": np.ones(1)})
    for other in (ArchBatch.from_archs([y]), ArchBatch.from_archs([deep]), named):
        with pytest.raises(ArchError, match="Keep them apart"):
            ArchBatch.concatenate([batch, other])
    with pytest.raises(ArchError, match="Give some"):
        ArchBatch.concatenate([])


def test_columns_of_other_shapes_are_refused() -> None:
    batch = ArchBatch.from_archs([Arch((Stage(1, 8),))] * 2)
    wrong: list[dict[str, Any]] = [
        {"depth": np.ones(2, np.int64)},
        {"width": np.ones((2, 3), np.int64)},
        {"resolution": np.ones(3, np.int64)},
        {"block": "q"},
        {"stem": "none"},
    ]
    for change in wrong:
        with pytest.raises(ArchError):
            replace(batch, **change)
    with pytest.raises(IndexError):
        batch[2]


def test_an_empty_batch_is_a_batch() -> None:
    empty = ArchBatch.from_archs([Arch((Stage(1, 8),))])[:0]
    assert len(empty) == 0
    assert list(empty) == []
    assert complexity(empty).flops.shape == (0,)
    assert len(empty.identity()) == 0
