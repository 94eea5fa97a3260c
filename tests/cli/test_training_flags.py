import re
from pathlib import Path

import pytest

from netwright.cli.parser import CommandParser, underscored
from netwright.cli.training_flags import add_training_flags, training_of
from netwright.errors import RecipeError
from netwright.recipe import TrainConfig
from netwright.recipe.common_names import COMMON
from netwright.recipe.load import CLIP
from netwright.recipe.mindcv import MINDCV


def parser() -> CommandParser:
    made = CommandParser("netwright train")
    add_training_flags(made)
    return made


def asked(line: str) -> TrainConfig:
    return training_of(line.split()).training


def test_no_flags_are_the_defaults():
    assert asked("") == TrainConfig()
    assert training_of(parser().parse_args([])).given == frozenset()


@pytest.mark.parametrize(
    ("line", "changes"),
    [
        ("--model=regnet_x_800mf --lr 1e-2", {"model": "regnet_x_800mf", "lr": 0.01}),
        ("--distribute False", {}),
        ("--input-size 3 64 64", {"image_size": 64}),
        ("--input_size 4 64 64", {"in_channels": 4, "image_size": 64}),
        ("--input_size 64", {"image_size": 64}),
        ("--distribute", {"distribute": True}),
        ("--distribute --epochs 3", {"distribute": True, "epochs": 3}),
        ("--distribute True --channels_last no", {"distribute": True, "channels_last": False}),
        ("--drop_overflow_update False", {}),
        ("--scale 0.1 1", {"scale": (0.1, 1.0)}),
        ("--scale [0.1, 1]", {"scale": (0.1, 1.0)}),
        ("--scale=(0.1,1.0)", {"scale": (0.1, 1.0)}),
        ("--milestones 10 20 30 --epochs 40", {"milestones": (10.0, 20.0, 30.0), "epochs": 40}),
        ("--multi_step_decay_milestones [10,20]", {"milestones": (10.0, 20.0)}),
        ("--mean 33.3 --std 78.6 --in_channels 1", {"mean": (33.3,), "std": (78.6,), "in_channels": 1}),
        ("--num_classes none --auto_augment None", {}),
        ("--color_jitter 0.4 0.4 0.2", {"color_jitter": (0.4, 0.4, 0.2)}),
        ("--color_jitter none", {"color_jitter": None}),
        ("--re_value -1", {"re_value": -1.0}),
        ("--trackers tensorboard wandb", {"trackers": ("tensorboard", "wandb")}),
        ("--epoch_size 5 --opt adamw --amp_level O2", {"epochs": 5, "optimizer": "adamw", "precision": "half"}),
        ("--val_while_train --ckpt_path a.ckpt", {"validate": True, "checkpoint": "a.ckpt"}),
        ("--use_clip_grad --clip_value 5", {"clip_norm": 5.0}),
        ("--clip_grad --clip_value 5 --clip_grad False", {}),
        ("--filter_bias_and_bn False", {"weight_decay_filter": "auto"}),
        ("--ckpt_save_policy None", {"checkpoint_policy": "all"}),
        ("--mode 1 --dataset_sink_mode", {}),
        ("--lr 1 --lr 2", {"lr": 2.0}),
        (
            "--wd 0.1 --learning_rate 3e-3 --amp --aa randaug-m9",
            {
                "weight_decay": 0.1,
                "lr": 0.003,
                "precision": "half",
                "auto_augment": "randaug-m9",
            },
        ),
        ("--model-ema --model-ema-decay=0.99 --input-size 160", {"ema": True, "ema_decay": 0.99, "image_size": 160}),
        ("--data-path photos --batch-size 3", {"data_dir": "photos", "batch_size": 3}),
        (
            "--sched cosine --smoothing 0.1 --reprob 0.25 --drop-path 0.1",
            {
                "label_smoothing": 0.1,
                "re_prob": 0.25,
                "drop_path_rate": 0.1,
            },
        ),
        ("--amp false --patience 3 --validate", {"early_stopping": 3, "validate": True}),
    ],
)
def test_lines_that_people_type(line, changes):
    assert asked(line) == TrainConfig().with_(**changes)
    made = parser()
    assert training_of(made.parse_args(underscored(line.split(), made.flags))).training == asked(line)


def test_a_list_quoted_as_one_word():
    assert training_of(["--scale", "[0.1, 1]"]).training.augmentation.scale == (0.1, 1.0)
    assert training_of(["--dataset", ""]).training.images.dataset == ""


def test_a_recipe_gives_defaults_and_flags_override_them(tmp_path: Path):
    path = tmp_path / "recipe.yaml"
    path.write_text("epoch_size: 150\nopt: momentum\ndistribute: True\nscale: (0.35, 1.0)\n")
    for config in (f"--config {path}", f"-c {path}", f"--config={path}"):
        training = asked(f"{config} --distribute False --epochs 3")
        assert training == TrainConfig().with_(epochs=3, optimizer="momentum", scale=(0.35, 1.0))


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("--epoch 3", "unknown flag '--epoch': did you mean '--epochs'?"),
        ("--ckpt_pth=a", "unknown flag '--ckpt_pth=a': did you mean '--ckpt_path'?"),
        ("--batch-sise 3", "did you mean '--batch_size'?"),
        ("--data photos", "did you mean '--data_dir'?"),
        ("--lr 0.1 words", "unknown flag 'words'"),
        ("--lr", "--lr: expected one argument"),
        ("--lr fast", "lr is a number of at least 0, not 'fast'"),
        ("--scale 1", "scale is a list of 2 numbers within 0 to 1, not '1'"),
        ("--epochs 1 --epoch_size 1", "two names of one option"),
        ("--input-size 3 64 96", "one side, or channels, height and width of square images (3 224 224), not 3 64 96"),
        ("--input-size 3 64", "not 3 64. Correct 'input_size'"),
        ("--input-size 3 1 1", "within 4 to 4,096, not 1"),
        ("--input-size 3 64 64 --in_chans 4", "two names of one option"),
        ("--distribute maybe", "distribute is true or false, not 'maybe'"),
        ("-c nowhere.yaml", "nowhere.yaml: there is no such file"),
    ],
)
def test_mistakes_are_explained(line, message):
    with pytest.raises(RecipeError) as caught:
        asked(line)
    assert message in str(caught.value)


def test_every_key_of_both_dialects_is_a_flag():
    flags = parser().flags
    for key in (*TrainConfig().to_flat(), *MINDCV, *CLIP, *COMMON):
        assert f"--{key}" in flags, key


def test_help_explains_every_key_of_ours_with_its_default_and_hides_theirs():
    text = parser().format_help()
    for key in TrainConfig().to_flat():
        assert f"  --{key} " in text, key
    for key in {*MINDCV, *CLIP} - {*TrainConfig().to_flat(), "config"}:
        assert f"  --{key} " not in text, key
    flat = " ".join(text.split())
    assert "how images are resized (nearest, bilinear, bicubic; default: bilinear)" in flat
    assert "MindCV's names and values work too" in flat
    assert "netwright/recipe/mindcv.py" in flat
    assert max(map(len, text.splitlines())) <= 100


def test_a_command_may_list_some_flags_and_takes_all():
    made = CommandParser("netwright x")
    made.epilog = "Also this."
    add_training_flags(made, listed={"images": {"--data_dir": "its own words", "--mean": "(default: 0)"}, "more": {}})
    text = made.format_help()
    # Python 3.13 aligns the columns otherwise
    aligned = re.sub(" +", " ", text)
    assert "\nimages:\n --data_dir TEXT its own words\n --mean X [X ...] (default: 0)\n\n" in aligned
    assert "more:" not in text
    assert "--weight_decay" not in text
    assert "Also this." in text
    assert made.flags["--weight_decay"].help == ""
    assert training_of(made.parse_args(["--weight_decay", "0.1"])).training.optimization.weight_decay == 0.1


def test_a_commands_own_flags_are_left_alone():
    made = parser()
    made.add_argument("--report")
    options = made.parse_args(["--report", "x", "--epochs", "2", "--print_config"])
    assert (options.report, options.print_config) == ("x", True)
    assert training_of(options).given == {"epochs"}
