"""Sweeps in which a pruner of Optuna ends trials early."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from netwright.analysis.reading import read
from netwright.analysis.summary import analyze, comparison_text, summary_text
from netwright.errors import PopulationError, RecipeError
from netwright.population import Population
from netwright.stats.outcomes import outcomes
from netwright.workflow import DesignConfig, sweep

Make = Callable[..., DesignConfig]


def frame(folder: Path) -> Any:
    with Population.open(folder) as population:
        return population.frame()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("sampler", "pruner"), [("space", "median"), ("space", "halving"), ("space", "hyperband"), ("tpe", "median")]
)
def test_bad_trials_end_early_and_are_in_no_figure(
    engine: Any, quiet: Any, config: Make, sampler: str, pruner: str
) -> None:
    counts = sweep(config(trials=16, epochs=9), quiet, sampler=sampler, pruner=pruner)
    rows = frame(config().out)
    pruned, done = rows[rows["state"] == "pruned"], rows[rows["state"] == "done"]
    assert counts["pruned"] == len(pruned) > 0
    assert counts["done"] == len(done) == 16 - len(pruned)
    assert pruned["error"].isna().all()
    assert (pruned["curve"].map(len) < 9).all()
    assert pruned["reason"].str.match(r"pruned after epoch \d of 9: ").all()
    assert set(done["curve"].map(len)) == {9}
    last = [curve[-1]["error"] - 9 + curve[-1]["epoch"] for curve in pruned["curve"]]  # what they would have come to
    assert sum(last) / len(last) > done["error"].mean()
    view = read(config().out)
    assert len(view.errors) == counts["done"]
    assert any(f"{len(pruned)} of 16 trials were pruned by {pruner}" in notice for notice in view.notices)
    again = sweep(config(trials=20, epochs=9), quiet, sampler=sampler, pruner=pruner)
    assert sum(again.values()) == 20
    assert frame(config().out)["state"].tolist()[:16] == rows["state"].tolist()


@pytest.mark.slow
def test_pruned_trials_are_counted_apart_wherever_a_population_is_read(pruned: Path, tmp_path: Path) -> None:
    view = read(pruned)
    found = view.outcomes
    assert (len(found.errors), found.pruned, found.unfinished, found.n_failed) == (10, 2, 0, 0)
    assert "2 pruned (in no figure: the others are the better ones)" in view.tally()
    analysis = analyze(view)
    assert "pruned         2 ended early, in no figure" in summary_text(analysis)
    assert "2 pruned" in comparison_text(analysis, analysis)
    assert view.failures.empty
    with Population.open(pruned) as population:
        table = population.copy_to(tmp_path / "table.csv")
        study = population.copy_to(f"sqlite:///{tmp_path / 'study.db'}")
    assert any("A pruned trial counts as one that failed" in notice for notice in read(table).notices)
    import optuna

    states = [trial.state.name for trial in optuna.load_study(study_name="study", storage=f"sqlite:///{study}").trials]
    assert states == ["COMPLETE"] * 10 + ["PRUNED"] * 2


@pytest.fixture
def pruned(engine: Any, quiet: Any, config: Make) -> Path:
    """Twelve trials, the last two of which were pruned."""
    sweep(config(trials=12, epochs=3), quiet, pruner="median")
    with Population.open(config().out) as population:
        # as if they had been: which ones the pruner ends is not what these tests are about
        population._db.execute("UPDATE trials SET state = 'done', error = 20 + trial WHERE trial < 10")
        population._db.execute("UPDATE trials SET state = 'waiting', error = NULL WHERE trial >= 10")
        for index in (10, 11):
            population.prune(index, reason="pruned after epoch 1 of 3: 80.00%", seconds=1.0, curve=[])
    return config().out


def test_failures_of_before_stay_failures(pruned: Path) -> None:
    found = outcomes(frame(pruned).assign(state=["failed"] * 10 + ["pruned"] * 2))
    assert (found.n_failed, found.pruned, len(found.errors)) == (10, 2, 10)


def test_another_pruner_does_not_continue_a_population(pruned: Path, quiet: Any, config: Make) -> None:
    with pytest.raises(PopulationError, match="made with the pruner median, not none: pruned and fully trained trials"):
        sweep(config(trials=13, epochs=3), quiet)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"pruner": "wise"}, "pruner is one of none, median, halving, hyperband, not 'wise'"),
        ({"pruner": "median", "repeats": 3}, "repeats show what seeds do"),
        ({"pruner": "median", "shared": True}, "the pruner median cannot be shared"),
    ],
)
def test_mistakes_are_refused(engine: Any, quiet: Any, config: Make, options: dict[str, Any], text: str) -> None:
    with pytest.raises(RecipeError, match=text):
        sweep(config(trials=12, epochs=3), quiet, **options)
    assert engine.trials == []


def test_the_trials_of_a_cluster_are_not_pruned(config: Make, quiet: Any) -> None:
    with pytest.raises(RecipeError, match="not those of the executor ray"):
        sweep(replace(config(trials=12, epochs=3), executor="ray"), quiet, pruner="median")


def test_one_epoch_leaves_nothing_to_prune(engine: Any, quiet: Any, config: Make) -> None:
    with pytest.raises(RecipeError, match="each has only 1"):
        sweep(config(trials=12), quiet, pruner="median")
