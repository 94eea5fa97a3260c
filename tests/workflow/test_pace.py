"""A design with a budget of time, and an engine and a clock that are told how fast they are."""

import json
import logging
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from netwright.errors import PopulationError, RecipeError
from netwright.recipe.going_on import fall_epochs
from netwright.sweeps import NullProgress, TrialEvent, TrialSpec
from netwright.system.run_folder import is_run_folder
from netwright.workflow import DesignConfig, DesignResult, design
from netwright.workflow.late import UNCONFIRMED
from netwright.workflow.ledger import LEDGER, Ledger
from netwright.workflow.pace import Pace
from netwright.workflow.planning import planned
from netwright.workflow.speed import Speed

IMAGE = 0.001  # seconds of an image, as it is measured


class Clock:
    """seconds: what the time is. slow: how much slower trials are than was measured."""

    def __init__(self) -> None:
        self.seconds, self.slow = 1000.0, 1.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def clock(engine: Any, monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Two workers train at a time; an epoch takes as long as its images."""
    now = Clock()
    conftest = sys.modules[type(engine).__module__]
    run = conftest.Pretended.run
    reached: dict[str, int] = {}  # state -> epochs from which a rung goes on

    def timed(self: Any, trials: Iterable[TrialSpec]) -> Iterator[TrialEvent]:
        for event in run(self, trials):
            if event.kind != "done":
                yield event
                continue
            spec = engine.trials[-1]
            images = 1438 if spec.split == "test" else 1151 + 287 * 0.4
            epoch = now.slow * IMAGE * images
            epochs = spec.recipe["epochs"] - (before := reached.get(str(spec.start), 0))
            if spec.state:
                reached[str(spec.state)] = spec.recipe["epochs"] - (fall_epochs(epochs) if before else 0)
            now.seconds += epochs * epoch / 2
            curve = [row | {"seconds": epoch} for row in event.values["curve"]]
            yield TrialEvent("done", event.index, dict(event.values) | {"seconds": epochs * epoch, "curve": curve})

    def measured(networks: Any, recipes: Any, **_: Any) -> tuple[list[Speed], float]:
        now.seconds += 1.0
        return [Speed(IMAGE, 0.4 * IMAGE)] * len(networks), 1.0

    monkeypatch.setattr(conftest.Pretended, "run", timed)
    for home in ("candidates", "pace"):
        monkeypatch.setattr(f"netwright.workflow.{home}.measure_speeds", measured)
    monkeypatch.setattr("netwright.workflow.ledger.Ledger.__init__.__defaults__", (0.0, now))
    return now


def begin(quiet: Any, out: Path, budget: str | float | None, **options: Any) -> DesignResult:
    return design("digits", quiet, out=out, workers=2, **({"budget": budget} if budget else {}), **options)


def searched(engine: Any) -> list[TrialSpec]:
    """Trials of the search; finalists go on, and the pick's is trained once more, for its confusions."""
    trials = [trial for trial in engine.trials if trial.split == "validation"]
    return [trial for trial in trials if not {"held_out", "rungs"} & set(Path(trial.weights or "").parts)]


def kept(out: Path) -> dict[str, Any]:
    return json.loads((out / LEDGER).read_text())


@pytest.mark.slow
@pytest.mark.parametrize(("budget", "slow"), [("5m", 1.5), ("5m", 0.7), ("2m", 1.0), ("20m", 1.0)])
def test_a_budget_is_kept_though_trials_are_slower_than_was_measured(
    engine: Any, quiet: Any, clock: Clock, tmp_path: Path, budget: str, slow: float
) -> None:
    clock.slow = slow
    began = clock.seconds
    begin(quiet, tmp_path / "d", budget)
    seconds = float(budget[:-1]) * 60
    # the report takes no time on this clock
    assert 0.7 * seconds < clock.seconds - began < 1.15 * seconds
    assert kept(tmp_path / "d")["facts"]["finished"]
    assert is_run_folder([path.name for path in (tmp_path / "d").iterdir()])


@pytest.mark.slow
def test_a_machine_that_becomes_slow_gets_fewer_networks_and_epochs(
    engine: Any, quiet: Any, clock: Clock, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: Any
) -> None:
    caplog.set_level(logging.INFO, logger="netwright")
    monkeypatch.setattr("netwright.workflow.prepare.PreparedDesign.guessing", lambda self, errors: "they guess")
    clock.slow = 4.0
    began = clock.seconds
    begin(quiet, tmp_path / "d", "5m")
    assert clock.seconds - began < 1.15 * 300
    assert any("because there is no time for more" in line for line in caplog.messages)
    assert any("fit the" in line and "that are left" in line for line in caplog.messages)
    # what the images are is said once, before the plan that rests on it; what was trained in rounds is judged once
    images = [at for at, line in enumerate(caplog.messages) if line.startswith("digits: 1,797 images of 10 classes")]
    plans = [at for at, line in enumerate(caplog.messages) if line.startswith("the plan for")]
    assert len(images) == len(plans) == 1
    assert images < plans
    assert [line for line in caplog.messages if "they guess" in line] == ["1/3 regnetx: they guess"]


@pytest.mark.slow
@pytest.mark.parametrize("moment", [0, 3, -1])
def test_a_killed_one_remembers_its_plan_and_what_it_spent(
    engine: Any, quiet: Any, clock: Clock, tmp_path: Path, moment: int
) -> None:
    began = clock.seconds
    begin(quiet, tmp_path / "whole", "5m")
    whole, trials = clock.seconds - began, len(engine.trials)
    engine.trials.clear()
    engine.stop_at = moment % trials
    with pytest.raises(KeyboardInterrupt):
        begin(quiet, tmp_path / "d", "5m")
    plan, engine.stop_at = kept(tmp_path / "d"), None
    began = clock.seconds
    begin(quiet, tmp_path / "d", "5m")
    after = kept(tmp_path / "d")
    assert after["choices"]["epochs"] == plan["choices"]["epochs"]
    assert plan["spent"] + clock.seconds - began == pytest.approx(after["spent"], abs=1)
    assert after["spent"] == pytest.approx(whole, rel=0.25)


@pytest.mark.slow
def test_what_is_given_is_not_planned(engine: Any, quiet: Any, clock: Clock, tmp_path: Path) -> None:
    begin(quiet, tmp_path / "d", "3m", trials=5, epochs=2, final_seeds=2, flops=(0.3e6, 0.6e6))
    trials = searched(engine)
    assert (len(trials), {trial.recipe["epochs"] for trial in trials}) == (5, {2})
    assert len(engine.trials) == 5 + 2 * 2 + 1
    assert not {"trials", "flops"} & set(kept(tmp_path / "d")["choices"]) - {"trials"}


@pytest.mark.slow
def test_a_larger_budget_goes_on_from_a_finished_design(engine: Any, quiet: Any, clock: Clock, tmp_path: Path) -> None:
    begin(quiet, tmp_path / "d", "2m")
    engine.trials.clear()
    begin(quiet, tmp_path / "d", "2m")
    begin(quiet, tmp_path / "d", None)
    assert engine.trials == []
    began = clock.seconds
    begin(quiet, tmp_path / "d", "4m")
    assert 60 < clock.seconds - began < 150
    assert len(searched(engine)) >= 2
    assert min(trial.index for trial in searched(engine)) >= 4


def test_a_larger_budget_plans_trials_that_were_given_before(tmp_path: Path) -> None:
    """The first stage was not over, so the plan says nothing of their number."""
    Ledger(tmp_path, 600.0, {"epochs": 3}, {"trial_seconds": 10.0, "workers": 2}).save()
    grown, ledger = planned(DesignConfig.from_options(out=tmp_path, budget="20m"))
    assert ledger is not None
    assert grown.trials == DesignConfig().trials + int(0.4 * 600 * 2 / 10)


@pytest.mark.slow
def test_defaults_are_kept_where_they_are_quick_and_made_smaller_where_not(
    engine: Any, quiet: Any, clock: Clock, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: Any
) -> None:
    caplog.set_level(logging.INFO, logger="netwright")
    monkeypatch.setattr("netwright.workflow.planning.DEFAULT_SECONDS", 100.0)
    began = clock.seconds
    begin(quiet, tmp_path / "d", None)
    assert clock.seconds - began < 115
    assert any("48 networks, 10 epochs, 8 pixels) this would take about" in line for line in caplog.messages)
    assert any("--budget 2h makes more of it" in line for line in caplog.messages)
    assert len(engine.trials) < 48


@pytest.mark.slow
def test_a_configuration_as_it_stands_is_not_planned(engine: Any, quiet: Any, config: Callable[..., Any]) -> None:
    design(config(), quiet)
    assert not (config().out / LEDGER).exists()


@pytest.mark.slow
def test_a_design_without_a_budget_is_not_given_one_later(
    engine: Any, quiet: Any, clock: Clock, config: Callable[..., DesignConfig]
) -> None:
    design(config(), quiet)
    with pytest.raises(PopulationError, match=r"was begun without a budget, and continues with more --trials"):
        design(config(budget="5m"), quiet)


@pytest.mark.parametrize("budget", ["20", "400M", "soon", 0, -3])
def test_a_budget_that_is_no_time_is_refused(budget: object) -> None:
    with pytest.raises(RecipeError, match=r"^budget: a length of time is like 90s, 20m"):
        DesignConfig(budget=budget)


@pytest.mark.slow
def test_more_time_is_not_kept_for_a_pick_whose_confusions_are_known(
    engine: Any, quiet: Any, clock: Clock, tmp_path: Path
) -> None:
    given: dict[str, Any] = {
        "trials": 4,
        "epochs": 60,
        "final_epochs": 20,
        "flops": (0.3e6, 0.6e6),
        "opponents": "none",
    }
    begin(quiet, tmp_path / "d", "4.8m", final_seeds=1, **given)
    assert [trial.split for trial in engine.trials] == ["validation"] * 4 + ["test"] * 2 + ["validation"]
    engine.trials.clear()
    # two more seeds of both are 58 seconds, which are left; 76 for the pick's trial would leave no time for any
    begin(quiet, tmp_path / "d", "5m", **given)
    assert [trial.split for trial in engine.trials] == ["test"] * 4


@pytest.mark.slow
def test_what_is_not_needed_is_left_out_when_the_time_is_up(
    engine: Any, quiet: Any, clock: Clock, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: Any
) -> None:
    caplog.set_level(logging.INFO, logger="netwright")
    # the whole machine is a hundred times slower than was measured, so the least networks alone are too many
    clock.slow = 100.0
    begin(quiet, tmp_path / "d", "2m", epochs=3, train_images=1438)
    assert [line for line in caplog.messages if line.startswith("what the pick confuses is not shown")]
    assert [line for line in caplog.messages if line.startswith("3/3: the time is up, and 3 epochs and one training")]
    assert caplog.messages[-1].startswith("done in")
    assert "longer, as training was slower" in caplog.messages[-1]
    assert len(searched(engine)) == 4
    assert [trial.split for trial in engine.trials[-2:]] == ["test", "test"]
    assert not (tmp_path / "d" / "rungs").exists()
    # the way to see it that the message names
    engine.trials.clear()
    begin(quiet, tmp_path / "d", None, epochs=3, train_images=1438)
    assert [trial.split for trial in engine.trials] == ["validation"]
    assert engine.trials[0].weights


@pytest.mark.slow
def test_a_refined_space_is_not_sampled_when_the_time_is_up(
    engine: Any, quiet: Any, clock: Clock, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: Any
) -> None:
    caplog.set_level(logging.INFO, logger="netwright")
    given: dict[str, Any] = {"trials": 12, "epochs": 1, "policy": "all", "refine_from": 10, "flops": (0.3e6, 0.6e6)}
    monkeypatch.setattr("netwright.workflow.pace.Pace.confirms", lambda self, networks, workers: False)
    result = begin(quiet, tmp_path / "d", "3m", **given, confirm_trials=8, final_epochs=1)
    assert not (tmp_path / "d" / "refined").exists()
    assert any(line.endswith(UNCONFIRMED) for line in caplog.messages)
    assert "it is not known whether it is better" in result.refinement
    assert not result.confirmed
    [report] = engine.reports
    assert (len(report.populations), report.comparison) == (1, None)
    assert UNCONFIRMED in report.decisions


def test_a_refined_space_needs_time_beside_the_final_trainings(tmp_path: Path) -> None:
    facts = {"trial_seconds": 10.0, "seconds": {"final": 100.0}}
    now = iter([0.0, 60.0, 90.0])  # of 200 seconds 10 are for the report, and 95 for the final trainings
    pace = Pace(Ledger(tmp_path, 200.0, {}, facts, now=lambda: next(now)), NullProgress())
    assert pace.confirms(0, 2)  # two rounds of 10 seconds
    assert not pace.confirms(0, 2)
    assert pace.confirms(8, 2)  # what is there is shown
