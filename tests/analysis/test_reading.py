from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from netwright.analysis.reading import read, table_view
from netwright.errors import StatsError
from netwright.stats import outcomes

N = 40


def foreign(**columns: Any) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    kernel = rng.integers(1, 8, N)
    return pd.DataFrame({"kernel": kernel, "accuracy": 0.5 + kernel / 100 + rng.normal(0, 0.01, N), **columns})


def test_a_foreign_table_as_our_own() -> None:
    states = ["COMPLETE"] * 36 + ["FAIL", "OOM", "RUNNING", "PRUNED"]
    optimizers = np.random.default_rng(1).choice(["sgd", "adam", "lion"], N)
    frame = foreign(State=states, opt=optimizers, MMACs=np.linspace(1, 2, N), Id=range(N))
    view = table_view("theirs", frame)
    assert view.parameters == ("kernel", "opt")
    assert view.categories == {"opt": ("adam", "lion", "sgd")}
    np.testing.assert_allclose(view.frame["error"], 100 - 100 * frame["accuracy"])
    np.testing.assert_allclose(view.frame["flops"], frame["MMACs"] * 1e6)
    found = outcomes(view.frame)
    assert (found.n_failed, found.lost, found.unfinished) == (2, 1, 1)
    assert view.frame["reason"].dropna().tolist() == ["FAIL", "OOM", "PRUNED"]
    said = " ".join(view.notices)
    for word in ("higher is better", "COMPLETE is done", "Id", "MMACs", "adam, lion, sgd"):
        assert word in said


def test_columns_are_given_or_ignored() -> None:
    frame = foreign(other=np.random.default_rng(2).integers(0, 9, N), score=np.random.default_rng(3).uniform(0, 1, N))
    assert table_view("x", frame).parameters == ("kernel", "other")
    assert table_view("x", frame, parameters=("other",)).parameters == ("other",)
    assert table_view("x", frame, ignore=("other",)).parameters == ("kernel",)
    assert table_view("x", frame, error="score", maximize=True).frame["error"].between(0, 100).all()
    with pytest.raises(StatsError, match="no column 'othr': did you mean 'other'"):
        table_view("x", frame, ignore=("othr",))


def test_a_message_called_error_is_a_reason() -> None:
    frame = foreign(error=["diverged"] + [None] * (N - 1))
    assert table_view("x", frame).frame["reason"][0] == "diverged"


def test_a_state_column_that_is_something_else_is_ignored_on_request(tmp_path: Path) -> None:
    foreign(state=["solid", "liquid"] * 20).to_csv(tmp_path / "x.csv", index=False)
    with pytest.raises(StatsError, match="--ignore state"):
        read(tmp_path / "x.csv")
    view = read(tmp_path / "x.csv", ignore=["state"])
    assert view.parameters == ("kernel",)
    assert len(view.done) == N  # what is ignored does not say which trials are done


def test_a_run_folder_may_be_restricted(designed: Any) -> None:
    assert read(designed.folder, parameters=["wa", "wm"]).parameters == ("wa", "wm")
    assert "wm" not in read(designed.folder, ignore=["wm"]).parameters


def test_what_only_tables_need_is_said_to_be_left_out(designed: Any) -> None:
    view = read(designed.folder, error="top1", unit="fraction")
    assert view.notices == (
        "--error is for tables; a population has its errors in percent",
        "--unit is for tables; a population has its errors in percent",
    )
    assert read(designed.folder).notices == ()


def test_a_renamed_population_is_found(designed: Any, tmp_path: Path) -> None:
    copy = tmp_path / "mine.db"
    copy.write_bytes((designed.folder / "population.sqlite").read_bytes())
    assert read(copy).name == "regnetx"


def test_a_space_larger_than_a_float_holds_has_a_report() -> None:
    from netwright.analysis.reading import view
    from netwright.space import Uniform, load_space

    huge = load_space("anynetx_a").to_dict() | {"stages": 64}
    space = type(load_space("anynetx_a")).from_dict(huge).with_distribution("width", Uniform(8, 800_000, 8))
    assert space.size() > 10**308
    assert view("huge", pd.DataFrame({"error": [1.0]}), space, {}).size == float("inf")


def test_an_error_names_the_table_of_several(tmp_path: Path) -> None:
    foreign().to_csv(tmp_path / "theirs.csv", index=False)
    with pytest.raises(StatsError, match=r"theirs\.csv: no column 'val_error'"):
        read(tmp_path / "theirs.csv", error="val_error")


def test_how_long_networks_were_trained_is_no_parameter_and_said() -> None:
    view = table_view("theirs", foreign(epochs=[10, 20] * 20))
    assert view.parameters == ("kernel",)
    assert "epochs (how long networks were trained)" in " ".join(view.notices)
    assert table_view("theirs", foreign(epochs=[10, 20] * 20), parameters=["epochs"]).parameters == ("epochs",)
