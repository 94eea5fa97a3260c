from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

import netwright
from netwright.analysis.proposal import advice_text, refine
from netwright.analysis.summary import read
from netwright.errors import OutputError, SpaceError, StatsError
from netwright.population import Population

SPACE = netwright.load_space("regnetx").refine(num_stages=4, flops=(0.3e9, 0.6e9))


def errors_of(depth: Any) -> Any:
    return 50 - depth / 2 + np.random.default_rng(0).normal(0, 0.5, len(depth))


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A population of 40 networks that are done, deep ones the better."""
    folder = tmp_path_factory.mktemp("runs") / "first"
    batch = netwright.sample(SPACE, 40)
    with Population.create(folder, networks=batch, seed=0, identity={"space": SPACE.to_dict()}) as population:
        for trial, error in enumerate(errors_of(batch.parameters["depth"])):
            population.begin(trial)
            population.finish(trial, error=float(error), seconds=1.0, curve=[])
    return folder


@pytest.fixture
def table(tmp_path: Path) -> Path:
    batch = netwright.sample(SPACE, 40)
    frame = pd.DataFrame({name: np.asarray(values) for name, values in batch.parameters.items()})
    frame.assign(top1_error=errors_of(frame["depth"]), note="text").to_csv(tmp_path / "mine.csv", index=False)
    return tmp_path / "mine.csv"


def test_a_proposal_is_a_space_that_every_command_takes(run: Path, tmp_path: Path) -> None:
    advice = refine(run, out=tmp_path / "narrow.yaml")
    written = netwright.load_space(tmp_path / "narrow.yaml")
    assert written.name == "regnetx_refined"
    assert written.size() == advice.space.size() < SPACE.size()
    assert written.limits == SPACE.limits
    assert set(yaml.safe_load((tmp_path / "narrow.yaml").read_text())) == set(SPACE.to_dict())
    low, high = written.distributions["depth"].bounds
    drawn = netwright.sample(written, 20)
    assert ((drawn.parameters["depth"] >= low) & (drawn.parameters["depth"] <= high)).all()


def test_the_evidence_is_a_table(run: Path) -> None:
    advice = refine(run)
    lines = advice_text(advice).splitlines()
    assert lines[0] == "policy relevant: a parameter is narrowed where p < 0.2"
    assert lines[1].split("  ")[1] == "parameter"
    assert [line.split()[0] for line in lines[2:8]] == list(advice.relevance)
    depth = next(line for line in lines if line.strip().startswith("depth"))
    assert depth.endswith("clear evidence that it matters")
    assert "narrowed to" in depth
    assert any("stays: " in line for line in lines)


def test_too_few_networks_narrow_nothing_and_say_how_many_are_missing(run: Path, tmp_path: Path) -> None:
    advice = refine(run, refine_from=52, out=tmp_path / "same.yaml")
    text = advice_text(advice)
    assert "40 networks are done, and a space is narrowed from 52 on: 12 more are needed." in text
    assert "stays: too few networks" in text
    assert netwright.load_space(tmp_path / "same.yaml").parameters == SPACE.parameters


@pytest.mark.slow
def test_a_table_needs_a_space_and_a_run_has_one(run: Path, table: Path) -> None:
    with pytest.raises(StatsError, match=r"mine.csv does not name the one of its networks. Give it: --space"):
        refine(table)
    assert refine(table, space=SPACE) == refine(table, space=SPACE, error="top1_error")
    assert refine(table, space=SPACE).space == refine(run).space == refine(read(run)).space
    with pytest.raises(StatsError, match="has the space that it was sampled from"):
        refine(run, space="regnetx")
    with pytest.raises(StatsError, match=r"no parameter of 'anynetx_a' is a column of .*mine.csv: it has depth_1"):
        refine(table, space="anynetx_a")
    with pytest.raises(
        SpaceError, match=r"depth of .* is .*, and 'regnetx' allows 1 to 1: it was sampled from another"
    ):
        refine(table, space=SPACE.refine(depth=1))


def test_a_parameter_that_is_text_is_refused(table: Path) -> None:
    frame = pd.read_csv(table)
    frame.assign(depth="deep").to_csv(table, index=False)
    with pytest.raises(StatsError, match=r"a parameter is numbers, and the column 'depth' of .* is text"):
        refine(table, space=SPACE)


def test_a_file_that_cannot_be_written_is_told(run: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="the refined space"):
        refine(run, out=tmp_path / "file" / "narrow.yaml")


def test_parameters_that_a_table_lacks_are_said_to_stay(table: Path) -> None:
    pd.read_csv(table).drop(columns=["w0", "wm"]).to_csv(table, index=False)
    text = advice_text(refine(table, space=SPACE))
    assert text.endswith("has no columns w0 and wm: nothing is known of them, and they stay as they are.")
