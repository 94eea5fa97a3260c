"""What a trial learns from and is judged by: shown by what changes when the labels of a split are all one class."""

from dataclasses import asdict, replace

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file

from netwright.sweeps.worker import train_trial

SPLITS = ("train", "validation", "test")
KINDS = [("validation", {"train"}, "validation"), ("test", {"train", "validation"}, "test")]


@pytest.fixture
def learn(trials, images, tmp_path):
    """(split of the trial, split whose labels are others or None) -> (weights, error)."""

    def run(split, altered=None):
        labels = images.labels.copy()
        if altered is not None:
            labels[getattr(images, altered)] = 3
        path = tmp_path / f"{split}-{altered}.safetensors"
        trial = asdict(trials.good(0, split=split, weights=str(path)))
        result = train_trial(trial, replace(images, labels=labels), torch.device("cpu"))
        return load_file(path), result["error"]

    return run


@pytest.mark.parametrize(("split", "learnt_from", "judged_by"), KINDS, ids=["trial", "final"])
@pytest.mark.parametrize("altered", SPLITS)
def test_a_job_keeps_to_its_splits(learn, split, learnt_from, judged_by, altered):
    (usual, error), (other, other_error) = learn(split), learn(split, altered)
    same = all(np.array_equal(usual[name], other[name]) for name in usual)
    assert same == (altered not in learnt_from)
    if altered not in learnt_from:
        assert (error == other_error) == (altered != judged_by)
