"""The guided job with an engine that trains nothing: what is asked of it, and how it stops, resumes and refuses."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from netwright.errors import OutputError, PopulationError, SpaceError
from netwright.population import Population
from netwright.workflow import DesignConfig, Result, design, sweep

Make = Callable[..., DesignConfig]
TRIALS, CONFIRM, SEEDS = 12, 6, 3


def plain(result: Result) -> dict[str, Any]:
    return json.loads((result.folder / "result.json").read_text())


def test_only_the_finals_see_the_test_split(engine: Any, heard: Any, config: Make) -> None:
    design(config(), heard)
    searched, final = engine.jobs[: TRIALS + CONFIRM], engine.jobs[TRIALS + CONFIRM :]
    assert {job.split for job in searched} == {"validation"}
    assert {job.split for job in final} == {"test"}
    assert not any(job.weights for job in searched)


def test_pick_and_baseline_get_the_same_seeds_and_recipe(engine: Any, heard: Any, config: Make) -> None:
    design(config(final_epochs=5), heard)
    final = engine.jobs[TRIALS + CONFIRM :]
    pick, baseline = final[:SEEDS], final[SEEDS:]
    assert [job.seed for job in pick] == [job.seed for job in baseline]
    assert len({job.seed for job in pick}) == SEEDS
    assert not {job.seed for job in engine.jobs[: TRIALS + CONFIRM]} & {job.seed for job in pick}
    assert {job.recipe["epochs"] for job in final} == {5}
    assert all(job.recipe == final[0].recipe for job in final)


def test_the_pick_is_the_best_of_validation_and_named_by_space_and_trial(engine: Any, heard: Any, config: Make) -> None:
    result = design(config(), heard)
    searched = engine.jobs[: TRIALS + CONFIRM]
    best = min(range(len(searched)), key=lambda i: engine.error(searched[i]))
    space, trial = ("regnetx", best) if best < TRIALS else ("regnetx_refined", best - TRIALS)
    assert result.network.name == f"{space} {trial}"
    assert engine.stories[0].finalists[0].name == result.network.name
    assert plain(result)["pick"]["name"] == result.network.name


def test_the_second_sample_is_fresh_and_within_the_refined_space(engine: Any, heard: Any, config: Make) -> None:
    result = design(config(), heard)
    first, second = (view.frame for view in engine.stories[0].populations)
    assert not set(first["arch"]) & set(second["arch"])
    for name, distribution in result.refined.distributions.items():
        assert second[name].between(*distribution.bounds).all()


def test_failed_trials_are_counted_and_left_out(engine: Any, heard: Any, config: Make) -> None:
    engine.fails = lambda job: job.split == "validation" and job.index in (1, 2)
    result = design(config(), heard)
    assert any("of 14 networks (4 more failed)" in line for line in engine.said)
    assert engine.stories[0].contrast.mean.n_a + engine.stories[0].contrast.mean.n_b == 14
    assert result.test_errors


def test_a_design_of_failures_ends_after_its_first_sample(engine: Any, heard: Any, config: Make) -> None:
    engine.fails = lambda job: True
    with pytest.raises(PopulationError, match="none of 12 is: 12 x diverged: so it was told"):
        design(config(), heard)
    assert len(engine.jobs) == TRIALS


def test_a_baseline_that_fails_takes_nothing_from_the_pick(engine: Any, heard: Any, config: Make) -> None:
    engine.fails = lambda job: job.split == "test" and job.index >= SEEDS
    result = design(config(), heard)
    assert len(result.test_errors) == SEEDS
    assert result.baseline_test_errors == ()
    assert "nothing is claimed" in result.verdict
    assert "3 of 3 trainings failed: diverged" in plain(result)["baseline"]["note"]


def test_a_pick_that_fails_ends_the_design_with_the_reason(engine: Any, heard: Any, config: Make) -> None:
    engine.fails = lambda job: job.split == "test" and job.index < SEEDS
    with pytest.raises(
        PopulationError, match=r"no training of the pick is finished\. 3 of 3 trainings failed: diverged"
    ):
        design(config(), heard)


def test_a_seed_that_fails_is_told(engine: Any, heard: Any, config: Make) -> None:
    engine.fails = lambda job: job.split == "test" and job.index == 0
    result = design(config(), heard)
    assert len(result.test_errors) == 2
    assert plain(result)["pick"]["note"].startswith("1 of 3 trainings failed")
    # the weights are of the first seed that there is, not of the one with the lowest test error
    assert (result.folder / "weights.safetensors").exists()


@pytest.mark.parametrize("moment", [0, 5, TRIALS, TRIALS + 2, TRIALS + CONFIRM, TRIALS + CONFIRM + 4])
def test_interrupted_anywhere_the_same_brief_goes_on_to_the_same_result(
    engine: Any, heard: Any, config: Make, tmp_path: Path, moment: int
) -> None:
    whole = plain(design(config(out=tmp_path / "whole"), heard))
    engine.jobs.clear()
    engine.stop_at = moment
    with pytest.raises(KeyboardInterrupt):
        design(config(), heard)
    engine.stop_at = None
    assert plain(design(config(), heard)) == whole
    assert len(engine.jobs) == TRIALS + CONFIRM + 2 * SEEDS  # none was trained twice


def test_the_same_brief_again_trains_nothing(engine: Any, heard: Any, config: Make) -> None:
    first = plain(design(config(), heard))
    engine.jobs.clear()
    assert plain(design(config(workers=7, command="other words"), heard)) == first
    assert engine.jobs == []


def test_trials_may_be_added_until_the_space_is_refined(engine: Any, heard: Any, config: Make) -> None:
    engine.stop_at = 5
    with pytest.raises(KeyboardInterrupt):
        design(config(), heard)
    engine.stop_at = None
    design(config(trials=16), heard)
    with Population.open(config().out) as population:
        assert population.counts()["done"] == 16
    with pytest.raises(PopulationError, match=r"refined already:\n  trials: 16 -> 20\n"):
        design(config(trials=20), heard)
    with Population.open(config().out) as population:
        assert len(population) == 16


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"seed": 1}, "seed: 0 -> 1"),
        ({"final_epochs": 9}, "final_epochs: 3 -> 9"),
        ({"recipe": {"lr": 0.2}}, r"recipe.lr: \(absent\) -> 0.2"),
        ({"flops": (0.3e6, 0.7e6)}, "flops: "),
        ({"space": "regnety"}, "space.setting.block: 'x' -> 'y'"),
    ],
)
def test_another_brief_is_refused_with_the_difference(
    engine: Any, heard: Any, config: Make, changes: dict[str, object], line: str
) -> None:
    design(config(), heard)
    engine.jobs.clear()
    with pytest.raises(PopulationError, match=line):
        design(config(**changes), heard)
    assert engine.jobs == []


def test_a_changed_seed_is_named_before_the_space_is_refined(engine: Any, heard: Any, config: Make) -> None:
    sweep(config(), heard)
    with pytest.raises(PopulationError, match="seed: 0 -> 1"):
        sweep(config(seed=1), heard)
    with pytest.raises(PopulationError, match="has 12 trials, and 4 are asked for"):
        sweep(config(trials=4), heard)


def test_a_sweep_is_the_first_step_of_a_design(engine: Any, heard: Any, config: Make) -> None:
    assert sweep(config(), heard) == {"waiting": 0, "running": 0, "done": TRIALS, "failed": 0}
    design(config(), heard)
    assert len(engine.jobs) == TRIALS + CONFIRM + 2 * SEEDS


def test_few_trials_narrow_nothing_and_claim_nothing(engine: Any, heard: Any, config: Make) -> None:
    result = design(config(trials=4, confirm_trials=2), heard)
    assert not result.confirmed
    assert result.refinement == "Nothing was narrowed, so there is no refinement to confirm."
    assert engine.stories[0].contrast is None
    assert [view.name for view in engine.stories[0].populations] == ["regnetx", "regnetx_again"]


def test_a_space_without_room_to_confirm_is_refused_before_any_training(
    engine: Any, heard: Any, config: Make, tmp_path: Path
) -> None:
    space = tmp_path / "small.yaml"
    space.write_text(
        "name: small\nfamily: anynet\nstages: 2\nlimits: {flops: [0, 1e9]}\n"
        "parameters: {depth: 1, width: [8, 16], bottleneck: 1, group_width: [4, 8]}\n"
    )
    with pytest.raises(SpaceError, match="12 networks, and 6 more to confirm with: 'small' has 16 combinations"):
        design(config(space=str(space), flops=None), heard)
    assert engine.jobs == []
    design(config(space=str(space), flops=None, trials=10, confirm_trials=2), heard)


def test_an_empty_window_is_refused_before_any_training(engine: Any, heard: Any, config: Make) -> None:
    with pytest.raises(SpaceError, match=r"no network of 'regnetx'.*the smallest flops drawn was"):
        design(config(flops=(1, 2)), heard)
    assert engine.jobs == []


def test_weights_that_are_gone_are_missed_with_a_cure(engine: Any, heard: Any, config: Make) -> None:
    result = design(config(), heard)
    for path in (result.folder / "final" / "weights").iterdir():
        path.unlink()
    with pytest.raises(OutputError, match=r"are gone. Remove .*final to have the finals trained anew"):
        design(config(), heard)
