import errno
import json
import os
from pathlib import Path

import pytest
import torch

from netwright.errors import OutputError, WeightsError
from netwright.training.state import State, latest_state, save_state


def state(value: float) -> State:
    tensors = {
        "a": torch.full((2, 3, 4, 4), value).to(memory_format=torch.channels_last),
        "step": torch.tensor(value),
        "half": torch.tensor([value], dtype=torch.bfloat16),
        "rng": torch.arange(5, dtype=torch.uint8),
    }
    return State(tensors, {"value": value, "tenth": 0.1 * 3})


def test_a_state_reads_back_exactly(tmp_path: Path):
    save_state(tmp_path, "000001-00000003", state(0.1))
    found = latest_state(tmp_path)
    assert found is not None
    assert found.metadata == {"format": 1, "value": 0.1, "tenth": 0.1 * 3}
    for name, value in state(0.1).tensors.items():
        assert torch.equal(found.tensors[name], value)
        assert found.tensors[name].dtype == value.dtype


def test_only_the_newest_stays(tmp_path: Path):
    for name in ("000001-00000003", "000001-00000012", "000002-00000000"):
        save_state(tmp_path, name, state(float(name[-2:])))
    assert [path.name for path in tmp_path.iterdir()] == ["000002-00000000"]


def test_nothing_is_no_state(tmp_path: Path):
    assert latest_state(tmp_path / "none") is None
    (tmp_path / ".000001-00000003.77.partial").mkdir()
    assert latest_state(tmp_path) is None


def test_what_a_killed_process_left_is_passed_over_and_removed(tmp_path: Path):
    save_state(tmp_path, "000001-00000003", state(1.0))
    rest = tmp_path / ".000001-00000009.77.partial"
    rest.mkdir()
    (rest / "tensors.safetensors").write_bytes(b"half")
    found = latest_state(tmp_path)
    assert found is not None
    assert found.metadata["value"] == 1.0
    save_state(tmp_path, "000002-00000000", state(2.0))
    assert not rest.exists()


@pytest.mark.parametrize("damage", ["tensors", "metadata", "version"])
def test_a_damaged_state_is_said(tmp_path: Path, damage: str):
    path = save_state(tmp_path, "000001-00000003", state(1.0))
    if damage == "tensors":
        (path / "tensors.safetensors").write_bytes((path / "tensors.safetensors").read_bytes()[:-9])
    elif damage == "metadata":
        (path / "state.json").write_text("{")
    else:
        (path / "state.json").write_text(json.dumps({"format": 99}))
    with pytest.raises(WeightsError, match=r"is damaged.*Remove it"):
        latest_state(tmp_path)


def test_a_full_disk_leaves_the_older_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    save_state(tmp_path, "000001-00000003", state(1.0))

    def full(handle: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", full)
        says = r"^the training state cannot be written to .*000002-00000000: No space .*are free there\)\. Free some"
        with pytest.raises(OutputError, match=says):
            save_state(tmp_path, "000002-00000000", state(2.0))
    found = latest_state(tmp_path)
    assert found is not None
    assert found.metadata["value"] == 1.0
    assert len(list(tmp_path.iterdir())) == 1
