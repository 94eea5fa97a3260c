import numpy as np
import pandas as pd
import pytest

from netwright.analysis.looking import equivalence_lines, sequential_band_line, sequential_lines
from netwright.errors import StatsError
from netwright.report import PopulationView


def views(*means: float, n: int = 60, spread: float = 1.0) -> list[PopulationView]:
    rng = np.random.default_rng(0)
    return [
        PopulationView(name, pd.DataFrame({"error": rng.normal(mean, spread, n)}))
        for name, mean in zip("ABC", means, strict=False)
    ]


def test_means_that_are_alike_are_equivalent() -> None:
    (line,) = equivalence_lines(views(40, 40), ["A", "B"], 1.0, repeats=499)
    assert line.startswith(
        "closer than 1 point? B - A: yes, their means are equivalent within the margin (90% interval"
    )
    (line,) = equivalence_lines(views(40, 44), ["A", "B"], 1.0, repeats=499)
    assert "B - A: no, they are further apart" in line
    (line,) = equivalence_lines(views(40, 41), ["A", "B"], 1.0, repeats=499)
    assert "not shown, and the opposite is not shown either" in line


def test_each_pair_with_holms_correction() -> None:
    lines = equivalence_lines(views(40, 40, 50), ["A", "B", "C"], 1.0, repeats=499)
    assert [line.split(": ")[0] for line in lines] == [
        "closer than 1 point? B - A",
        "closer than 1 point? C - A",
        "closer than 1 point? C - B",
    ]
    assert all("Holm's correction for 3 pairs" in line for line in lines)


def test_what_somebody_may_say_who_looks_after_every_trial() -> None:
    lines = sequential_lines(views(40, 20), ["A", "B"], most=100)
    text = "\n".join(lines)
    assert "wrong in at most 5% of cases, over all looks together" in lines[0]
    assert "after 60 pairs: B is better" in lines[1]
    assert "largest gap 1.00" in lines[2]
    assert "they differ" in lines[2]
    assert "at 60 of 100 networks: B is better" in lines[3]
    assert "betting, errors within 0 and 100" in text


def test_a_difference_that_an_earlier_look_showed() -> None:
    rng = np.random.default_rng(1)
    both = [
        PopulationView(name, pd.DataFrame({"error": np.append(rng.normal(40, spread, 120), rng.normal(40, 1, 400))}))
        for name, spread in (("A", 0.5), ("B", 8.0))
    ]
    text = "\n".join(sequential_lines(both, ["A", "B"]))
    assert "they differ, as an earlier look showed" in text


def test_few_networks_show_nothing_yet() -> None:
    text = "\n".join(sequential_lines(views(40, 20, n=4), ["A", "B"], most=100))
    assert "from 16 networks of each on" in text
    assert "the first one is due at 20 networks of each" in text
    assert sequential_band_line(4, None) == "from 16 networks on"


def test_the_band_and_its_price() -> None:
    assert sequential_band_line(100, None).startswith("within 0.234, at this n and all others at once: 1.72 times")
    assert sequential_band_line(100, 100).startswith("within 0.206")


def test_plans_that_do_not_fit_are_refused() -> None:
    with pytest.raises(StatsError, match="at most 50 networks, not 60"):
        sequential_lines(views(40, 40), ["A", "B"], most=50)
    with pytest.raises(StatsError, match="--most must be at least 16"):
        sequential_lines(views(40, 40), ["A", "B"], most=10)
