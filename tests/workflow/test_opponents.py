"""Opponents: which there are, what they cost, and what is claimed."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from netwright.arch import Arch, complexity, published
from netwright.data import Preprocessing
from netwright.errors import RecipeError
from netwright.nn import build
from netwright.report import Finalist
from netwright.sweeps.state import read_state
from netwright.weights import save_model
from netwright.workflow import DesignConfig, design
from netwright.workflow.baseline import baseline_for, is_same_network, resnet18_like
from netwright.workflow.compared import compare_with_opponents
from netwright.workflow.opponent_names import given_opponents, read_opponents

Make = Callable[..., DesignConfig]
PICK = Arch.from_dict(published("regnetx_002").to_dict() | {"num_classes": 7, "resolution": 64})


def finalist(role: str, *errors: float) -> Finalist:
    return Finalist(role, role, PICK, 1, 1, 1, errors, tuple(range(len(errors))))


def test_names_are_read() -> None:
    assert (read_opponents("auto"), read_opponents("none")) == (None, ())
    assert read_opponents("random, resnet18,brief") == ("resnet18", "random", "brief")
    with pytest.raises(RecipeError, match=r"unknown opponent 'resnet'.*resnet18"):
        read_opponents("resnet")
    assert given_opponents("auto", None, None) is None
    assert given_opponents("auto", "x", None) == ("against",)
    assert given_opponents("random", "x", "y") == ("random", "against", "pretrained")


def test_a_resnet18_costs_what_the_pick_costs_and_is_one() -> None:
    made = resnet18_like(PICK)
    assert made.block == "basic"
    assert len(made.stages) == 4
    assert (made.num_classes, made.resolution) == (7, 64)
    flops = complexity(PICK).flops[0]
    assert complexity(made).flops[0] == pytest.approx(flops, rel=0.12)
    assert complexity(resnet18_like(PICK, flops)).flops[0] <= flops


def test_a_resnet18_that_is_the_baseline_is_one_network() -> None:
    basic = Arch.from_dict(published("resnet18").to_dict() | {"num_classes": 7, "resolution": 128, "name": "pick 3"})
    assert is_same_network(baseline_for(basic), resnet18_like(basic))
    assert not is_same_network(baseline_for(PICK), resnet18_like(PICK))


def test_a_resnet18_that_is_the_baseline_is_trained_once_and_that_is_said(
    engine: Any, quiet: Any, config: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    # the digits have 8 pixels, for which the baseline is another: only images over 64 pixels have this one
    monkeypatch.setattr("netwright.workflow.steps.baseline_for", resnet18_like)
    result = design(config(opponents="resnet18", final_seeds=1), quiet)
    assert len([each for each in engine.trials if each.split == "test"]) == 2
    assert [each.role for each in result.opponents] == ["baseline"]
    [report] = engine.reports
    assert any("is the ResNet-18 of the pick's cost as well" in sentence for sentence in report.decisions)


def test_all_get_the_seeds_and_the_recipe_of_the_pick(engine: Any, quiet: Any, config: Make) -> None:
    result = design(config(opponents="resnet18,random", rungs="4x2", final_epochs=4, final_seeds=2), quiet)
    final = [each for each in engine.trials if each.split == "test"]
    assert len(final) in (6, 8)  # the best of random search may be the pick
    assert len({each.seed for each in final}) == 2
    assert all(each.recipe == final[0].recipe for each in final)
    kept = json.loads((result.folder / "result.json").read_text())
    assert kept["resnet18"]["arch"]["block"] == "basic"
    assert [each["role"] for each in kept["opponents"]][:2] == ["baseline", "resnet18"]
    assert [each.role for each in result.opponents] == [each["role"] for each in kept["opponents"]]
    before = engine.trials[: engine.trials.index(final[0])]
    random = [each for each in before if each.recipe["epochs"] == 1][18:]
    assert len(random) == 6 + 4  # as the refined space and the rungs have cost


def test_a_network_of_the_users_own_is_trained_beside_the_pick(
    engine: Any, quiet: Any, config: Make, tmp_path: Path
) -> None:
    own = tmp_path / "own.yaml"
    own.write_text(Arch.from_dict(PICK.to_dict() | {"name": "mine"}).to_yaml())
    result = design(config(against=str(own), final_seeds=1), quiet)
    against = [each for each in engine.trials if each.split == "test"][-1]
    assert (against.arch["num_classes"], against.arch["in_channels"], against.arch["resolution"]) == (10, 1, 8)
    assert [each.name for each in result.opponents if each.role == "against"] == ["mine"]
    with pytest.raises(RecipeError, match=r"--against nothing.yaml"):
        design(config(against="nothing.yaml", out=tmp_path / "x"), quiet)


def test_published_weights_are_fine_tuned(engine: Any, quiet: Any, config: Make, tmp_path: Path) -> None:
    module = build(PICK, seed=5)
    seen = Preprocessing(64, 3, mean=(127.5,) * 3, std=(64.0,) * 3)
    save_model(tmp_path / "own.safetensors", module, preprocessing=seen)
    design(config(pretrained=str(tmp_path / "own.safetensors"), final_seeds=1), quiet)
    tuned = [each for each in engine.trials if each.split == "test"][-1]
    state = read_state(tuned.start)
    assert (state.epochs, state.curve) == (0, ())
    body = [name for name in module.state_dict() if name.startswith("s1.") and name.endswith("weight")]
    assert body
    for name in body:
        assert np.array_equal(state.tensors[f"module.{name}"].numpy(), module.state_dict()[name].numpy())


def test_no_winner_that_noise_does_not_allow() -> None:
    better, alike, few, none = compare_with_opponents(
        [
            finalist("pick", 10.0, 10.1, 9.9, 10.05, 9.95),
            finalist("baseline", 12.0, 12.1, 11.9, 12.2, 12.05),
            finalist("resnet18", 10.1, 9.9, 10.0, 10.2, 9.8),
            finalist("random", 30.0, 30.1),
            finalist("against"),
        ]
    )
    assert [each.winner for each in (better, alike, few, none)] == ["pick", "", "", ""]
    assert better.test.difference == pytest.approx(-2.05)
    assert better.p_holm >= better.test.p_value
    assert "the pick is better" in better.sentence()
    assert "neither is shown to be better" in alike.sentence()
    assert "nothing is claimed" in none.sentence()


def test_it_is_said_plainly_where_fine_tuning_is_better() -> None:
    seeds = np.array([0.0, 0.1, 0.2, 0.15, 0.05])
    [tuned] = compare_with_opponents([finalist("pick", *(20 + seeds)), finalist("pretrained", *(10 + seeds))])
    assert tuned.winner == "opponent"
    assert "start from published weights rather than from nothing" in tuned.sentence()
