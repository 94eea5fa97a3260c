"""A design that goes on by the name of its folder."""

import json
from pathlib import Path
from typing import Any

import pytest

from netwright.errors import PopulationError, RecipeError
from netwright.space import load_space
from netwright.workflow import design
from netwright.workflow.again import OPTIONS, keep_options, kept_options
from netwright.workflow.ledger import Ledger

SMALL = {"flops": (0.3e6, 0.6e6), "trials": 4, "epochs": 1, "final_seeds": 1}


@pytest.mark.slow
def test_it_goes_on_with_what_it_was_given(engine: Any, quiet: Any, tmp_path: Path) -> None:
    design("digits", quiet, out=tmp_path / "d", rungs="none", command="netwright design", **SMALL)
    kept = json.loads((tmp_path / "d" / OPTIONS).read_text())
    assert kept == {"data_dir": "digits", "rungs": "none"} | SMALL | {"flops": [0.3e6, 0.6e6]}
    before = len(engine.trials)
    design(progress=quiet, continued=tmp_path / "d")
    assert len(engine.trials) == before
    design(progress=quiet, continued=tmp_path / "d", final_seeds=2)
    assert len(engine.trials) == before + 2
    assert json.loads((tmp_path / "d" / OPTIONS).read_text())["final_seeds"] == 2


def test_a_budget_is_added_to_that_of_a_finished_design_only(tmp_path: Path) -> None:
    keep_options(tmp_path, {"data_dir": "digits", "budget": "20m", "space": load_space("regnetx"), "out": tmp_path})
    ledger = Ledger(tmp_path, 1200.0, {}, {"finished": False})
    ledger.save()
    assert kept_options(tmp_path, {"budget": "2h"})["budget"] == 1200.0  # it has not used its own yet
    ledger.facts["finished"] = True
    ledger.save()
    options = kept_options(tmp_path, {"budget": "2h", "trials": None})
    assert options["budget"] == 1200.0 + 7200.0
    assert options["space"] == load_space("regnetx")
    assert options["out"] == str(tmp_path)
    assert "trials" not in options
    assert kept_options(tmp_path, {})["budget"] == "20m"
    with pytest.raises(RecipeError, match="Correct 'budget'"):
        kept_options(tmp_path, {"budget": "soon"})


def test_a_folder_that_does_not_say_what_it_was_given_is_refused_with_the_cure(tmp_path: Path) -> None:
    with pytest.raises(PopulationError, match=r"has no design that goes on.*Give the command of the design again"):
        kept_options(tmp_path, {})
    (tmp_path / "plan.json").write_text("{}")
    with pytest.raises(PopulationError, match="was begun by an earlier version"):
        kept_options(tmp_path, {})
