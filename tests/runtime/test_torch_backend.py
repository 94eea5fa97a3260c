"""torch computes in the precision that it was opened in, whatever its caller is about."""

from __future__ import annotations

import numpy as np
import torch

from netwright.runtime import open_runtime
from netwright.weights import LoadedModel


def test_autocast_of_a_caller_changes_nothing(color: LoadedModel) -> None:
    x = np.random.default_rng(0).standard_normal((3, 3, 16, 16), dtype=np.float32)
    with open_runtime(color) as runtime:
        alone = runtime.logits(x)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            assert np.array_equal(runtime.logits(x), alone)


def test_threads_are_those_of_torch(color: LoadedModel) -> None:
    with open_runtime(color, threads=2):
        assert torch.get_num_threads() == 2
