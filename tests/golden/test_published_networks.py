"""The 24 published RegNets, to the last digit. Source: the model zoo of pycls (DDS, arXiv 2003.13678)."""

import pytest

from netwright.arch import PUBLISHED, Stem, complexity, published

# name -> (flops, params, acts)
ZOO = {
    "regnet_x_200mf": (199040872, 2684792, 2164056),
    "regnet_x_400mf": (397678568, 5157512, 3143272),
    "regnet_x_600mf": (600891112, 6196040, 3975096),
    "regnet_x_800mf": (799700712, 7259656, 5148744),
    "regnet_x_1_6gf": (1602850792, 9190136, 7933512),
    "regnet_x_3_2gf": (3176622952, 15296552, 11367432),
    "regnet_x_4_0gf": (3964499816, 22118248, 12201608),
    "regnet_x_6_4gf": (6460292264, 26209256, 16369744),
    "regnet_x_8_0gf": (7995133416, 39572648, 14059688),
    "regnet_x_12gf": (12086679016, 46106056, 21366568),
    "regnet_x_16gf": (15940756456, 54278536, 25515496),
    "regnet_x_32gf": (31735930792, 107811560, 36302160),
    "regnet_y_200mf": (199519076, 3162996, 2168052),
    "regnet_y_400mf": (401849056, 4344144, 3892496),
    "regnet_y_600mf": (601227608, 6055160, 4334296),
    "regnet_y_800mf": (797183328, 6263168, 5249888),
    "regnet_y_1_6gf": (1612087326, 11202430, 8044814),
    "regnet_y_3_2gf": (3176496162, 19436338, 11263418),
    "regnet_y_4_0gf": (3973301344, 20646656, 12287200),
    "regnet_y_6_4gf": (6355221876, 30583252, 16407188),
    "regnet_y_8_0gf": (7963074196, 39180068, 17968916),
    "regnet_y_12gf": (12092395504, 51822544, 21384496),
    "regnet_y_16gf": (15911534044, 83590140, 23041228),
    "regnet_y_32gf": (32279583362, 145046770, 30261570),
}

# name -> (depths, widths); DDS, appendix
STAGES = {
    "regnet_x_200mf": ((1, 1, 4, 7), (24, 56, 152, 368)),
    "regnet_x_800mf": ((1, 3, 7, 5), (64, 128, 288, 672)),
    "regnet_y_400mf": ((1, 3, 6, 6), (48, 104, 208, 440)),
    "regnet_x_32gf": ((2, 7, 13, 1), (336, 672, 1344, 2520)),
}


def test_every_published_network_is_here() -> None:
    assert set(PUBLISHED) == set(ZOO)


@pytest.mark.parametrize("name", ZOO)
def test_complexity_is_the_published_one(name: str) -> None:
    cost = complexity(published(name))
    assert (int(cost.flops[0]), int(cost.params[0]), int(cost.acts[0])) == ZOO[name]


@pytest.mark.parametrize("name", STAGES)
def test_stages_are_the_published_ones(name: str) -> None:
    arch = published(name)
    assert tuple(stage.depth for stage in arch.stages) == STAGES[name][0]
    assert tuple(stage.width for stage in arch.stages) == STAGES[name][1]
    assert arch.stem == Stem("simple", 32)
    assert {stage.stride for stage in arch.stages} == {2}


def test_channels_and_classes_change_only_stem_and_head() -> None:
    usual, small = complexity(published("regnet_x_200mf")), complexity(published("regnet_x_200mf", num_classes=10))
    assert usual.params[0] - small.params[0] == 990 * 369
    grey = complexity(published("regnet_x_200mf", in_channels=1))
    assert usual.params[0] - grey.params[0] == 2 * 9 * 32
