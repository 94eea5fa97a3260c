"""The error probability of a study is shared once and never spent twice."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from netwright.errors import PopulationError
from netwright.studies import read_study
from netwright.studies.promises import PROMISES_FILE, alphas

Write = Callable[..., Path]
MORE = ("  - X - D\n", "  - X - D\n  - X - C\n")


def test_the_first_comparisons_share_all_but_the_reserve(write: Write, tmp_path: Path) -> None:
    study = read_study(write())
    found = alphas(study, tmp_path / "out")
    assert found == pytest.approx({"D - C": 0.0225, "X - D": 0.0225})
    assert alphas(study, tmp_path / "out") == found
    added = alphas(read_study(write(MORE)), tmp_path / "out")
    assert added == pytest.approx(found | {"X - C": 0.0025})
    assert alphas(study, tmp_path / "out") == found
    assert sum(added.values()) < 0.05


def test_without_a_reserve_nothing_can_be_added(write: Write, tmp_path: Path) -> None:
    none = ("margin: 2.0", "margin: 2.0\nreserve: 0")
    alphas(read_study(write(none)), tmp_path / "out")
    with pytest.raises(PopulationError, match="'reserve' was 0 when it began"):
        alphas(read_study(write(none, MORE)), tmp_path / "out")


@pytest.mark.parametrize(
    ("change", "line"),
    [
        (("margin: 3.0", "margin: 1.0"), "D - C: margin: 3.0 -> 1.0"),
        (("trials: 10", "trials: 20"), "trials: 10 -> 20"),
        (("looks: 2", "looks: 2\nconfidence: 0.9"), "confidence: 0.95 -> 0.9"),
    ],
)
def test_a_plan_does_not_change_after_looks(write: Write, tmp_path: Path, change: tuple[str, str], line: str) -> None:
    alphas(read_study(write()), tmp_path / "out")
    with pytest.raises(PopulationError) as caught:
        alphas(read_study(write(change)), tmp_path / "out")
    assert line in str(caught.value)
    assert "planned differently" in str(caught.value)


def test_a_test_by_betting_may_go_on_for_longer(write: Write, tmp_path: Path) -> None:
    study = read_study(write(("looks: 2", "looks: 2\ntest: betting")))
    first = alphas(study, tmp_path / "out")
    longer = replace(study, comparisons=tuple(replace(each, trials=500) for each in study.comparisons))
    assert alphas(longer, tmp_path / "out") == first


def test_a_damaged_file_is_named(write: Write, tmp_path: Path) -> None:
    (tmp_path / PROMISES_FILE).write_text("{")
    with pytest.raises(PopulationError, match=r"study\.json cannot be read"):
        alphas(read_study(write()), tmp_path)
