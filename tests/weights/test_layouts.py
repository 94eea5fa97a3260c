from typing import Any

import pytest
import torch

from netwright.arch import published
from netwright.errors import WeightsError
from netwright.nn import build
from netwright.weights.layouts import FORMATS, MINDCV, NETWRIGHT, detect_naming
from netwright.weights.names import Naming, rename_from_netwright, rename_to_netwright

EVERY = list(dict.fromkeys(naming for namings in FORMATS.values() for naming in namings))
# as the code bases have them: (their name, ours)
PAIRS = {
    "timm's regnet": [
        ("stem.bn.running_mean", "stem.bn.running_mean"),
        ("s1.b1.downsample.conv.weight", "s1.b1.proj.weight"),
        ("s4.b12.conv3.bn.bias", "s4.b12.f.c_bn.bias"),
        ("s2.b1.se.fc2.bias", "s2.b1.f.se.f_ex.2.bias"),
        ("final_conv.bn.num_batches_tracked", "head.bn.num_batches_tracked"),
    ],
    "torchvision's regnet": [
        ("stem.0.weight", "stem.conv.weight"),
        ("trunk_output.block3.block3-11.f.b.1.running_var", "s3.b12.f.b_bn.running_var"),
        ("trunk_output.block1.block1-0.proj.0.weight", "s1.b1.proj.weight"),
        ("trunk_output.block1.block1-0.f.se.fc1.weight", "s1.b1.f.se.f_ex.0.weight"),
        ("fc.bias", "head.fc.bias"),
    ],
    "timm's and torchvision's resnet": [
        ("conv1.weight", "stem.conv.weight"),
        ("bn1.running_var", "stem.bn.running_var"),
        ("layer2.0.downsample.1.weight", "s2.b1.bn.weight"),
        ("layer4.2.bn3.bias", "s4.b3.f.c_bn.bias"),
        ("layer1.0.conv2.weight", "s1.b1.f.b.weight"),
    ],
    "classy-vision's regnet": [
        ("_feature_blocks.conv1.stem.1.bias", "stem.bn.bias"),
        ("_feature_blocks.res2.block1-0.proj.weight", "s1.b1.proj.weight"),
        ("_feature_blocks.res5.block4-6.f.se.excitation.2.bias", "s4.b7.f.se.f_ex.2.bias"),
        ("_feature_blocks.res3.block2-1.f.final_bn.weight", "s2.b2.f.c_bn.weight"),
    ],
    "MindCV's regnet": [
        ("0.blocks.0.bn.gamma", "s1.b1.bn.weight"),
        ("0.blocks.2.blocks.3.f.se.conv_reduce.bias", "s3.b4.f.se.f_ex.0.bias"),
        ("0.blocks.1.a_bn.moving_variance", "s1.b2.a_bn.running_var"),
    ],
    "MindCV's resnet": [
        ("classifier.weight", "head.fc.weight"),
        ("layer1.0.down_sample.1.gamma", "s1.b1.bn.weight"),
    ],
    "netwright": [("head.conv.weight", "head.conv.weight"), ("s1.b1.a_bn.bias", "s1.b1.a_bn.bias")],
}


def test_there_are_pairs_of_every_table():
    assert {naming.label for naming in EVERY} == set(PAIRS)


@pytest.mark.parametrize("naming", EVERY, ids=lambda naming: naming.label)
def test_names_are_those_of_the_code_base(naming: Naming):
    for theirs, ours in PAIRS[naming.label]:
        assert naming.to_netwright(theirs) == ours
        assert naming.from_netwright(ours) == theirs


@pytest.mark.parametrize("naming", EVERY, ids=lambda naming: naming.label)
def test_every_name_of_a_network_goes_and_comes(naming: Naming):
    name = "resnet50" if "resnet" in naming.label else "regnet_y_200mf"
    with torch.device("meta"):
        state = build(published(name)).state_dict()
    theirs = rename_from_netwright(state, naming)
    assert len(theirs) == len(state)
    assert list(rename_to_netwright(theirs, naming, "a")) == list(state)
    if naming is not NETWRIGHT:
        assert not set(theirs) & {key for key in state if key.startswith("s1.")}
    # and it is told by its names alone, but for those that two share
    assert detect_naming(theirs, "a")[1] is naming


@pytest.mark.parametrize(
    "name",
    [
        "layer1.0.se.fc1.weight",  # of a ResNet with squeeze-and-excitation, which is another network
        "layer1.0.conv1.gamma",
        "layer01.0.conv1.weight",
        "layer1.0.conv1.weight.extra",
        "xlayer1.0.conv1.weight",
        "conv1.running_mean",
        "conv1",
        "",
    ],
)
def test_a_name_that_a_table_lacks_stays(name: str):
    naming = FORMATS["timm"][1]
    assert naming.to_netwright(name) == name
    assert naming.from_netwright(name) == ""


def test_numbers_that_contradict_each_other_are_no_name():
    naming = FORMATS["torchvision"][0]
    for name in ("trunk_output.block1.block2-0.proj.0.weight", "trunk_output.block1.block1-00.proj.0.weight"):
        assert naming.to_netwright(name) == name
    name = "_feature_blocks.res3.block1-0.proj.weight"  # res3 is the second stage
    assert FORMATS["classy"][0].to_netwright(name) == name


def test_what_a_code_base_cannot_name_is_listed():
    state = dict.fromkeys(["s1.b1.a.weight", *(f"s1.b{i}.odd.weight" for i in range(1, 7))], 0)
    with pytest.raises(WeightsError) as caught:
        rename_from_netwright(state, FORMATS["timm"][0])
    said = (
        "timm's regnet has no name for s1.b1.a.weight, s1.b1.odd.weight, s1.b2.odd.weight, s1.b3.odd.weight and 3 more"
    )
    assert str(caught.value).startswith(said)


def test_two_of_theirs_that_are_one_of_ours_are_said():
    state = {"stages.0.blocks.0.bn.gamma": 1, "0.blocks.0.bn.gamma": 2}
    with pytest.raises(
        WeightsError, match=r"a has two entries for s1.b1.bn.weight: stages.* and 0.blocks.* Remove one"
    ):
        rename_to_netwright(state, MINDCV, "a")


def test_formats_are_told_by_names_by_nesting_or_by_the_user(small: Any):
    ours = list(build(small).state_dict())
    assert detect_naming(ours, "a")[0] == "netwright"
    assert detect_naming(ours, "a", likely="pycls")[0] == "pycls"
    assert detect_naming(ours, "a", format="pycls")[0] == "pycls"
    resnet = list(rename_from_netwright(build(published("resnet18")).state_dict(), FORMATS["timm"][1]))
    assert [detect_naming(resnet, "a", format=each)[0] for each in ("", "timm")] == ["torchvision", "timm"]
    assert detect_naming(["what", "ever"], "a")[0] == ""
    assert detect_naming(["what", "ever"], "a", format="timm") == ("timm", FORMATS["timm"][0])
    with pytest.raises(WeightsError, match=r"names in a are those of netwright, not of the format 'timm'.*'netwright'"):
        detect_naming(ours, "a", format="timm")
    with pytest.raises(WeightsError, match=r"one of netwright, torchvision, .*, not 'keras'"):
        detect_naming(ours, "a", format="keras")
