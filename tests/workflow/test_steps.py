"""The guided design with an engine that trains nothing: what it trains, and how it stops, resumes and refuses."""

import json
import logging
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from netwright.errors import OutputError, PopulationError, RecipeError, SpaceError
from netwright.population import Population
from netwright.space import Choice, load_space
from netwright.workflow import DesignConfig, DesignResult, design, sweep

Make = Callable[..., DesignConfig]
TRIALS, CONFIRM, SEEDS = 12, 6, 3
FINALS = (
    TRIALS + CONFIRM + 2 * SEEDS
)  # trials until the end of the final trainings; after them the pick's trial comes again


def plain(result: DesignResult) -> dict[str, Any]:
    return json.loads((result.folder / "result.json").read_text())


def test_only_the_finals_see_the_test_split(engine: Any, quiet: Any, config: Make) -> None:
    design(config(), quiet)
    searched, final = engine.trials[: TRIALS + CONFIRM], engine.trials[TRIALS + CONFIRM : FINALS]
    assert {trial.split for trial in searched} == {"validation"}
    assert {trial.split for trial in final} == {"test"}
    assert not any(trial.weights for trial in searched)


def test_what_the_pick_confuses_is_seen_by_its_trial_again_with_weights(engine: Any, quiet: Any, config: Make) -> None:
    result = design(config(), quiet)
    [again] = engine.trials[FINALS:]
    name, trial = result.network.name.rsplit(" ", 1)
    before = engine.trials[int(trial) + (0 if name == "regnetx" else TRIALS)]
    assert (again.split, again.seed, again.recipe) == ("validation", before.seed, before.recipe)
    assert again.arch["stages"] == before.arch["stages"]
    assert Path(again.weights).parents[1] == result.folder / "held_out"


def test_pick_and_baseline_get_the_same_seeds_and_recipe(engine: Any, quiet: Any, config: Make) -> None:
    design(config(final_epochs=5), quiet)
    final = engine.trials[TRIALS + CONFIRM : FINALS]
    pick, baseline = final[:SEEDS], final[SEEDS:]
    assert [trial.seed for trial in pick] == [trial.seed for trial in baseline]
    assert len({trial.seed for trial in pick}) == SEEDS
    assert not {trial.seed for trial in engine.trials[: TRIALS + CONFIRM]} & {trial.seed for trial in pick}
    assert {trial.recipe["epochs"] for trial in final} == {5}
    assert all(trial.recipe == final[0].recipe for trial in final)


def test_the_pick_is_the_best_of_validation_and_named_by_space_and_trial(engine: Any, quiet: Any, config: Make) -> None:
    result = design(config(), quiet)
    searched = engine.trials[: TRIALS + CONFIRM]
    best = min(range(len(searched)), key=lambda i: engine.error(searched[i]))
    space, trial = ("regnetx", best) if best < TRIALS else ("regnetx_refined", best - TRIALS)
    assert result.network.name == f"{space} {trial}"
    assert engine.reports[0].finalists[0].name == result.network.name
    assert plain(result)["pick"]["name"] == result.network.name


def test_the_second_sample_is_fresh_and_within_the_refined_space(engine: Any, quiet: Any, config: Make) -> None:
    result = design(config(), quiet)
    first, second = (view.frame for view in engine.reports[0].populations)
    assert not set(first["arch"]) & set(second["arch"])
    for name, distribution in result.refined.distributions.items():
        assert second[name].between(*distribution.bounds).all()


def test_failed_trials_are_results_and_no_pick(
    engine: Any, quiet: Any, config: Make, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, logger="netwright")
    engine.fails = lambda trial: trial.split == "validation" and trial.index in (1, 2)
    result = design(config(), quiet)
    assert any("of 14 networks (4 more failed)" in line for line in caplog.messages)
    comparison = engine.reports[0].comparison
    assert comparison.mean.n_a + comparison.mean.n_b == 18  # a failed network is a result
    assert comparison.failed == (2, 2)
    assert result.test_errors


def test_a_design_of_failures_ends_after_its_first_sample(engine: Any, quiet: Any, config: Make) -> None:
    engine.fails = lambda trial: True
    with pytest.raises(PopulationError, match="none of 12 is: 12 x diverged: so it was told"):
        design(config(), quiet)
    assert len(engine.trials) == TRIALS


@pytest.mark.slow
def test_what_the_machine_failed_is_trained_again_until_the_design_rests_on_the_others(
    engine: Any, quiet: Any, config: Make, caplog: pytest.LogCaptureFixture
) -> None:
    engine.kills = lambda trial: trial.split == "validation"
    with pytest.raises(PopulationError, match=r"none of 12 is: 12 x out of memory.* same command with --retry_failed"):
        design(config(), quiet)
    engine.kills = lambda trial: trial.index in (1, 2)
    result = design(config(retry_failed=True), quiet)
    assert len(result.test_errors) == SEEDS - 2
    lines = [line for line in caplog.messages if "by the machine" in line]
    said = "2 trials were failed by the machine, not by their networks: 2 x out of memory: so it was told"
    assert lines[1:] == [
        f"1/3 regnetx: {said}. What the machine failed is no result",
        f"2/3 regnetx_refined: {said}. What the machine failed is no result",
        f"final trainings: {said}. retry_failed=True trains them again",
    ]
    engine.kills = lambda trial: False
    before = len(engine.trials)
    again = design(config(retry_failed=True), quiet)
    assert len(engine.trials) == before + 2  # of the final trainings
    assert len(again.test_errors) == SEEDS
    kept = [line for line in caplog.messages if "failed trials stay as they are" in line]
    assert [line.split(":")[0] for line in kept] == ["1/3 regnetx", "2/3 regnetx_refined"]


def test_final_trainings_have_that_much_longer_as_they_are_longer(engine: Any, quiet: Any, config: Make) -> None:
    design(config(trial_timeout=10.0, epochs=2, final_epochs=6), quiet)
    assert {trial.timeout for trial in engine.trials[: TRIALS + CONFIRM]} == {10.0}
    [final] = {trial.timeout for trial in engine.trials[TRIALS + CONFIRM : FINALS]}
    assert 30.0 < final < 45.0  # three times the epochs, on the validation images too


def test_a_sweep_retries_what_the_machine_failed(engine: Any, quiet: Any, tmp_path: Path) -> None:
    options = {"flops": (0.3e6, 0.6e6), "trials": 4, "epochs": 1, "out": tmp_path / "s"}
    engine.kills = lambda trial: trial.index in (1, 2)
    assert sweep("regnetx", quiet, **options)["failed"] == 2
    engine.kills = lambda trial: False
    assert sweep("regnetx", quiet, **options)["failed"] == 2
    assert sweep("regnetx", quiet, **options, retry_failed=True)["done"] == 4


def test_a_baseline_that_fails_takes_nothing_from_the_pick(engine: Any, quiet: Any, config: Make) -> None:
    engine.fails = lambda trial: trial.split == "test" and trial.index >= SEEDS
    result = design(config(), quiet)
    assert len(result.test_errors) == SEEDS
    assert result.baseline_test_errors == ()
    assert "nothing is claimed" in result.verdict
    assert "3 of 3 trainings failed: diverged" in plain(result)["baseline"]["note"]


def test_a_pick_that_fails_ends_the_design_with_the_reason(engine: Any, quiet: Any, config: Make) -> None:
    engine.fails = lambda trial: trial.split == "test" and trial.index < SEEDS
    with pytest.raises(
        PopulationError, match=r"no training of the pick is finished\. 3 of 3 trainings failed: diverged"
    ):
        design(config(), quiet)


def test_a_seed_that_fails_is_told(engine: Any, quiet: Any, config: Make) -> None:
    engine.fails = lambda trial: trial.split == "test" and trial.index == 0
    result = design(config(), quiet)
    assert len(result.test_errors) == 2
    assert plain(result)["pick"]["note"].startswith("1 of 3 trainings failed")
    # the weights are of the first seed that there is, not of the one with the lowest test error
    assert (result.folder / "weights.safetensors").exists()


@pytest.mark.slow
@pytest.mark.parametrize("moment", [0, 5, TRIALS, TRIALS + 2, TRIALS + CONFIRM, TRIALS + CONFIRM + 4])
def test_interrupted_anywhere_the_same_configuration_continues_to_the_same_result(
    engine: Any, quiet: Any, config: Make, tmp_path: Path, moment: int
) -> None:
    whole = plain(design(config(out=tmp_path / "whole"), quiet))
    engine.trials.clear()
    engine.stop_at = moment
    with pytest.raises(KeyboardInterrupt):
        design(config(), quiet)
    engine.stop_at = None
    assert plain(design(config(), quiet)) == whole
    assert len(engine.trials) == FINALS + 1  # none was trained twice


def test_the_same_configuration_again_trains_nothing(engine: Any, quiet: Any, config: Make) -> None:
    first = plain(design(config(), quiet))
    engine.trials.clear()
    assert plain(design(config(workers=7, command="other words"), quiet)) == first
    assert engine.trials == []


def trained(engine: Any, *splits: str) -> list[Any]:
    """What was trained since the last look."""
    found = [trial for trial in engine.trials if trial.split in splits] if splits else list(engine.trials)
    engine.trials.clear()
    return found


@pytest.mark.slow
def test_a_finished_design_goes_on_with_more_trials(engine: Any, quiet: Any, config: Make, caplog: Any) -> None:
    engine.stop_at = 5
    with pytest.raises(KeyboardInterrupt):
        design(config(), quiet)
    engine.stop_at = None
    first = design(config(trials=16), quiet)
    with Population.open(config().out) as population:
        assert population.counts()["done"] == 16
    trained(engine)
    engine.error = lambda trial: 30.0 + trial.index  # none of the new ones is the best
    more = design(config(trials=20, confirm_trials=8), quiet)
    assert [trial.index for trial in trained(engine)] == [16, 17, 18, 19, 6, 7]  # of the first, then of the second
    assert (more.network, more.refined) == (first.network, first.refined)
    decisions = engine.reports[-1].decisions
    if decisions[0].startswith("The space was refined"):
        assert "when it had 16 networks" in decisions[0]
    with pytest.raises(PopulationError, match="has 20 trials, and 12 are wanted"):
        design(config(), quiet)


def test_a_new_pick_is_trained_and_the_old_one_kept(
    engine: Any, quiet: Any, config: Make, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, logger="netwright")
    before = design(config(), quiet)
    trained(engine)
    engine.error = lambda trial: 1.0
    after = design(config(trials=13), quiet)
    assert after.network.name == "regnetx 12"
    assert len(trained(engine, "test")) == 2 * SEEDS
    assert any(
        "6 final trainings cannot be used again: another network is the pick now" in line for line in caplog.messages
    )
    assert (before.folder / "earlier-1" / "final" / "population.sqlite").exists()


def test_seeds_are_added_to_the_final_trainings_that_there_are(engine: Any, quiet: Any, config: Make) -> None:
    before = design(config(), quiet)
    old = [trial.seed for trial in trained(engine, "test")]
    after = design(config(final_seeds=4), quiet)
    new = trained(engine)
    assert [trial.split for trial in new] == ["test", "test"]
    assert len({trial.seed for trial in new}) == 1
    assert not {trial.seed for trial in new} & set(old)
    assert after.test_errors[:SEEDS] == before.test_errors
    assert (len(after.test_errors), len(after.baseline_test_errors)) == (4, 4)
    with pytest.raises(PopulationError, match=r"has 4 of each network, and --final_seeds is 3"):
        design(config(), quiet)


@pytest.mark.parametrize(
    ("changes", "said", "anew"),
    [
        ({"final_epochs": 9}, "6 final trainings cannot be used again: they had 3 epochs, and 9 are wanted", 6),
        ({"epochs": 2}, "12 networks were trained for 1 epoch, and --epochs is now 2", TRIALS + CONFIRM + 7),
    ],
)
def test_what_more_epochs_cannot_use_again_is_named_and_kept(
    engine: Any,
    quiet: Any,
    config: Make,
    caplog: pytest.LogCaptureFixture,
    changes: dict[str, object],
    said: str,
    anew: int,
) -> None:
    caplog.set_level(logging.INFO, logger="netwright")
    design(config(), quiet)
    trained(engine)
    result = design(config(**changes), quiet)
    assert len(trained(engine)) == anew
    assert any(said in line for line in caplog.messages)
    assert (result.folder / "earlier-1" / "final" / "population.sqlite").exists()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"seed": 1}, "seed: 0 -> 1"),
        ({"policy": "holm"}, "policy: 'all' -> 'holm'"),
        ({"refine_from": 11}, "refine_from: 10 -> 11"),
        ({"recipe": {"lr": 0.2}}, r"recipe.lr: \(absent\) -> 0.2"),
        ({"flops": (0.3e6, 0.7e6)}, "flops: "),
        ({"space": "regnety"}, "space.setting.block: 'x' -> 'y'"),
    ],
)
def test_another_configuration_is_refused_with_the_difference(
    engine: Any, quiet: Any, config: Make, changes: dict[str, object], line: str
) -> None:
    design(config(), quiet)
    engine.trials.clear()
    with pytest.raises(PopulationError, match=line):
        design(config(**changes), quiet)
    assert engine.trials == []


def test_the_config_is_kept_where_version_0_1_looks_for_it(quiet: Any, config: Make) -> None:
    result = design(config(), quiet)
    with Population.open(result.folder / "refined") as population:
        assert population.notes["brief"]["trials"] == TRIALS
        assert set(population.notes) == {"account", "command", "brief", "provenance"}


def forget_the_policy(folder: Path) -> None:
    """As version 0.1 left it."""
    with closing(sqlite3.connect(folder / "refined" / "population.sqlite")) as db, db:
        [(text,)] = db.execute("SELECT value FROM meta WHERE key = 'notes'").fetchall()
        notes = json.loads(text)
        for name in ("policy", "refine_from"):
            del notes["brief"][name]
        db.execute("UPDATE meta SET value = ? WHERE key = 'notes'", (json.dumps(notes),))


@pytest.mark.slow
def test_a_design_of_before_goes_on_with_the_space_that_it_had(engine: Any, quiet: Any, config: Make) -> None:
    before = design(config(), quiet)
    forget_the_policy(before.folder)
    engine.trials.clear()
    after = design(config(policy="relevant", refine_from=32), quiet)  # the defaults: no flag says anything
    assert engine.trials == []
    assert after.refined == before.refined != load_space("regnetx")
    decisions = engine.reports[-1].decisions
    assert decisions[0].startswith("The space was refined before, not by the policy 'relevant'")
    assert any(" narrowed to " in decision for decision in decisions)
    with pytest.raises(PopulationError, match=r"policy: 'all\+order' -> 'holm'"):
        design(config(policy="holm"), quiet)


def test_only_what_matters_is_narrowed_from_32_trials_on(engine: Any, quiet: Any, config: Make) -> None:
    engine.error = lambda trial: 60.0 - sum(stage["depth"] for stage in trial.arch["stages"]) + trial.seed % 100 / 100
    result = design(config(trials=32, policy="relevant", refine_from=32), quiet)
    sentences = [each for each in engine.reports[0].decisions if "narrowed to" in each]
    assert sentences
    assert not any("no evidence" in each for each in sentences)
    assert result.refinement.startswith("The mean error of regnetx_refined is ")


def test_a_changed_seed_is_named_before_the_space_is_refined(engine: Any, quiet: Any, config: Make) -> None:
    sweep(config(), quiet)
    with pytest.raises(PopulationError, match="seed: 0 -> 1"):
        sweep(config(seed=1), quiet)
    with pytest.raises(PopulationError, match="has 12 trials, and 4 are wanted"):
        sweep(config(trials=4), quiet)


def test_a_sweep_is_the_first_step_of_a_design(engine: Any, quiet: Any, config: Make) -> None:
    assert sweep(config(), quiet) == {"waiting": 0, "running": 0, "done": TRIALS, "failed": 0}
    design(config(), quiet)
    assert len(engine.trials) == FINALS + 1


def test_few_trials_narrow_nothing_and_claim_nothing(engine: Any, quiet: Any, config: Make) -> None:
    result = design(config(trials=4, confirm_trials=2, refine_from=32), quiet)
    assert not result.confirmed
    few = "so there is no refinement to confirm: 28 more networks are needed."
    assert result.refinement == f"Nothing was narrowed, {few}"
    decisions = engine.reports[0].decisions
    assert decisions[0].endswith("4 networks are done, and a space is narrowed from 32 on: 28 more are needed.")
    assert engine.reports[0].comparison is None
    # a second sample of a space that stays the same is a waste
    assert [view.name for view in engine.reports[0].populations] == ["regnetx"]
    assert len(engine.trials) == 4 + 2 * SEEDS + 1
    assert decisions[1].startswith("A second sample of the same space would confirm nothing, so none is trained")
    assert load_space(result.folder / "refined_space.yaml").parameters == load_space("regnetx").parameters


def test_a_space_without_room_to_confirm_is_refused_before_any_training(
    engine: Any, quiet: Any, config: Make, tmp_path: Path
) -> None:
    space = tmp_path / "small.yaml"
    space.write_text(
        "name: small\nfamily: anynet\nstages: 2\nlimits: {flops: [0, 1e9]}\n"
        "parameters: {depth: 1, width: [8, 16], bottleneck: 1, group_width: [4, 8]}\n"
    )
    with pytest.raises(SpaceError, match="12 networks, and 6 more to confirm with: 'small' has 16 combinations"):
        design(config(space=str(space), flops=None), quiet)
    assert engine.trials == []
    design(config(space=str(space), flops=None, trials=10, confirm_trials=2), quiet)


@pytest.mark.slow
def test_a_space_that_draws_recipes_is_refused_before_any_training(engine: Any, quiet: Any, config: Make) -> None:
    space = load_space("regnetx").with_recipe(lr=Choice((0.1, 0.2)))
    with pytest.raises(SpaceError, match=r"one recipe, and 'regnetx' draws lr. Study it by `netwright sweep`"):
        design(config(space=space), progress=quiet)
    assert engine.trials == []


@pytest.mark.slow
def test_an_empty_window_is_refused_before_any_training(engine: Any, quiet: Any, config: Make) -> None:
    with pytest.raises(SpaceError, match=r"no network of 'regnetx'.*the smallest flops drawn was"):
        design(config(flops=(1, 2)), quiet)
    assert engine.trials == []


def test_weights_that_are_gone_are_missed_with_a_cure(engine: Any, quiet: Any, config: Make) -> None:
    result = design(config(), quiet)
    for path in (result.folder / "final" / "weights").iterdir():
        path.unlink()
    with pytest.raises(OutputError, match=r"are gone. Remove .*final to train pick and baseline again"):
        design(config(), quiet)


SMALL: dict[str, Any] = {"flops": (0.3e6, 0.6e6), "trials": 12, "confirm_trials": 6, "epochs": 1}
SMALL |= {"policy": "all", "refine_from": 10, "rungs": "none"}


@pytest.mark.slow
def test_a_design_by_keywords_is_that_of_its_configuration(
    engine: Any, quiet: Any, config: Make, tmp_path: Path
) -> None:
    whole = plain(design(config(recipe={"lr": 0.2}), quiet))
    assert plain(design("digits", quiet, out=tmp_path / "k", lr=0.2, **SMALL)) == whole
    with pytest.raises(RecipeError, match=r"a DesignConfig has all options itself\. Put seed into it\."):
        design(config(), quiet, seed=1)


def test_a_sweep_takes_a_space_by_name_or_as_it_is(engine: Any, quiet: Any, tmp_path: Path) -> None:
    few: dict[str, Any] = {"epochs": 1, "trials": 3}
    space = load_space("regnety").refine(flops=(0.3e6, 0.6e6))
    assert sweep(space, quiet, out=tmp_path / "a", **few)["done"] == 3
    assert sweep("regnety", quiet, out=tmp_path / "b", flops=(0.3e6, 0.6e6), **few)["done"] == 3
    with Population.open(tmp_path / "a") as one, Population.open(tmp_path / "b") as two:
        assert one.identity["space"] == two.identity["space"]
        assert list(one.frame()["arch"]) == list(two.frame()["arch"])
    with pytest.raises(RecipeError, match=r"its population in a folder, and none is named\. Give 'out'\."):
        sweep("regnety", quiet, trials=3)


def test_a_sweep_alone_has_more_trials(engine: Any, quiet: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[DesignConfig] = []

    def prepare(config: DesignConfig, progress: object) -> None:
        given.append(config)
        raise SpaceError("enough")

    monkeypatch.setattr("netwright.workflow.steps.prepare", prepare)
    for options in ({}, {"trials": 7}):
        with pytest.raises(SpaceError, match="enough"):
            sweep("regnety", quiet, out="x", **options)
    assert [(config.space, config.trials) for config in given] == [("regnety", 100), ("regnety", 7)]


def test_a_sweep_with_repeats_trains_its_first_networks_with_more_seeds(
    engine: Any, quiet: Any, tmp_path: Path
) -> None:
    small: dict[str, Any] = {"flops": (0.3e6, 0.6e6), "epochs": 1, "trials": 5, "out": tmp_path}
    assert sweep("regnety", quiet, **small, repeats=3, repeated=4)["done"] == 5
    with Population.open(tmp_path) as population:
        frame, repeats = population.frame(), population.repeats()
        assert repeats is not None
        again = repeats.frame()
    assert again["state"].tolist() == ["done"] * 8
    assert again["network"].tolist() == [0, 1, 2, 3] * 2
    assert len({*frame["seed"], *again["seed"]}) == 13
    assert sweep("regnety", quiet, **small, repeats=3, repeated=4)["done"] == 5  # nothing is trained twice
    with pytest.raises(RecipeError, match="it is 9 of 5"):
        sweep("regnety", quiet, **small, repeats=3, repeated=9)
