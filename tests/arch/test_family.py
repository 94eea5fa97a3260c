import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import netwright
from netwright.arch import Arch, complexity, fit_batch, published, read_network, scale, scale_family
from netwright.arch.batch import ArchBatch
from netwright.arch.family import family_table, short, write_family
from netwright.arch.scaling import RULES, scale_to
from netwright.errors import ArchError, OutputError

BUDGETS = (200e6, 400e6, 800e6, 1.6e9, 3.2e9)


def test_a_network_is_scaled_to_a_budget_of_any_cost() -> None:
    for cost, budget in (("flops", 800e6), ("params", 8e6), ("acts", 5e6)):
        scaled = scale("regnet_x_400mf", **{cost: budget})
        assert getattr(complexity(scaled), cost)[0] == pytest.approx(budget, rel=0.06)
        assert scaled.name == f"regnet_x_400mf, scaled to {short(budget)} {cost}"
        assert (scaled.resolution, scaled.stem) == (224, published("regnet_x_400mf").stem)
    assert netwright.scale is scale


def test_limits_are_never_exceeded() -> None:
    scaled = scale("regnet_x_400mf", flops=800e6, max_flops=800e6, max_params=7e6)
    cost = complexity(scaled)
    assert cost.flops[0] <= 800e6
    assert 6e6 < cost.params[0] <= 7e6
    with pytest.raises(ArchError, match=r"cannot be scaled below .* params .*Raise the limit"):
        scale("regnet_x_400mf", flops=800e6, max_params=1000)


@pytest.mark.parametrize("rule", RULES)
def test_rules_divide_the_change_between_depth_and_width(rule: str) -> None:
    arch = published("regnet_y_1_6gf")
    large = scale_to(arch, 8 * 1.6e9, rule=rule)
    power = RULES[rule].depth
    assert large.depth / arch.depth == pytest.approx(8**power, rel=0.2)
    assert large.stages[-1].width / arch.stages[-1].width == pytest.approx(8 ** ((1 - power) / 2), rel=0.1)
    assert (large.depth == arch.depth) == (rule == "width")
    assert (large.stages[0].width == arch.stages[0].width) == (rule == "depth")


def test_the_fast_rule_keeps_activations_lowest() -> None:
    """arXiv 2103.06877: its activations grow about as the root of flops."""
    acts = {rule: complexity(scale_to(published("regnet_y_400mf"), 6.4e9, rule=rule)).acts[0] for rule in RULES}
    assert acts["width"] < acts["fast"] < acts["uniform"] < acts["depth"]
    now = complexity(published("regnet_y_400mf")).acts[0]
    assert math.log(acts["fast"] / now) / math.log(16) == pytest.approx(0.5, abs=0.07)


def test_a_family_of_regnets_stays_near_the_line() -> None:
    family = scale_family("regnet_y_400mf", flops=BUDGETS)
    for each in family:
        assert each.costs["flops"] == pytest.approx(each.budget, rel=0.05)
    e_fit = fit_batch(ArchBatch.from_archs([each.arch for each in family])).e_fit
    assert e_fit.max() < 0.08
    table = family_table(family)
    assert table["budget"].tolist() == ["200M", "400M", "800M", "1.6G", "3.2G"]
    assert table["e_fit"].to_numpy() == pytest.approx(e_fit, abs=1e-4)
    assert np.all(np.diff(table["acts"]) > 0)


def test_networks_go_to_files_that_are_read_again(tmp_path: Path) -> None:
    single = scale("resnet18", flops=1e9, out=tmp_path / "small.yaml")
    assert read_network(tmp_path / "small.yaml") == single
    family = scale_family(tmp_path / "small.yaml", flops=(0.5e9, 2e9))
    written = write_family(family, tmp_path / "family")
    assert [path.name for path in written] == ["resnet18-500M-flops.yaml", "resnet18-2G-flops.yaml", "family.csv"]
    assert [read_network(path) for path in written[:2]] == [each.arch for each in family]
    (tmp_path / "family" / "network.yaml").write_text(family[0].arch.to_yaml())
    assert isinstance(scale(tmp_path / "family", flops=1e9), Arch)
    small = scale("resnet18", flops=2e8, resolution=64)
    assert small.resolution == 64


@pytest.mark.parametrize(
    ("network", "given", "message"),
    [
        ("regnet_x_400m", {"flops": 1e9}, "did you mean 'regnet_x_400mf'"),
        ("regnet_x_400mf", {}, "given: none of them. Give one"),
        ("regnet_x_400mf", {"flops": 1e9, "params": 1e6}, "given: flops and params. Give one"),
        ("regnet_x_400mf", {"flops": 0.0}, "flops and their limit are positive, not 0"),
        ("regnet_x_400mf", {"flops": 1e9, "rule": "fats"}, "did you mean 'fast'"),
        ("nowhere.yaml", {"flops": 1e9}, "nowhere.yaml cannot be read as a network.yaml"),
    ],
)
def test_mistakes_are_explained(network: str, given: dict[str, Any], message: str) -> None:
    with pytest.raises(ArchError, match=message):
        scale(network, **given)


def test_the_kind_of_out_is_checked_first(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"ending in \.yaml"):
        scale("resnet18", flops=1e9, out=tmp_path / "a.json")
    family = scale_family("resnet18", flops=(1e9, 2e9))
    with pytest.raises(OutputError, match="2 networks go into a folder"):
        write_family(family, tmp_path / "a.yaml")
    assert not list(tmp_path.iterdir())


def test_quantities_are_short() -> None:
    assert [short(x) for x in (800e6, 1.6e9, 5_200_000, 1500, 12)] == ["800M", "1.6G", "5.2M", "1.5k", "12"]
