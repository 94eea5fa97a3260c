"""The figures of the papers, of any populations."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from netwright.analysis.figures import PAPER, figures
from netwright.errors import StatsError
from netwright.report.sections import SECTIONS


@pytest.fixture
def table(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    depth = rng.integers(4, 30, 60)
    frame = pd.DataFrame({"depth": depth, "noise": rng.normal(size=60), "flops": rng.uniform(1e6, 9e6, 60)})
    frame["error"] = 60 - depth + rng.normal(size=60)
    path = tmp_path / "table.csv"
    frame.to_csv(path, index=False)
    return path


def test_every_figure_is_of_sections_that_there_are() -> None:
    assert {section for _, sections in PAPER.values() for section in sections} <= {*SECTIONS, "buckets"}


def test_one_figure_has_its_charts_and_words(table: Path) -> None:
    found = figures(table, only=["4"])
    assert list(found.specs) == ["edf", "parameters"]
    assert all(found.sentences[name] for name in found.specs)
    assert found.missing == {}
    assert "depends on depth" in found.summary.split("Not established")[0]
    assert "noise" in found.summary.split("Not established")[1]


def test_what_cannot_be_drawn_has_a_reason(table: Path) -> None:
    found = figures(table)
    assert "linearity" in found.missing
    assert "buckets" in found.specs
    with pytest.raises(StatsError, match="no chart 'linearity': no network is described"):
        found.chart("linearity")


def test_charts_are_altair_objects_and_files(table: Path, tmp_path: Path) -> None:
    found = figures(table, only=["buckets"])
    chart = found.chart("buckets")
    assert chart.to_dict()["width"] == found.specs["buckets"]["width"]
    [path] = found.write(tmp_path / "out", ["svg"])
    assert path.read_text().startswith("<svg")


def test_two_populations_are_tested(table: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.csv"
    pd.read_csv(table).assign(error=lambda frame: frame["error"] + 8).to_csv(other, index=False)
    found = figures(table, other, only=["5"])
    assert list(found.specs) == ["edf"]
    assert "table is better in the mean" in found.summary


@pytest.mark.parametrize(
    ("refs", "only", "text"), [((), (), "none is given"), (("x",), ("6",), "unknown figure '6'")]
)  # fmt: skip
def test_mistakes_are_explained(refs: tuple[str, ...], only: tuple[str, ...], text: str) -> None:
    with pytest.raises(StatsError, match=text):
        figures(*refs, only=only)
