import re

import pytest

from netwright.arch import ALIASES, NETWORKS, Stem, canonical_name, published
from netwright.errors import ArchError


def test_an_unknown_network_is_refused_with_the_nearest() -> None:
    with pytest.raises(ArchError, match="did you mean 'regnet_x_800mf'"):
        published("regnet_x_80mf")
    with pytest.raises(ArchError, match="these are known"):
        published("vgg")


def test_a_published_network_takes_another_head_stem_and_resolution() -> None:
    arch = published("regnet_y_200mf", num_classes=10, in_channels=1, resolution=32, stem=Stem("cifar", 16))
    assert (arch.num_classes, arch.in_channels, arch.resolution, arch.stem) == (10, 1, 32, Stem("cifar", 16))
    assert (arch.block, arch.name) == ("y", "regnet_y_200mf")


def test_names_of_others_are_ours() -> None:
    for theirs, ours in {
        "regnetx_016": "regnet_x_1_6gf",
        "RegNetX-1.6GF": "regnet_x_1_6gf",
        "RegNetY-200MF": "regnet_y_200mf",
        "regnety_080_tv": "regnet_y_8_0gf_tv",
        "regnety_1280": "regnet_y_128gf",
        "regnetz_040_h": "regnet_z_4_0gf_h",
        "R-56": "resnet56_cifar",
        "V-56": "v56_cifar",
        "X-50-32x4d": "resnext50_32x4d",
        "X-152-32x4d": "resnext152_32x4d",
        "regnet_x_800mf": "regnet_x_800mf",
        "quux": "quux",
    }.items():
        assert canonical_name(theirs) == ours
    assert set(ALIASES.values()) <= set(NETWORKS)
    assert not set(ALIASES) & set(NETWORKS)


@pytest.mark.parametrize("name", NETWORKS)
def test_every_network_is_called_by_its_name(name: str) -> None:
    arch = published(name)
    assert arch.name == name
    small = re.search("cifar", name) is not None
    assert (arch.resolution, arch.num_classes, len(arch.stages)) == ((32, 10, 3) if small else (224, 1000, 4))
