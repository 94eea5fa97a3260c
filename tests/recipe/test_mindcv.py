"""Every key that MindCV has, with every value that it documents, is honored or named; wrong values are refused."""

from typing import Any

import pytest

from netwright.errors import RecipeError
from netwright.recipe import TrainConfig, load_training
from netwright.recipe.mindcv import MINDCV, Meaningless, translate

# their defaults, which an empty recipe must mean here too
DEFAULTS: dict[str, Any] = {
    "mode": 0,
    "distribute": False,
    "val_while_train": False,
    "val_interval": 1,
    "log_interval": 100,
    "seed": 42,
    "dataset": "imagenet",
    "data_dir": "./",
    "train_split": "train",
    "val_split": "val",
    "dataset_download": False,
    "num_parallel_workers": 8,
    "shuffle": True,
    "num_samples": None,
    "batch_size": 128,
    "drop_remainder": True,
    "eval_shuffle": False,
    "image_resize": 224,
    "scale": (0.08, 1),
    "ratio": (0.75, 1.333),
    "hflip": 0.5,
    "vflip": 0,
    "color_jitter": 0.4,
    "interpolation": "bilinear",
    "auto_augment": None,
    "aug_splits": 0,
    "re_prob": 0,
    "re_scale": (0.02, 0.33),
    "re_ratio": (0.3, 3.3),
    "re_value": 0,
    "re_max_attempts": 10,
    "mean": [0.485 * 255, 0.456 * 255, 0.406 * 255],
    "std": [0.229 * 255, 0.224 * 255, 0.225 * 255],
    "crop_pct": 0.875,
    "mixup": 0,
    "cutmix": 0,
    "cutmix_prob": 1,
    "aug_repeats": 0,
    "num_classes": None,
    "in_channels": 3,
    "drop_rate": None,
    "drop_path_rate": None,
    "pretrained": False,
    "ckpt_path": "",
    "resume_opt": False,
    "keep_checkpoint_max": 10,
    "ckpt_save_dir": "./ckpt",
    "ckpt_save_interval": 1,
    "ckpt_save_policy": "latest_k",
    "epoch_size": 90,
    "dataset_sink_mode": True,
    "ema": False,
    "ema_decay": 0.9999,
    "clip_grad": False,
    "clip_value": 15,
    "layer_decay": None,
    "gradient_accumulation_steps": 1,
    "opt": "adam",
    "momentum": 0.9,
    "weight_decay": 1e-6,
    "use_nesterov": False,
    "weight_decay_filter": "disable",
    "eps": 1e-10,
    "scheduler": "cosine_decay",
    "lr": 1e-3,
    "min_lr": 1e-6,
    "warmup_epochs": 3,
    "warmup_factor": 0,
    "decay_epochs": 100,
    "decay_rate": 0.9,
    "multi_step_decay_milestones": [30, 60, 90],
    "lr_epoch_stair": False,
    "num_cycles": 1,
    "cycle_decay": 1,
    "loss": "CE",
    "label_smoothing": 0,
    "aux_factor": 0,
    "reduction": "mean",
    "amp_level": "O0",
    "val_amp_level": "O0",
    "amp_cast_list": None,
    "loss_scale_type": "fixed",
    "loss_scale": 1.0,
    "drop_overflow_update": False,
}


def test_their_defaults_are_ours():
    found = load_training(None, DEFAULTS).training.to_flat()
    ours = TrainConfig().to_flat()
    for key in ("mean", "std"):
        assert found.pop(key) == pytest.approx(ours.pop(key))
    assert found == ours


@pytest.mark.parametrize("key", [key for key in DEFAULTS if key not in ("mean", "std")])
def test_each_default_alone(key):
    loaded = load_training(None, {key: DEFAULTS[key]})
    assert loaded.training == TrainConfig()
    assert bool(loaded.given) or isinstance(MINDCV[key], Meaningless)


# their key, their value, our key, our value
HONORED = [
    ("distribute", True, "distribute", True),
    ("val_while_train", True, "validate", True),
    ("device_target", "CPU", "device", "cpu"),
    ("device_target", "Ascend", "device", "auto"),
    ("device_target", "GPU", "device", "auto"),
    *(("dataset", name, "dataset", name) for name in ("", "imagenet", "mnist", "cifar10", "cifar100")),
    ("dataset_download", True, "download", True),
    ("num_parallel_workers", 4, "workers", 4),
    ("num_samples", 100, "num_samples", 100),
    ("drop_remainder", False, "drop_last", False),
    ("eval_shuffle", True, "eval_shuffle", True),
    ("image_resize", 160, "image_size", 160),
    ("in_chans", 1, "in_channels", 1),
    ("scale", "(0.35, 1.0)", "scale", (0.35, 1.0)),
    ("color_jitter", [0.4, 0.4, 0.4], "color_jitter", (0.4, 0.4, 0.4)),
    ("color_jitter", None, "color_jitter", None),
    *(("interpolation", name, "interpolation", name) for name in ("bilinear", "bicubic")),
    *(
        ("auto_augment", name, "auto_augment", name)
        for name in (
            "randaug-m9-mstd0.5-inc1",
            "randaug-m10-n2-w0-mstd0.5-mmax10-inc0",
            "autoaug",
            "autoaug-mstd0.5",
            "autoaugr",
            "3a",
            "augmix-m3-w3",
            "trivialaugwide",
        )
    ),
    ("aug_splits", 3, "aug_splits", 3),
    ("re_value", "random", "re_value", "random"),
    ("aug_repeats", 3, "aug_repeats", 3),
    ("num_classes", 10, "num_classes", 10),
    ("pretrained", True, "pretrained", True),
    ("ckpt_path", "a/b.ckpt", "checkpoint", "a/b.ckpt"),
    ("resume_opt", True, "resume_optimizer", True),
    ("keep_checkpoint_max", 3, "checkpoint_keep", 3),
    ("ckpt_save_dir", "there", "out", "there"),
    ("ckpt_save_interval", 5, "checkpoint_interval", 5),
    ("ckpt_save_policy", "latest_k", "checkpoint_policy", "latest_k"),
    ("ckpt_save_policy", "top_k", "checkpoint_policy", "top_k"),
    ("ckpt_save_policy", None, "checkpoint_policy", "all"),
    ("ckpt_save_policy", "None", "checkpoint_policy", "all"),
    ("epoch_size", 5, "epochs", 5),
    ("ema", True, "ema", True),
    ("use_ema", True, "ema", True),
    ("layer_decay", 0.7, "layer_decay", 0.7),
    ("gradient_accumulation_steps", 4, "accumulate", 4),
    *(
        ("opt", name, "optimizer", name)
        for name in ("sgd", "momentum", "adam", "adamw", "lion", "rmsprop", "adagrad", "lamb", "nadam", "adan")
    ),
    ("opt", "Nesterov", "optimizer", "momentum"),
    ("use_nesterov", True, "nesterov", True),
    *(("weight_decay_filter", name, "weight_decay_filter", name) for name in ("disable", "auto", "norm_and_bias")),
    ("filter_bias_and_bn", True, "weight_decay_filter", "disable"),
    ("filter_bias_and_bn", "False", "weight_decay_filter", "auto"),
    *(
        ("scheduler", name, "scheduler", name)
        for name in ("constant", "exponential_decay", "step_decay", "multi_step_decay", "one_cycle", "cyclic")
    ),
    ("scheduler", "polynomial_decay", "scheduler", "polynomial_decay"),
    ("scheduler", "cosineannealing", "scheduler", "cosine_decay"),
    ("scheduler", "warmup_cosine_decay", "scheduler", "cosine_decay"),
    ("multi_step_decay_milestones", [10, 20], "milestones", (10.0, 20.0)),
    ("loss", "BCE", "loss", "BCE"),
    ("amp_level", "O1", "precision", "half"),
    ("amp_level", "O2", "precision", "half"),
    ("amp_level", "O3", "precision", "half"),
    ("val_amp_level", "O2", "val_precision", "half"),
    *(("loss_scale_type", name, "loss_scale_type", name) for name in ("dynamic", "auto")),
    ("dynamic_loss_scale", True, "loss_scale_type", "dynamic"),
    ("loss_scale", 1024, "loss_scale", 1024.0),
    ("drop_overflow_update", "False", "drop_overflow_update", False),
    ("drop_overflow_update", True, "drop_overflow_update", True),
]


@pytest.mark.parametrize(("theirs", "written", "ours", "value"), HONORED)
def test_their_keys_and_values_are_honored(theirs, written, ours, value):
    loaded = load_training(None, {theirs: written})
    expected = value if not isinstance(value, tuple) else list(value)
    assert loaded.training.to_flat()[ours] == expected
    assert loaded.given == {ours, "decay_epochs"} if written == "cosineannealing" else loaded.given == {ours}


def test_every_key_of_the_table_is_tested():
    tested = {theirs for theirs, *_ in HONORED} | {theirs for theirs, *_ in MEANINGLESS} | {"use_clip_grad"}
    assert set(MINDCV) <= tested


MEANINGLESS = [
    ("mode", 0),
    ("mode", 1),
    ("dataset_sink_mode", True),
    ("dataset_sink_mode", False),
    ("enable_modelarts", True),
    ("amp_cast_list", "[nn.Conv1d, nn.Conv2d]"),
    ("aux_factor", 0.4),
    ("save_checkpoint", False),
    ("data_url", "/cache/data/"),
    ("multi_data_url", "/cache/data/"),
    ("ckpt_url", "/cache/output/"),
    ("train_url", "/cache/output/"),
    ("config", "a.yaml"),
]


@pytest.mark.parametrize(("key", "value"), MEANINGLESS)
def test_what_has_no_meaning_is_named_with_the_reason(key, value):
    loaded = load_training(None, {key: value})
    assert loaded.training == TrainConfig()
    assert len(loaded.notices) == 1
    row = MINDCV[key]
    assert isinstance(row, Meaningless)
    assert f"{key} ({row.reason})" in loaded.notices[0]


def test_all_that_has_no_meaning_is_in_one_notice():
    loaded = load_training(None, dict(MEANINGLESS))
    assert len(loaded.notices) == 1
    assert all(key in loaded.notices[0] for key, _ in MEANINGLESS)


@pytest.mark.parametrize(
    ("key", "value"), [("amp_cast_list", None), ("enable_modelarts", False), ("aux_factor", 0.0), ("aux_factor", "0")]
)
def test_no_notice_where_nothing_is_lost(key, value):
    assert load_training(None, {key: value}).notices == ()


def test_what_is_different_here_has_a_notice():
    loaded = load_training(None, {"amp_level": "O3", "device_target": "Ascend"})
    assert "batch norm in fp32" in loaded.notices[0]
    assert "device auto" in loaded.notices[1]


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("mode", 2, "mode is one of 0, 1, not 2"),
        ("dataset_sink_mode", "maybe", "dataset_sink_mode is one of True, False"),
        ("amp_level", "O4", "amp_level is one of O0, O1, O2, O3, not 'O4'"),
        ("device_target", "TPU", "device_target is one of Ascend, GPU, CPU, not 'TPU'"),
        ("ckpt_save_policy", "best", "ckpt_save_policy is one of latest_k, top_k, all"),
        ("opt", "sgdm", "opt is one of sgd, momentum"),
        ("scheduler", "cosine", "scheduler is one of constant, cosine_decay"),
        ("filter_bias_and_bn", "auto", "filter_bias_and_bn is one of True, False"),
        ("epoch_size", 0, "epoch_size is a whole number of at least 1, not 0"),
        ("epoch_size", 1.5, "epoch_size is a whole number"),
        ("image_resize", "big", "image_resize is a whole number"),
        ("clip_value", -1, "clip_value is a number of at least 0, not -1"),
        ("clip_grad", 3, "clip_grad is true or false"),
        ("loss", "MSE", "loss is one of CE, BCE"),
        ("auto_augment", "randomly", "auto_augment is like randaug-m9-mstd0.5-inc1"),
        ("val_while_train", None, "val_while_train is true or false"),
        ("ema_decay", 2, "ema_decay is a number within 0 to 1, not 2"),
    ],
)
def test_wrong_values_are_refused_by_the_name_that_was_written(key, value, message):
    with pytest.raises(RecipeError) as caught:
        load_training(None, {key: value})
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("asked", "norm"),
    [
        ({}, None),
        ({"clip_grad": True}, 15.0),
        ({"use_clip_grad": True, "clip_value": 5}, 5.0),
        ({"clip_value": 5}, None),
        ({"clip_grad": False, "clip_value": 5}, None),
        ({"clip_norm": 2}, 2.0),
        ({"clip_norm": None}, None),
    ],
)
def test_clipping_is_a_pair_there(asked, norm):
    assert load_training(None, asked).training.optimization.clip_norm == norm


def test_the_old_cosine_lasts_as_long_as_the_training():
    assert load_training(None, {"scheduler": "cosineannealing"}).training.schedule.decay_epochs is None
    given = {"scheduler": "cosineannealing", "decay_epochs": 195}
    assert load_training(None, given).training.schedule.decay_epochs == 195
    assert load_training(None, {"scheduler": "warmup_cosine_decay"}).training.schedule.decay_epochs == 100


def test_a_key_outside_the_table_is_itself():
    assert translate("lr", "1e-3") == ("lr", "1e-3", "")


def test_a_crop_beyond_the_image_is_the_whole_image():
    for value in (1.15, "1.15"):
        loaded = load_training(None, {"crop_pct": value})
        assert loaded.training.augmentation.crop_pct == 1.0
        assert loaded.notices == (
            "crop_pct 1.15 would resize images to less than image_size and fill the rest with black: 1 is taken.",
        )
    with pytest.raises(RecipeError, match="crop_pct"):
        load_training(None, {"crop_pct": 0})


def test_older_recipes_say_whether_weights_are_saved():
    assert load_training(None, {"save_checkpoint": True}).notices == ()
    assert "weights are always saved" in load_training(None, {"save_checkpoint": False}).notices[0]
