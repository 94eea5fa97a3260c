import pandas as pd
import pytest

import netwright
from netwright.errors import PopulationError
from netwright.workflow.selection import best_network, refuse_failure

ARCHS = [arch.to_json() for arch in netwright.sample(netwright.load_space("regnetx"), 4)]


def frame(errors: list[float | None], flops: list[int], reason: str = "diverged") -> pd.DataFrame:
    return pd.DataFrame(
        {
            "trial": range(len(errors)),
            "state": ["failed" if error is None else "done" for error in errors],
            "reason": [reason if error is None else None for error in errors],
            "error": pd.Series(errors, dtype=float),
            "flops": flops,
            "arch": ARCHS[: len(errors)],
        }
    )


def test_the_lowest_validation_error_of_both_populations_is_picked_and_named() -> None:
    pick, why = best_network({"given": frame([5, 3, None], [1, 2, 3]), "refined": frame([4, 2], [1, 2])})
    assert pick.name == "refined 1"
    assert pick.stages == netwright.Arch.from_json(ARCHS[1]).stages
    assert "2.00% (an accuracy of 98.00%), of 4 networks (1 more failed)" in why
    assert "have this error" not in why
    assert "test error" in why


def test_of_equals_the_cheaper_one_is_picked_and_then_the_earlier() -> None:
    assert best_network({"a": frame([2, 2], [7, 6]), "b": frame([2], [9])})[0].name == "a 1"
    assert best_network({"a": frame([2, 2], [7, 7]), "b": frame([2], [7])})[0].name == "a 0"


def test_a_tie_of_the_pick_is_explained() -> None:
    _, why = best_network({"a": frame([2, 2], [7, 6]), "b": frame([2, 3], [9, 1])})
    assert "3 networks have this error, and of these it has the fewest flops." in why


def test_no_finished_trial_is_refused_with_the_reasons() -> None:
    failed = frame([None, None], [1, 2])
    with pytest.raises(PopulationError, match=r"none of 2 is: 2 x diverged\. Lower the learning rate"):
        refuse_failure(failed)
    with pytest.raises(PopulationError, match="none of 4"):
        best_network({"a": failed, "b": failed})
    refuse_failure(frame([1, None], [1, 2]))


def test_what_the_machine_failed_is_told_apart() -> None:
    trials = frame([5, None, None, 4], [1, 2, 3, 4]).assign(failure=[None, "network", "machine", None])
    assert "of 2 networks (1 more failed, 1 more the machine failed)." in best_network({"a": trials})[1]
