import json
from pathlib import Path

import pytest

from netwright.arch import read_network
from netwright.cli.main import main


def test_one_budget_writes_a_network(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "large.yaml"
    assert main(["scale", "regnet_x_200mf", "--flops", "400M", "--out", str(out)]) == 0
    said = capsys.readouterr()
    assert "400M" in said.out
    assert str(out) in said.out
    assert f"netwright train --model {out}" in said.err
    assert read_network(out).name == "regnet_x_200mf, scaled to 400M flops"


def test_several_budgets_write_a_family(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["scale", "regnet_x_200mf", "--flops", "100M", "200M", "400M", "--rule", "width"]
    assert main([*words, "--out", str(tmp_path / "family")]) == 0
    assert len(list((tmp_path / "family").iterdir())) == 4
    assert main([*words, "--json"]) == 0
    answer = json.loads(capsys.readouterr().out.split("family.csv\n")[1])
    assert (answer["rule"], len(answer["networks"])) == ("width", 3)
    assert [row["budget"] for row in answer["networks"]] == ["100M", "200M", "400M"]
    assert answer["networks"][0]["network"]["stages"]


def test_what_is_far_from_the_budget_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["scale", "resnet50", "--params", "10M", "--max_flops", "1G"]) == 0
    assert "is the nearest that whole blocks, groups and limits allow" in capsys.readouterr().err


def test_without_a_budget_it_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["scale", "resnet50"]) == 1
    assert "--flops 800M" in capsys.readouterr().err
