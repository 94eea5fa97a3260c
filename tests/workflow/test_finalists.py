"""Finalists with an engine that trains nothing: who goes on, from where, and what is said of it."""

import json
import logging
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from netwright.errors import RecipeError
from netwright.population import Population
from netwright.stats.chosen import chosen_error
from netwright.workflow import DesignConfig, design
from netwright.workflow import picking as picking_room

Make = Callable[..., DesignConfig]
TRIALS = 18  # of both samples


def test_the_best_go_on_from_where_they_stopped(engine: Any, quiet: Any, config: Make) -> None:
    result = design(config(rungs="6x2,2x3"), quiet)
    searched, first, second = engine.trials[:TRIALS], engine.trials[TRIALS:][:6], engine.trials[TRIALS + 6 :][:2]
    best = sorted(searched, key=engine.error)[:6]
    assert [(each.arch["stages"], each.seed) for each in first] == [(each.arch["stages"], each.seed) for each in best]
    assert {each.recipe["epochs"] for each in first} == {2}
    assert {each.recipe["epochs"] for each in second} == {3}
    assert [each.seed for each in second] == [each.seed for each in best[:2]]
    assert all(each.start and "states" in each.start for each in first)
    assert all(each.start and "rungs/2/states" in each.start for each in second)
    assert result.network.name == json.loads((result.folder / "result.json").read_text())["selection"]["brief_pick"]


def test_only_the_best_states_are_kept(engine: Any, quiet: Any, config: Make) -> None:
    folder = design(config(rungs="6x2"), quiet).folder
    assert len(list((folder / "states").iterdir())) == 8
    design(config(rungs="none", out=folder.parent / "other"), quiet)
    assert not (folder.parent / "other" / "states").exists()


def test_the_last_rung_decides_and_what_was_seen_is_said(
    engine: Any, quiet: Any, config: Make, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.INFO, logger="netwright")
    brief = engine.error
    # longer trainings turn the order around
    monkeypatch.setattr(
        type(engine), "error", lambda self, trial: brief(trial) if trial.recipe["epochs"] == 1 else 100 - brief(trial)
    )
    monkeypatch.setattr(picking_room, "expected_error", lambda *_: chosen_error([np.arange(100) % 4 == 0]))
    result = design(config(rungs="6x2,3x3", final_epochs=4), quiet)
    selection = json.loads((result.folder / "result.json").read_text())["selection"]
    assert result.network.name != selection["brief_pick"]
    assert selection["rungs"] == "6x2,3x3"
    assert selection["rank_agreement"] == pytest.approx([-1.0, 1.0])
    assert min(selection["standings"][1].values()) == selection["validation_error"]
    assert selection["expected_error"] == pytest.approx(25, abs=1) == result.expected_error
    text = "\n".join(caplog.messages)
    assert "of 3 finalists. Of 18 networks that were compared for 1 epoch each" in text
    assert f"By the brief trainings alone the pick would have been {selection['brief_pick']}" in text
    assert "came in as number 6 of 6 on the first rung" in text
    assert "-1.00 of 6 networks after 2 epochs; 1.00 of 3 networks after 3 epochs" in text
    assert "is to be expected of a network that is chosen so" in text


def test_more_seeds_of_the_last_are_trained_from_their_beginning(engine: Any, quiet: Any, config: Make) -> None:
    design(config(rungs="4x2,2x2x3"), quiet)
    more = engine.trials[TRIALS + 4 :][:4]
    assert len({each.seed for each in more}) == 2
    assert not any(each.start for each in more)
    assert {each.recipe["epochs"] for each in more} == {2}
    assert engine.trials[TRIALS + 8].split == "test"


def test_few_images_are_compared_in_parts(engine: Any, quiet: Any, config: Make) -> None:
    result = design(config(rungs="3x2/4"), quiet)
    parts = engine.trials[TRIALS:][:12]
    assert [each.fold for each in parts] == [(k, 4) for _ in range(3) for k in range(4)]
    assert not any(each.start or each.state for each in parts)
    selection = json.loads((result.folder / "result.json").read_text())["selection"]
    assert len(selection["standings"][0]) == 3


def test_a_network_that_fails_does_not_go_on(engine: Any, quiet: Any, config: Make) -> None:
    engine.fails = lambda trial: trial.recipe["epochs"] == 2 and trial.index == 0
    result = design(config(rungs="3x2", final_epochs=4), quiet)
    selection = json.loads((result.folder / "result.json").read_text())["selection"]
    assert len(selection["standings"][0]) == 2
    assert result.network.name != selection["brief_pick"]


def test_where_all_fail_the_trials_decide(engine: Any, quiet: Any, config: Make) -> None:
    engine.fails = lambda trial: trial.recipe["epochs"] == 2
    result = design(config(rungs="3x2", final_epochs=4), quiet)
    assert json.loads((result.folder / "result.json").read_text())["selection"] == {"rungs": "none"}
    assert result.network.name


@pytest.mark.slow
@pytest.mark.parametrize("at", [3, 15, 19, 23, 26, 30])
def test_interrupted_anywhere_it_ends_alike(engine: Any, quiet: Any, config: Make, tmp_path: Path, at: int) -> None:
    given = config(rungs="6x2,2x3x2", final_seeds=1)
    whole = design(given, quiet).network
    many, engine.trials = len(engine.trials), []
    engine.stop_at = at
    other = replace(given, out=tmp_path / "e")
    with pytest.raises(KeyboardInterrupt):
        design(other, quiet)
    engine.stop_at = None
    assert design(other, quiet).network == whole
    assert len(engine.trials) == many


def test_more_trials_bring_others_to_the_rung_and_none_is_trained_again(engine: Any, quiet: Any, config: Make) -> None:
    folder = design(config(rungs="4x2", final_seeds=1), quiet).folder
    before = len(engine.trials)
    design(config(rungs="4x2", final_seeds=1, trials=20), quiet)
    again = [each for each in engine.trials[before:] if each.recipe["epochs"] == 2]
    with Population.open(folder / "rungs" / "2") as population:
        frame = population.frame()
    assert len(frame) == 4 + len(again)
    assert not frame["label"].duplicated().any()
    done = len(engine.trials)
    design(config(rungs="4x2", final_seeds=1, trials=20), quiet)
    assert len(engine.trials) == done


def test_rungs_that_are_no_longer_than_trials_are_refused_before_any(engine: Any, quiet: Any, config: Make) -> None:
    with pytest.raises(RecipeError, match="from the 3 of a trial on"):
        design(config(rungs="4x2", epochs=3), quiet)
    assert not engine.trials
