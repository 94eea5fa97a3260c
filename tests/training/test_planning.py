"""What a training takes from its weights, its network and its folder, where nobody gave it."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from netwright.arch import Arch, Stage, Stem
from netwright.data.preprocess import Preprocessing
from netwright.errors import WeightsError
from netwright.nn import build
from netwright.recipe import load_training
from netwright.training.planning import planned
from netwright.weights import save_model

NETWORK = Arch((Stage(1, 8, 1, 1.0, 8), Stage(1, 16, 2, 1.0, 8)), "x", Stem("cifar", 8), 0.0, 8, 10, 1, "small")
YAML = """
block: x
stem: {kind: simple, width: 8}
stages:
- {depth: 1, width: 8, stride: 1, bottleneck: 1.0, group_width: 8}
- {depth: 1, width: 16, stride: 2, bottleneck: 1.0, group_width: 8}
resolution: 40
num_classes: 10
in_channels: 1
"""
PREPARED = Preprocessing(image_size=8, channels=1, crop_pct=1.0, mean=(60.0,), std=(80.0,))


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    path = tmp_path / "w.safetensors"
    save_model(path, build(NETWORK, seed=0), preprocessing=PREPARED, class_names=tuple("0123456789"))
    return path


@pytest.fixture
def network(tmp_path: Path) -> Path:
    path = tmp_path / "network.yaml"
    path.write_text(YAML)
    return path


@pytest.fixture
def on_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """As where there is a GPU that computes in bf16."""
    monkeypatch.setattr("netwright.training.planning.resolve_device", lambda name: torch.device("cuda:0"))
    monkeypatch.setattr("netwright.training.planning.bf16_helps", lambda device: True)


@pytest.mark.usefixtures("on_gpu")
def test_gpus_train_in_bf16_unless_somebody_chose(network: Path, tmp_path: Path):
    loaded = planned(load_training(None, {"model": "regnet_x_200mf"}))
    assert loaded.training.precision.precision == "bf16"
    assert loaded.training.network.channels_last
    assert loaded.notices == ("on GPUs, where --precision fp32 is not given: --precision bf16",)
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text("lr: 0.2\n")  # in MindCV it means fp32
    chosen = [(None, {"precision": "fp32"}), (None, {"amp_level": "O0"}), (recipe, {})]
    for file, given in chosen:
        loaded = planned(load_training(file, {"model": "regnet_x_200mf"} | given))
        assert loaded.training.precision.precision == "fp32", given
        assert loaded.notices == ()


@pytest.mark.usefixtures("on_gpu")
def test_a_training_goes_on_in_the_precision_that_it_began_with(tmp_path: Path):
    (tmp_path / "state" / "000001-00000000").mkdir(parents=True)
    (tmp_path / "training.yaml").write_text("precision: fp32\nmodel: regnet_x_200mf\n")
    loaded = planned(load_training(None, {"model": "regnet_x_200mf", "out": str(tmp_path)}))
    assert loaded.training.precision.precision == "fp32"


def test_processors_train_in_fp32():
    loaded = planned(load_training(None, {"model": "regnet_x_200mf", "device": "cpu"}))
    assert (loaded.training.precision.precision, loaded.notices) == ("fp32", ())


def test_weights_say_how_images_are_prepared_and_flags_win(weights: Path, network: Path):
    given = {"checkpoint": str(weights), "model": str(network), "stem": "cifar", "crop_pct": 0.5}
    loaded = planned(load_training(None, given))
    prepared = Preprocessing.from_training(loaded.training)
    assert prepared == replace(PREPARED, crop_pct=0.5)
    assert loaded.notices == (f"from {weights}: --in_channels 1 --image_size 8 --mean 60.0 --std 80.0",)


def test_weights_of_another_stem_leave_all_open_where_the_network_is_given(tmp_path: Path, network: Path):
    other = tmp_path / "imagenet.pth"
    torch.save(build(replace(NETWORK, stem=Stem("imagenet", 8)), seed=0).state_dict(), other)
    given = load_training(None, {"checkpoint": str(other), "model": str(network)})
    loaded = planned(given)
    assert loaded.training == given.training
    assert loaded.notices == ()


def test_weights_that_nothing_is_said_of_leave_the_preparation_open(tmp_path: Path, network: Path):
    bare = tmp_path / "bare.pth"
    torch.save(build(replace(NETWORK, stem=Stem("simple", 8)), seed=0).state_dict(), bare)
    loaded = planned(load_training(None, {"checkpoint": str(bare), "model": str(network)}))
    assert loaded.training.augmentation.image_size == 224
    assert loaded.notices == ()


def test_weights_that_cannot_be_read_are_refused_where_they_name_the_network(tmp_path: Path):
    with pytest.raises(WeightsError, match="nowhere"):
        planned(load_training(None, {"checkpoint": str(tmp_path / "nowhere.pth"), "dataset": "digits"}))


def test_a_network_file_says_its_resolution_and_flags_win(network: Path):
    assert planned(load_training(None, {"model": str(network)})).training.augmentation.image_size == 40
    loaded = planned(load_training(None, {"model": str(network), "image_size": 16}))
    assert (loaded.training.augmentation.image_size, loaded.notices) == (16, ())
