import math
from itertools import groupby

import numpy as np
import pytest

from netwright.arch import (
    BLOCKS,
    Stage,
    block_widths,
    fit_widths,
    regnet,
    stages_of,
)
from netwright.errors import ArchError


def scalar_widths(depth: int, w0: float, wa: float, wm: float) -> list[int]:
    """One block after the other, by the definition (DDS, equations 2 to 4)."""
    widths = []
    for j in range(depth):
        s = math.log((w0 + wa * j) / w0) / math.log(wm)
        widths.append(max(8, round(w0 * wm ** round(s) / 8) * 8))
    return widths


def draws(n: int) -> tuple[np.ndarray, ...]:
    rng = np.random.default_rng(0)
    wm = np.exp(rng.uniform(math.log(1.5), math.log(3), n))
    return rng.integers(1, 65, n), rng.integers(1, 65, n) * 4.0, rng.integers(0, 65, n) * 4.0, wm


def test_block_widths_are_the_definition() -> None:
    depth, w0, wa, wm = draws(4000)
    widths = block_widths(depth, w0, wa, wm)
    assert widths.shape == (4000, depth.max())
    for i in range(4000):
        expected = scalar_widths(int(depth[i]), float(w0[i]), float(wa[i]), float(wm[i]))
        assert widths[i, : depth[i]].tolist() == expected
        assert not widths[i, depth[i] :].any()


def test_stages_are_the_runs_of_equal_width() -> None:
    widths = block_widths(*draws(4000))
    depths, of_stage = stages_of(widths)
    for row, d, w in zip(widths, depths, of_stage, strict=True):
        runs = [(len(list(run)), width) for width, run in groupby(row[row > 0].tolist())]
        assert list(zip(d[d > 0].tolist(), w[w > 0].tolist(), strict=True)) == runs


def test_stages_of_nothing() -> None:
    depth, width = stages_of(np.zeros((0, 5), np.int64))
    assert (len(depth), len(width)) == (0, 0)


def test_one_network_of_parameters() -> None:
    arch = regnet(16, 56, 35.73, 2.28, 16, block="y", num_classes=7, name="mine")
    assert [stage.width for stage in arch.stages] == [64, 128, 288, 672]
    assert (arch.se_ratio, arch.num_classes, arch.name) == (0.25, 7, "mine")
    narrow = regnet(16, 56, 35.73, 2.28, 16, bottleneck=4.0)
    assert all(stage.inner_width * 4 == stage.width for stage in narrow.stages)
    flat = regnet(5, 64, 0, 2, 8)
    assert flat.stages == (Stage(5, 64, 2, 1.0, 8),)


@pytest.mark.parametrize("block", BLOCKS)
def test_a_regnet_of_any_block(block: str) -> None:
    family = BLOCKS[block]
    bottleneck = {"r": 2.0, "z": 0.25}.get(block, 1.0)
    arch = regnet(16, 48, 27.89, 2.09, 8 if family.is_grouped else 0, bottleneck, block=block, head_width=96)
    assert [stage.depth for stage in arch.stages] == [1, 3, 6, 6]
    assert [stage.width for stage in arch.stages] == [48, 104, 208, 440]
    assert all(stage.groups == 1 for stage in arch.stages) != family.is_grouped
    assert (arch.family, arch.se_ratio, arch.num_features) == (family, family.se_ratio, 96)
    assert fit_widths([arch.block_widths]).e_fit[0] < 0.06


@pytest.mark.parametrize("wrong", [(0, 8, 8, 2), (4, 0, 8, 2), (4, 8, -1, 2), (4, 8, 8, 1), (4, 8, 8, math.nan)])
def test_impossible_parameters_are_refused(wrong: tuple[float, ...]) -> None:
    with pytest.raises(ArchError, match="wm > 1"):
        block_widths(*wrong)
    with pytest.raises(ArchError):
        regnet(8, 8, 8, 2, 8, rule="timm")
