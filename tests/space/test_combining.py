import pytest

from netwright.errors import SpaceError
from netwright.space import Choice, intersect, load_space, sample, space_difference


def test_a_difference_names_what_changed() -> None:
    d, e = load_space("anynetx_d"), load_space("anynetx_e")
    assert space_difference(d, e) == ["order.depth: (absent) -> 'non_decreasing'"]
    assert space_difference(d, d.refine(name="another")) == []
    assert "parameters.depth.log_uniform: [1, 16] -> [2, 8]" in space_difference(d, d.refine(depth=(2, 8)))


def test_what_is_in_both_is_in_each() -> None:
    c = load_space("anynetx_c").refine(width=(64, 512), flops=(0, 400e6))
    d = load_space("anynetx_d").refine(width=(8, 256), group_width=(8, 32), flops=(200e6, 800e6))
    common = intersect(c, d)
    assert common.limits["flops"] == (200e6, 400e6)
    assert common.distributions["width_1"].bounds == (64, 256)
    assert common.distributions["group_width"].bounds == (8, 32)
    assert {each.name: each.order for each in common.parameters}["width"] == "non_decreasing"
    assert len(sample(common, 20)) == 20
    assert intersect(d, c).size() == common.size()


def test_a_space_with_itself_is_itself() -> None:
    for name in ("anynetx_a", "anynetx_e", "regnetx"):
        space = load_space(name)
        assert intersect(space, space, name=name).to_dict() | {"summary": space.summary} == space.to_dict()


def test_values_that_both_have_are_kept_as_likely_as_in_the_first() -> None:
    a = load_space("anynetx_a").with_distribution("bottleneck", Choice((1, 2, 4), (1, 2, 3)))
    b = load_space("anynetx_a").with_distribution("bottleneck", Choice((1, 4, 8)))
    values, chances = intersect(a, b).distributions["bottleneck_1"].levels()
    assert values.tolist() == [1.0, 4.0]
    assert chances.tolist() == pytest.approx([0.25, 0.75])


def test_nothing_in_both_is_refused() -> None:
    a = load_space("anynetx_a")
    with pytest.raises(SpaceError, match=r"width: no value from"):
        intersect(a.refine(width=(8, 64)), a.refine(width=(128, 512)))
    with pytest.raises(SpaceError, match="flops cannot lie within"):
        intersect(a.refine(flops=(0, 1e8)), a.refine(flops=(2e8, 4e8)))
    up, down = (a.refine(order={"width": order}) for order in ("non_decreasing", "non_increasing"))
    with pytest.raises(SpaceError, match="width is non_decreasing in one space and non_increasing in the other"):
        intersect(up, down)


def test_spaces_of_other_kinds_are_refused() -> None:
    a = load_space("anynetx_a")
    with pytest.raises(SpaceError, match="differ in family"):
        intersect(a, load_space("regnetx"))
    with pytest.raises(SpaceError, match=r"resolution \(224 and 32\)"):
        intersect(a, a.with_setting(resolution=32))
