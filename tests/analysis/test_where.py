import numpy as np
import pytest
from fixtures.populations import made_population

from netwright.analysis.reading import read
from netwright.analysis.where import matches, where
from netwright.errors import StatsError
from netwright.report import PopulationView

COLUMNS = {"x": np.array([1.0, 2.0, 3.0, np.nan]), "flops": np.array([1e6, 4e8, 5e8, 2e9])}


@pytest.fixture(scope="module")
def view(tmp_path_factory: pytest.TempPathFactory) -> PopulationView:
    return read(made_population(tmp_path_factory.mktemp("where") / "a", "anynetx_e", 60, failed=0.1))


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("x < 3", [1, 1, 0, 0]),
        ("x >= 2 and flops <= 400M", [0, 1, 0, 0]),
        ("x < 2 or x > 2", [1, 0, 1, 0]),
        ("not x < 2", [0, 1, 1, 1]),
        ("not (x < 2 or x > 2)", [0, 1, 0, 1]),
        ("1 < x < 3", [0, 1, 0, 0]),
        ("x != 2", [1, 0, 1, 0]),
        ("x = 2", [0, 1, 0, 0]),
        ("-x + 2*x == x", [1, 1, 1, 0]),
        ("flops / x > 200M", [0, 0, 0, 0]),
        ("2 * (x + 1) >= 6 && .5 < x", [0, 1, 1, 0]),
        ("x - -1 > 3", [0, 0, 1, 0]),
        ("1e3 < flops", [1, 1, 1, 1]),
    ],
)
def test_what_an_expression_leaves(expression: str, expected: list[int]) -> None:
    assert matches(expression, COLUMNS).tolist() == [bool(each) for each in expected]


@pytest.mark.parametrize(
    ("expression", "part"),
    [
        ("x <", "ends too early"),
        ("y > 1", "no column 'y'"),
        ("(x > 1", "parenthesis"),
        ("x > 1)", "wrong place"),
        ("x > $", "means nothing"),
        ("x x", "wrong place"),
        ("* x", "wrong place"),
        ("(" * 60 + "x" + ")" * 60, "at most 50"),
        ("x" * 3000, "at most 2,000"),
        ("__import__", "no column"),
    ],
)
def test_what_cannot_be_read_is_told(expression: str, part: str) -> None:
    with pytest.raises(StatsError, match=part):
        matches(expression, COLUMNS)


def test_a_part_of_a_population_is_one_of_its_own(view: PopulationView) -> None:
    rows = view.counted
    found = where(view, "width_1 >= 64 and error < 60")
    inside = (rows["width_1"] >= 64) & (rows["error"] < 60)
    assert found.errors == pytest.approx(rows["error"][inside])
    assert "width_1 >= 64" in found.notices[-1]
    assert where(view, " ") is view
    assert len(where(view, "error >= 99").failures) == view.n_failed > 0
    with pytest.raises(StatsError, match="no network"):
        where(view, "width_1 < 0")
