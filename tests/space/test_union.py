"""Unions of spaces: sampling, size, membership, files."""

from pathlib import Path

import numpy as np
import pytest
import yaml

from netwright.arch import complexity
from netwright.errors import SpaceError
from netwright.space import (
    Choice,
    DesignSpace,
    UnionSpace,
    contains,
    draw,
    intersect,
    load_space,
    sample,
    space_difference,
    union,
)

D, E, R = (load_space(name) for name in ("anynetx_d", "anynetx_e", "regnetx"))


@pytest.mark.slow
def test_networks_are_drawn_as_often_as_the_weights_say() -> None:
    both = union(D.refine(flops=(360e6, 400e6)), R.refine(flops=(360e6, 400e6)), weights=[3, 1])
    found = draw(both, 2000, seed=1)
    of_d = float((found.batch.parameters["space"] == "anynetx_d").mean())
    assert of_d == pytest.approx(0.75, abs=4 * np.sqrt(0.75 * 0.25 / 2000))  # though D's draws are rejected more often
    counts = dict(found.rejection_counts)
    assert counts.pop("draws") == sum(counts.values())
    assert counts["accepted"] == 2000 == len(np.unique(found.batch.identity(), axis=0))


def test_a_larger_sample_begins_with_the_smaller_one_and_excludes_what_was_drawn() -> None:
    both = union(E, R)
    few, many = sample(both, 30, seed=2), sample(both, 90, seed=2)
    assert list(few) == list(many)[:30]
    fresh = draw(both, 30, 2, exclude=few).batch
    assert not {str(arch.to_dict()) for arch in few} & {str(arch.to_dict()) for arch in fresh}
    assert list(sample(both, 30, seed=3)) != list(few)


@pytest.mark.slow
def test_networks_may_be_of_different_blocks_and_stems() -> None:
    mixed = union(R, load_space("regnety"), D.with_setting(stem="imagenet", resolution=[96, 128]))
    batch = sample(mixed, 40)
    assert {arch.block for arch in batch} == {"x", "y"}
    assert {arch.stem.kind for arch in batch} == {"simple", "imagenet"}
    assert {arch.resolution for arch in batch} == {96, 128, 224}
    assert [int(complexity(arch).flops[0]) for arch in batch] == complexity(batch).flops.tolist()
    for name, arch in list(zip(batch.parameters["space"], batch, strict=True))[:8]:
        assert mixed.member_of(str(name)).contains(arch)


def test_a_network_of_two_members_counts_once() -> None:
    tiny = E.refine(depth=(1, 2), width=(8, 16), bottleneck=1, group_width=8)
    twice = union(tiny, tiny)
    assert [each.name for each in twice.members] == ["anynetx_e", "anynetx_e_2"]
    assert twice.size() == tiny.size() == 25
    batch = draw(twice, 20, seed=0).batch
    assert len(np.unique(batch.identity(), axis=0)) == 20
    with pytest.raises(SpaceError, match="has 25 combinations of parameters, fewer than the 26"):
        sample(twice, 26)


def test_size_counts_what_members_have_in_common_once() -> None:
    narrow, wide = D.refine(width=(8, 512)), D.refine(width=(256, 1024))
    assert union(narrow, wide).size() == narrow.size() + wide.size() - intersect(narrow, wide).size()
    assert union(D, E).size() == D.size()  # E is a part of D
    assert union(D, R).size() == D.size() + R.size()
    falling = load_space("anynetx_c").refine(order={"width": "non_increasing"})
    tied = load_space("anynetx_c").refine(tie=["width"])
    assert union(D, falling).size() == D.size() + falling.size() - tied.size()


@pytest.mark.parametrize("name", ["anynetx_a", "anynetx_e", "regnetx", "nds_resnext_a", "anynetv_d", "anynety_c"])
def test_a_space_contains_what_it_draws(name: str) -> None:
    space = load_space(name)
    for arch in sample(space, 4, seed=5):
        assert contains(space, arch)
        assert not space.refine(flops=(0, 1)).contains(arch)
        assert not space.with_setting(resolution=100).contains(arch)


@pytest.mark.slow
def test_a_space_contains_nothing_else() -> None:
    rising = list(sample(load_space("anynetx_c"), 60, seed=1))
    for arch in rising:
        widths = [stage.width for stage in arch.stages]
        if widths == sorted(widths):
            continue
        assert not D.contains(arch) or max(np.abs(np.diff(widths))) <= 16  # rounding may reorder neighbors
    assert not R.contains(rising[0])
    assert sum(D.contains(arch) for arch in rising) < 30
    assert union(R, load_space("anynetx_c")).contains(rising[0])


def test_what_cannot_be_looked_through_is_refused() -> None:
    arch = sample(R, 1)[0]
    with pytest.raises(SpaceError, match="combinations to look through"):
        load_space("regnetx_pycls").with_setting(strides=(2, 2, 2, 2)).refine(depth=(1, 28)).contains(
            sample(load_space("regnetx_pycls"), 1)[0]
        )
    from netwright.space import Uniform

    with pytest.raises(SpaceError, match="wa of 'regnetx' is continuous"):
        R.with_distribution("wa", Uniform(4, 256)).contains(arch)


def test_a_union_is_narrowed_in_each_member() -> None:
    both = union(D, R, weights=[2, 1])
    narrowed = both.refine(bottleneck=1, depth=(4, 16), flops=(1e8, 2e8), num_stages=4)
    assert isinstance(narrowed, UnionSpace)
    assert narrowed.members[1].distributions["depth"].bounds == (4, 16)
    assert all(each.limits["flops"] == (1e8, 2e8) for each in narrowed.members)
    assert narrowed.weights == both.weights
    only = both.refine(w0=(8, 16), depth=(30, 64))  # no AnyNet-D has a stage of 30 blocks
    assert [each.name for each in only.members] == ["regnetx"]
    with pytest.raises(SpaceError, match="no space of 'anynetx_d or regnetx' has the parameter 'dept'"):
        both.refine(dept=3)
    assert both.distributions["bottleneck"] == Choice((1, 2, 4))
    assert both.distributions["depth"].bounds == (1, 64)


def test_files_and_dicts_have_unions(tmp_path: Path) -> None:
    path = tmp_path / "both.yaml"
    path.write_text("union: [anynetx_d, {space: regnetx, weight: 2}]\nlimits: {flops: 360M:400M}\n")
    found = load_space(path)
    assert isinstance(found, UnionSpace)
    assert (found.name, found.weights) == ("both", (1.0, 2.0))
    assert found.members[0].limits["flops"] == (360e6, 400e6)
    assert DesignSpace.from_dict(found.to_dict()) == found
    nested = tmp_path / "three.yaml"
    nested.write_text(yaml.safe_dump({"union": ["both.yaml", "anynetx_e"]}))
    assert load_space(nested).shares == pytest.approx((1 / 6, 1 / 3, 1 / 2))
    assert space_difference(found, load_space(nested))
    assert "a union, from which networks are drawn as often as anynetx_d 33%, regnetx 67%" in found._repr_html_()


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("union: regnetx", "a union is a list of spaces, not 'regnetx'"),
        ("union: [regnetx]\nstages: 4", "line 2: unknown key of a union 'stages'"),
        ("union: [regnetx, {space: anynetx_a, weight: 0}]", "a weight above 0 for each"),
        ("union: [regnetx, {space: anynetx_a, weight: much}]", "weight of a space in a union is a number, not 'much'"),
        ("union: [regnetx, {spaces: anynetx_a}]", "has the keys space and weight"),
        ("union: [regnetx, regnetq]", "line 1: union: no design space is called 'regnetq'"),
        ("union: [anynetx_a, anynetx_b]\nlimits: {flop: 1M}", "line 2: unknown limit 'flop'"),
    ],
)
def test_bad_unions_are_refused(tmp_path: Path, text: str, part: str) -> None:
    path = tmp_path / "bad.yaml"
    path.write_text(text)
    with pytest.raises(SpaceError, match=r"bad\.yaml") as error:
        load_space(path)
    assert part in str(error.value)


@pytest.mark.slow
def test_spaces_that_cannot_be_one_are_refused() -> None:
    with pytest.raises(SpaceError, match="same num_classes and in_channels"):
        union(D, R.with_setting(num_classes=10))
    with pytest.raises(SpaceError, match="2 spaces or more"):
        union(D)
    with pytest.raises(SpaceError, match="a weight above 0"):
        union(D, R, weights=[1, -1])
    with pytest.raises(SpaceError, match=r"draws 50% of its networks from 'regnetx', \d+ of these"):
        sample(union(D, R.refine(flops=(1, 2))), 4)


def test_a_trial_of_optuna_draws_from_a_union() -> None:
    import optuna

    both = union(E, R)
    trial = optuna.trial.FixedTrial(
        {
            "space": "regnetx",
            "regnetx.depth": 16,
            "regnetx.w0": 24,
            "regnetx.wa": 24,
            "regnetx.wm": 2.5,
            "regnetx.bottleneck": 1.0,
            "regnetx.group_width": 16.0,
        }
    )
    found = both.suggest(trial)
    assert found.parameters["space"] == "regnetx"
    assert found.arch.depth == 16
