import pytest
import torch

from netwright.arch import PUBLISHED, complexity, published
from netwright.bench import Contender, build_contender, contenders, rival_name
from netwright.errors import ArchError


@pytest.mark.parametrize(
    ("name", "timm", "torchvision"),
    [
        ("regnet_x_200mf", "regnetx_002", None),
        ("regnet_x_800mf", "regnetx_008", "regnet_x_800mf"),
        ("regnet_x_1_6gf", "regnetx_016", "regnet_x_1_6gf"),
        ("regnet_x_4_0gf", "regnetx_040", None),
        ("regnet_x_8_0gf", "regnetx_080", "regnet_x_8gf"),
        ("regnet_x_400mf", "regnetx_004", None),  # torchvision rounds otherwise
        ("regnet_x_400mf_tv", "regnetx_004_tv", "regnet_x_400mf"),
        ("regnet_z_500mf", "regnetz_005", None),
        ("resnet50", "resnet50", "resnet50"),
        ("v56_cifar", None, None),
        ("regnet_y_16gf", "regnety_160", "regnet_y_16gf"),
        ("regnet_y_32gf", "regnety_320", "regnet_y_32gf"),
    ],
)
def test_the_names_of_other_libraries(name: str, timm: str | None, torchvision: str | None) -> None:
    assert (rival_name(name, "timm"), rival_name(name, "torchvision")) == (timm, torchvision)


def test_timm_has_all_of_the_published_networks() -> None:
    assert all(rival_name(name, "timm") for name in PUBLISHED)


@pytest.mark.parametrize(
    ("name", "libraries"),
    # torchvision's regnet_x_400mf is wider than the published one
    [("regnet_x_400mf", ["timm"]), ("regnet_y_400mf", ["timm", "torchvision"]), ("regnet_x_800mf", ["torchvision"])],
)
def test_rivals_are_the_same_network(name: str, libraries: list[str]) -> None:
    ours = build_contender(name, 32)
    assert ours.flops == int(complexity(published(name, resolution=32)).flops[0])
    for library in libraries:
        own_name = build_contender(f"{library}:{rival_name(name, library)}", 32)
        assert (own_name.params, own_name.shape, own_name.classes) == (ours.params, ours.shape, ours.classes)
        # ours counts the biases of the linear layer and of squeeze-and-excitation too
        assert 0 <= ours.flops - own_name.flops < 0.002 * ours.flops


def test_each_is_followed_by_its_rivals() -> None:
    found, notices = contenders(["regnet_x_200mf", "regnet_x_800mf"], ["timm", "torchvision"])
    assert found == (
        Contender("regnet_x_200mf"),
        Contender("timm:regnetx_002", "regnet_x_200mf"),
        Contender("regnet_x_800mf"),
        Contender("timm:regnetx_008", "regnet_x_800mf"),
        Contender("torchvision:regnet_x_800mf", "regnet_x_800mf"),
    )
    assert notices == ("torchvision has no regnet_x_200mf",)
    assert [each.package for each in found] == ["netwright", "timm", "netwright", "timm", "torchvision"]


def test_what_is_named_twice_is_measured_once() -> None:
    found, _ = contenders(["timm:regnetx_002", "regnet_x_200mf", "regnet_x_200mf"])
    assert [each.name for each in found] == ["timm:regnetx_002", "regnet_x_200mf"]
    with pytest.raises(ArchError, match="only published networks are in other libraries too"):
        contenders(["timm:regnetx_002"], ["timm"])


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("regnet_x_20mf", "no network is called 'regnet_x_20mf': nearest: regnet_x_200mf"),
        ("timm:regnetx_0022", "no network is called 'timm:regnetx_0022': nearest: timm:regnetx_002"),
        ("torchvision:regnet_x_200mf", "nearest: torchvision:regnet_x_8"),
        ("timm:!!", "no name is similar. Give a published name"),
        ("nowhere/network.yaml", "no network is called 'nowhere/network.yaml'"),
    ],
)
def test_unknown_names_are_refused_with_the_nearest(name: str, says: str) -> None:
    with pytest.raises(ArchError, match=says):
        contenders([name])
    with pytest.raises(ArchError, match=says):
        build_contender(name)


def test_other_libraries_than_these_are_refused() -> None:
    with pytest.raises(ArchError, match="against timm and torchvision, not 'keras'"):
        contenders(["regnet_x_200mf"], ["keras"])


def test_a_network_file_has_its_own_size(tiny_yaml: str) -> None:
    network = build_contender(tiny_yaml)
    assert (network.shape, network.classes) == ((1, 8, 8), 5)
    assert build_contender(tiny_yaml, 16).shape == (1, 16, 16)
    assert build_contender(tiny_yaml, 16).flops > 2 * network.flops


def test_weights_depend_on_the_seed(tiny_yaml: str) -> None:
    first, again, other = (build_contender(tiny_yaml, seed=seed).module.state_dict() for seed in (1, 1, 2))
    assert all(torch.equal(value, again[name]) for name, value in first.items())
    assert not torch.equal(first["stem.conv.weight"], other["stem.conv.weight"])
