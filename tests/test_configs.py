"""The recipes in configs/, what was published of them, and files in MindCV's format that nobody here has seen."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from netwright.arch import Arch, complexity
from netwright.recipe import learning_rate, load_training
from netwright.weights import resolve_arch

ROOT = Path(__file__).parents[1]
NETWORKS = sorted((ROOT / "configs" / "networks").glob("*.yaml"))
CONFIGS = sorted(set((ROOT / "configs").rglob("*.yaml")) - set(NETWORKS))
REGNET = ROOT / "configs" / "regnet"
# model -> published top-1, top-5
PUBLISHED = {
    "regnet_x_200mf": (68.74, 88.38),
    "regnet_x_400mf": (73.16, 91.35),
    "regnet_x_600mf": (74.34, 92.00),
    "regnet_x_800mf": (76.04, 92.97),
    "regnet_y_200mf": (70.30, 89.61),
    "regnet_y_400mf": (73.91, 91.84),
    "regnet_y_600mf": (75.69, 92.50),
    "regnet_y_800mf": (76.52, 93.10),
    "regnet_y_16gf": (82.92, 96.29),
}
# what the nine have in common, in our keys
COMMON: dict[str, Any] = {
    "batch_size": 64,
    "image_size": 224,
    "hflip": 0.5,
    "color_jitter": 0.4,
    "loss": "CE",
    "label_smoothing": 0.1,
    "scheduler": "cosine_decay",
    "min_lr": 0.0,
    "warmup_epochs": 5,
    "warmup_factor": 0.01,
    "optimizer": "momentum",
    "momentum": 0.9,
    "weight_decay_filter": "disable",
    "precision": "half",
    "distribute": True,
    "num_classes": 1000,
}
SMALL: dict[str, Any] = {
    "lr": 0.1,
    "epochs": 150,
    "decay_epochs": 145,
    "weight_decay": 5e-5,
    "interpolation": "bicubic",
    "re_prob": 0.1,
    "loss_scale_type": "auto",
    "lr_epoch_stair": False,
    "auto_augment": None,
}
SPECIAL: dict[str, dict[str, Any]] = {
    "regnet_x_800mf": {
        "epochs": 200,
        "decay_epochs": 195,
        "lr_epoch_stair": True,
        "weight_decay": 1e-4,
        "interpolation": "bilinear",
        "loss_scale_type": "fixed",
        "loss_scale": 128,
    },
    "regnet_y_16gf": {
        "lr": 0.2,
        "epochs": 350,
        "decay_epochs": 345,
        "weight_decay": 4e-5,
        "crop_pct": 0.9,
        "auto_augment": "randaug-m9-mstd0.5-inc1",
        "re_prob": 0.25,
        "re_value": "random",
        "mixup": 0.8,
        "cutmix": 1.0,
        "aug_repeats": 3,
    },
}


def header(path: Path) -> str:
    lines = path.read_text(encoding="utf-8").splitlines()
    return "\n".join(lines[: next(at for at, line in enumerate(lines) if not line.startswith("#"))])


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_every_recipe_loads_names_a_network_and_says_what_to_expect(path):
    training = load_training(path).training
    assert resolve_arch(training.network.model, num_classes=10).num_classes == 10
    top = header(path)
    assert f"--config {path.relative_to(ROOT).as_posix()}" in top
    assert f"{training.optimization.epochs} epochs" in top
    assert re.search(r"batch [\d,]+", top)
    assert "device" in top.lower() or "GPU" in top
    assert "not rerun here" in top or "reached here" in top
    schedule = training.schedule
    assert schedule.decay_epochs in (None, training.optimization.epochs - schedule.warmup_epochs)


def test_the_nine_are_there_by_the_names_that_users_know():
    assert {path.stem for path in REGNET.glob("*_ascend.yaml")} == {f"{name}_ascend" for name in PUBLISHED}


@pytest.mark.parametrize("name", PUBLISHED)
def test_the_nine_are_as_published(name):
    path = REGNET / f"{name}_ascend.yaml"
    found = load_training(path).training.to_flat()
    expected = COMMON | SMALL | SPECIAL.get(name, {}) | {"model": name}
    assert {key: found[key] for key in expected} == expected
    top1, top5 = PUBLISHED[name]
    assert f"published top-1 {top1:.2f}, top-5 {top5:.2f} (not rerun here)" in header(path)
    # they are in MindCV's own keys: proof that those work
    assert {"epoch_size", "opt", "amp_level", "image_resize"} <= yaml.safe_load(path.read_text()).keys()


def test_the_learning_rate_of_a_published_recipe_is_golden():
    schedule = load_training(REGNET / "regnet_x_800mf_ascend.yaml").training.schedule
    assert learning_rate(schedule, 100 * 2502, 2502, 200) == 0.05201329700547076


def test_the_papers_baseline():
    training = load_training(REGNET / "regnet_x_800mf_dds.yaml").training
    assert training.optimization.epochs == 100
    assert (training.schedule.lr, training.schedule.lr_batch) == (0.1, 128)
    assert training.augmentation.lighting == 0.1
    assert training.augmentation.color_jitter is None
    assert learning_rate(training.schedule, 99 * 10 + 9, 10, 100) < 1e-4  # a half cosine, to the end


# files in MindCV's format, of several ages
OLD_800MF = """# Minimum + Color Jitter + Random Erasing
mode: 0
distribute: True
val_while_train: True
dataset: 'imagenet'
data_dir: './imagenet'
num_parallel_workers: 8
batch_size: 64
scale: (0.08, 1.0)
ratio: (0.75, 1.333)
re_prob: 0.1
model: 'regnet_x_800mf'
keep_checkpoint_max: 10
epoch_size: 200
dataset_sink_mode: True
amp_level: 'O3'
scheduler: 'cosineannealing'
min_lr: 0.0
lr: 0.1
warmup_epochs: 5
opt: 'momentum'
weight_decay: 0.0001
loss_scale: 128
filter_bias_and_bn: True
"""
OLD_CLOUD = """enable_modelarts: False
device_target: Ascend
multi_data_url: /cache/data/
data_url: /cache/data/
ckpt_url: /cache/output/
train_url: /cache/output/
use_ema: True
use_clip_grad: True
clip_value: 10.0
scheduler: warmup_cosine_decay
epoch_size: 120
decay_epochs: 120
warmup_epochs: 0
opt: rmsprop
eps: 1e-3
weight_decay: 1e-5
model: regnet_y_400mf
dynamic_loss_scale: False
"""
FOLDER = """dataset: ''
data_dir: /data/flowers
num_classes: 5
epoch_size: 10
lr: 1e-4
opt: 'adamw'
color_jitter: [0.4, 0.4, 0.4]
mean: [0.485 * 255, 0.456 * 255, 0.406 * 255]
std: (58.395, 57.12, 57.375)
model: regnet_x_200mf
pretrained: True
drop_rate: None
ckpt_path:
ckpt_save_policy: None
multi_step_decay_milestones: [3, 6]
scheduler: multi_step_decay
"""
STRONG = """amp_level: O2
amp_cast_list: None
val_amp_level: O0
loss_scale_type: dynamic
drop_overflow_update: True
auto_augment: 'randaug-m9-mstd0.5-inc1'
mixup: 0.8
cutmix: 1.0
aug_repeats: 3
re_prob: 0.25
re_value: random
layer_decay: 0.75
gradient_accumulation_steps: 2
clip_grad: True
opt: lion
ema: True
ema_decay: 0.9995
weight_decay_filter: norm_and_bias
model: regnet_y_16gf
loss: BCE
num_cycles: 2
cycle_decay: 0.5
lr_epoch_stair: True
"""
SPLITS = "aug_splits: 3\nauto_augment: 'augmix-m3-w3'\nmodel: regnet_x_400mf\naux_factor: 0.0\nscheduler: one_cycle\n"
DIGITS = "dataset: mnist\ndataset_download: True\nin_channels: 1\nmean: [33.3]\nstd: [78.6]\nimage_resize: 32\n"
DUMPED = """config: configs/regnet/regnet_x_200mf_ascend.yaml
distribute: false
eps: 1.0e-10
model: regnet_x_200mf
multi_step_decay_milestones:
- 30
- 60
num_samples: null
re_value: 0
scale:
- 0.08
- 1.0
"""
EMPTY = "# all as by default\n"


def loaded(folder: Path, text: str) -> Any:
    path = folder / "theirs.yaml"
    path.write_text(text)
    return load_training(path)


@pytest.mark.parametrize("text", [OLD_800MF, OLD_CLOUD, FOLDER, STRONG, SPLITS, DIGITS, DUMPED, EMPTY])
def test_files_in_their_format_load_and_take_our_flags(tmp_path, text):
    found = loaded(tmp_path, text)
    assert len([notice for notice in found.notices if "no meaning" in notice]) <= 1
    again = load_training(tmp_path / "theirs.yaml", {"epochs": "1", "batch_size": 4, "distribute": "False"})
    assert again.training.optimization.epochs == 1
    assert again.training.machine.distribute is False


def test_an_old_file_means_the_published_recipe(tmp_path):
    old = loaded(tmp_path, OLD_800MF).training
    assert old.optimization.weight_decay_filter == "disable"
    assert old.augmentation.scale == (0.08, 1.0)
    assert learning_rate(old.schedule, 200 * 2502 - 1, 2502, 200) < 1e-5  # not the 105 epochs of a default length
    assert learning_rate(old.schedule, 150 * 2502, 2502, 200) > 1e-2


def test_old_keys_are_honored(tmp_path):
    found = loaded(tmp_path, OLD_CLOUD)
    training = found.training
    assert training.optimization.ema
    assert training.optimization.clip_norm == 10.0
    assert training.optimization.eps == 1e-3
    assert training.optimization.weight_decay == 1e-5
    assert training.machine.device == "auto"
    assert all(key in found.notices[0] for key in ("multi_data_url", "data_url", "ckpt_url", "train_url"))
    assert "enable_modelarts" not in found.notices[0]


def test_values_as_their_pages_write_them(tmp_path):
    training = loaded(tmp_path, FOLDER).training
    assert training.augmentation.mean == pytest.approx((123.675, 116.28, 103.53))
    assert training.augmentation.color_jitter == (0.4, 0.4, 0.4)
    assert training.checkpoints.checkpoint_policy == "all"
    assert training.network.checkpoint == ""
    assert training.network.drop_rate is None
    assert training.schedule.lr == 1e-4


@pytest.mark.parametrize("path", NETWORKS, ids=lambda path: path.stem)
def test_a_networks_file_is_as_large_as_its_name_says(path: Path):
    arch = Arch.from_yaml(path.read_text())
    assert arch.name == path.stem
    assert f"{complexity(arch).flops[0] / 1e6:.0f}mf" == path.stem.rpartition("_")[2]


def test_a_recipe_that_names_a_networks_file_finds_it_from_anywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    named = [load_training(path).training.network.model for path in CONFIGS]
    files = [Path(model) for model in named if model.endswith(".yaml")]
    assert files
    assert all(file.is_file() for file in files)
