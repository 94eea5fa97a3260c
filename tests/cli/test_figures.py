from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

Run = Callable[..., Any]


def table(folder: Path) -> Path:
    rng = np.random.default_rng(0)
    path = folder / "table.csv"
    pd.DataFrame({"depth": np.arange(40), "error": np.arange(40) + rng.normal(size=40)}).to_csv(path, index=False)
    return path


def test_files_words_and_what_is_missing(netwright: Run, tmp_path: Path) -> None:
    done = netwright("figures", table(tmp_path), "--only", "4,8", "--format", "svg", "--out", tmp_path / "out")
    assert (done.status, done.err) == (0, "")
    assert sorted(path.name for path in (tmp_path / "out").glob("*.svg")) == ["edf.svg", "parameters.svg"]
    assert "not drawn: linearity: no network is described" in done.out
    assert "the error depends on depth" in done.out


def test_mistakes_are_explained(netwright: Run, tmp_path: Path) -> None:
    for words, text in (
        (["--format", "gif"], "a figure's format is one of png, svg, pdf, not 'gif'"),
        (["--only", "99"], "unknown figure '99'"),
    ):
        done = netwright("figures", table(tmp_path), *words, "--out", tmp_path / "out")
        assert done.status == 1
        assert text in done.err
    assert not (tmp_path / "out").exists()
