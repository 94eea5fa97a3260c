import re
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from netwright.report import Comparison, PopulationView, Provenance, ReportData
from netwright.report.sections.verdict import of_finalists, of_refinement
from netwright.stats import equivalence_test


@pytest.mark.parametrize(
    ("pick", "baseline", "kind"),
    [
        ((1.0, 1.1, 1.2, 1.1, 1.0), (2.0, 2.1, 2.2, 2.1, 2.0), "better"),
        ((2.0, 2.1, 2.2, 2.1, 2.0), (1.0, 1.1, 1.2, 1.1, 1.0), "worse"),
        ((1.0, 1.1, 1.2), (2.0, 2.1, 2.2), "even"),
        ((34.86, 35.4), (31.5, 31.7), "even"),
        ((1.0, 2.0, 3.0), (1.5, 2.5, 2.0), "even"),
        ((1.0,), (2.0, 3.0), "open"),
        ((), (2.0,), "open"),
    ],
)
def test_verdicts_claim_no_more_than_the_seeds_show(
    pick: tuple[float, ...], baseline: tuple[float, ...], kind: str
) -> None:
    assert of_finalists(pick, baseline, "the baseline").kind == kind


def test_a_refinement_without_a_test_is_open() -> None:
    assert of_refinement(None, "before", "after").kind == "open"


def test_unrelated_spaces_are_compared_and_not_called_a_refinement(guided: ReportData) -> None:
    assert guided.comparison is not None
    refined = replace(guided.comparison, mixes=None)
    verdict = of_refinement(replace(refined, is_refinement=False), "a", "b")
    assert verdict.kind == of_refinement(refined, "a", "b").kind == "better"
    assert verdict.label == "b is better"
    assert "refinement" not in verdict.sentence


def test_few_seeds_are_said_to_separate_nothing() -> None:
    verdict = of_finalists((36.1, 35.9, 36.3), (30.8, 30.9, 31.0), "the baseline")
    assert verdict.label == "not separated by 3 seeds"
    assert "a difference under 5.20 points could not have been seen" in verdict.sentence
    assert "p = 0.1 is the lowest possible" in verdict.sentence
    assert "noise" not in verdict.sentence
    assert "likely" not in verdict.sentence


def test_identical_networks_are_told_apart_by_few_seeds_in_at_most_a_twentieth() -> None:
    rng = np.random.default_rng(0)
    for seeds in (2, 3, 4):
        kinds = [of_finalists(*rng.normal(30, 1, (2, seeds)).tolist(), "b").kind for _ in range(200)]
        assert 1 - kinds.count("even") / 200 <= 0.08, seeds


def view(name: str, errors: list[float], epochs: int | None = None, **columns: object) -> PopulationView:
    provenance = None if epochs is None else Provenance({"recipe": {"epochs": epochs}})
    return PopulationView(name, pd.DataFrame({"error": errors} | columns), space={"a": 1}, provenance=provenance)


def of(a: PopulationView, b: PopulationView) -> tuple[Comparison, str, str, str]:
    comparison = Comparison.of(a, b, is_refinement=False)
    assert comparison is not None
    verdict = of_refinement(comparison, a.name, b.name)
    return comparison, verdict.kind, verdict.label, verdict.sentence


def test_a_population_is_not_better_for_what_diverged() -> None:
    comparison, kind, label, sentence = of(
        view("a", [40.0 + i for i in range(10)]), view("b", [30.0 + i for i in range(5)] + [np.nan] * 95)
    )
    assert comparison.is_worse
    assert label.startswith("a is better")
    assert "0 of 10 in a, 95 of 100 in b" in sentence
    assert kind == "unlike"  # of one space


def test_populations_of_other_recipes_are_not_told_that_one_space_is_better() -> None:
    errors = np.random.default_rng(0).normal(40, 2, 30)
    _, kind, label, sentence = of(view("a", errors.tolist(), epochs=1), view("b", (errors - 9).tolist(), epochs=3))
    assert (kind, label) == ("unlike", "b is better, but recipes differ")
    assert "about the populations, whose recipes differ in epochs (1 and 3), and not about their spaces" in sentence


def test_two_samples_of_one_space_are_not_told_apart() -> None:
    errors = np.random.default_rng(0).normal(40, 2, 30)
    _, kind, label, sentence = of(view("a", errors.tolist(), epochs=1), view("b", (errors - 9).tolist(), epochs=1))
    assert (kind, label) == ("unlike", "b is better, though both are one space")
    assert "Both are samples of one space" in sentence


def test_another_mix_of_complexity_is_said() -> None:
    rng = np.random.default_rng(0)

    def space(name: str, low: float) -> PopulationView:
        flops = rng.uniform(low, low + 60, 80)
        return replace(view(name, (50 - flops / 10 + rng.normal(0, 0.5, 80)).tolist(), flops=flops), space={"b": name})

    comparison, kind, label, sentence = of(space("a", 20), space("b", 50))
    assert comparison.mixes is not None
    assert comparison.mixes.test is not None
    assert abs(comparison.mixes.test.difference) < 0.5 < abs(comparison.mean.difference)
    assert (kind, label) == ("unlike", "b is better, but not shown at equal flops")
    assert re.search(r"At equal mixes .* the mean errors are 4\d\.\d\d% and 4\d\.\d\d% \(p = 0\.\d+\)", sentence)


def test_what_holds_at_equal_complexity_is_said() -> None:
    rng = np.random.default_rng(0)
    flops = rng.uniform(20, 80, 80)
    a = replace(view("a", (50 + rng.normal(0, 0.5, 80)).tolist(), flops=flops - 15), space={"b": 1})
    b = replace(view("b", (45 + rng.normal(0, 0.5, 80)).tolist(), flops=flops), space={"b": 2})
    assert of(a, b)[1:3] == ("better", "b is better, also at equal flops")


def test_complexities_that_do_not_overlap_are_not_compared() -> None:
    a = replace(view("a", [50.0 + i / 10 for i in range(20)], flops=range(1, 21)), space={"b": 1})
    b = replace(view("b", [40.0 + i / 10 for i in range(20)], flops=range(1001, 1021)), space={"b": 2})
    _, kind, label, sentence = of(a, b)
    assert (kind, label) == ("unlike", "b is better, but not shown at equal flops")
    assert "do not overlap" in sentence


def test_survivors_are_labeled_in_every_verdict(population: Callable[..., PopulationView]) -> None:
    a, b = (population(20, seed=i, failed=4, name=name).of_survivors() for i, name in enumerate("ab"))
    _, _, _, sentence = of(a, b)
    assert "a (networks that did not fail)" in sentence
    assert "How many networks failed does not count here" in sentence


def test_a_difference_of_few_networks_is_told_with_a_caution() -> None:
    """Where a fifth of one space fails, 10 of its networks are without a failure in 11% of samples."""
    rng = np.random.default_rng(0)
    errors = rng.normal(40, 1, 32).tolist()
    for n, is_said in ((10, True), (15, True), (16, False), (32, False)):
        a, b = view("a", errors[:n]), view("b", [e - 5 for e in errors])
        sentence = of(a, b)[3]
        assert ("With fewer than 16 networks, failures and long tails that are rare" in sentence) == is_said
    sentence = of(view("a", errors[:10]), view("b", errors))[3]
    assert "With fewer" not in sentence, "nothing is claimed"


@pytest.mark.parametrize(
    ("shift", "said"),
    [
        (0.0, " The means are closer than the margin of 1.00 points (90% interval of the difference"),
        (1.0, " The means are not shown to be closer than the margin of 1.00 points ("),
        (5.0, " The means are further apart than the margin of 1.00 points ("),
    ],
)
def test_equivalence_is_a_result_of_its_own(shift: float, said: str) -> None:
    rng = np.random.default_rng(0)
    a, b = view("a", rng.normal(40, 1, 80).tolist()), view("b", rng.normal(40 + shift, 1, 80).tolist())
    comparison = Comparison.of(a, b, is_refinement=False, repeats=499)
    assert comparison is not None
    plain = of_refinement(comparison, "a", "b").sentence
    asked = replace(comparison, equivalence=equivalence_test(b.errors, a.errors, 1.0, repeats=499))
    assert "margin" not in plain
    assert of_refinement(asked, "a", "b").sentence.startswith(plain + said)
