"""RegNets that skip a step of the quantized linear function: kept by default, refused on request, as pycls does."""

import json
import math

import numpy as np
import pytest
from scipy.stats import ks_2samp

from netwright.arch import complexity, regnet
from netwright.errors import SpaceError
from netwright.space import DesignSpace, draw, load_space, sample


def stages_and_steps(depth: int, w0: float, wa: float, wm: float) -> tuple[int, int]:
    """By the paper's equations 2 to 4, block by block."""
    steps = [round(math.log((w0 + wa * block) / w0) / math.log(wm)) for block in range(depth)]
    widths = [max(8, round(w0 * wm**step / 8) * 8) for step in steps]
    return len(set(widths)), max(steps) + 1


def as_pycls_draws(n: int, seed: int) -> np.ndarray:
    """Flops of n RegNets drawn one by one: its ranges, its quantization upward in log space, its rule."""
    rng = np.random.default_rng(seed)

    def log_uniform(low: float, high: float, quantum: float) -> float:
        value = math.exp(rng.uniform(math.log(low - min(quantum, low / 2)), math.log(high)))
        return math.ceil(value / quantum) * quantum

    flops: list[int] = []
    while len(flops) < n:
        depth = int(rng.integers(12, 29))
        w0, wa, wm = log_uniform(8, 256, 8), log_uniform(8, 256, 0.1), log_uniform(2, 3, 0.001)
        groups = int(log_uniform(8, 128, 8))
        stages, steps = stages_and_steps(depth, w0, wa, wm)
        if stages == steps == 4:
            flops.append(complexity(regnet(depth, w0, wa, wm, groups)).flops.item())
    return np.array(flops)


def flops_of(space: DesignSpace, n: int, seed: int) -> np.ndarray:
    return np.asarray(complexity(sample(space, n, seed)).flops)


@pytest.mark.slow
def test_the_sampler_agrees_with_the_rule_of_pycls() -> None:
    space = load_space("regnetx-pycls")
    theirs = as_pycls_draws(3000, seed=1)
    assert ks_2samp(flops_of(space, 3000, seed=0), theirs).pvalue > 0.05
    skipping = DesignSpace.from_dict({key: value for key, value in space.to_dict().items() if key != "every_step"})
    assert ks_2samp(flops_of(skipping, 3000, seed=0), theirs).pvalue < 0.05


def test_the_option_takes_off_what_skips_a_step_and_nothing_else() -> None:
    free = load_space("regnetx")
    strict = DesignSpace.from_dict(free.to_dict() | {"every_step": True})
    both = draw(free, 2000, seed=0).batch
    drawn = zip(*(both.parameters[name].tolist() for name in ("depth", "w0", "wa", "wm")), strict=True)
    kept = [stages == steps for stages, steps in (stages_and_steps(int(d), *rest) for d, *rest in drawn)]
    assert 0.1 < 1 - np.mean(kept) < 0.25
    found = draw(strict, int(np.sum(kept)), seed=0)
    assert [a.to_json() for a in found.batch] == [a.to_json() for a, keep in zip(both, kept, strict=True) if keep]
    assert found.rejection_counts["every_step"] > 0


def test_a_space_without_the_option_is_stored_as_before() -> None:
    assert "every_step" not in load_space("regnetx").to_dict()
    space = load_space("regnetx_pycls")
    assert DesignSpace.from_dict(json.loads(json.dumps(space.to_dict()))) == space
    assert space.refine(depth=(14, 18)).every_step


def test_the_ranges_are_those_of_pycls() -> None:
    levels = {name: each.levels() for name, each in load_space("regnetx_pycls").distributions.items()}
    assert levels["w0"][0][:2].tolist() == [8, 16]
    assert levels["wa"][0][:2].tolist() == [8, 8.1]
    assert levels["wm"][0][[0, 1, -1]].tolist() == [2, 2.001, 3]


def test_only_regnets_have_steps() -> None:
    with pytest.raises(SpaceError, match="only for the family regnet"):
        DesignSpace.from_dict(load_space("anynetx_a").to_dict() | {"every_step": True})
    with pytest.raises(SpaceError, match="every_step is true or false"):
        DesignSpace.from_dict(load_space("regnetx").to_dict() | {"every_step": "yes"})
