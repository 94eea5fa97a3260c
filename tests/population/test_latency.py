from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from netwright import import_population
from netwright.arch import published
from netwright.population import Population

NETWORKS = [published("regnet_x_200mf"), published("regnet_x_400mf"), published("regnet_x_600mf")]
FACTS = {"device": "a processor", "setting": "onnx fp32, batch 1, 1 thread", "limit": "5.00 ms"}


@pytest.fixture
def population(tmp_path: Path) -> Population:
    return Population.create(tmp_path, networks=NETWORKS, seed=0, identity={})


def test_a_population_without_latencies_has_no_column(population):
    assert "latency_ms" not in population.frame()
    assert population.frame().attrs == {}


def test_latencies_stand_behind_the_other_costs_and_name_their_device(population):
    population.record_latency({0: 1.5, 2: 2.5}, FACTS)
    frame = population.frame()
    columns = list(frame.columns)
    assert columns[columns.index("acts") + 1] == "latency_ms"
    assert np.array_equal(frame["latency_ms"], [1.5, np.nan, 2.5], equal_nan=True)
    assert frame.attrs["latency_ms"] == "onnx fp32, batch 1, 1 thread on a processor"
    assert population.notes["latency"] == FACTS


def test_a_population_grows_after_latencies_were_measured(population, tmp_path: Path):
    population.record_latency({0: 1.5}, FACTS)
    population.extend([*NETWORKS, published("regnet_x_800mf")])
    population.record_latency({3: 4.5}, FACTS)
    population.close()
    with Population.open(tmp_path) as again:
        assert again.frame()["latency_ms"].tolist()[0::3] == [1.5, 4.5]
        assert len(again.trials()) == 4


@pytest.mark.parametrize("ending", ["csv", "parquet", "jsonl"])
def test_a_copy_with_latencies_reads_back(population, tmp_path: Path, ending: str):
    population.record_latency({0: 1.5, 2: 2.5}, FACTS)
    for index in range(3):
        population.begin(index)
        population.finish(index, error=40.0 + index, seconds=1.0, curve=[])
    path = population.copy_to(tmp_path / f"table.{ending}")
    with import_population(path, tmp_path / "back") as back:
        frame = back.frame()
        pd.testing.assert_frame_equal(frame, population.frame(), check_dtype=False)
        assert frame.attrs == (population.frame().attrs if ending == "parquet" else {})
