"""Errors in buckets of a cost."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from netwright.report import PopulationView, ReportData
from netwright.report.sections.buckets import BucketsFigure, buckets_chart, buckets_figure
from netwright.report.sections.missing import Missing

Population = Callable[..., PopulationView]


def test_boxes_are_quartiles_of_the_networks_in_a_bucket(population: Population) -> None:
    view = population(40)
    found = buckets_figure(ReportData("one", (view,)))
    assert isinstance(found, BucketsFigure)
    assert len(found.buckets) == 5
    assert [box.n for box in found.boxes] == [8] * 5
    flops = view.counted["flops"].to_numpy()
    smallest = np.argsort(flops)[:8]
    first = found.boxes[0]
    wanted = np.quantile(view.errors[smallest], (0, 0.25, 0.5, 0.75, 1))
    assert (first.low, first.first, first.median, first.third, first.high) == pytest.approx(wanted.tolist())


def test_failed_networks_count_in_their_bucket(population: Population) -> None:
    found = buckets_figure(ReportData("one", (population(40, failed=6),)))
    assert isinstance(found, BucketsFigure)
    # two of three fail by their own fault
    assert sum(box.failed for box in found.boxes) == sum(box.n for box in found.boxes) - 40 > 0
    assert max(box.high for box in found.boxes) == 100


def test_populations_share_the_buckets(population: Population) -> None:
    data = ReportData("two", (population(32, name="a"), population(32, seed=5, name="b")))
    found = buckets_figure(data)
    assert isinstance(found, BucketsFigure)
    assert {box.population for box in found.boxes} == {"a", "b"}
    assert sum(box.n for box in found.boxes) == 64
    spec = buckets_chart(found)
    assert len(spec["datasets"]["boxes"]) == len(found.boxes)
    assert all(bucket in str(spec) for bucket in found.buckets)


@pytest.mark.parametrize("change", ["few", "no flops", "equal flops"])
def test_without_different_costs_there_are_none(population: Population, change: str) -> None:
    view = population(8 if change == "few" else 40)
    if change == "no flops":
        view = replace(view, frame=view.frame.drop(columns="flops"))
    elif change == "equal flops":
        view = replace(view, frame=view.frame.assign(flops=1e6))
    found = buckets_figure(ReportData("one", (view,)))
    assert isinstance(found, Missing)
    assert "take 16 networks of different flops" in found.why
