import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from netwright.arch import Arch
from netwright.report import Finalist, PopulationView, Story
from netwright.report.figures import FIGURES, Missing, figures_of
from netwright.report.figures.answer import AnswerFigure, answer_figure
from netwright.report.figures.costs import CostsFigure, costs_figure
from netwright.report.figures.curves import CurvesFigure, curves_figure
from netwright.report.figures.edf import EdfFigure, edf_figure
from netwright.report.figures.efficiency import EfficiencyFigure, efficiency_figure
from netwright.report.figures.explorer import ExplorerFigure, explorer_figure
from netwright.report.figures.failures import FailuresFigure, failures_figure
from netwright.report.figures.networks import NetworksFigure, networks_figure
from netwright.report.figures.parameters import ParametersFigure, parameters_figure, thin
from netwright.report.figures.spaces import SpacesFigure, spaces_figure
from netwright.report.figures.verdict import of_finalists, of_refinement
from netwright.stats import GoodRange

Population = Callable[..., PopulationView]


def told(errors: list[float], **columns: list[object]) -> Story:
    frame = pd.DataFrame({"error": errors, **columns})
    return Story("title", (PopulationView("space", frame, parameters=tuple(columns)),))


def test_edf_counts_strictly_better_networks() -> None:
    figure = edf_figure(told([3.0, 1.0, 3.0, 2.0]))
    assert isinstance(figure, EdfFigure)
    (curve,) = figure.curves
    assert curve.label == "space [4 | 1.0 | 2.2]"
    assert curve.errors[1:-1] == (1, 1, 2, 2, 3, 3)
    assert curve.shares == (0, 0, 0.25, 0.25, 0.5, 0.5, 1, 1)
    assert (curve.n, curve.least, curve.median) == (4, 1.0, 2.5)


def test_edf_lies_within_its_band(guided: Story) -> None:
    figure = edf_figure(guided)
    assert isinstance(figure, EdfFigure)
    for view, curve in zip(guided.populations, figure.curves, strict=True):
        errors = view.done["error"].to_numpy()
        share = [(errors < error).mean() for error in curve.grid]
        assert np.all(np.array(curve.lower) <= np.array(share) + 1e-12)
        assert np.all(np.array(share) <= np.array(curve.upper) + 1e-12)


def test_parameters_carry_the_good_range_and_a_log_axis_where_it_is_wide() -> None:
    story = told([2.0, 1.0, 3.0], w0=[8, 64, 256], flag=[True, False, True])
    figure = parameters_figure(replace(story, good_ranges={"w0": GoodRange(32, 64, 128)}))
    assert isinstance(figure, ParametersFigure)
    wide, flag = figure.panels
    assert (wide.low, wide.best, wide.high, wide.is_log) == (32, 64, 128, True)
    assert wide.narrowed == pytest.approx(math.log(4) / math.log(32))
    assert (flag.low, flag.is_log, flag.x) == (None, False, (0, 1, 1))
    assert "w0 (32 to 128)" in figure.sentences[1]


def test_thinning_keeps_best_and_worst() -> None:
    kept = thin(5000, 100)
    assert (len(kept), kept[0], kept[-1]) == (100, 0, 4999)
    assert thin(3, 100).tolist() == [0, 1, 2]


def test_explorer_has_every_network_and_only_columns_that_vary(guided: Story) -> None:
    figure = explorer_figure(guided)
    assert isinstance(figure, ExplorerFigure)
    assert len(figure.rows) == sum(len(view.done) for view in guided.populations)
    assert [axis.column for axis in figure.axes][:4] == ["flops", "params", "acts", "depth"]
    constant = explorer_figure(told([1.0, 2.0], depth=[4, 4]))
    assert isinstance(constant, Missing)


def test_costs_front_cannot_be_beaten() -> None:
    figure = costs_figure(told([3.0, 2.0, 2.5, 1.0], flops=[1, 2, 3, 4]))
    assert isinstance(figure, CostsFigure)
    assert [(x, error) for x, error, _, _ in figure.panels[0].front] == [(1, 3.0), (2, 2.0), (4, 1.0)]


def test_networks_show_each_block_once(guided: Story) -> None:
    figure = networks_figure(guided)
    assert isinstance(figure, NetworksFigure)
    assert len(figure.best) == len(figure.worst) == 6
    assert figure.best[0].error == min(view.done["error"].min() for view in guided.populations)
    assert figure.worst[0].error == max(view.done["error"].max() for view in guided.populations)
    for network in (*figure.best, *figure.worst):
        view = next(view for view in guided.populations if view.name == network.population)
        arch = Arch.from_json(view.done.set_index("trial").loc[network.trial, "arch"])
        assert network.widths == arch.block_widths
        assert len(network.fitted) == arch.depth


def test_networks_of_a_foreign_notation_are_left_out() -> None:
    figure = networks_figure(told([1.0, 2.0], arch=["k3-e6", "k5-e3"]))
    assert isinstance(figure, Missing)


def test_curves_draw_the_best_last(guided: Story) -> None:
    figure = curves_figure(guided)
    assert isinstance(figure, CurvesFigure)
    assert [curve.is_best for curve in figure.curves[-3:]] == [False, True, True]
    best = guided.populations[0].done.iloc[0]
    bold = next(c for c in figure.curves if c.is_best and c.population == "regnetx")
    assert (bold.trial, bold.errors[-1]) == (best["trial"], best["error"])


def test_failures_are_counted_by_reason() -> None:
    reasons = ["Diverged: a", "Diverged: a", None, "", None]
    states = ["failed", "failed", "failed", "failed", "running"]
    figure = failures_figure(told([math.nan] * 5, state=states, reason=reasons))
    assert isinstance(figure, FailuresFigure)
    assert dict(figure.reasons) == {"Diverged: a": 2, "no reason recorded": 2}
    assert figure.sentences[0].startswith("4 of 5 trials failed")
    assert "1 trial had not been finished" in figure.sentences[0]


def test_spaces_place_the_new_interval_on_the_old(population: Population) -> None:
    before = replace(population(2), domains={"wm": (1.5, 3.0), "w0": (4.0, 256.0)}, parameters=("wm", "w0"), size=100)
    after = replace(before, name="after", domains={"wm": (2.25, 3.0), "w0": (4.0, 32.0)}, size=10)
    figure = spaces_figure(Story("title", (before, after)))
    assert isinstance(figure, SpacesFigure)
    wm, w0 = figure.intervals
    assert (wm.start, wm.stop) == pytest.approx((0.5, 1.0))
    assert (w0.start, w0.stop) == pytest.approx((0.0, 0.5))
    assert "100 combinations of parameters, after 10: 10 times fewer" in " ".join(figure.sentences)


def test_efficiency_ends_at_the_lowest_error() -> None:
    figure = efficiency_figure(told([4.0, 2.0, 1.0, 3.0]))
    assert isinstance(figure, EfficiencyFigure)
    assert figure.curves[0].sizes == (1, 2, 4)
    assert figure.curves[0].means == pytest.approx((2.5, 5 / 3, 1.0))


@pytest.mark.parametrize(
    ("pick", "baseline", "kind"),
    [
        ((1.0, 1.1, 1.2, 1.1, 1.0), (2.0, 2.1, 2.2, 2.1, 2.0), "better"),
        ((2.0, 2.1, 2.2, 2.1, 2.0), (1.0, 1.1, 1.2, 1.1, 1.0), "worse"),
        ((1.0, 1.1, 1.2), (2.0, 2.1, 2.2), "leaning"),
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


def test_unrelated_spaces_are_compared_and_not_called_a_refinement(guided: Story) -> None:
    assert guided.contrast is not None
    verdict = of_refinement(replace(guided.contrast, is_refinement=False), "a", "b")
    assert verdict.kind == of_refinement(guided.contrast, "a", "b").kind == "better"
    assert verdict.label == "b is better"
    assert "refinement" not in verdict.sentence


def test_the_answer_says_when_the_costs_differ(guided: Story) -> None:
    def doubled(finalist: Finalist) -> Finalist:
        return replace(finalist, flops=2 * finalist.flops) if finalist.role == "pick" else finalist

    assert "do not cost the same" not in _answer(guided)
    assert "do not cost the same" in _answer(replace(guided, finalists=tuple(map(doubled, guided.finalists))))


def test_the_answer_names_the_best_trial_where_nothing_was_trained_longer(plain: Story) -> None:
    assert "chosen by this error" in _answer(plain)


def _answer(story: Story) -> str:
    figure = answer_figure(story)
    assert isinstance(figure, AnswerFigure)
    return " ".join(figure.sentences)


def test_what_a_plain_table_lacks_is_missing_with_a_word(plain: Story) -> None:
    figures = figures_of(plain)
    missing = {name for name, figure in figures.items() if isinstance(figure, Missing)}
    assert missing == {"costs", "networks", "curves", "failures", "spaces"}


def test_a_population_without_any_error_has_its_failures_only(population: Population) -> None:
    view = population(1, failed=5)
    frame = view.frame.assign(error=math.nan, state="failed", reason="out of memory")
    figures = figures_of(Story("all failed", (replace(view, frame=frame),)))
    assert {name for name, figure in figures.items() if not isinstance(figure, Missing)} == {"failures", "spaces"}
    assert set(figures) == set(FIGURES)


def test_one_trial_is_enough_for_most_figures(population: Population) -> None:
    figures = figures_of(Story("one", (population(1),)))
    missing = {name for name, figure in figures.items() if isinstance(figure, Missing)}
    assert missing == {"explorer", "failures", "efficiency"}
