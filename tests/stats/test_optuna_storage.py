import json
import sqlite3
from contextlib import closing

import numpy as np
import pytest

from netwright.errors import StatsError
from netwright.stats import read_table

# the tables of Optuna 2.4 to 5, without what is not read
SCHEMA = """
CREATE TABLE studies (study_id INTEGER NOT NULL PRIMARY KEY, study_name VARCHAR(512) NOT NULL);
CREATE TABLE study_directions (study_direction_id INTEGER NOT NULL PRIMARY KEY, direction VARCHAR(8) NOT NULL,
    study_id INTEGER NOT NULL, objective INTEGER NOT NULL);
CREATE TABLE trials (trial_id INTEGER NOT NULL PRIMARY KEY, number INTEGER, study_id INTEGER, state VARCHAR(8) NOT NULL,
    datetime_start DATETIME, datetime_complete DATETIME);
CREATE TABLE trial_params (param_id INTEGER NOT NULL PRIMARY KEY, trial_id INTEGER, param_name VARCHAR(512),
    param_value FLOAT, distribution_json TEXT);
CREATE TABLE trial_values (trial_value_id INTEGER NOT NULL PRIMARY KEY, trial_id INTEGER NOT NULL,
    objective INTEGER NOT NULL, value FLOAT, value_type VARCHAR(7) NOT NULL);
CREATE TABLE trial_user_attributes (trial_user_attribute_id INTEGER NOT NULL PRIMARY KEY, trial_id INTEGER,
    "key" VARCHAR(512), value_json TEXT);
"""
DEPTH = json.dumps({"name": "IntDistribution", "attributes": {"log": False, "step": 1, "low": 1, "high": 20}})
RATE = json.dumps({"name": "FloatDistribution", "attributes": {"step": None, "low": 1e-4, "high": 1.0, "log": True}})
OPTIMIZER = json.dumps({"name": "CategoricalDistribution", "attributes": {"choices": ["sgd", "adam", "lion"]}})


def storage(file, studies=(("acc", "MAXIMIZE"),), n=30):
    rng = np.random.default_rng(0)
    with closing(sqlite3.connect(file)) as db:
        db.executescript(SCHEMA)
        trial = 0
        for study, (name, *directions) in enumerate(studies, start=1):
            db.execute("INSERT INTO studies VALUES (?, ?)", (study, name))
            for objective, direction in enumerate(directions):
                db.execute("INSERT INTO study_directions VALUES (NULL, ?, ?, ?)", (direction, study, objective))
            for number in range(n):
                trial += 1
                depth, rate, choice = int(rng.integers(1, 21)), 10 ** rng.uniform(-4, 0), int(rng.integers(3))
                state = "FAIL" if number == 3 else "PRUNED" if number == 4 else "COMPLETE"
                db.execute("INSERT INTO trials VALUES (?, ?, ?, ?, NULL, NULL)", (trial, number, study, state))
                given = (("depth", float(depth), DEPTH), ("lr", rate, RATE), ("opt", float(choice), OPTIMIZER))
                db.executemany("INSERT INTO trial_params VALUES (NULL, ?, ?, ?, ?)", [(trial, *each) for each in given])
                db.execute("INSERT INTO trial_user_attributes VALUES (NULL, ?, 'flops', ?)", (trial, f"{depth * 1000}"))
                if state == "COMPLETE":
                    values = [(trial, i, 0.5 + depth / 50, "FINITE") for i in range(len(directions))]
                    db.executemany("INSERT INTO trial_values VALUES (NULL, ?, ?, ?, ?)", values)
        db.commit()
    return file


@pytest.mark.parametrize("prefix", ["", "sqlite:///"])
def test_a_study_is_a_table(tmp_path, prefix):
    frame = read_table(f"{prefix}{storage(tmp_path / 'study.db')}")
    assert set(frame.columns) == {"number", "state", "value", "depth", "lr", "opt", "flops"}
    assert frame.attrs == {"parameters": ("depth", "lr", "opt"), "response": "value", "maximize": True}
    assert frame["state"].value_counts().to_dict() == {"COMPLETE": 28, "FAIL": 1, "PRUNED": 1}
    assert set(frame["opt"]) == {"sgd", "adam", "lion"}
    done = frame[frame["state"] == "COMPLETE"]
    np.testing.assert_allclose(done["value"], 0.5 + done["depth"] / 50)
    assert frame["depth"].dtype.kind == "i"
    assert (frame["flops"] == frame["depth"] * 1000).all()


def test_one_of_several_studies_is_named(tmp_path):
    file = storage(tmp_path / "all.sqlite3", (("one", "MINIMIZE"), ("two", "MINIMIZE", "MAXIMIZE")))
    assert read_table(f"{file}#one").attrs["maximize"] is False
    several = read_table(f"sqlite:///{file}#two")
    assert {"value_0", "value_1"} <= set(several.columns)
    assert "response" not in several.attrs
    with pytest.raises(StatsError, match=r"has 2 studies\. It has one, two: name one, as in '.*all.sqlite3#one'"):
        read_table(file)
    with pytest.raises(StatsError, match="no study 'three'"):
        read_table(f"{file}#three")


def test_other_databases_are_refused(tmp_path):
    with pytest.raises(StatsError, match="no table at"):
        read_table(tmp_path / "missing.db")
    (tmp_path / "text.db").write_text("not a database, by any means " * 99)
    with closing(sqlite3.connect(tmp_path / "other.db")) as db:
        db.execute("CREATE TABLE x (y)")
    for name in ("text.db", "other.db"):
        with pytest.raises(StatsError, match=r"must be a storage of Optuna.*pandas\.read_sql"):
            read_table(tmp_path / name)
    with closing(sqlite3.connect(tmp_path / "old.db")) as db:
        for table in ("studies", "trials", "trial_params"):
            db.execute(f"CREATE TABLE {table} (y)")
    with pytest.raises(StatsError, match="optuna storage upgrade"):
        read_table(tmp_path / "old.db")
