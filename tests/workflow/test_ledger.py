import json
import time

import pytest

from netwright.errors import PopulationError
from netwright.workflow.ledger import LEDGER, Ledger


class Clock:
    seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


def test_time_adds_up_over_sessions_and_between_them_none_passes(tmp_path):
    now = Clock()
    first = Ledger(tmp_path, 1200.0, {"trials": 8}, {"workers": 2}, now=now)
    now.seconds += 300
    first.choose(final_epochs=40)
    again = Ledger.open(tmp_path)
    assert (again.budget, again.choices, again.facts) == (1200.0, {"trials": 8, "final_epochs": 40}, {"workers": 2})
    assert again.spent == pytest.approx(300, abs=5)
    assert again.left == pytest.approx(900, abs=5)


def test_there_may_be_none_and_no_limit(tmp_path):
    assert Ledger.open(tmp_path) is None
    assert Ledger(tmp_path, None, {}, {}).left == float("inf")


@pytest.mark.slow
def test_a_kill_hides_little(tmp_path, monkeypatch):
    monkeypatch.setattr("netwright.workflow.ledger._SAVE_SECONDS", 0.05)
    ledger = Ledger(tmp_path, 60.0, {}, {})
    with ledger.running():
        time.sleep(0.4)
        kept = json.loads((tmp_path / LEDGER).read_text())["spent"]
    assert 0.2 < kept < 60


@pytest.mark.parametrize("text", ["", "[]", '{"budget": 3}'])
def test_a_damaged_one_is_named(tmp_path, text):
    (tmp_path / LEDGER).write_text(text)
    with pytest.raises(PopulationError, match=r"plan.json cannot be read: .*Remove the file"):
        Ledger.open(tmp_path)


def test_what_can_be_left_out_has_time_until_the_budget_is_spent(tmp_path):
    now = iter([0.0, 50.0, 50.0, 50.0, 101.0])
    ledger = Ledger(tmp_path, 100.0, {}, {}, now=lambda: next(now))
    assert ledger.has_time(54.0)  # a twentieth of the budget is no miss
    assert not ledger.has_time(56.0)
    assert Ledger(tmp_path, None, {}, {}).has_time(1e9)
