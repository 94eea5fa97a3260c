import json

import numpy as np
import pytest

from netwright.errors import StatsError
from netwright.stats import read_table


def job(index, depth, errors, most=3, err="", ema=True):
    """What `sweep_collect.py` gathers of the log of one job."""
    epochs = {
        "epoch_ind": list(range(1, len(errors) + 1)),
        "epoch_max": [most] * len(errors),
        "top1_err": errors,
        "min_top1_err": np.minimum.accumulate(errors).tolist(),
    }
    return {
        "cfg": {
            "REGNET": {"DEPTH": depth, "W0": 24, "WA": 8.0 + depth, "BOT_MUL": 1.0},
            "ANYNET": {"DEPTHS": [1, depth]},
            "OPTIM": {"BASE_LR": 0.1, "MAX_EPOCH": most},
            "OUT_DIR": f"/logs/{index}",
        },
        "complexity": {"flops": depth * 10, "params": depth, "acts": depth * 2},
        "log_file": f"/logs/{index}/stdout.log",
        "err_file": f"/logs/{index}/stderr.log",
        "err": err,
        **({("test_ema_epoch" if ema else "test_epoch"): epochs} if errors else {}),
    }


def test_a_sweep_is_a_table(tmp_path):
    jobs = [
        job(0, 12, [60.0, 40.0, 41.0]),
        job(1, 13, [60.0, 50.0], err="Traceback\nRuntimeError: no more"),
        job(2, 14, [60.0]),
        job(3, 15, [], err="some warning"),
    ]
    (tmp_path / "sweep.json").write_text(json.dumps(jobs))
    frame = read_table(tmp_path / "sweep.json")
    assert frame["state"].tolist() == ["done", "failed", "running", "waiting"]
    assert frame["reason"].dropna().tolist() == ["RuntimeError: no more"]
    np.testing.assert_array_equal(frame["error"], [41.0, np.nan, np.nan, np.nan])
    assert frame["flops"].tolist() == [120, 130, 140, 150]
    assert frame.attrs["parameters"] == ("depth", "wa", "depth_2")
    assert frame["curve"][0][1] == {"epoch": 2, "error": 40.0}
    assert "averaged weights" in frame.attrs["notices"][0]


def test_older_logs_count_epochs_in_text(tmp_path):
    old = job(0, 12, [60.0, 40.0], most=2, ema=False)
    old["test_epoch"] = {"epoch": ["1/2", "2/2"], "top1_err": [60.0, 40.0]}
    (tmp_path / "sweep.json").write_text(json.dumps([old, job(1, 13, [50.0, 30.0], most=2)]))
    assert read_table(tmp_path / "sweep.json")["error"].tolist() == [40.0, 30.0]


def test_other_json_is_refused_with_the_line_that_converts_it(tmp_path):
    (tmp_path / "x.json").write_text(json.dumps({"trials": [{"error": 1}]}))
    with pytest.raises(StatsError, match=r"pandas\.json_normalize"):
        read_table(tmp_path / "x.json")
