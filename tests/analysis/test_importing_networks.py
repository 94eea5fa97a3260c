"""Columns of tables that define networks, by the names of the papers, pycls and timm."""

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from fixtures.tables import regnet_rows

from netwright import import_population
from netwright.arch import Arch, complexity, published
from netwright.errors import PopulationError
from netwright.population import Population


def note(population: Population) -> dict[str, Any]:
    return dict(population.notes["import"])


def import_population_of(table: pd.DataFrame, folder: Path, name: str = "x.csv", **more: Any) -> Population:
    table.to_csv(folder / name, index=False)
    return import_population(folder / name, folder / "run", **more)


def rename(table: pd.DataFrame, names: str) -> pd.DataFrame:
    return table.rename(columns=dict(zip(["depth", "w0", "wa", "wm", "group_width"], names.split(), strict=True)))


@pytest.mark.parametrize(
    "names",
    ["depth w0 wa wm group_size", "d w_0 w_a w_m g", "REGNET.DEPTH REGNET.W0 REGNET.WA REGNET.WM REGNET.GROUP_W"],
)
def test_names_of_others_make_the_same_networks(tmp_path: Path, names: str) -> None:
    table = regnet_rows(10)
    with (
        import_population(table, tmp_path / "ours") as ours,
        import_population_of(rename(table, names), tmp_path) as theirs,
    ):
        assert theirs.frame()["arch"].tolist() == ours.frame()["arch"].tolist()


def test_a_multiplier_is_the_inverse_of_a_bottleneck_and_se_makes_block_y(tmp_path: Path) -> None:
    table = regnet_rows(6).drop(columns=["bottleneck"]).assign(bottle_ratio=0.5, se_ratio=0.25)
    with import_population(table, tmp_path / "run") as population:
        archs = [Arch.from_json(text) for text in population.frame()["arch"]]
    assert {arch.block for arch in archs} == {"y"}
    assert {stage.bottleneck for arch in archs for stage in arch.stages} == {2.0}


def test_stages_in_columns_make_networks(tmp_path: Path) -> None:
    arch = published("regnetx_800mf")
    stages = {f"d{i}": [stage.depth] * 3 for i, stage in enumerate(arch.stages, start=1)}
    stages |= {f"w{i}": [stage.width] * 3 for i, stage in enumerate(arch.stages, start=1)}
    table = pd.DataFrame(stages | {"g": 16, "error": [30.0, 31.0, 32.0]})
    with import_population(table, tmp_path / "run") as population:
        frame = population.frame()
    assert frame["flops"].tolist() == [int(complexity(arch).flops[0])] * 3
    lists = pd.DataFrame(
        {"depths": ["[1, 3, 7, 5]"] * 2, "widths": ["[64, 128, 288, 672]"] * 2, "gs": ["[16, 16, 16, 16]"] * 2}
    )
    lists.assign(error=[3.0, 4.0]).to_csv(tmp_path / "lists.csv", index=False)
    with import_population(tmp_path / "lists.csv", tmp_path / "lists") as population:
        assert population.frame()["flops"].tolist() == frame["flops"][:2].tolist()


def test_networks_that_have_other_flops_are_not_those_of_the_table(tmp_path: Path) -> None:
    table = regnet_rows(6)
    with import_population(table, tmp_path / "ours") as population:
        flops = population.frame()["flops"]
    with import_population(table.assign(flops=flops * 1.1), tmp_path / "run") as population:
        frame, notices = population.frame(), note(population)["notices"]
    assert frame["arch"].isna().all()
    assert frame["flops"].tolist() == (flops * 1.1).round().tolist()
    assert any("other flops than the table (by 9%" in notice for notice in notices)
    with import_population(table, tmp_path / "none", networks=False) as population:
        assert population.frame()["arch"].isna().all()
        with pytest.raises(PopulationError, match=r"trial 0 of .* has no network: it was imported"):
            population.trials("done")


def test_a_row_of_which_no_network_can_be_made_stays(tmp_path: Path) -> None:
    table = regnet_rows(6)
    table.loc[2, "wm"] = 0.5
    with import_population(table, tmp_path / "run") as population:
        frame, notices = population.frame(), note(population)["notices"]
    assert frame["arch"].isna().tolist() == [i == 2 for i in range(6)]
    assert any(notice.startswith("1 rows have no network: row 3") for notice in notices)


def test_words_that_mean_something_else_are_no_networks(tmp_path: Path) -> None:
    table = pd.DataFrame({"d1": [0.5, 0.25], "d2": [0.1, 0.2], "w1": [0.3, 0.4], "w2": [0.1, 0.9], "error": [1.0, 2.0]})
    with import_population(table, tmp_path / "run") as population:
        assert population.frame()["arch"].isna().all()
