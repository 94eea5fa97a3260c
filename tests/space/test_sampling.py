import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from scipy import stats

from netwright.arch import Arch, ArchBatch, complexity
from netwright.errors import SpaceError
from netwright.space import Choice, DesignSpace, LogUniform, Uniform, draw, load_space, sample, space_names
from netwright.space import sampling as module


def rows(batch: ArchBatch) -> list[tuple[int, ...]]:
    return [tuple(row) for row in batch.identity().tolist()]


def small(name: str) -> DesignSpace:
    """A space of the catalog, refined on costs so that every kind of rejection occurs."""
    return load_space(name).refine(flops=(2e8, 2e9), params=(0, 8e6), acts=(0, 9e6))


@pytest.mark.parametrize("name", space_names())
def test_every_network_satisfies_every_constraint(name: str) -> None:
    space = small(name)
    found = draw(space, 60, seed=1)
    batch, cost = found.batch, complexity(found.batch)
    assert len(batch) == 60
    for limit in ("flops", "params", "acts"):
        low, high = space.limits[limit]
        assert ((getattr(cost, limit) >= low) & (getattr(cost, limit) <= high)).all()
    for column, values in batch.parameters.items():
        listed = space.distributions[column].levels()
        assert listed is not None
        assert np.isin(values, listed[0]).all()
    assert set(batch.parameters) == set(space.columns)
    for parameter in space.parameters:
        if parameter.order:
            drawn = np.stack([batch.parameters[column] for column in parameter.columns], axis=1)
            step = np.diff(drawn, axis=1) * (1 if parameter.order == "non_decreasing" else -1)
            assert (step >= 0).all()
    # as networks: Stage refuses groups that do not divide
    setting = space.setting
    for arch in batch:
        assert len(arch.stages) == (space.stages or 4)
        assert [stage.stride for stage in arch.stages] == list(setting.strides)
        assert (arch.block, arch.se_ratio, arch.stem.kind) == (setting.block, setting.se_ratio, setting.stem)


@pytest.mark.parametrize("name", ["anynetx_e", "regnetx"])
def test_the_same_seed_gives_the_same_networks_and_more_the_same_first(name: str) -> None:
    space = small(name)
    first, again, more = sample(space, 40, seed=3), sample(space, 40, seed=3), sample(space, 400, seed=3)
    assert rows(first) == rows(again) == rows(more)[:40]
    for column in space.columns:
        assert_array_equal(first.parameters[column], more.parameters[column][:40])
    assert rows(first) != rows(sample(space, 40, seed=4))


@pytest.mark.slow
@pytest.mark.parametrize("name", space_names())
def test_networks_are_distinct_and_every_draw_is_accounted_for(name: str) -> None:
    space = small(name)
    found = draw(space, 300, seed=0)
    assert len(set(rows(found.batch))) == 300
    counts = dict(found.rejection_counts)
    assert counts["accepted"] == 300
    assert counts.pop("draws") == sum(counts.values())
    limits = {limit for limit in ("num_stages", "flops", "params", "acts") if limit in space.limits}
    orders = {f"{parameter.name} {parameter.order}" for parameter in space.parameters if parameter.order}
    steps = {"every_step"} if space.every_step else set()
    assert set(counts) == limits | orders | steps | {"duplicate", "accepted", "unused"}


@pytest.mark.slow
def test_drawn_before_counts_as_duplicate(tiny: Callable[..., DesignSpace]) -> None:
    space = tiny()
    first = sample(space, 10, seed=0)
    rest = draw(space, 6, seed=0, exclude=first)
    assert not set(rows(first)) & set(rows(rest.batch))
    assert rest.rejection_counts["duplicate"] > 0
    with pytest.raises(SpaceError, match="repeated a network"):
        draw(space, 1, exclude=sample(space, 16))


@pytest.mark.slow
def test_a_small_space_gives_all_its_networks_and_no_more(tiny: Callable[..., DesignSpace]) -> None:
    space = tiny(parameters={"width": [8, 16, 32]}, order={"width": "non_decreasing"})
    assert space.size() == 24
    assert len(set(rows(sample(space, 24)))) == 24
    with pytest.raises(SpaceError, match=r"24 combinations .* fewer than the 25 .* Sample fewer"):
        sample(space, 25)
    # what is drawn is not what is built, where wide groups are cut
    alike = tiny(parameters={"group_width": [8, 16, 32], "width": 8})
    assert alike.size() == 36
    assert len(sample(alike, 4)) == 4
    with pytest.raises(SpaceError, match=r"only 4 of 5 distinct networks .* repeated a network. Sample fewer"):
        sample(alike, 5)


@pytest.mark.parametrize(
    ("limits", "says"),
    [
        (
            {"flops": (1, 10)},
            r"the smallest flops drawn was [\d,]+. Raise the limit on flops, or lower depths and widths",
        ),
        ({"params": (1e9, 2e9)}, r"the largest params drawn was [\d,]+. Lower the limit on params, or raise depths"),
        (
            {"acts": (2_000.5, 2_000.6)},
            r"acts rejected most \([\d,]+\); acts drawn were [\d,]+ to [\d,]+. Widen the limits or the ranges",
        ),
    ],
)
def test_limits_that_nothing_meets(tiny: Callable[..., DesignSpace], limits: dict[str, Any], says: str) -> None:
    with pytest.raises(SpaceError, match=says) as caught:
        sample(tiny(limits=limits), 3)
    assert re.search(r"no network of 'tiny' with .* 0 in 1,\d+,\d+ draws", str(caught.value))


def test_too_few_stages_are_explained() -> None:
    space = load_space("regnetx").refine(depth=(1, 3))
    with pytest.raises(SpaceError, match="num_stages rejected most"):
        sample(space, 1)


@pytest.mark.parametrize(("n", "seed"), [(0, 0), (-1, 0), (3, -1)])
def test_impossible_requests_are_refused(n: int, seed: int) -> None:
    with pytest.raises(SpaceError, match=r"not -?\d"):
        sample(load_space("regnetx"), n, seed)


def test_regnets_of_several_numbers_of_stages_share_a_batch() -> None:
    plain = load_space("regnetx").to_dict() | {"limits": {"num_stages": [1, 6]}}
    batch = sample(DesignSpace.from_dict(plain), 200)
    assert set(batch.num_stages.tolist()) == {1, 2, 3, 4, 5, 6}
    assert all(
        isinstance(arch, Arch) and len(arch.stages) == n for arch, n in zip(batch, batch.num_stages, strict=True)
    )
    assert list(ArchBatch.from_archs(list(batch))) == list(batch)
    assert (batch.stride == 2)[batch.depth > 0].all()


def test_parameters_are_those_of_their_network() -> None:
    batch = sample(load_space("regnetx"), 50)
    assert_array_equal(batch.parameters["depth"], batch.depth.sum(axis=1))
    anynets = sample(load_space("anynetx_c"), 50)
    assert_array_equal(np.stack([anynets.parameters[f"depth_{i}"] for i in range(1, 5)], axis=1), anynets.depth)
    assert_array_equal(anynets.parameters["bottleneck"][:, None].repeat(4, axis=1), anynets.bottleneck)


@pytest.mark.parametrize("order", ["non_decreasing", "non_increasing"])
def test_an_order_conditions_the_draws(tiny: Callable[..., DesignSpace], order: str) -> None:
    distribution = {"log_uniform": [1, 4], "quantum": 1}
    space = tiny(parameters={"depth": distribution}, order={"depth": order})
    batch = module._candidates(space, np.random.default_rng(0), {f"depth {order}": 0}, {})
    assert batch is not None
    values, probabilities = LogUniform(1, 4, 1).levels() or (np.zeros(0), np.zeros(0))
    kept = values[:, None] <= values[None, :] if order == "non_decreasing" else values[:, None] >= values[None, :]
    joint = np.where(kept, np.outer(probabilities, probabilities), 0)
    seen = np.zeros((4, 4))
    np.add.at(seen, (batch.depth[:, 0] - 1, batch.depth[:, 1] - 1), 1)
    assert not seen[~kept].any()
    assert stats.chisquare(seen[kept], len(batch) * joint[kept] / joint.sum()).pvalue > 1e-3


def test_tied_parameters_are_one_draw_and_others_are_not(tiny: Callable[..., DesignSpace]) -> None:
    space = tiny(parameters={"depth": [1, 2, 3]}, tie=["depth"])
    batch = module._candidates(space, np.random.default_rng(0), {}, {})
    assert batch is not None
    assert_array_equal(batch.depth[:, 0], batch.depth[:, 1])
    pairs = np.histogram2d(batch.width[:, 0], batch.width[:, 1], bins=2)[0]
    assert stats.chi2_contingency(pairs).pvalue > 1e-3


def test_continuous_parameters_can_be_drawn() -> None:
    space = (
        load_space("regnetx")
        .with_distribution("wa", Uniform(8, 256))
        .with_distribution("bottleneck", Choice((0.25, 0.5, 1)))
    )
    batch = sample(space, 100)
    assert (batch.parameters["wa"] % 1 != 0).any()
    assert {arch.stages[0].bottleneck for arch in batch} == {0.25, 0.5, 1.0}


def test_torchvision_rounding_makes_networks() -> None:
    for name in ("anynetx_a", "regnety"):
        plain = load_space(name).to_dict() | {"rounding": "torchvision"}
        assert len(list(sample(DesignSpace.from_dict(plain), 300))) == 300
