from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from netwright.errors import RecipeError
from netwright.recipe import TrainConfig, load_training, training_options, training_to_yaml


def recipe(folder: Path, text: str) -> Path:
    path = folder / "recipe.yaml"
    path.write_text(text)
    return path


def test_values_of_the_file_are_known_from_those_of_flags(tmp_path):
    path = recipe(tmp_path, "epochs: 3\nnum_classes: 1000\n")
    assert load_training(path).from_file == {"epochs", "num_classes"}
    assert load_training(path, {"num_classes": "10", "lr": "1"}).from_file == {"epochs"}


def test_a_network_is_looked_for_beside_the_recipe_that_names_it(tmp_path, monkeypatch):
    (tmp_path / "recipes").mkdir()
    (tmp_path / "nets").mkdir()
    (tmp_path / "nets" / "a.yaml").write_text("")
    path = recipe(tmp_path / "recipes", "model: ../nets/a.yaml\n")
    assert load_training(path).training.network.model == str(tmp_path / "recipes" / ".." / "nets" / "a.yaml")
    assert load_training(recipe(tmp_path, "model: no/such.yaml\n")).training.network.model == "no/such.yaml"
    (tmp_path / "recipes" / "here.yaml").write_text("")
    (tmp_path / "here.yaml").write_text("")
    monkeypatch.chdir(tmp_path)
    asked = recipe(tmp_path / "recipes", "model: here.yaml\n")
    assert load_training(asked).training.network.model == "here.yaml"  # from where the program runs first
    assert load_training(asked, {"model": "regnet_x_200mf"}).training.network.model == "regnet_x_200mf"


def test_hyphens_are_underscores_and_names_of_others_are_known(tmp_path):
    path = recipe(tmp_path, "weight-decay: 0.1\nmodel-ema: true\nlearning_rate: 0.2\n")
    assert load_training(path).training == TrainConfig().with_(weight_decay=0.1, ema=True, lr=0.2)
    with pytest.raises(RecipeError, match="'weight_decay' and 'wd' are two names of one option"):
        load_training(None, {"weight_decay": 1, "wd": 2})


def test_nothing_is_the_defaults():
    for nothing in (None, ""):
        loaded = load_training(nothing)
        assert loaded.training == TrainConfig()
        assert loaded.notices == ()
        assert loaded.given == frozenset()


def test_a_flag_beats_the_file_whichever_names_either_uses(tmp_path):
    theirs = recipe(tmp_path, "epoch_size: 90\nopt: adamw\namp_level: O2\nlr: 1e-1\n")
    loaded = load_training(theirs, {"epochs": "3", "optimizer": "lion", "precision": "fp32"})
    assert loaded.training == TrainConfig().with_(epochs=3, optimizer="lion", precision="fp32", lr=0.1)
    assert loaded.given == {"epochs", "optimizer", "precision", "lr"}
    ours = recipe(tmp_path, "epochs: 90\nprecision: bf16\n")
    assert load_training(ours, {"epoch_size": 4, "amp_level": "O0"}).training == TrainConfig().with_(epochs=4)


@pytest.mark.parametrize(
    ("text", "flags", "norm"),
    [
        ("clip_grad: True\n", {"clip_value": "5"}, 5.0),
        ("clip_value: 5\n", {"clip_grad": "True"}, 5.0),
        ("clip_grad: True\nclip_value: 5\n", {"clip_grad": "False"}, None),
        ("clip_grad: True\nclip_value: 5\n", {"clip_norm": "2"}, 2.0),
        ("clip_grad: True\n", {"clip_norm": "none"}, None),
        ("clip_norm: 2\n", {"clip_grad": "False"}, None),
        ("clip_norm: 2\n", {"clip_value": "3"}, 3.0),
    ],
)
def test_clipping_in_two_places(tmp_path, text, flags, norm):
    loaded = load_training(recipe(tmp_path, text), flags)
    assert loaded.training.optimization.clip_norm == norm
    assert loaded.given == {"clip_norm"}


def test_what_a_flag_overrides_is_no_news(tmp_path):
    path = recipe(tmp_path, "device_target: Ascend\namp_level: O3\n")
    assert len(load_training(path).notices) == 2
    assert load_training(path, {"device": "cuda", "precision": "bf16"}).notices == ()


@pytest.mark.parametrize(
    ("asked", "names"),
    [
        ({"epochs": 1, "epoch_size": 1}, ("'epochs'", "'epoch_size'")),
        ({"ema": True, "use_ema": True}, ("'ema'", "'use_ema'")),
        ({"clip_norm": 1.0, "clip_grad": True}, ("'clip_norm'", "'clip_grad'")),
        ({"clip_value": 1.0, "clip_norm": None, "clip_grad": True}, ("'clip_norm'", "'clip_grad'")),
        (
            {"weight_decay_filter": "auto", "filter_bias_and_bn": True},
            ("'weight_decay_filter'", "'filter_bias_and_bn'"),
        ),
        ({"dynamic_loss_scale": True, "loss_scale_type": "auto"}, ("'dynamic_loss_scale'", "'loss_scale_type'")),
    ],
)
def test_two_names_of_one_option_in_one_place_are_refused(tmp_path, asked, names):
    text = "".join(f"{key}: {'null' if value is None else value}\n" for key, value in asked.items())
    for load in (lambda: load_training(None, asked), lambda: load_training(recipe(tmp_path, text))):
        with pytest.raises(RecipeError, match="two names of one option") as caught:
            load()
        assert all(name in str(caught.value) for name in names)


@pytest.mark.parametrize(
    ("key", "hint"),
    [
        ("epoch", "did you mean 'epochs'?"),
        ("epochsize", "did you mean 'epoch_size'?"),
        ("ckpt_pth", "did you mean 'ckpt_path'?"),
        ("batch-sise", "did you mean 'batch_size'?"),
        ("zzzz", "`netwright train --help`"),
        (1, "`netwright train --help`"),
    ],
)
def test_an_unknown_key_is_refused_with_the_nearest_of_both_dialects(tmp_path, key, hint):
    with pytest.raises(RecipeError) as caught:
        load_training(recipe(tmp_path, f"{key}: 1\n"))
    assert f"recipe.yaml: unknown key {key!r}: {hint}" in str(caught.value)


def test_all_unknown_keys_are_told_at_once():
    with pytest.raises(RecipeError, match=r"unknown key 'epoch'.* unknown key 'learning_rats'"):
        load_training(None, {"epoch": 1, "lr": 0.1, "learning_rats": 1})


def test_mistakes_in_a_file_carry_its_path_and_those_of_flags_do_not(tmp_path):
    path = recipe(tmp_path, "lr: fast\n")
    with pytest.raises(RecipeError) as caught:
        load_training(path)
    assert str(caught.value) == f"{path}: lr is a number of at least 0, not 'fast'. Correct 'lr'."
    with pytest.raises(RecipeError) as caught:
        load_training(None, {"lr": "fast"})
    assert str(caught.value) == "lr is a number of at least 0, not 'fast'. Correct 'lr'."


def test_constraints_between_keys_hold_over_both_places(tmp_path):
    with pytest.raises(RecipeError, match="aug_splits and mixup or cutmix exclude each other"):
        load_training(recipe(tmp_path, "mixup: 0.8\n"), {"aug_splits": "3"})


def test_keys_without_effect_have_a_notice():
    assert "warmup_epochs is not used" in load_training(None, {"scheduler": "one_cycle", "warmup_epochs": 2}).notices[0]
    assert load_training(None, {"scheduler": "one_cycle"}).notices == ()
    notices = load_training(None, {"epochs": 30, "decay_epochs": 145, "warmup_epochs": 5}).notices
    assert "ends with epoch 150" in notices[0]
    assert load_training(None, {"epochs": 150, "decay_epochs": 145, "warmup_epochs": 5}).notices == ()
    assert load_training(None, {"epochs": 30, "decay_epochs": None}).notices == ()


CHANGES = st.fixed_dictionaries(
    {},
    optional={
        "model": st.sampled_from(["regnet_x_200mf", "1e3", "nets/my net.yaml", "yes", "#1"]),
        "data_dir": st.text(st.characters(blacklist_categories=("Cs", "Cc")), max_size=8).filter(lambda x: x != "None"),
        "num_classes": st.one_of(st.none(), st.integers(1, 99)),
        "lr": st.floats(0, 1),
        "weight_decay": st.floats(0, 1e-3),
        "scale": st.tuples(st.floats(0, 0.5), st.floats(0.5, 1)),
        "color_jitter": st.one_of(st.none(), st.floats(0, 1), st.lists(st.floats(0, 1), max_size=3).map(tuple)),
        "re_value": st.one_of(st.just("random"), st.floats(-1, 1)),
        "milestones": st.lists(st.floats(0, 90), max_size=4).map(tuple),
        "trackers": st.lists(st.sampled_from(["tensorboard", "wandb"]), max_size=2).map(tuple),
        "clip_norm": st.one_of(st.none(), st.floats(0.1, 20)),
        "decay_epochs": st.one_of(st.none(), st.floats(1, 100)),
        "distribute": st.booleans(),
        "auto_augment": st.sampled_from([None, "3a", "augmix-m3-w3"]),
        "dataset": st.sampled_from(["", "cifar10"]),
    },
)


@pytest.mark.slow
@given(CHANGES)
@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_a_printed_recipe_reads_back_as_the_same_training(tmp_path, changes):
    training = TrainConfig().with_(**changes)
    path = tmp_path / "printed.yaml"
    path.write_text(training_to_yaml(training), encoding="utf-8")
    assert load_training(path).training == training


def test_a_printed_recipe_has_every_key_once_under_its_group():
    lines = training_to_yaml(TrainConfig()).splitlines()
    assert [line.removeprefix("# ") for line in lines if line.startswith("#")] == list(training_options())
    keys = [line.split(":")[0] for line in lines if line and not line.startswith("#")]
    assert keys == list(TrainConfig().to_flat())


def test_a_network_in_place_of_true_is_shown_its_own_key():
    with pytest.raises(RecipeError, match="Give --model regnet_y_400mf --pretrained, not --pretrained regnet_y_400mf"):
        load_training(None, {"pretrained": "regnet_y_400mf"})
    assert load_training(None, {"pretrained": "yes"}).training.network.pretrained
