import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import netwright as nw

Run = Callable[..., Any]


def test_a_table_and_the_account(netwright: Run) -> None:
    done = netwright("sample", "regnetx", "--n", 3, "--flops", "360M:400M")
    assert done.status == 0
    assert len(done.out.splitlines()) == 4
    assert "rejection counts: draws 16,384, num_stages" in done.err


def test_a_long_table_is_cut_and_says_so(netwright: Run) -> None:
    assert "... and 5 more; --out FILE writes all" in netwright("sample", "anynetx_a", "--n", 25).out


@pytest.mark.parametrize("suffix", ["csv", "parquet", "jsonl"])
def test_a_file_has_the_networks_of_the_seed(netwright: Run, tmp_path: Path, suffix: str) -> None:
    path = tmp_path / "deep" / f"networks.{suffix}"
    assert netwright("sample", "regnety", "--n", 7, "--seed", 5, "--max_flops", "1G", "--out", path).status == 0
    batch = nw.sample(nw.load_space("regnety").refine(flops=(0, 1e9)), 7, seed=5)
    if suffix == "jsonl":
        assert [nw.Arch.from_json(line) for line in path.read_text().splitlines()] == list(batch)
        return
    frame = pd.read_csv(path) if suffix == "csv" else pd.read_parquet(path)
    assert list(frame["flops"]) == list(nw.complexity(batch).flops)
    assert np.allclose(frame["wm"], batch.parameters["wm"], atol=1e-4)


def test_the_resolution_is_that_of_the_costs(netwright: Run, tmp_path: Path) -> None:
    for pixels in (112, 224):
        netwright("sample", "regnetx", "--n", 3, "--resolution", pixels, "--out", tmp_path / f"{pixels}.csv")
    small, large = (pd.read_csv(tmp_path / f"{pixels}.csv") for pixels in (112, 224))
    assert (large["params"] == small["params"]).all()
    assert (large["flops"] > 3 * small["flops"]).all()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--n", "0"], "at least 1 network is drawn, not 0"),
        (["--seed", "-1"], "a seed is a whole number of at least 0, not -1"),
        (["--resolution", "0"], "resolution is a whole number of at least 1"),
        (["--out", "networks.txt"], "a file ending in .csv, .parquet, .jsonl, not 'networks.txt'"),
        (["--flops", "1:2"], "the smallest flops drawn was"),
        (["--flops", "1M:2M", "--max_flops", "3M"], "flops and max_flops both limit the flops. Give one of them."),
    ],
)
def test_a_mistake_is_explained(netwright: Run, words: list[str], says: str) -> None:
    done = netwright("sample", "regnetx", *words)
    assert (done.status, done.out) == (1, "")
    assert says in done.err


@pytest.mark.parametrize("suffix", ["csv", "parquet", "jsonl"])
def test_a_file_that_cannot_be_written_leaves_the_old_one(
    netwright: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str
) -> None:
    blocked = tmp_path / f"x.{suffix}" / f"y.{suffix}"
    blocked.parent.write_text("a file")
    done = netwright("sample", "regnetx", "--out", blocked)
    assert done.status == 1
    assert f"the sampled networks cannot be written to {blocked}: File exists" in done.err
    assert "in the way). Choose another --out." in done.err

    def full(handle: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    path = tmp_path / f"z.{suffix}"
    path.write_text("old")
    done = netwright("sample", "regnetx", "--out", path)
    assert done.status == 1
    assert f"the sampled networks cannot be written to {path}: No space left on device" in done.err
    assert "Free some space, or choose another --out." in done.err
    assert path.read_text() == "old"
    assert sorted(tmp_path.iterdir()) == sorted([path, blocked.parent])
