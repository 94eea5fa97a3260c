import pytest

from netwright.space import load_space
from netwright.space.limits_at import scaled_limits, without_limits

FITTED = load_space("regnetx").for_images(64, 5, 3).refine(flops=(2e6, 4e6), acts=(0, 8e4), params=(0, 1e5))


@pytest.mark.parametrize("resolution", [32, 64, 128])
def test_costs_by_pixels_grow_with_them(resolution):
    limits, scale = scaled_limits(FITTED, resolution).limits, (resolution / 64) ** 2
    assert limits["flops"] == (2e6 * scale, 4e6 * scale)
    assert limits["acts"] == (0, 8e4 * scale)
    assert limits["params"] == (0, 1e5)
    assert limits["num_stages"] == FITTED.limits["num_stages"]


def test_a_space_of_no_certain_images_keeps_its_limits():
    space = load_space("regnetx").refine(flops=(2e6, 4e6))
    assert scaled_limits(space, 64) is space


def test_a_limit_that_is_given_replaces_its_own():
    space = without_limits(FITTED, {"flops": (1e6, 9e6)}).refine(flops=(1e6, 9e6))
    assert space.limits["flops"] == (1e6, 9e6)
    assert space.limits["acts"] == (0, 8e4)
