from dataclasses import replace
from typing import Any

import pytest
import yaml

from netwright.arch import Arch, Stem, published
from netwright.data.preprocess import Preprocessing
from netwright.errors import WeightsError
from netwright.weights.pycls_config import CIFAR_SEEN, arch_of_config, pycls_config, sees_rgb


def test_a_network_is_described_as_pycls_reads_it():
    plain = yaml.safe_load(pycls_config(published("regnet_y_200mf", num_classes=7)))
    assert plain["MODEL"] == {"TYPE": "anynet", "NUM_CLASSES": 7, "ACTIVATION_FUN": "relu"}
    assert plain["ANYNET"] == {
        "STEM_TYPE": "simple_stem_in",
        "STEM_W": 32,
        "BLOCK_TYPE": "res_bottleneck_block",
        "DEPTHS": [1, 1, 4, 7],
        "WIDTHS": [24, 56, 152, 368],
        "STRIDES": [2, 2, 2, 2],
        "HEAD_W": 0,
        "BOT_MULS": [1.0] * 4,
        "GROUP_WS": [8] * 4,
        "SE_ON": True,
        "SE_R": 0.25,
    }
    assert plain["TRAIN"] == {"DATASET": "imagenet", "IM_SIZE": 224}


@pytest.mark.parametrize(
    ("name", "stem", "block", "rgb"),
    [
        ("resnet50", "res_stem_in", "res_bottleneck_block", False),
        ("resnet56_cifar", "res_stem_cifar", "res_basic_block", True),
        ("v56_cifar", "res_stem_cifar", "vanilla_block", True),
        ("regnet_z_500mf", "simple_stem_in", "res_bottleneck_linear_block", False),
    ],
)
def test_every_family_has_its_words(name: str, stem: str, block: str, rgb: bool):
    arch: Arch = published(name)
    text = pycls_config(arch)
    plain = yaml.safe_load(text)
    assert (plain["ANYNET"]["STEM_TYPE"], plain["ANYNET"]["BLOCK_TYPE"]) == (stem, block)
    assert sees_rgb(text) is rgb
    assert plain["MODEL"]["ACTIVATION_FUN"] == ("silu" if arch.block == "z" else "relu")
    if arch.family.is_bottleneck:
        assert plain["ANYNET"]["BOT_MULS"][0] == 1 / arch.stages[0].bottleneck


def test_images_of_cifar_are_whole():
    assert Preprocessing.from_dict(CIFAR_SEEN).resize_size == 32


SHOWN = published("regnet_y_200mf", num_classes=7)


def strided(arch: Arch, *strides: int) -> Arch:
    stages = tuple(replace(stage, stride=stride) for stage, stride in zip(arch.stages, strides, strict=True))
    return replace(arch, stages=stages, name="")


@pytest.mark.parametrize("stem", ["simple", "cifar"])
def test_a_configuration_tells_what_shapes_do_not(stem: str):
    arch = replace(strided(SHOWN, 1, 2, 1, 2), stem=Stem(stem, 32), resolution=96)
    assert arch_of_config(pycls_config(arch), SHOWN, "a.pyth") == arch
    assert arch_of_config(pycls_config(SHOWN), strided(SHOWN, 1, 1, 1, 1), "a.pyth") == replace(SHOWN, name="")


def regnet_cfg(**network: Any) -> str:
    """As pycls itself dumps the configuration of a RegNet."""
    parts = {"MODEL": {"TYPE": "regnet", "NUM_CLASSES": 7}, "REGNET": {"STEM_W": 32, "SE_ON": True, **network}}
    return yaml.safe_dump({**parts, "TRAIN": {"DATASET": "imagenet", "IM_SIZE": 224}})


def test_the_configuration_of_a_regnet_is_obeyed():
    assert arch_of_config(regnet_cfg(STRIDE=2), SHOWN, "a.pyth") == SHOWN
    slow = arch_of_config(regnet_cfg(STRIDE=1, STEM_TYPE="res_stem_cifar"), SHOWN, "a.pyth")
    assert slow == replace(strided(SHOWN, 1, 1, 1, 1), stem=Stem("cifar", 32))


@pytest.mark.parametrize("text", [None, 3, "", "[", "a: *b", "MODEL: 3", "MODEL: {TYPE: effnet}", "MODEL: {TYPE: [1]}"])
def test_what_is_no_configuration_of_such_a_network_is_passed_over(text: object):
    assert arch_of_config(text, SHOWN, "a.pyth") is None


def test_what_would_give_other_outputs_is_refused():
    for text, said in (
        (regnet_cfg(STEM_TYPE="deep"), "the stem 'deep'"),
        (yaml.safe_dump({"MODEL": {"TYPE": "anynet"}, "ANYNET": {"STRIDES": [2, 2]}}), r"the strides \[2, 2\]"),
        (yaml.safe_dump({"MODEL": {"TYPE": "anynet"}, "ANYNET": {"STRIDES": [2, 2, 2, 0]}}), "does not describe"),
        (regnet_cfg().replace("TYPE: regnet", "TYPE: regnet\n  ACTIVATION_FUN: swish"), "the activation 'swish'"),
    ):
        with pytest.raises(WeightsError, match=said):
            arch_of_config(text, SHOWN, "a.pyth")
    resnet = yaml.safe_dump({"MODEL": {"TYPE": "resnet"}, "RESNET": {"STRIDE_1X1": True}})
    with pytest.raises(WeightsError, match="strides in 1x1 convolutions"):
        arch_of_config(resnet, published("resnet50"), "a.pyth")
    assert arch_of_config(resnet, published("resnet18"), "a.pyth") is None
    usual = resnet.replace("true", "false")
    assert arch_of_config(usual, published("resnet50"), "a.pyth") is None
