from dataclasses import replace

import numpy as np
import pytest

from netwright.arch import Arch, ArchBatch, Stage, complexity, published
from netwright.space import load_space, sample, space_names
from netwright.timing.features import FEATURES, work_of

UNITS = np.array([10, 3e6, 3e6, 3e6, 1e5, 1e5, 1e5, 3e5, 3e4])


def counts(batch: ArchBatch) -> dict[str, np.ndarray]:
    """Kind of work -> (n,) in its own unit."""
    return dict(zip(FEATURES, (work_of(batch) * UNITS).T, strict=True))


@pytest.mark.parametrize("name", [name for name in space_names() if name.endswith(("_a", "regnetx", "regnetz"))][:4])
def test_flops_are_shared_out_among_the_kinds(name):
    batch = sample(load_space(name), 50, seed=2)
    found, cost = counts(batch), complexity(batch)
    flops = found["dense flops"] + found["grouped flops"] + found["odd grouped flops"] + 9 * found["depthwise outputs"]
    assert np.allclose(flops, cost.flops)
    assert np.allclose(found["acts"], cost.acts)
    assert np.allclose(found["params"], cost.params)
    assert (found["blocks"] == batch.depth.sum(axis=1)).all()
    assert (work_of(batch) >= 0).all()


def test_groups_are_told_apart_by_what_kernels_there_are_for_them():
    def of(group_width: int) -> dict[str, float]:
        arch = Arch((Stage(3, 64, group_width=group_width),), resolution=32, num_classes=10)
        return {name: float(values[0]) for name, values in counts(ArchBatch.from_archs([arch])).items()}

    grouped = 3 * 64 * 8 * 8 * 9.0  # blocks, channels, pixels, kernel
    assert of(16)["grouped flops"] == pytest.approx(16 * grouped)
    assert of(8)["odd grouped flops"] == pytest.approx(8 * grouped)
    assert of(1)["depthwise outputs"] == pytest.approx(grouped / 9)
    assert of(64)["grouped flops"] == of(64)["odd grouped flops"] == of(64)["narrow outputs"] == 0
    assert of(8)["narrow outputs"] == pytest.approx(grouped / 9 / 8)


def test_absent_stages_change_nothing():
    arch = published("regnet_x_200mf")
    other = replace(arch, stages=arch.stages[:2])
    both, alone = ArchBatch.from_archs([arch, other]), ArchBatch.from_archs([other])
    assert np.allclose(work_of(both)[1], work_of(alone)[0])
