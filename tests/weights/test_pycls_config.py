import pytest
import yaml

from netwright.arch import Arch, published
from netwright.data.preprocess import Preprocessing
from netwright.weights.pycls_config import CIFAR_SEEN, pycls_config, sees_rgb


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
