from pathlib import Path

import pytest

from netwright.recipe import Checkpoints
from netwright.training.checkpoint_policy import epochs_to_keep, save_and_prune, weights_file_name
from netwright.training.records import EpochRecord, Score


def record(epoch: int, top1: float | None = None) -> EpochRecord:
    score = None if top1 is None else Score(top1, None, 1.0, 10)
    return EpochRecord(epoch, 1.0, 50.0, 0.1, score, None, 1.0, 1.0, 10.0, 0, 0)


RECORDS = [record(epoch, top1) for epoch, top1 in enumerate((10.0, 40.0, None, 40.0, 30.0), 1)]


@pytest.mark.parametrize(
    ("policy", "many", "interval", "kept"),
    [
        ("latest_k", 2, 1, {4, 5}),
        ("latest_k", 9, 1, {1, 2, 3, 4, 5}),
        ("latest_k", 2, 2, {4, 5}),
        ("top_k", 2, 1, {2, 4}),
        ("top_k", 3, 1, {2, 4, 5}),
        ("top_k", 1, 1, {4}),
        ("all", 1, 1, {1, 2, 3, 4, 5}),
        ("all", 1, 3, {3, 5}),
    ],
)
def test_policies(policy, many, interval, kept):
    checkpoints = Checkpoints(checkpoint_policy=policy, checkpoint_keep=many, checkpoint_interval=interval)
    assert epochs_to_keep(checkpoints, RECORDS, 5) == kept


def test_files_follow_the_policy(tmp_path: Path):
    checkpoints = Checkpoints(checkpoint_policy="top_k", checkpoint_keep=2)
    for n in range(1, 6):
        save_and_prune(
            tmp_path, "net", 7, 5, checkpoints, RECORDS[:n], lambda path, _: path.write_text("x"), has_ema=True
        )
    names = {weights_file_name("net", epoch, 7, is_ema=is_ema) for epoch in (2, 4) for is_ema in (False, True)}
    assert {path.name for path in tmp_path.iterdir()} == names
    assert "net-4_7_ema.safetensors" in names
