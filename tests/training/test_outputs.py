"""Weights that cannot be written: an epoch's are said and left out, the last ones end the training."""

import logging

import pytest

from netwright.errors import OutputError
from netwright.training.run import train


def _block(out, *names):
    """Folders where files would be placed: no program can write these, whoever it runs as."""
    for name in names:
        (out / name / "full").mkdir(parents=True)


@pytest.mark.slow
def test_weights_of_an_epoch_that_cannot_be_kept_are_said_and_the_training_goes_on(training, tmp_path, caplog):
    _block(tmp_path / "out", "tiny-1_6.safetensors")
    with caplog.at_level(logging.WARNING, logger="netwright"):
        trained = train(training())
    [said] = [line for line in caplog.messages if "not kept" in line]
    assert said.startswith("weights of epoch 1 are not kept: ")
    assert "tiny-1_6.safetensors" in said
    assert len(trained.records) == 2
    assert (tmp_path / "out" / "tiny-2_6.safetensors").is_file()
    assert trained.best.is_file()  # of whichever epoch: one file that is not written keeps no other from being it
    assert (tmp_path / "out" / "metrics.jsonl").read_text().count("\n") == 2


@pytest.mark.slow
def test_the_best_weights_that_cannot_be_kept_are_named_at_the_end(training, tmp_path, caplog):
    _block(tmp_path / "out", "tiny_best.safetensors")
    with pytest.raises(OutputError, match=r"tiny_best\.safetensors"):
        train(training(epochs=1))
    with caplog.at_level(logging.INFO, logger="netwright"):
        trained = train(training("other", epochs=2))
    arch, best = trained.load_model().arch, trained.best
    assert best is not None
    best.unlink()
    caplog.clear()
    with caplog.at_level(logging.INFO, logger="netwright"):
        again = train(training("other", epochs=2))
    assert any("its weights could not be kept" in line for line in caplog.messages)
    assert again.best is None
    assert again.load_model().arch == arch  # of the last epoch


@pytest.mark.slow
def test_the_last_weights_must_be_written(training, tmp_path):
    _block(tmp_path / "out", "tiny-2_6.safetensors")
    with pytest.raises(OutputError, match=r"tiny-2_6\.safetensors"):
        train(training())
    assert (tmp_path / "out" / "tiny-1_6.safetensors").is_file()
