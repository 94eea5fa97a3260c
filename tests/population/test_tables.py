"""A population as a table or a study, and back: everything equals."""

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from netwright import import_population
from netwright.errors import PopulationError
from netwright.population import Population
from netwright.space import draw, load_space


@pytest.fixture
def swept(tmp_path: Path) -> Population:
    """Of a sweep: trials in every state, with curves, and reasons and labels that look like something else."""
    space = load_space("regnetx").for_images(8, 10, 1)
    sample = draw(space, 8, seed=0)
    population = Population.create(
        tmp_path / "run",
        networks=sample.batch,
        seed=3,
        identity={"space": space.to_dict(), "recipe": {"epochs": 2}},
        notes={"account": dict(sample.rejection_counts)},
        labels=["", "007", "None", "a,b", "nan", "1e5", 'say "x"', ""],
    )
    for index in range(5):
        population.begin(index)
        curve = [{"epoch": e, "train_loss": 1 / 3 / e, "error": 40.1 + index / e, "seconds": 0.1} for e in (1, 2)]
        population.finish(index, error=40.1 + index / 2, seconds=1 / 3, curve=curve)
    population.begin(5)
    population.fail(5, "diverged, at once", [{"epoch": 1, "error": 90.0}])
    population.fail(6, "out of memory")
    return population


def back(source: object, folder: Path) -> Population:
    return import_population(str(source), folder / "back")


def assert_equal(back: pd.DataFrame, before: pd.DataFrame) -> None:
    pd.testing.assert_frame_equal(back, before, check_dtype=False, check_like=True, check_exact=True)


@pytest.mark.parametrize("ending", ["csv", "parquet", "jsonl"])
def test_a_table_reads_back(swept: Population, tmp_path: Path, ending: str) -> None:
    path = swept.copy_to(tmp_path / f"out.{ending}")
    with back(path, tmp_path) as population:
        assert_equal(population.frame(), swept.frame())
        assert population.counts() == swept.counts()
        assert population.failures() == swept.failures()
        assert [trial.arch for trial in population.trials("done")] == [trial.arch for trial in swept.trials("done")]
        if ending == "parquet":
            assert (population.seed, population.identity["recipe"]) == (3, {"epochs": 2})
            assert population.identity["space"] == swept.identity["space"]
    with pytest.raises(PopulationError, match="is there already, and a copy replaces nothing"):
        swept.copy_to(path)


@pytest.mark.slow
def test_a_study_of_optuna_reads_back(swept: Population, tmp_path: Path) -> None:
    optuna: Any = pytest.importorskip("optuna")
    target = f"sqlite:///{tmp_path / 'new' / 'out.db'}"
    assert swept.copy_to(f"{target}#sweep") == tmp_path / "new" / "out.db"
    with back(f"{target}#sweep", tmp_path) as population:
        assert_equal(population.frame(), swept.frame())
        assert population.identity["space"] == swept.identity["space"]
    with pytest.raises(PopulationError, match="is there already"):
        swept.copy_to(target)
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["out.db"]
    storage = optuna.storages.RDBStorage(target)
    study = optuna.load_study(study_name="sweep", storage=storage)
    assert study.best_value == 40.1
    assert study.best_params["depth"] == swept.frame()["depth"][0]
    assert study.trials[1].intermediate_values == {1: 41.1, 2: 40.6}
    assert [trial.state.name for trial in study.trials] == ["COMPLETE"] * 5 + ["FAIL"] * 2 + ["WAITING"]
    storage.remove_session()
    storage.engine.dispose()


def test_an_imported_population_reads_back(tmp_path: Path) -> None:
    table = pd.DataFrame(
        {
            "model": ["a", "b", "c", "d"],
            "kernel": [3, 5, 3, 5],
            "opt": ["sgd", "adam", "None", "sgd"],
            "val_acc": [0.5, 0.25, 0.125, None],
            "memo": [None, "1", "x", "y"],
        }
    )
    with import_population(table, tmp_path / "run") as first:
        for ending in ("csv", "parquet", "jsonl", "sqlite"):
            path = first.copy_to(tmp_path / f"out.{ending}")
            if ending == "sqlite":
                with Population.open(path) as population:
                    assert_equal(population.frame(), first.frame())
                continue
            with import_population(path, tmp_path / ending) as population:
                assert_equal(population.frame(), first.frame())


def test_a_table_is_analyzed_as_its_population(swept: Population, tmp_path: Path) -> None:
    from netwright.analysis.reading import read

    path = swept.copy_to(tmp_path / "out.csv")
    direct, table = read(tmp_path / "run"), read(path)
    assert table.errors.tolist() == direct.errors.tolist()
    assert table.outcomes.lost == direct.outcomes.lost == 1


def test_words_are_categories_of_a_study(tmp_path: Path) -> None:
    optuna: Any = pytest.importorskip("optuna")
    from netwright.population.studies import _distribution

    kinds = optuna.distributions
    assert _distribution(optuna, ["b", "a", None]) == kinds.CategoricalDistribution(["a", "b"])
    assert _distribution(optuna, [1.0, 3.0, float("nan")]) == kinds.IntDistribution(1, 3)
    assert _distribution(optuna, [0.5, 3.0]) == kinds.FloatDistribution(0.5, 3.0)
    assert _distribution(optuna, [True, False]) == kinds.CategoricalDistribution([False, True])
