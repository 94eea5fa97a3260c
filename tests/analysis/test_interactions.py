import numpy as np
import pandas as pd
import pytest

from netwright.analysis.interactions import interactions_of, interactions_text
from netwright.analysis.reading import table_view
from netwright.analysis.summary import analyze, summary_text


def view(n, error, **columns):
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({name: rng.uniform(-1, 1, n) for name in "abc"} | columns)
    return table_view("t", frame.assign(error=error(frame)), parameters=("a", "b", "c"))


@pytest.mark.slow
def test_what_two_parameters_do_together_is_in_the_text():
    """Neither of the two does anything alone, so that no test of one finds it."""
    population = view(200, lambda frame: 30 + 5 * frame["a"] * frame["b"])
    analysis = analyze(population, repeats=99, interactions=True)
    assert all(each.p_holm > 0.05 for each in analysis.relevance.values())
    assert [each.parameters for each in analysis.interactions.shown] == [("a", "b")]
    text = summary_text(analysis)
    assert "by a forest    fANOVA; it predicts" in text
    line = next(line for line in text.splitlines() if line.startswith("  a x b "))
    assert line.endswith("0.01")


@pytest.mark.slow
def test_a_few_failures_do_not_decide_everything():
    population = view(60, lambda frame: np.where(frame.index < 4, np.nan, 30 + 3 * frame["a"]))
    found = interactions_of(population, repeats=19)
    assert found.cut == 4
    assert found.fence < 37
    assert found.fanova.mains[0].parameters == ("a",)
    assert found.fanova.mains[0].share > 0.6
    assert "4 errors above" in "\n".join(interactions_text(found))


def test_few_networks_or_nothing_that_varies_have_none():
    assert interactions_of(view(31, lambda frame: frame["a"])) is None
    assert interactions_of(view(40, lambda frame: 0 * frame["a"] + 3)) is None
    assert analyze(view(12, lambda frame: frame["a"]), repeats=9, interactions=True).interactions is None


@pytest.mark.slow
def test_where_nothing_is_predicted_nothing_is_shown():
    population = view(32, lambda frame: np.random.default_rng(5).normal(30, 3, len(frame)))
    found = interactions_of(population, repeats=1)
    assert found.fanova.predicted <= 0
    assert found.shown == ()
    assert "nothing is shown" in interactions_text(found)[0]
