from collections.abc import Callable
from itertools import pairwise

import optuna
import pytest

from netwright.arch import complexity
from netwright.errors import SpaceError
from netwright.space import DesignSpace, LogUniform, load_space

optuna.logging.set_verbosity(optuna.logging.WARNING)


def run(space: DesignSpace, trials: int, sampler: optuna.samplers.BaseSampler | None = None) -> optuna.Study:
    def objective(trial: optuna.Trial) -> float:
        return float(complexity(space.suggest(trial).arch).flops[0])

    study = optuna.create_study(sampler=sampler or optuna.samplers.RandomSampler(seed=0))
    study.optimize(objective, n_trials=trials)
    return study


@pytest.mark.slow
@pytest.mark.parametrize("name", ["anynetx_e", "anynetx_d_decreasing_depths", "regnetx", "nds_resnext_a"])
def test_networks_keep_ties_orders_and_limits(name: str) -> None:
    space = load_space(name).for_images(32, 10, 3).refine(flops=(0, 300e6))
    finished = [each for each in run(space, 60).trials if each.state.name == "COMPLETE"]
    assert finished
    assert all(each.value <= 300e6 for each in finished)
    for parameter in space.parameters:
        for trial in finished:
            stages = trial.user_attrs["network"]["stages"]
            if parameter.order and parameter.name in ("depth", "width"):
                values = [stage[parameter.name] for stage in stages]
                assert all(a <= b if parameter.order == "non_decreasing" else a >= b for a, b in pairwise(values))
            if parameter.tied:
                assert sum(key.startswith(parameter.name) for key in trial.params) <= 1


def test_a_limit_prunes_and_names_the_value() -> None:
    space = load_space("anynetx_a").for_images(32, 10, 3).refine(flops=(0, 10))
    study = run(space, 3)
    assert [each.state.name for each in study.trials] == ["PRUNED"] * 3
    with pytest.raises(optuna.TrialPruned, match=r"[\d,]+ flops is not within 0 to 10"):
        space.suggest(study.ask())


def test_values_are_those_of_the_space(tiny: Callable[..., DesignSpace]) -> None:
    space = tiny(parameters={"depth": {"uniform": [3, 39], "quantum": 3}}).with_recipe(lr=LogUniform(0.01, 1.0))
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=1))
    for _ in range(30):
        found = space.suggest(study.ask())
        assert found.parameters.keys() == set(space.columns)
        assert found.recipe == {"lr": found.parameters["lr"]}
        for column, distribution in space.distributions.items():
            listed = distribution.levels()
            assert listed is None or found.parameters[column] in listed[0]


@pytest.mark.slow
def test_a_sampler_learns() -> None:
    space = load_space("regnetx").for_images(32, 10, 3)
    guided = run(space, 60, optuna.samplers.TPESampler(seed=0))
    values = [each.value for each in guided.trials if each.value is not None]
    assert sorted(values[-15:])[7] < sorted(values[:15])[7]


def test_something_else_than_a_trial_is_refused() -> None:
    with pytest.raises(SpaceError, match="a trial of an Optuna study, not by dict"):
        load_space("regnetx").suggest({})
