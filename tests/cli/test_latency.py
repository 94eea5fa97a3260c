import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from fixtures.latency import pretended

__all__ = ["pretended"]

Run = Callable[..., Any]


def test_a_table_of_networks_names_the_device(netwright: Run, pretended: object) -> None:
    done = netwright("latency", "regnetx_200mf", "regnety_200mf", "--threads", 1, "--resolution", 32)
    assert done.status == 0
    first, head, *rows = done.out.splitlines()
    assert first.startswith("measured on device ")
    assert head.split("  ")[0] == "network"
    assert [row.split()[0] for row in rows] == ["regnetx_200mf", "regnety_200mf"]
    assert all("onnx fp32, batch 1, 1 thread" in row for row in rows)


def test_a_space_has_its_predictor(netwright: Run, pretended: object, tmp_path: Path) -> None:
    words = ("latency", "regnetx", "--n", 24, "--max_flops", "8M", "--resolution", 32, "--out", tmp_path / "found.csv")
    done = netwright(*words)
    assert done.status == 0
    assert "rank correlation with flops 0." in done.out
    assert "5-fold cross-validation on 24 measured networks" in done.out
    frame = pd.read_csv(tmp_path / "found.csv")
    assert len(frame) == 24
    assert (frame["flops"] <= 8e6).all()
    assert json.loads(netwright(*words[:-2], "--json").out)["predictor"]["networks"] == 24


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["regnetx_200mf", "--max_flops", "8M"], "--max_flops limits the networks of a design space"),
        (["regnetx_200mf", "--out", "a.txt"], "a file ending in .csv or .json, not 'a.txt'"),
        (["regnetx_200mf", "--precision", "int8"], "weights become int8 by calibration"),
        (["regnetx_200mf", "--device", "cuda"], "Give --runtime torch"),
    ],
)
def test_a_mistake_is_explained(netwright: Run, pretended: object, words: list[str], says: str) -> None:
    done = netwright("latency", *words)
    assert done.status == 1
    assert says in done.err


def test_a_sample_within_a_limit_shows_what_was_measured(netwright: Run, pretended: object, tmp_path: Path) -> None:
    words = ("sample", "regnetx", "--n", 4, "--max_flops", "8M", "--resolution", 32, "--max_latency", "0.5ms")
    words = (*words, "--latency_networks", 24, "--latency_threads", 1)
    done = netwright(*words)
    assert done.status == 0
    assert "latency_ms" in done.out
    assert "latency: onnx fp32, batch 1, 1 thread on " in done.err
    assert "has not seen" in done.err
    netwright(*words, "--out", tmp_path / "a.csv")
    frame = pd.read_csv(tmp_path / "a.csv")
    assert (frame["latency_ms"] <= 0.5).all()
    assert frame["latency_of"].str.contains("1 thread on ").all()


def test_what_only_says_how_needs_a_limit(netwright: Run) -> None:
    done = netwright("sample", "regnetx", "--latency_threads", 2)
    assert done.status == 1
    assert "there is none. Give max_latency too, such as 5ms" in done.err
