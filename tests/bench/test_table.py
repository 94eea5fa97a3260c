import csv
import io
import json
from dataclasses import replace

import pytest

from netwright.bench import Benchmark, to_csv, to_json, to_table
from netwright.bench.table import p90


def test_shares_count_two_operations_and_three_passes(made_up: Benchmark) -> None:
    ours = made_up.row("regnet_x_200mf")
    assert ours.train_share(made_up.peak) == pytest.approx(2 * 3 * 100e6 * 50 / 1e11)
    assert ours.infer_share(made_up.peak) == pytest.approx(2 * 100e6 * 250 / 1e11)


@pytest.mark.parametrize(("values", "expected"), [([7.0], 7.0), ([1.0, 2.0], 1.9), (list(range(11)), 9.0)])
def test_p90(values: list[float], expected: float) -> None:
    assert p90(values) == pytest.approx(expected)


def test_the_table(made_up: Benchmark) -> None:
    assert to_table(made_up).splitlines()[:11] == [
        "device a machine, threads 2",
        "batch 4, 3 repeats of 1 s in turns, medians (lowest to highest), seed 0; matrix product 100 GFLOP/s",
        "something to know",
        "",
        "network           pixels   flops       train images/s  share    infer images/s  share      1 image, ms"
        "                        memory",
        "regnet_x_200mf        32  100.0M  50.0 (40.0 to 60.0)    30%  250 (200 to 300)    50%  6.00, p90 10.00"
        "   train 300 MiB, infer failed",
        "timm:regnetx_002      32  100.0M  40.0 (40.0 to 40.0)    24%  250 (250 to 250)    50%   4.00, p90 4.00"
        "  train 200 MiB, infer 100 MiB",
        "",
        "regnet_x_200mf trains 1.25 times as fast as timm:regnetx_002 (1.00 to 1.50)",
        "regnet_x_200mf answers 1.00 times as fast as timm:regnetx_002 (0.80 to 1.20)",
        "",
    ]
    assert "a multiply-add is two operations" in to_table(made_up)


def test_the_table_leaves_out_what_was_not_measured(made_up: Benchmark) -> None:
    settings = replace(made_up.settings, infer=False, memory=False)
    rows = tuple(replace(row, infer=(), single=()) for row in made_up.rows)
    lines = to_table(replace(made_up, settings=settings, rows=rows)).splitlines()
    assert lines[4].split() == ["network", "pixels", "flops", "train", "images/s", "share"]
    assert not any("answers" in line for line in lines)


def test_json_has_every_value(made_up: Benchmark) -> None:
    plain = json.loads(to_json(made_up))
    assert plain["settings"] == made_up.settings.to_dict()
    assert plain["facts"] == made_up.facts
    assert plain["matmul_operations_per_second"] == 1e11
    first, second = plain["rows"]
    assert first["repeats"]["train"] == [40.0, 50.0, 60.0]
    assert (first["train_images_per_second"], first["single_ms_median"], first["single_ms_p90"]) == (50.0, 6.0, 10.0)
    assert second["rival_of"] == "regnet_x_200mf"
    assert plain["ratios"][0] == {
        "name": "regnet_x_200mf",
        "rival": "timm:regnetx_002",
        "what": "train",
        "median": 1.25,
        "lowest": 1.0,
        "highest": 1.5,
    }


def test_csv_has_a_line_a_network(made_up: Benchmark) -> None:
    first, second = csv.DictReader(io.StringIO(to_csv(made_up)))
    assert (first["name"], first["train_share"], first["infer_memory_bytes"]) == ("regnet_x_200mf", "0.3", "")
    assert (second["library"], second["batch_size"], second["train_highest"]) == ("timm", "4", "40.0")
