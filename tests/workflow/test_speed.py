import pytest

from netwright.errors import PopulationError
from netwright.recipe import Recipe
from netwright.space import draw, load_space
from netwright.workflow.speed import measure_speeds

RECIPE = Recipe(batch_size=8).resolve(resolution=8, flip_suits=False, bf16_helps=False)
NETWORKS = list(draw(load_space("regnetx").for_images(8, 10, 1).refine(flops=(0.3e6, 0.6e6)), 3, 0).batch)


@pytest.mark.slow
def test_networks_are_measured_as_far_as_there_is_time():
    [first, *others], start = measure_speeds(NETWORKS, [RECIPE] * 3, workers=1, threads=1, device="cpu", seconds=1e-9)
    assert 0 < first.evaluate < first.train < 1
    assert others == [None, None]
    assert start > 0.1  # torch is imported


@pytest.mark.slow
def test_what_cannot_be_measured_is_an_error_with_a_cure():
    with pytest.raises(PopulationError, match=r"speed of this machine could not be measured: .*Choose a smaller"):
        measure_speeds(NETWORKS, [RECIPE] * 3, workers=1, threads=1, device="nonsense", seconds=1.0)
